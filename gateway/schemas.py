"""Messages of the contracts as JSON Schema (2020-12), in the form in which protobuf's JSON writes them.

What the contract bounds (`buf.validate`) the schema bounds. A message that requests hold is described as they must be:
`required` is what they need, nothing unknown is allowed, and what the service sets is `readOnly`. In a message that is
only ever answered, `required` is what is always there, and more may come.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from buf.validate import validate_pb2
from lensmesh.type.v1 import lattice_pb2, text_pb2

from gateway.contract import PACKAGE_ROOT, ContractError
from gateway.described import Described, Field, Message

Schema = dict[str, Any]

_SET_BY_SERVICE = re.compile(r"\bSet by the service\b")
_INTEGER_TEXT: Schema = {"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"}
_UNSIGNED_TEXT: Schema = {"type": "string", "format": "uint64", "pattern": "^[0-9]+$"}
_SCALARS: Mapping[int, Schema] = {
    Field.TYPE_DOUBLE: {"type": "number", "format": "double"},
    Field.TYPE_FLOAT: {"type": "number", "format": "float"},
    Field.TYPE_INT32: {"type": "integer", "format": "int32"},
    Field.TYPE_SINT32: {"type": "integer", "format": "int32"},
    Field.TYPE_SFIXED32: {"type": "integer", "format": "int32"},
    Field.TYPE_UINT32: {"type": "integer", "format": "int64", "minimum": 0, "maximum": 2**32 - 1},
    Field.TYPE_FIXED32: {"type": "integer", "format": "int64", "minimum": 0, "maximum": 2**32 - 1},
    # Beyond 2^53 a JavaScript number would round: protobuf's JSON writes 64 bits as text.
    Field.TYPE_INT64: _INTEGER_TEXT,
    Field.TYPE_SINT64: _INTEGER_TEXT,
    Field.TYPE_SFIXED64: _INTEGER_TEXT,
    Field.TYPE_UINT64: _UNSIGNED_TEXT,
    Field.TYPE_FIXED64: _UNSIGNED_TEXT,
    Field.TYPE_BOOL: {"type": "boolean"},
    Field.TYPE_STRING: {"type": "string"},
    Field.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
}
WELL_KNOWN: Mapping[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"},
    "google.protobuf.FieldMask": {"type": "string", "description": "Paths of fields, separated by commas."},
    "google.protobuf.Any": {
        "type": "object",
        "required": ["@type"],
        "properties": {"@type": {"type": "string", "description": "Says which message it is."}},
    },
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.Empty": {"type": "object", "additionalProperties": False},
    "google.rpc.Status": {"$ref": "#/components/schemas/Error"},
}

# How each kind of rule reads in JSON Schema.
_NUMBERS: Mapping[str, str] = {
    "gte": "minimum",
    "gt": "exclusiveMinimum",
    "lte": "maximum",
    "lt": "exclusiveMaximum",
    "const": "const",
}
_TEXTS: Mapping[str, str] = {"min_len": "minLength", "max_len": "maxLength", "pattern": "pattern", "const": "const"}
_LISTS: Mapping[str, str] = {"min_items": "minItems", "max_items": "maxItems", "unique": "uniqueItems"}
_FORMATS: Mapping[str, str] = {"uuid": "uuid", "email": "email", "uri": "uri", "hostname": "hostname"}
# Spelt out, because not every reader of JSON Schema knows `\P{Cc}`.
_TEXT_PATTERNS = (
    (text_pb2.one_line, r"^[^\u0000-\u001f\u007f-\u009f]*$"),
    (text_pb2.lines, r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"),
)
_NUMBER_RULES = ("double", "float", "int32", "uint32", "sint32", "fixed32", "sfixed32")


class Schemas:
    """The schemas of the messages and enums that operations refer to, each under its shortest name.

    Args:
        described: the contracts.
        sent: full names of the messages that requests hold; every other one is only ever answered.
    """

    def __init__(self, described: Described, sent: Iterable[str]) -> None:
        self._described = described
        self._sent = frozenset(self._closure(sent))
        self._names: dict[str, str] = {}
        self._made: dict[str, Schema] = {}

    @property
    def components(self) -> Mapping[str, Schema]:
        """Every schema that was referred to, by name."""
        return dict(sorted(self._made.items()))

    def reference(self, full_name: str) -> Schema:
        """Refer to a message or enum, which is made when it is first referred to.

        Raises:
            ContractError: another one has the same short name.
        """
        full_name = full_name.removeprefix(".")
        if full_name in WELL_KNOWN:
            return dict(WELL_KNOWN[full_name])
        name = _short(full_name)
        if self._names.setdefault(name, full_name) != full_name:
            raise ContractError(
                f"{full_name} and {self._names[name]} would both be called {name} in the OpenAPI document"
            )
        if name not in self._made:
            self._made[name] = {}  # a message may hold itself
            self._made[name] = self._enum(full_name) if self._described.is_enum(full_name) else self.message(full_name)
        return {"$ref": f"#/components/schemas/{name}"}

    def message(self, full_name: str, *, without: Iterable[str] = ()) -> Schema:
        """Write a message as an object, without some of its fields."""
        message, left_out = self._described.message(full_name), set(without)
        fields = [field for field in message.field if field.name not in left_out]
        required = [field.json_name for field in fields if self._is_required(full_name, field)]
        return {
            "type": "object",
            "description": _paragraphs(self._described.comment(full_name), *_message_rules(message)),
            "properties": {field.json_name: self.field(full_name, field) for field in fields},
            **({"required": required} if required else {}),
            # The edge refuses a field that it does not know; what answers hold may grow.
            **({"additionalProperties": False} if full_name in self._sent else {}),
        }

    def field(self, holder: str, field: Field) -> Schema:
        """Write one field, with its comment and its bounds."""
        comment = self._described.comment(f"{holder}.{field.name}")
        rules = field.options.Extensions[validate_pb2.field]
        value = self._value(field, rules)
        if field.proto3_optional and holder in self._sent and isinstance(value.get("type"), str):
            value["type"] = [value["type"], "null"]
        read_only = {"readOnly": True} if _SET_BY_SERVICE.search(comment) else {}
        return {**value, "description": comment, **read_only}

    def _value(self, field: Field, rules: validate_pb2.FieldRules) -> Schema:
        if field.label != Field.LABEL_REPEATED:
            return {**self._single(field), **_bounds(rules)}
        if field.type == Field.TYPE_MESSAGE and (entry := self._described.message(field.type_name)).options.map_entry:
            return {"type": "object", "additionalProperties": self._single(entry.field[1])}
        items = {**self._single(field), **_bounds(rules.repeated.items)}
        if field.type == Field.TYPE_ENUM:
            items |= self._excluded(field, rules.repeated.items)
        return {"type": "array", "items": items, **_renamed(rules.repeated, _LISTS)}

    def _single(self, field: Field) -> Schema:
        if field.type in _SCALARS:
            return dict(_SCALARS[field.type])
        return self.reference(field.type_name)

    def _excluded(self, field: Field, rules: validate_pb2.FieldRules) -> Schema:
        values = self._described.enum(field.type_name).value
        excluded = [value.name for value in values if value.number in rules.enum.not_in]
        return {"not": {"enum": excluded}} if excluded else {}

    def _enum(self, full_name: str) -> Schema:
        values = [value.name for value in self._described.enum(full_name).value]
        meanings = (f"- `{value}`: {self._described.comment(f'{full_name}.{value}')}" for value in values)
        return {
            "type": "string",
            "enum": values,
            "description": _paragraphs(self._described.comment(full_name), "\n".join(meanings)),
        }

    def _is_required(self, holder: str, field: Field) -> bool:
        """Tell whether the field is always there: because a request needs it, or because every answer has it."""
        if holder in self._sent:
            return _must_be_said(field)
        is_message = field.type == Field.TYPE_MESSAGE and field.label != Field.LABEL_REPEATED
        may_be_absent = is_message or field.HasField("oneof_index")
        # Details of errors are written by the edge as well, which says no more than it knows.
        return holder.startswith(f"{PACKAGE_ROOT}.") and not may_be_absent

    def _closure(self, roots: Iterable[str]) -> set[str]:
        """Every message within these."""
        waiting, seen = list(roots), set[str]()
        while waiting:
            name = waiting.pop().removeprefix(".")
            if name in seen or name in WELL_KNOWN:
                continue
            seen.add(name)
            fields = self._described.message(name).field
            waiting += [field.type_name for field in fields if field.type == Field.TYPE_MESSAGE]
        return seen


def _short(full_name: str) -> str:
    """Name a message or enum without its package; what is nested keeps the names around it (`Order.State`)."""
    return ".".join(part for part in full_name.split(".") if part[0].isupper())


def _must_be_said(field: Field) -> bool:
    """Tell whether a message without the field breaks its bounds: absent is empty to all but `optional` fields."""
    rules = field.options.Extensions[validate_pb2.field]
    shortest = rules.string.min_len or rules.repeated.min_items
    tolerated = field.proto3_optional or rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE
    return rules.required or bool(shortest and not tolerated)


def _bounds(rules: validate_pb2.FieldRules) -> Schema:
    """Read the rules for one value."""
    kind = rules.WhichOneof("type")
    match kind:
        case "string":
            return _text_bounds(rules.string)
        case _ if kind in _NUMBER_RULES:
            numbers = getattr(rules, kind)
            # No `multipleOf`: validators divide doubles, and would refuse 0.07.
            lattice = {"x-decimal-places": 2} if kind == "double" and numbers.Extensions[lattice_pb2.hundredths] else {}
            return {**_renamed(numbers, _NUMBERS), **lattice}
        case _:
            # Enums list their values; a 64-bit integer is text in JSON, and its comment says its bounds.
            return {}


def _text_bounds(rules: validate_pb2.StringRules) -> Schema:
    patterns = [pattern for extension, pattern in _TEXT_PATTERNS if rules.Extensions[extension]]
    form = _FORMATS.get(rules.WhichOneof("well_known") or "")
    return {
        **_renamed(rules, _TEXTS),
        **({"pattern": patterns[0]} if patterns else {}),
        **({"format": form} if form else {}),
    }


def _renamed(rules: Any, words: Mapping[str, str]) -> Schema:  # noqa: ANN401 -- any of the rules messages
    return {
        theirs: getattr(rules, ours)
        for ours, theirs in words.items()
        if ours in rules.DESCRIPTOR.fields_by_name and rules.HasField(ours)
    }


def _message_rules(message: Message) -> Iterator[str]:
    """Say what is asked of the message as a whole, which JSON Schema cannot."""
    for rule in message.options.Extensions[validate_pb2.message].cel:
        yield f"{rule.message[:1].upper()}{rule.message[1:]}."


def _paragraphs(*texts: str) -> str:
    return "\n\n".join(text for text in texts if text)
