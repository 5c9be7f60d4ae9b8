"""From a request message to its REST request, as `google.api.http` in the contract says.

The mapping is written once, in the protos; this module reads it from the compiled descriptors, so that no path of the
mesh is spelled in this package.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

_VARIABLE = re.compile(r"\{([\w.]+)=[^}]*\}")
_WHOLE = "*"


@dataclass(frozen=True, slots=True)
class RestRequest:
    """A request on REST."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    json: dict[str, Any] | None
    """The body; `None` when there is none, or when it is given as bytes."""


def rest(request: Message) -> RestRequest:
    """Spell a request message of one of the mesh's services for REST.

    What the path does not carry is in the body when the contract says `*`, else in the query.

    Raises:
        LookupError: no RPC on REST takes this message.
    """
    rule = _http_rule(request)
    verb = rule.WhichOneof("pattern")
    if verb is None:
        raise LookupError(f"{request.DESCRIPTOR.full_name} is not on REST")
    template = getattr(rule, verb)
    path = _VARIABLE.sub(lambda variable: quote(_value(request, variable[1])), template)
    rest_of_it = MessageToDict(request)
    for variable in _VARIABLE.finditer(template):
        rest_of_it.pop(variable[1].partition(".")[0], None)
    if rule.body == _WHOLE:
        return RestRequest(verb.upper(), path, (), rest_of_it)
    body = rest_of_it.pop(rule.body, None) if rule.body else None
    return RestRequest(verb.upper(), path, tuple(_query(rest_of_it)), body)


def _http_rule(request: Message) -> HttpRule:
    wanted = request.DESCRIPTOR
    for service in wanted.file.services_by_name.values():
        for method in service.methods:
            if method.input_type.full_name == wanted.full_name:
                return method.GetOptions().Extensions[annotations_pb2.http]
    raise LookupError(f"no RPC takes {wanted.full_name}")


def _value(message: Message, path: str) -> str:
    found: Any = message
    for name in path.split("."):
        found = getattr(found, name)
    return str(found)


def _query(fields: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        for each in value if isinstance(value, list) else [value]:
            yield name, str(each).lower() if isinstance(each, bool) else str(each)
