"""Holds a request to the bounds its contract declares (``buf.validate``)."""

import protovalidate
from google.protobuf.message import Message

from chassis.errors import FieldInvalid


def validate(request: Message) -> None:
    """Passes a request that keeps every bound.

    Raises:
        FieldInvalid: It does not; each field is named by its path, with what it must be.
    """
    violations = protovalidate.collect_violations(request)
    if violations:
        raise FieldInvalid([(_path(violation), violation.proto.message) for violation in violations])


def _path(violation: protovalidate.Violation) -> str:
    path = violation.proto.field
    if path is None:
        return "request"
    parts = []
    for element in path.elements:
        subscript = element.subscript
        parts.append(element.field_name if subscript is None else f"{element.field_name}[{subscript.value}]")
    return ".".join(parts) or "request"
