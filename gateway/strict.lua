-- Reads a request as strictly as the contract is written, before the transcoder reads it forgivingly.
--
-- The transcoder drops a body field it does not know, takes the last of two equal keys, accepts JavaScript's quoting, and
-- lets the query overrule the path. A misspelt "prizm" would be a lens without prism; `?name=` would make one order of
-- the path another. This filter lets a request through only when
--   - every parameter of the query is a field of the request, named once, that neither path nor body speaks for;
--   - the body is JSON (RFC 8259, in UTF-8), and every key in it is a field of the message at that place, named once, with
--     a value of the field's kind: an object for a message, a list for a list, true or false for a flag, none of the
--     first two for the rest.
-- Which other plain value suits which field the transcoder decides, which is strict there.
--
-- What it must know is rendered in front of it: SHAPES[message][key] = {field number, message of the value or nil, kind}.
-- The key "*" of a shape stands for every key (maps). A message without a shape is open: any keys, still JSON.
--
-- Every route says what it reads (metadata): "request", its message; "taken", the fields that path and body speak for, so
-- that the query must not; "body", the message in its body, "" for none, "raw" for bytes that are no JSON.

local DEEPEST = 64
-- Where a refusal leaves the name of an unknown field, for the error that is made of it.
local TOLD = "lensmesh.strict"

local find, sub, byte, char, format = string.find, string.sub, string.byte, string.char, string.format

-- Cuts what is repeated to the caller, never within a character.
local function shown(text)
  return #text > 128 and sub(text, 1, 128):gsub("[\192-\255][\128-\191]*$", "") .. "…" or text
end

local function refuse(sentence, ...)
  error({sentence = format(sentence, ...)}, 0)
end

local function refuse_unknown(sentence, name)
  error({sentence = format(sentence, shown(name)), unknown = shown(name)}, 0)
end

-- ── The automaton ──────────────────────────────────────────────────────────────────────────────────────────────────────
--
-- A body is read byte by byte: STEP[state + byte] is the next state, or an act (0 or less) that decides on it. States are
-- multiples of 256, so that the table is flat: LuaJIT compiles the loop over it to a few machine instructions a byte,
-- which is a quarter of what walking with patterns costs.

local STEP, SAYS, WANTS, last_state = {}, {}, {}, 0
local REFUSE, NAME_BEGINS, NAME_ENDS, COMMA = 0, -1, -2, -3
local OBJECT_BEGINS, OBJECT_ENDS, LIST_BEGINS, LIST_ENDS = -4, -5, -6, -7

-- Makes a state in which nothing can stand yet; `says` is what is said of a byte that cannot.
local function new_state(says)
  last_state = last_state + 256
  for code = 0, 255 do
    STEP[last_state + code] = REFUSE
  end
  SAYS[last_state] = says
  return last_state
end

-- Makes every byte of a class (of Lua's patterns) lead from a state to another, or to an act.
local function lead(from, class, to)
  for code = 0, 255 do
    if find(char(code), "^" .. class) then
      STEP[from + code] = to
    end
  end
end

-- Makes classes lead from a state to another, one after the other.
local function lead_through(from, to, ...)
  local classes = {...}
  for index, class in ipairs(classes) do
    local next_state = index == #classes and to or new_state(SAYS[from])
    lead(from, class, next_state)
    from = next_state
  end
end

local NOT_JSON = "The body is not JSON at byte %d."
local BAD_TEXT = "A string does not end, is not UTF-8 or holds a control character, at byte %d."
local BAD_ESCAPE = "A string holds an escape that JSON does not know, at byte %d."
local TRAILING = "Something follows the end of the body's JSON, at byte %d."

-- Makes a state that goes over white space.
local function new_spaced_state(says)
  local state = new_state(says)
  lead(state, "[ \t\r\n]", state)
  return state
end

-- Makes the states between the quotes of a string; the closing one leads to `closed`.
local function new_text(closed)
  local text, escape, code = new_state(BAD_TEXT), new_state(BAD_ESCAPE), new_state(BAD_ESCAPE)
  lead(text, '[^%c"\\\128-\255]', text)
  lead(text, "\127", text)
  lead(text, '"', closed)
  -- UTF-8 (RFC 3629): no character in a longer form than it needs, none beyond U+10FFFF, no half of a surrogate pair.
  local more = "[\128-\191]"
  lead_through(text, text, "[\194-\223]", more)
  lead_through(text, text, "\224", "[\160-\191]", more)
  lead_through(text, text, "[\225-\236\238\239]", more, more)
  lead_through(text, text, "\237", "[\128-\159]", more)
  lead_through(text, text, "\240", "[\144-\191]", more, more)
  lead_through(text, text, "[\241-\243]", more, more, more)
  lead_through(text, text, "\244", "[\128-\143]", more, more)
  lead(text, "\\", escape)
  lead(escape, '["\\/bfnrt]', text)
  lead(escape, "u", code)
  lead_through(code, text, "[^dD%X]", "%x", "%x", "%x")
  lead_through(code, text, "[dD]", "[0-7]", "%x", "%x")
  local surrogate = STEP[code + byte("d")]
  lead_through(surrogate, text, "[89abAB]", "%x", "%x", "\\", "u", "[dD]", "[c-fC-F]", "%x", "%x")
  return text
end

local AFTER_BODY = new_spaced_state(TRAILING)
local AFTER_VALUE = new_spaced_state(NOT_JSON)
local NAME, STRING = new_text(NAME_ENDS), new_text(AFTER_VALUE)
local FIRST_NAME, NEXT_NAME = new_spaced_state(NOT_JSON), new_spaced_state(NOT_JSON)
lead(FIRST_NAME, '"', NAME_BEGINS)
lead(FIRST_NAME, "}", OBJECT_ENDS)
lead(NEXT_NAME, '"', NAME_BEGINS)

-- Makes a value end where another member or element, or the end of them, can follow.
local function may_end(state)
  lead(state, "[ \t\r\n]", AFTER_VALUE)
  lead(state, ",", COMMA)
  lead(state, "}", OBJECT_ENDS)
  lead(state, "]", LIST_ENDS)
end
may_end(AFTER_VALUE)

local function new_number()
  local function digits(...)
    local state = new_state(NOT_JSON)
    may_end(state)
    for _, class in ipairs({...}) do
      lead(state, class, state)
    end
    return state
  end
  local minus, zero, whole, fraction, exponent = new_state(NOT_JSON), digits(), digits("%d"), digits("%d"), digits("%d")
  local point, e, sign = new_state(NOT_JSON), new_state(NOT_JSON), new_state(NOT_JSON)
  lead(minus, "0", zero)
  lead(minus, "[1-9]", whole)
  for _, state in ipairs({zero, whole}) do
    lead(state, "%.", point)
  end
  lead(point, "%d", fraction)
  for _, state in ipairs({zero, whole, fraction}) do
    lead(state, "[eE]", e)
  end
  lead(e, "[+-]", sign)
  lead(e, "%d", exponent)
  lead(sign, "%d", exponent)
  return minus, zero, whole
end
local MINUS, ZERO, WHOLE = new_number()

-- What can begin each kind of value.
local BEGINNINGS = {
  plain = function(state)
    lead(state, '"', STRING)
    lead(state, "-", MINUS)
    lead(state, "0", ZERO)
    lead(state, "[1-9]", WHOLE)
    lead_through(state, AFTER_VALUE, "t", "r", "u", "e")
    lead_through(state, AFTER_VALUE, "f", "a", "l", "s", "e")
  end,
  -- The transcoder would take "true", the text, as well.
  flag = function(state)
    lead_through(state, AFTER_VALUE, "t", "r", "u", "e")
    lead_through(state, AFTER_VALUE, "f", "a", "l", "s", "e")
  end,
  null = function(state) lead_through(state, AFTER_VALUE, "n", "u", "l", "l") end,
  object = function(state) lead(state, "{", OBJECT_BEGINS) end,
  list = function(state) lead(state, "%[", LIST_BEGINS) end,
}

-- Makes a state before a value of these kinds; `wants` is what to ask for where a value of another kind stands.
local function new_value(kinds, wants)
  local state = new_spaced_state(NOT_JSON)
  for _, kind in ipairs(kinds) do
    BEGINNINGS[kind](state)
  end
  WANTS[state] = wants
  return state
end

-- Makes the states that read one kind of field: `colon` after its name; `first` and `next`, the elements of its list.
local function new_kind(values, wants)
  local kind = {colon = new_spaced_state(NOT_JSON)}
  lead(kind.colon, ":", new_value(values, wants))
  return kind
end

local function with_elements(kind, elements, wants)
  kind.first, kind.next = new_value(elements, wants), new_value(elements, wants)
  lead(kind.first, "]", LIST_ENDS)
  return kind
end

-- In the list of a field there is no null, which the transcoder would leave out, and no list, which it would iron out.
local ANYTHING, LIST = {"plain", "null", "object", "list"}, {"list", "null"}
local KINDS = {
  any = with_elements(new_kind(ANYTHING), ANYTHING),
  plain = new_kind({"plain", "null"}, "a plain value"),
  flag = new_kind({"flag", "null"}, "true or false"),
  object = new_kind({"object", "null"}, "an object"),
  list_of_any = with_elements(new_kind(LIST, "a list"), ANYTHING),
  list_of_plain = with_elements(new_kind(LIST, "a list"), {"plain"}, "a plain value"),
  list_of_flag = with_elements(new_kind(LIST, "a list"), {"flag"}, "true or false"),
  list_of_object = with_elements(new_kind(LIST, "a list"), {"object"}, "an object"),
}
local BODY = new_value({"object"}, "an object")

for _, shape in pairs(SHAPES) do
  for name, field in pairs(shape) do
    shape[name] = {number = field[1], shape = SHAPES[field[2]], kind = KINDS[field[3]]}
  end
end
local OPEN_FIELD = {kind = KINDS.any}

-- ── The acts ───────────────────────────────────────────────────────────────────────────────────────────────────────────
--
-- A reader holds, by depth, for each object and list that is open: `of`, the shape of the object or the field of the list;
-- `after_comma`, the state there; `seen`, the fields so far; `place`, the name or index of what is being read. `field` is
-- the field whose value comes next.

-- Returns the path of what is being read ("notes[1].text"): made only when there is something to say about it.
local function path(reader)
  local parts = {}
  for depth = 1, reader.depth do
    local place = reader.place[depth]
    parts[depth] = type(place) == "number" and "[" .. place .. "]" or (depth > 1 and "." or "") .. place
  end
  return table.concat(parts)
end

local function utf8(code)
  if code < 0x80 then
    return char(code)
  elseif code < 0x800 then
    return char(0xC0 + bit.rshift(code, 6), 0x80 + bit.band(code, 0x3F))
  end
  local first = code < 0x10000 and char(0xE0 + bit.rshift(code, 12))
    or char(0xF0 + bit.rshift(code, 18), 0x80 + bit.band(bit.rshift(code, 12), 0x3F))
  return first .. char(0x80 + bit.band(bit.rshift(code, 6), 0x3F), 0x80 + bit.band(code, 0x3F))
end

-- Returns the text that a string of valid JSON stands for.
local function unescaped(text)
  local short = {b = "\b", f = "\f", n = "\n", r = "\r", t = "\t"}
  text = text:gsub("\\u([dD][89abAB]%x%x)\\u([dD][c-fC-F]%x%x)", function(high, low)
    return utf8(0x10000 + (tonumber(high, 16) - 0xD800) * 0x400 + tonumber(low, 16) - 0xDC00)
  end)
  return (text:gsub("\\(.)(%x?%x?%x?%x?)", function(mark, digits)
    return mark == "u" and utf8(tonumber(digits, 16)) or (short[mark] or mark) .. digits
  end))
end

local function open(reader, of, after_comma, place)
  local depth = reader.depth + 1
  if depth > DEEPEST then
    refuse("The body is nested more than %d levels deep.", DEEPEST)
  end
  reader.depth, reader.of[depth], reader.after_comma[depth], reader.place[depth] = depth, of, after_comma, place
end

local function close(reader, at, is_object)
  if is_object ~= (reader.after_comma[reader.depth] == NEXT_NAME) then
    refuse(NOT_JSON, at)
  end
  reader.depth = reader.depth - 1
  return reader.depth == 0 and AFTER_BODY or AFTER_VALUE
end

-- Each is given the reader, the place of the byte and the state before it, and returns the state after it.
local ACTS = {
  [REFUSE] = function(reader, at, state)
    if WANTS[state] and find(reader.text, '^["%[{%-%dtfn]', at) then
      local taker = reader.depth == 0 and "body" or format('field "%s"', shown(path(reader)))
      refuse("The %s takes %s.", taker, WANTS[state])
    end
    refuse(SAYS[state], at)
  end,
  [NAME_BEGINS] = function(reader, at)
    reader.name_at = at + 1
    return NAME
  end,
  [NAME_ENDS] = function(reader, at)
    local name, depth = sub(reader.text, reader.name_at, at - 1), reader.depth
    if find(name, "\\", 1, true) then
      name = unescaped(name)
    end
    reader.place[depth] = name
    local shape = reader.of[depth]
    local field = not shape and OPEN_FIELD or shape["*"] or shape[name]
    if not field then
      refuse_unknown('There is no field "%s".', path(reader))
    end
    -- A field has two spellings and one number; the keys of a map are their own.
    local identity = field.number or name
    if reader.seen[depth][identity] then
      refuse('The field "%s" is there twice.', shown(path(reader)))
    end
    reader.seen[depth][identity] = true
    reader.field = field
    return field.kind.colon
  end,
  [OBJECT_BEGINS] = function(reader)
    open(reader, reader.field.shape or false, NEXT_NAME, "")
    reader.seen[reader.depth] = {}
    return FIRST_NAME
  end,
  [OBJECT_ENDS] = function(reader, at)
    return close(reader, at, true)
  end,
  [LIST_BEGINS] = function(reader)
    local field = reader.field
    open(reader, field, field.kind.next, 0)
    return field.kind.first
  end,
  [LIST_ENDS] = function(reader, at)
    return close(reader, at, false)
  end,
  [COMMA] = function(reader)
    local depth = reader.depth
    local after = reader.after_comma[depth]
    if after ~= NEXT_NAME then
      reader.place[depth] = reader.place[depth] + 1
      reader.field = reader.of[depth]
    end
    return after
  end,
}

local function check_body(text, message)
  local reader = {text = text, name_at = 0, depth = 0, of = {}, after_comma = {}, seen = {}, place = {}}
  reader.field = {shape = SHAPES[message]}
  local state = BODY
  for at = 1, #text do
    local target = STEP[state + byte(text, at)]
    state = target > 0 and target or ACTS[target](reader, at, state)
  end
  if state ~= AFTER_BODY then
    refuse("The body ends in the middle of its JSON.")
  end
end

-- ── The query ──────────────────────────────────────────────────────────────────────────────────────────────────────────

local function decoded(text)
  return (text:gsub("%+", " "):gsub("%%(%x%x)", function(code)
    return char(tonumber(code, 16))
  end))
end

-- Returns the field a dotted path names, as field numbers (".1.4"), and whether it is a list; nil where there is none.
local function named(message, dotted)
  local identity, shape, field = "", SHAPES[message], nil
  for name in (dotted .. "."):gmatch("([^.]*)%.") do
    field = shape and shape[name]
    if not field or not field.number then
      return nil
    end
    identity, shape = identity .. "." .. field.number, field.shape
  end
  return identity, field.kind.first ~= nil
end

-- Tells whether a field is one of these, or within one of them.
local function is_within(identity, fields)
  for _, outer in ipairs(fields) do
    if find(identity .. ".", outer .. ".", 1, true) == 1 then
      return true
    end
  end
  return false
end

local function check_query(query, message, taken)
  local spoken_for, seen = {}, {}
  for index, name in ipairs(taken) do
    -- The empty name stands for the whole request.
    spoken_for[index] = name ~= "" and named(message, name) or ""
  end
  for pair in query:gmatch("[^&]+") do
    local name = decoded(pair:match("^[^=]*"))
    local identity, is_list = named(message, name)
    if not identity then
      refuse_unknown('There is no query parameter "%s".', name)
    elseif is_within(identity, spoken_for) then
      refuse('The query cannot set "%s": the path or the body does.', shown(name))
    elseif seen[identity] then
      refuse('The query parameter "%s" is there twice.', shown(name))
    elseif not pair:find("=", 1, true) then
      refuse('The query parameter "%s" has no value: write it as name=value.', shown(name))
    end
    seen[identity] = not is_list
  end
end

-- ── The request ────────────────────────────────────────────────────────────────────────────────────────────────────────

-- Answers 400 when the check refuses; true when it lets pass. A fault of the check itself is 500: left alone, Envoy would
-- log it and let the request pass unread.
local function passes(handle, check, ...)
  local fine, problem = pcall(check, ...)
  if fine then
    return true
  elseif type(problem) ~= "table" then
    handle:logErr("strict.lua: " .. tostring(problem))
    handle:respond({[":status"] = "500"}, "")
    return false
  elseif problem.unknown then
    handle:streamInfo():dynamicMetadata():set(TOLD, "unknown_field", problem.unknown)
  end
  handle:respond({[":status"] = "400"}, problem.sentence)
  return false
end

function envoy_on_request(handle)
  local reads = handle:metadata()
  local message = reads:get("body")
  if message == nil then
    return
  end
  local query = handle:headers():get(":path"):match("%?(.*)$")
  if query and not passes(handle, check_query, query, reads:get("request"), reads:get("taken")) then
    return
  end
  local coding = handle:headers():get("content-encoding")
  if coding and coding ~= "identity" then
    handle:respond({[":status"] = "400"}, "A body is read as it comes; send it without content-encoding.")
    return
  elseif message == "raw" then
    return
  end
  local body = handle:body()
  local length = body and body:length() or 0
  if length == 0 then
    return
  elseif message == "" then
    handle:respond({[":status"] = "400"}, "This path takes no body; send its values in the query.")
  else
    passes(handle, check_body, body:getBytes(0, length), message)
  end
end

-- ── The answer ─────────────────────────────────────────────────────────────────────────────────────────────────────────

-- A service that leaves cancels a call it no longer answers. To the transcoder that is 499, "the client closed the
-- request", without a reason; the client did not, and is told what it can do. CUT_OFF is rendered in front.
function envoy_on_response(handle)
  local headers = handle:headers()
  if headers:get(":status") ~= "499" then
    return
  end
  headers:replace(":status", "503")
  headers:replace("retry-after", "1")
  headers:replace("content-length", tostring(handle:body(true):setBytes(CUT_OFF)))
end
