"""Strict requests: what the Lua filter in front of the transcoder must know, from the contracts.

A body field that the transcoder does not know is dropped without a word (envoyproxy/envoy issue 46623), and a query
parameter overrules the path: one is the wrong lens, the other the wrong order. `strict.lua` refuses both, along with
fields named twice, values of another kind and what only looks like JSON. It is rendered here with the shape of every
message that a REST request can hold.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.contract import Binding, ContractError, Rpc
from gateway.extensions import extension
from gateway.refusals import cut_off

FILTER = "envoy.filters.http.lua"
RAW = "raw"
"""Body kind of routes whose body is bytes for the service, not JSON for a message."""

_SCRIPT = Path(__file__).with_suffix(".lua")
_RAW_BODY = "google.api.HttpBody"
_ANY_KEY = "*"
_PLAIN, _FLAG, _OBJECT, _ANYTHING = "plain", "flag", "object", "any"
# Well-known types whose JSON is not an object of their fields. What is inside a google.protobuf.Any nobody could check.
_WELL_KNOWN: Mapping[str, str] = {
    "google.protobuf.Struct": _OBJECT,
    "google.protobuf.Value": _ANYTHING,
    "google.protobuf.ListValue": _ANYTHING,
    **dict.fromkeys(
        (
            *(f"google.protobuf.{name}" for name in ("Timestamp", "Duration", "FieldMask")),
            *(f"google.protobuf.{kind}Value" for kind in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32")),
            *(f"google.protobuf.{kind}Value" for kind in ("Bool", "String", "Bytes")),
        ),
        _PLAIN,
    ),
}
_UNCHECKED = "google.protobuf.Any"
# No body speaks for no field; `*` speaks for the request itself, whose path is empty.
_BODY_FIELDS: Mapping[str, tuple[str, ...]] = {"": (), "*": ("",)}
_PATH_FIELD = re.compile(r"\{([\w.]+)")

Field = tuple[int | None, str | None, str]
"""Number of a field (it has two spellings; a map's key has none), the message of its value if that has fields, and its
kind: `plain`, `flag`, `object`, `any`, or a `list_of_` them."""
Shape = Mapping[str, Field]
"""A message's fields, by each key they may be spelt with."""
Reading = Mapping[str, Any]
"""What the filter must know about one route."""


class Strictness:
    """What the contracts of an image have to say to the filter."""

    def __init__(self, files: descriptor_pb2.FileDescriptorSet) -> None:
        self._pool = descriptor_pool.DescriptorPool()
        for file in files.file:
            self._pool.Add(file)

    def lua_filter(self, rpcs: Iterable[Rpc]) -> dict[str, Any]:
        """Render the filter that holds requests to their contract."""
        shapes = self.shapes(rpc.request for rpc in rpcs if rpc.bindings)
        source = f"local SHAPES = {_lua(shapes)}\nlocal CUT_OFF = {json.dumps(cut_off())}\n{_SCRIPT.read_text()}"
        return extension(FILTER, "filters.http.lua.v3.Lua", default_source_code={"inline_string": source})

    def reading(self, rpc: Rpc, binding: Binding) -> Reading:
        """Tell what the requests of one binding hold.

        Raises:
            ContractError: its body is a field whose JSON is no object.
        """
        return {
            "request": rpc.request,
            "taken": [*_PATH_FIELD.findall(binding.template), *_BODY_FIELDS.get(binding.body, (binding.body,))],
            "body": self._body(rpc, binding),
        }

    def shapes(self, roots: Iterable[str]) -> dict[str, Shape]:
        """Collect the shapes of the root messages and of every message within them.

        Raises:
            ContractError: one holds what nobody can check.
        """
        found: dict[str, Shape] = {}
        waiting = [self._pool.FindMessageTypeByName(root) for root in roots]
        while waiting:
            message = waiting.pop()
            if message.full_name not in found and message.full_name not in _WELL_KNOWN:
                found[message.full_name] = _shape(message)
                waiting += [field.message_type for field in message.fields if field.message_type]
        return dict(sorted(found.items()))

    def _body(self, rpc: Rpc, binding: Binding) -> str:
        match binding.body:
            case "":
                return ""
            case "*":
                return rpc.request
            case name:
                message = self._pool.FindMessageTypeByName(rpc.request).fields_by_name[name].message_type
                if message is None or message.full_name in _WELL_KNOWN:
                    raise ContractError(f"{rpc.path}: its body {name!r} is no object of fields")
                return RAW if message.full_name == _RAW_BODY else message.full_name


def _shape(message: Descriptor) -> Shape:
    if message.GetOptions().map_entry:
        _, name, kind = _field(message.fields_by_name["value"])
        return {_ANY_KEY: (None, name, kind)}
    return {spelling: _field(field) for field in message.fields for spelling in (field.name, field.json_name)}


def _field(field: FieldDescriptor) -> Field:
    message = field.message_type
    name = message.full_name if message else None
    if name == _UNCHECKED and not field.full_name.startswith(f"{_RAW_BODY}."):
        raise ContractError(f"{field.full_name}: what is inside a {_UNCHECKED} of a REST request cannot be checked")
    kind = _scalar(field) if name is None else _WELL_KNOWN.get(name, _OBJECT)
    is_list = field.is_repeated and not (message and message.GetOptions().map_entry)
    return field.number, None if name in _WELL_KNOWN else name, f"list_of_{kind}" if is_list else kind


def _scalar(field: FieldDescriptor) -> str:
    return _FLAG if field.type == FieldDescriptor.TYPE_BOOL else _PLAIN


def _lua(shapes: Mapping[str, Shape]) -> str:
    """Spell the shapes as a Lua table. Names from descriptors are letters, digits, dots and underscores only."""
    messages = (f'["{name}"] = {{{", ".join(_lua_fields(shape))}}}' for name, shape in shapes.items())
    return "{\n  " + ",\n  ".join(messages) + "\n}"


def _lua_fields(shape: Shape) -> Iterator[str]:
    for spelling, (number, message, kind) in sorted(shape.items()):
        yield f'["{spelling}"] = {{{_lua_value(number)}, {_lua_value(message)}, "{kind}"}}'


def _lua_value(value: str | int | None) -> str:
    return "nil" if value is None else json.dumps(value)
