"""How operations fail, in OpenAPI: which reasons each may give, under which HTTP status, and the one error shape."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from lensmesh.errors.v1 import reason_pb2 as mesh_reasons
from lensmesh.lims.v1 import reason_pb2 as lims_reasons
from lensmesh.order.v1 import reason_pb2 as order_reasons

from gateway.described import Described, first_sentence
from gateway.refusals import DOMAIN
from gateway.schemas import Schema, Schemas

# How gRPC's codes look in HTTP, as the transcoder has it.
_HTTP_STATUS: Mapping[str, int] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """One way an operation fails."""

    code: str
    """Its gRPC code."""
    reason: str
    when: str = ""
    """When it happens, in the operation's own words; empty is what the registry says."""
    status: int = 0
    """Its HTTP status, where that is not the usual one of the code."""

    @property
    def http_status(self) -> int:
        """Its HTTP status."""
        return self.status or _HTTP_STATUS[self.code]


# What any operation may fail with.
_ANY = (
    Failure("INVALID_ARGUMENT", "FIELD_INVALID"),
    Failure("INVALID_ARGUMENT", "UNKNOWN_FIELD"),
    Failure("INVALID_ARGUMENT", "REQUEST_MALFORMED"),
    Failure("UNAUTHENTICATED", "TOKEN_INVALID"),
    Failure("PERMISSION_DENIED", "NOT_ALLOWED"),
    Failure("NOT_FOUND", "NOT_FOUND"),
    Failure("RESOURCE_EXHAUSTED", "OVERLOADED"),
    Failure("INTERNAL", "INTERNAL"),
    Failure("UNAVAILABLE", "UNAVAILABLE"),
    Failure("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"),
)
_ANY_WITH_A_BODY = (Failure("RESOURCE_EXHAUSTED", "BODY_TOO_LARGE", status=413),)

_REGISTRIES = (mesh_reasons.Reason, order_reasons.Reason, lims_reasons.Reason)
_PREFIX = "REASON_"
_FAILURE = re.compile(r"\b([A-Z_]+) / ([A-Z_]+)\b")

_TYPE = "type.googleapis.com/"
# The field that the example of a bad request is about, spelled as that reason spells it.
_EXAMPLE_FIELDS: Mapping[str, str] = {
    "UNKNOWN_FIELD": "prescription.right.prizm",
    "FIELD_INVALID": "order.prescription.right.distance_pd",
}
_TRY_AGAIN = frozenset({"OVERLOADED", "UNAVAILABLE"})

# What an error's details may be, each with what it is for.
_DETAILS: Mapping[str, str] = {
    "google.rpc.ErrorInfo": "Why, for programs: the first detail of every error.",
    "google.rpc.BadRequest": "Which fields are wrong, and how.",
    "google.rpc.PreconditionFailure": "What would have to be otherwise.",
    "google.rpc.RetryInfo": "When trying again makes sense.",
    "lensmesh.type.v1.Violations": "What the lab objects to, at its fields.",
}


def reasons(described: Described) -> Mapping[str, str]:
    """Read the registries: every reason as it travels, with what it means."""
    return {
        name.removeprefix(_PREFIX): described.comment(f"{registry.DESCRIPTOR.full_name}.{name}")
        for registry in _REGISTRIES
        for name, number in registry.items()
        if number
    }


def split_comment(comment: str) -> tuple[str, list[Failure]]:
    """Take the failures out of an RPC's comment; returns the rest, and them."""
    paragraphs = comment.split("\n\n")
    named = [paragraph for paragraph in paragraphs if _FAILURE.match(paragraph)]
    failures = [failure for paragraph in named for failure in _failures(paragraph)]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph not in named), failures


def _failures(paragraph: str) -> Iterator[Failure]:
    heads = list(_FAILURE.finditer(paragraph))
    ends = [head.start() for head in heads[1:]] + [len(paragraph)]
    said = [paragraph[head.end() : end].strip() for head, end in zip(heads, ends, strict=True)]
    for head, when in zip(heads, _shared(said), strict=True):
        yield Failure(head[1], head[2], when.strip(": ."))


def _shared(said: list[str]) -> list[str]:
    """Give failures that are named together (`A / B, C / D: when`) the same words."""
    result: list[str] = []
    for words in reversed(said):
        result.append(result[-1] if words == "," else words)
    return result[::-1]


def responses(own: list[Failure], meanings: Mapping[str, str], *, has_body: bool) -> dict[str, Any]:
    """Write the failures of an operation by status: its own first, in its own words, then those of any operation."""
    by_status: dict[int, dict[str, Failure]] = {}
    for failure in (*own, *_ANY, *(_ANY_WITH_A_BODY if has_body else ())):
        by_status.setdefault(failure.http_status, {}).setdefault(failure.reason, failure)
    return {str(status): _response(by_status[status].values(), meanings) for status in sorted(by_status)}


def _response(failures: Collection[Failure], meanings: Mapping[str, str]) -> dict[str, Any]:
    said = {failure: _sentence(failure.when or first_sentence(meanings[failure.reason])) for failure in failures}
    content = {
        "schema": {"$ref": "#/components/schemas/Error"},
        "examples": {failure.reason: {"value": _example(failure, when)} for failure, when in said.items()},
    }
    listed = "\n".join(f"- `{failure.reason}`: {when}" for failure, when in said.items())
    return {"description": listed, "content": {"application/json": content}}


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].removesuffix('.')}."


def _example(failure: Failure, message: str) -> dict[str, Any]:
    info: dict[str, Any] = {"@type": f"{_TYPE}google.rpc.ErrorInfo", "reason": failure.reason, "domain": DOMAIN}
    details = [info]
    if field := _EXAMPLE_FIELDS.get(failure.reason):
        info["metadata"] = {"field": field}
        told = {"field": field, "description": message}
        details.append({"@type": f"{_TYPE}google.rpc.BadRequest", "fieldViolations": [told]})
    if failure.reason in _TRY_AGAIN:
        details.append({"@type": f"{_TYPE}google.rpc.RetryInfo", "retryDelay": "1s"})
    return {"code": grpc.StatusCode[failure.code].value[0], "message": message, "details": details}


def components(schemas: Schemas, meanings: Mapping[str, str]) -> dict[str, Schema]:
    """Write the one error shape, and everything it refers to."""
    details = {name: _detail(schemas, name, words) for name, words in _DETAILS.items()}
    info = details["google.rpc.ErrorInfo"]["properties"]
    info["reason"] = {"$ref": "#/components/schemas/Reason"}
    info["domain"] = {"const": DOMAIN}
    references = {name: f"#/components/schemas/{name.rpartition('.')[2]}" for name in details}
    listed = "\n".join(f"- `{reason}`: {meaning}" for reason, meaning in meanings.items())
    return {
        **{name.rpartition(".")[2]: schema for name, schema in details.items()},
        "Reason": {
            "type": "string",
            "enum": list(meanings),
            "description": f"Why something was refused. Reasons are added; none changes its meaning.\n\n{listed}",
        },
        "Error": {
            "type": "object",
            "description": "The one shape of every error.",
            "required": ["code", "message", "details"],
            "properties": {
                "code": {"type": "integer", "format": "int32", "description": "The gRPC code, not the HTTP status."},
                "message": {"type": "string", "description": "What is wrong and the way out, for people."},
                "details": {
                    "type": "array",
                    "description": "The first is always an ErrorInfo.",
                    "items": {
                        "oneOf": [{"$ref": reference} for reference in references.values()],
                        "discriminator": {
                            "propertyName": "@type",
                            "mapping": {f"type.googleapis.com/{name}": ref for name, ref in references.items()},
                        },
                    },
                },
            },
        },
    }


def _detail(schemas: Schemas, name: str, words: str) -> Schema:
    schema = schemas.message(name)
    return {
        **schema,
        "description": words,
        "required": ["@type"],
        "properties": {"@type": {"const": f"type.googleapis.com/{name}"}, **schema["properties"]},
    }
