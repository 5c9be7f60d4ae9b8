"""Holds a request to its contract.

That is the bounds of its fields (``buf.validate``), and that there is nothing unknown in a message that is closed
(``lensmesh.options.v1.closed``).
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import cast

import protovalidate
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from lensmesh.options.v1 import options_pb2

from chassis.errors import FieldInvalid, UnknownField

_UNKNOWN = "is not a field this service knows; use its version of the contract"


def validate(request: Message) -> None:
    """Passes a request that keeps its contract.

    Raises:
        UnknownField: A closed message in it holds a field that this version of the contract does not have.
        FieldInvalid: A field breaks its bounds.

    Each field is named by its path, with what is wrong with it; a field without a name by its number.
    """
    unknown: list[str] = []
    _find_unknown(request, cast("Descriptor", request.DESCRIPTOR), "", unknown, closed=False)
    if unknown:
        raise UnknownField([(path, _UNKNOWN) for path in unknown])
    violations = broken(request)
    if violations:
        raise FieldInvalid(violations)


def broken(message: Message) -> list[tuple[str, str]]:
    """Returns each field of a message that breaks its bounds, by its path, with what it must be.

    Lists that are too long are looked for first, and alone when there are any: to look at every item of a list that
    nobody may send takes as long as its sender likes.
    """
    too_long: list[tuple[str, str]] = []
    _find_too_long(message, cast("Descriptor", message.DESCRIPTOR), "", too_long)
    if too_long:
        return too_long
    return [(_path(violation), violation.proto.message) for violation in protovalidate.collect_violations(message)]


def _find_too_long(message: Message, kind: Descriptor, path: str, found: list[tuple[str, str]]) -> None:
    for name, most, held in _lists(kind):
        length = len(getattr(message, name))
        if length > most:
            found.append((f"{path}{name}", f"must hold no more than {most} items, not {length}"))
        elif held is not None:
            for place, each in enumerate(getattr(message, name)):
                _find_too_long(each, held, f"{path}{name}[{place}].", found)
    for name, held in _messages_with_lists(kind):
        if message.HasField(name):
            _find_too_long(getattr(message, name), held, f"{path}{name}.", found)


@cache
def _lists(kind: Descriptor) -> tuple[tuple[str, int, Descriptor | None], ...]:
    """Returns the bounded lists of a message: name, most items, and the message its items are when that has lists."""
    bounded = []
    for field in kind.fields:
        rules = field.GetOptions().Extensions[validate_pb2.field].repeated
        if field.is_repeated and rules.HasField("max_items"):
            item = field.message_type
            below = item if item is not None and _has_lists(item, frozenset({kind})) else None
            bounded.append((field.name, rules.max_items, below))
    return tuple(bounded)


@cache
def _messages_with_lists(kind: Descriptor) -> tuple[tuple[str, Descriptor], ...]:
    held = ((field, field.message_type) for field in kind.fields if not field.is_repeated)
    return tuple(
        (field.name, below) for field, below in held if below is not None and _has_lists(below, frozenset({kind}))
    )


def _has_lists(kind: Descriptor, above: frozenset[Descriptor]) -> bool:
    """Tells whether a bounded list stands somewhere in a message, which stands in those above."""
    if kind in above:
        return False
    below = (field.message_type for field in kind.fields if field.message_type is not None)
    return any(
        field.GetOptions().Extensions[validate_pb2.field].repeated.HasField("max_items") for field in kind.fields
    ) or any(_has_lists(each, above | {kind}) for each in below)


def _path(violation: protovalidate.Violation) -> str:
    path = violation.proto.field
    if path is None:
        return "request"
    parts = []
    for element in path.elements:
        subscript = element.subscript
        parts.append(element.field_name if subscript is None else f"{element.field_name}[{subscript.value}]")
    return ".".join(parts) or "request"


Below = Callable[[Message], Iterable[tuple[str, Message]]]
"""Reads the messages that a field of a message holds, each with its place (``frame``, ``notes[1]``)."""


def _find_unknown(message: Message, kind: Descriptor, path: str, found: list[str], *, closed: bool) -> None:
    """Adds the path of every unknown field in a closed message, and in whatever a closed message holds."""
    closed = closed or _is_closed(kind)
    if closed:
        unknown = UnknownFieldSet(message)
        found += [f"{path}{unknown[place].field_number}" for place in range(len(unknown))]
    for child, below in _ways(kind, closed):
        for place, each in below(message):
            _find_unknown(each, child, f"{path}{place}.", found, closed=closed)


@cache
def _ways(kind: Descriptor, closed: bool) -> tuple[tuple[Descriptor, Below], ...]:  # noqa: FBT001 -- a cache's key
    """Returns where in a message an unknown field can matter: what is there, and how to read it.

    Worked out once for each kind of message. Most requests have no such place, and this costs them nothing.
    """
    fields = ((field, _held(field)) for field in kind.fields)
    return tuple(
        (held, _below(field))
        for field, held in fields
        if held is not None and (closed or _leads_to_closed(held, frozenset()))
    )


def _held(field: FieldDescriptor) -> Descriptor | None:
    """Returns the message that a field, list or map holds; None where it holds none."""
    kind: Descriptor | None = field.message_type
    return _held(kind.fields_by_name["value"]) if kind is not None and _is_map(kind) else kind


def _is_map(kind: Descriptor | None) -> bool:
    return kind is not None and bool(kind.GetOptions().map_entry)


def _below(field: FieldDescriptor) -> Below:
    name = field.name
    if _is_map(field.message_type):
        return lambda message: ((f"{name}[{key}]", each) for key, each in getattr(message, name).items())
    if field.is_repeated:
        return lambda message: ((f"{name}[{place}]", each) for place, each in enumerate(getattr(message, name)))
    return lambda message: ((name, getattr(message, name)),) if message.HasField(name) else ()


def _leads_to_closed(kind: Descriptor, seen: frozenset[Descriptor]) -> bool:
    if kind in seen:
        return False
    held = (held for field in kind.fields if (held := _held(field)) is not None)
    return _is_closed(kind) or any(_leads_to_closed(each, seen | {kind}) for each in held)


@cache
def _is_closed(kind: Descriptor) -> bool:
    return bool(kind.GetOptions().Extensions[options_pb2.closed])
