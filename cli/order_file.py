"""An order written as JSON: read, held against the contract before it is sent, and what of an order it sets.

The mesh would refuse the same, but it cannot know what the user could have written instead; here the compiled
descriptors are at hand, so that a wrong name is answered with the right ones.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message_factory import GetMessageClass
from lensmesh.order.v1.order_pb2 import Order

from cli.errors import FileUnusableError

WRITABLE = ("lab", "account", "customer_reference", "patient_reference", "eyes", "prescription", "frame", "lens")
"""The fields of an order that belong to the client; all others are set by the mesh, which ignores what is sent."""

_ORDER = Order.DESCRIPTOR
_BYTES = 1024 * 1024  # as the contract bounds ImportOrderRequest.file
_STDIN = Path("-")
_NO_KIND: Mapping[int, str] = {
    FieldDescriptor.CPPTYPE_DOUBLE: "is no number",
    FieldDescriptor.CPPTYPE_INT32: "is no whole number",
    FieldDescriptor.CPPTYPE_INT64: "is no whole number",
    FieldDescriptor.CPPTYPE_STRING: "is no text: put it in double quotes",
    FieldDescriptor.CPPTYPE_MESSAGE: "is no object, in braces",
}
_WELL_KNOWN = "google.protobuf."  # messages that JSON writes as one value


# ── a file ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def content(path: Path) -> bytes:
    """The bytes of a file, or of stdin for `-`.

    Raises:
        FileUnusableError: there is no such file, it cannot be read, it is empty or too large.
    """
    try:
        if path == _STDIN:
            read = sys.stdin.buffer.read(_BYTES + 1)
        else:
            with path.open("rb") as file:
                read = file.read(_BYTES + 1)
    except FileNotFoundError as error:
        raise FileUnusableError(f"There is no file {path}.") from error
    except IsADirectoryError as error:
        raise FileUnusableError(f"{path} is a folder. Name one file in it.") from error
    except OSError as error:
        raise FileUnusableError(f"{path} cannot be read ({error.strerror}).") from error
    if len(read) > _BYTES:
        raise FileUnusableError(f"{path} is larger than 1 MiB, which is all that the mesh takes at once.")
    if not read:
        raise FileUnusableError(f"{path} is empty.")
    return read


def order(path: Path) -> dict[str, Any]:
    """The order in a file of JSON, or on stdin: it has fields of the contract only, each with a value of its kind.

    Raises:
        FileUnusableError: it cannot be read, is no JSON object, or no order; the sentence names all that is wrong.
    """
    where = "What came on stdin" if path == _STDIN else str(path)
    try:
        document = json.loads(content(path), object_pairs_hook=_each_once, parse_constant=_no_number)
    except ValueError as error:
        raise FileUnusableError(f"{where} is no JSON: {error}.") from error
    if not isinstance(document, dict):
        raise FileUnusableError(f"{where} is no order: an order is a JSON object, in braces.")
    if faults := list(_faults(document, _ORDER)):
        raise FileUnusableError("\n  ".join((f"{where} is no order as the contract has it:", *faults)))
    return document


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The fields as an object; a field that stands there twice is an error, since nobody knows which one was meant."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f'"{next(name for name in names if names.count(name) > 1)}" stands there twice')
    return fields


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is no number")


# ── held against the contract ─────────────────────────────────────────────────────────────────────────────────────────


def _faults(document: Mapping[str, Any], kind: Descriptor, place: str = "") -> Iterator[str]:
    for name, value in document.items():
        path = f"{place}.{name}" if place else name
        if (field := _field(kind, name)) is None:
            yield f"{path}: {_unknown(name, kind)}"
        elif value is None:
            continue  # as good as absent
        elif not field.is_repeated:
            yield from _faults_of(value, field, path)
        elif isinstance(value, list):
            for number, each in enumerate(value):
                yield from _faults_of(each, field, f"{path}[{number}]")
        else:
            yield f"{path}: is no list, in square brackets"


def _faults_of(value: object, field: FieldDescriptor, path: str) -> Iterator[str]:
    message = _message(field)
    if message is not None and isinstance(value, dict):
        yield from _faults(value, message, path)
    elif message is not None or not _is_read(value, field):
        shown = json.dumps(value, ensure_ascii=False)
        yield f"{path}: {shown} {_none_of(field.enum_type) if field.enum_type else _NO_KIND[field.cpp_type]}"


def _is_read(value: object, field: FieldDescriptor) -> bool:
    """Whether protobuf reads a value as one of the field's kind."""
    assert field.containing_type is not None, "it is a field of a message"  # noqa: S101 - for the type checker
    try:
        ParseDict({field.json_name: [value] if field.is_repeated else value}, GetMessageClass(field.containing_type)())
    except ParseError:
        return False
    return True


def _none_of(kind: EnumDescriptor) -> str:
    return f"is none of {', '.join(_names(kind))}"


def _names(kind: EnumDescriptor) -> list[str]:
    """The values of an enumeration, without the one that says nothing."""
    return [value.name for value in kind.values if value.number]


def _unknown(name: str, kind: Descriptor) -> str:
    """What to say of a name that is no field: what was probably meant, or all there are."""
    names = [field.json_name for field in kind.fields if kind is not _ORDER or field.name in WRITABLE]
    near = get_close_matches(name, names, n=1)
    meant = f"is {near[0]} meant?" if near else f"there are {', '.join(names)}"
    return f"there is no such field; {meant}"


def _field(kind: Descriptor, name: str) -> FieldDescriptor | None:
    """The field of a message that JSON calls so: in the contract's spelling, or in JSON's."""
    return kind.fields_by_name.get(name) or kind.fields_by_camelcase_name.get(name)


def _message(field: FieldDescriptor) -> Descriptor | None:
    """The message a field holds; none when it holds a value."""
    kind = field.message_type
    return None if kind is None or kind.full_name.startswith(_WELL_KNOWN) else kind


# ── what it sets ──────────────────────────────────────────────────────────────────────────────────────────────────────


def paths(document: Mapping[str, Any]) -> list[str]:
    """The paths of all that a checked order says of the client's fields: values, lists, and null, which clears."""
    return [path for path in _paths(document, _ORDER) if path.partition(".")[0] in WRITABLE]


def _paths(document: Mapping[str, Any], kind: Descriptor) -> Iterator[str]:
    for name, value in document.items():
        field = _field(kind, name)
        if field is not None and isinstance(value, dict) and (message := _message(field)) is not None:
            yield from (f"{field.name}.{path}" for path in _paths(value, message))
        elif field is not None:
            yield field.name


def mask(given: Iterable[str]) -> list[str]:
    """The paths a user names, spelled as a field mask: as the contract spells them, or as JSON does; commas part them.

    Raises:
        FileUnusableError: one of them is no field that can be set; the sentence says which there are.
    """
    return [_spelled(path.strip()) for each in given for path in each.split(",")]


def _spelled(path: str) -> str:
    kind: Descriptor | None = _ORDER
    names: list[str] = []
    for name in path.split("."):
        field = _field(kind, name) if kind is not None else None
        if field is None:
            why = _unknown(name, kind) if kind is not None else f"{'.'.join(names)} has no fields"
            raise FileUnusableError(f"--mask {path}: {why}.".replace("?.", "?"))
        names.append(field.name)
        kind = _message(field) if not field.is_repeated else None
    if names[0] not in WRITABLE:
        settable = ", ".join(_ORDER.fields_by_name[name].json_name for name in WRITABLE)
        raise FileUnusableError(f"--mask {path}: the mesh sets it; what can be set is {settable}.")
    return ".".join(names)


def without_nulls(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same without what is null."""
    return {
        name: without_nulls(value) if isinstance(value, dict) else value
        for name, value in document.items()
        if value is not None
    }


# ── how to write one ──────────────────────────────────────────────────────────────────────────────────────────────────


def nested(values: Mapping[str, object]) -> dict[str, Any]:
    """An order that holds some values, by the contract's paths (`prescription.right.sphere`), in JSON's spelling.

    Paths that do not lead to a value are left out.
    """
    document: dict[str, Any] = {}
    for path, value in values.items():
        if fields := _way(path.split(".")):
            *outer, last = (field.json_name for field in fields)
            inner = document
            for name in outer:
                inner = inner.setdefault(name, {})
            inner[last] = value
    return document


def choices(path: str) -> list[str]:
    """The values the contract names for the field at a path; none when it names none."""
    fields = _way(path.split("."))
    return _names(fields[-1].enum_type) if fields and fields[-1].enum_type else []


def _way(names: Sequence[str]) -> list[FieldDescriptor]:
    """The fields a path passes, down to one that holds a value; none when it does not lead there."""
    kind: Descriptor | None = _ORDER
    fields: list[FieldDescriptor] = []
    for name in names:
        field = kind.fields_by_name.get(name) if kind is not None else None
        if field is None:
            return []
        fields.append(field)
        kind = _message(field)
    return fields if kind is None else []
