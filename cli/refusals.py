"""The mesh's one error shape, `{code, message, details}`, read so that a person can be told what to do.

The details say more than the message: which fields break their contract (`BadRequest`), what the lab objects to
(`Violations`), what has to be settled first (`PreconditionFailure`), when trying again makes sense (`RetryInfo`), and
the reason programs branch on (`ErrorInfo`).
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from lensmesh.type.v1.violation_pb2 import Violation, Violations

from cli.terminal import LENSMESH

_KINDS = (BadRequest, ErrorInfo, PreconditionFailure, RetryInfo, Violations)
_CODES = {code.value[0]: code.name for code in grpc.StatusCode}
_KNOWN_DETAILS = {kind.DESCRIPTOR.full_name: kind for kind in _KINDS}
_LISTED: Mapping[str, str] = {
    "NOT_MAKEABLE": "The lab refuses the order as it is.",
    "SPEC_REFUSED": "The lab refuses the order as it is.",
    "DRAFT_FAULTY": "The draft's files hold no catalog.",
    "CHECK_FAILED": "The check found what is not overridden.",
}
"""What is said of refusals whose message repeats some of what is listed beneath it."""

_WAYS_OUT = {
    "TOKEN_INVALID": f"When LENSMESH_TOKEN is set, renew it with `{LENSMESH} token`, or unset it.",
    "NOT_ALLOWED": "Ask as somebody who may: --role, or another token in LENSMESH_TOKEN.",
    "NOT_FOUND": f"What there is: `{LENSMESH} orders list`, `{LENSMESH} lims jobs`.",
    "CATALOG_ENTRY_UNKNOWN": f"All there is: `{LENSMESH} lims catalog`.",
    "UNAVAILABLE": f"What is the matter: `{LENSMESH} status`.",
    "INTERNAL": f"What happened: `{LENSMESH} logs order`.",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error of the mesh, on REST and gRPC alike."""

    document: Mapping[str, Any]
    """The error as REST shows it."""
    code: str
    """The canonical gRPC code, `FAILED_PRECONDITION`."""
    message: str
    """The mesh's own sentence."""
    reason: str = ""
    """From the contract's registry, `NOT_MAKEABLE`."""
    metadata: Mapping[str, str] | None = None
    faults: tuple[tuple[str, str], ...] = ()
    """Fields that break their contract, each with what is wrong with it."""
    violations: tuple[Violation, ...] = ()
    """What the lab objects to."""
    preconditions: tuple[tuple[str, str], ...] = ()
    """What has to be settled first: what each is about, and what of it."""
    retry_after: float | None = None
    """Seconds after which to try again, when that makes sense."""

    @property
    def sentence(self) -> str:
        """What is wrong, as a sentence; faults and violations, which are listed beside it, are not in it."""
        if self.reason in _LISTED:
            return _LISTED[self.reason]
        if self.faults:
            return "A field is refused:" if len(self.faults) == 1 else f"{len(self.faults)} fields are refused:"
        text = self.message.strip() or f"The mesh refuses ({self.code}), and does not say why."
        begun = text[0].upper() + text[1:] if text.split()[0].isalpha() else text  # `jobs/7` is spelled like that
        return begun + ("" if text.endswith((".", "!", "?")) else ".")

    @property
    def way_out(self) -> str:
        """What to type next, when the reason tells; else empty."""
        return _WAYS_OUT.get(self.reason, "")


def read(document: Mapping[str, Any]) -> Refusal | None:
    """Read an error as REST shows it; `None` when this is no such error."""
    match document:
        case {"code": int(number), "message": str(message)}:
            details = _details(document.get("details"))
        case _:
            return None
    bad, info, unmet, retry, lab = map(details.get, _KINDS)
    return Refusal(
        document=document,
        code=_CODES.get(number, str(number)),
        message=message,
        reason=info.reason if info else "",
        metadata=dict(info.metadata) if info else None,
        faults=tuple((fault.field, fault.description) for fault in bad.field_violations) if bad else (),
        violations=tuple(lab.violations) if lab else (),
        preconditions=tuple((each.subject, each.description) for each in unmet.violations) if unmet else (),
        retry_after=retry.retry_delay.ToTimedelta().total_seconds() if retry else None,
    )


def of_call(error: grpc.RpcError) -> Refusal:
    """Read an error of a gRPC call; details this client does not know are left out."""
    status = rpc_status.from_call(error)
    if status is None:
        code, message = error.code(), error.details()
        return Refusal({"code": code.value[0], "message": message}, code.name, message or "")
    return of_status(status)


def of_status(status: Status) -> Refusal:
    """Read an error that a stream tells as its last message; details this client does not know are left out."""
    document = {"code": status.code, "message": status.message, "details": []}
    for packed in status.details:
        kind = _KNOWN_DETAILS.get(packed.TypeName())
        if kind is not None and packed.Unpack(detail := kind()):
            document["details"].append({"@type": packed.type_url} | MessageToDict(detail))
    refusal = read(document)
    assert refusal is not None, "the document was made above"  # noqa: S101 - for the type checker
    return refusal


def _details(packed: object) -> dict[type[Message], Any]:
    """The details by kind; unknown and malformed ones are no reason to hide the error they came with."""
    found: dict[type[Message], Any] = {}
    for detail in packed if isinstance(packed, list) else []:
        fields = dict(detail) if isinstance(detail, dict) else {}
        kind = _KNOWN_DETAILS.get(str(fields.pop("@type", "")).rpartition("/")[2])
        if kind is not None:
            with suppress(ParseError):
                found[kind] = ParseDict(fields, kind(), ignore_unknown_fields=True)
    return found
