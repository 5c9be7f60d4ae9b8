-- Reads a request as strictly as the contract is written, before the transcoder reads it forgivingly.
--
-- The transcoder drops a body field it does not know, takes the last of two equal keys, accepts JavaScript's quoting, and
-- lets the query overrule the path. A misspelt "prisn" would be a lens without prism; `?name=` would make one order of
-- the path another. This filter lets a request through only when
--   - every parameter of the query is a field of the request, named once, that neither path nor body speaks for;
--   - the body is JSON (RFC 8259), and every key in it is a field of the message at that place, named once.
-- Whether a value suits its field the transcoder decides, which is strict there.
--
-- What it must know is rendered in front of it: SHAPES[message][key] = {field number, message of the value or nil, true
-- for a list}. A message without a shape is open: any keys, still JSON. The key "*" of a shape stands for all (maps).
--
-- Every route says what it reads (metadata): "request", its message; "taken", the fields that path and body speak for, so
-- that the query must not; "body", the message in its body, "" for none, "raw" for bytes that are no JSON.

local DEEPEST = 64

local find, sub, byte, format = string.find, string.sub, string.byte, string.format
local LITERALS = {t = "true", f = "false", n = "null"}

local function refuse(sentence, ...)
  error({refusal = format(sentence, ...)}, 0)
end

local function shown(key)
  return #key > 64 and sub(key, 1, 64) .. "…" or key
end

local function skip_space(text, at)
  local _, last = find(text, "^[ \t\r\n]*", at)
  return last + 1
end

-- Returns the place after the closing quote, and whether an escape was met.
local function string_end(text, at)
  local escaped = false
  while true do
    at = find(text, '["\\%z\1-\31]', at)
    local char = at and byte(text, at)
    if char == 34 then
      return at + 1, escaped
    elseif char ~= 92 then
      refuse("A string does not end, or holds a control character.")
    elseif find(text, '^["\\/bfnrt]', at + 1) then
      at = at + 2
    elseif find(text, "^u%x%x%x%x", at + 1) then
      at = at + 6
    else
      refuse("A string holds an escape that JSON does not know.")
    end
    escaped = true
  end
end

local function number_end(text, at)
  local _, last = find(text, "^-?%d+", at)
  if not last or find(text, "^-?0%d", at) then
    return nil
  end
  local _, fraction = find(text, "^%.%d+", last + 1)
  last = fraction or last
  local _, exponent = find(text, "^[eE][+-]?%d+", last + 1)
  return (exponent or last) + 1
end

local function refuse_place(text, at)
  if at > #text then
    refuse("The body ends in the middle of its JSON.")
  end
  refuse("The body is not JSON at byte %d.", at)
end

local value_end

local function expect(text, at, char)
  at = skip_space(text, at)
  if sub(text, at, at) ~= char then
    refuse_place(text, at)
  end
  return at + 1
end

-- Walks what stands between an opening and a closing mark, `item` by item, separated by commas.
local function sequence_end(text, at, closing, item)
  at = skip_space(text, at)
  if sub(text, at, at) == closing then
    return at + 1
  end
  while true do
    at = skip_space(text, item(at))
    local mark = sub(text, at, at)
    if mark == closing then
      return at + 1
    elseif mark ~= "," then
      refuse_place(text, at)
    end
    at = at + 1
  end
end

local function object_end(text, at, shape, path, depth)
  local seen = {}
  return sequence_end(text, at, "}", function(place)
    local first = expect(text, place, '"')
    local after, escaped = string_end(text, first)
    local key = sub(text, first, after - 2)
    local here = path == "" and key or path .. "." .. key
    local known, inner, list
    if shape then
      known = shape["*"] or not escaped and shape[key]
      if not known then
        refuse('There is no field "%s".', shown(here))
      end
      inner = SHAPES[known[2]]
      list = known[3]
    end
    -- The keys of a map are its own; those of a message may spell one field in two ways.
    local identity = known and known ~= shape["*"] and known[1] or key
    if seen[identity] then
      refuse('The field "%s" is there twice.', shown(here))
    end
    seen[identity] = true
    local value = skip_space(text, expect(text, after, ":"))
    if list and not find(text, "^[%[n]", value) then
      refuse('The field "%s" is a list.', shown(here))
    end
    return value_end(text, value, inner, here, depth, list)
  end)
end

-- `flat` lists have no lists in them, which the transcoder would iron out.
value_end = function(text, at, shape, path, depth, flat)
  if depth > DEEPEST then
    refuse("The body is nested more than %d levels deep.", DEEPEST)
  end
  at = skip_space(text, at)
  local char = sub(text, at, at)
  if char == "{" then
    return object_end(text, at + 1, shape, path, depth + 1)
  elseif char == "[" then
    return sequence_end(text, at + 1, "]", function(place)
      place = skip_space(text, place)
      if flat and sub(text, place, place) == "[" then
        refuse('The field "%s" is a list, not a list of lists.', shown(path))
      end
      return value_end(text, place, shape, path, depth + 1)
    end)
  elseif char == '"' then
    return (string_end(text, at + 1))
  elseif LITERALS[char] then
    local word = LITERALS[char]
    if sub(text, at, at + #word - 1) == word then
      return at + #word
    end
  end
  return number_end(text, at) or refuse_place(text, at)
end

local function check_body(text, message)
  local at = skip_space(text, value_end(text, 1, SHAPES[message], "", 0))
  if at <= #text then
    refuse("Something follows the end of the body's JSON, at byte %d.", at)
  end
end

local function decoded(text)
  return (text:gsub("%+", " "):gsub("%%(%x%x)", function(code)
    return string.char(tonumber(code, 16))
  end))
end

-- Returns the field a dotted path names, as field numbers (".1.4"), and whether it is a list; nil where there is none.
local function field(message, path)
  local identity, known = "", nil
  for name in (path .. "."):gmatch("([^.]*)%.") do
    local shape = SHAPES[message]
    known = shape and shape[name]
    if not known then
      return nil
    end
    identity = identity .. "." .. known[1]
    message = known[2]
  end
  return identity, known[3]
end

-- Tells whether a field is one of these, or within one of them.
local function is_within(identity, fields)
  for _, outer in ipairs(fields) do
    if (identity .. "."):find(outer .. ".", 1, true) == 1 then
      return true
    end
  end
  return false
end

local function check_query(query, message, taken)
  local spoken_for, seen = {}, {}
  for index, name in ipairs(taken) do
    -- The empty name stands for the whole request.
    spoken_for[index] = name ~= "" and field(message, name) or ""
  end
  for pair in query:gmatch("[^&]+") do
    local name = decoded(pair:match("^[^=]*"))
    local identity, list = field(message, name)
    if not identity then
      refuse('There is no query parameter "%s".', shown(name))
    elseif is_within(identity, spoken_for) then
      refuse('The query cannot set "%s": the path or the body does.', shown(name))
    elseif seen[identity] then
      refuse('The query parameter "%s" is there twice.', shown(name))
    end
    seen[identity] = not list
  end
end

-- Answers 400 when the check refuses; true when it lets pass. A fault of the check itself is 500: left alone, Envoy would
-- log it and let the request pass unread.
local function passes(handle, check, ...)
  local fine, problem = pcall(check, ...)
  if fine then
    return true
  elseif type(problem) == "table" then
    handle:respond({[":status"] = "400"}, problem.refusal)
  else
    handle:logErr("strict.lua: " .. tostring(problem))
    handle:respond({[":status"] = "500"}, "")
  end
  return false
end

function envoy_on_request(handle)
  local reads = handle:metadata()
  local request = reads:get("request")
  if request == nil then
    return
  end
  local query = handle:headers():get(":path"):match("%?(.*)$")
  if query and not passes(handle, check_query, query, request, reads:get("taken")) then
    return
  end
  local message = reads:get("body")
  if message == "raw" then
    return
  end
  local body = handle:body()
  if body == nil or body:length() == 0 then
    return
  end
  if message == "" then
    handle:respond({[":status"] = "400"}, "This path takes no body; send its values in the query.")
  else
    passes(handle, check_body, body:getBytes(0, body:length()), message)
  end
end
