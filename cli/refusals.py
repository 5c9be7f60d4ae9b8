"""The mesh's one error shape, `{code, message, details}`, read so that a person can be told what to do.

The details say more than the message: which fields break their contract (`BadRequest`), what the lab objects to
(`Violations`), when trying again makes sense (`RetryInfo`), and the reason programs branch on (`ErrorInfo`).
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc_status import rpc_status
from lensmesh.type.v1.violation_pb2 import Violation, Violations

from cli.terminal import LENSMESH

_CODES = {code.value[0]: code.name for code in grpc.StatusCode}
_KNOWN_DETAILS = {kind.DESCRIPTOR.full_name: kind for kind in (BadRequest, ErrorInfo, RetryInfo, Violations)}
_REFUSED_BY_THE_LAB = ("NOT_MAKEABLE", "SPEC_REFUSED")

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
    retry_after: float | None = None
    """Seconds after which to try again, when that makes sense."""

    @property
    def sentence(self) -> str:
        """What is wrong, as a sentence; faults and violations, which are listed beside it, are not in it."""
        if self.reason in _REFUSED_BY_THE_LAB:
            return "The lab refuses the order as it is."
        if self.faults:
            return "The request breaks the contract."
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
    info, bad, retry, lab = (details.get(kind) for kind in (ErrorInfo, BadRequest, RetryInfo, Violations))
    return Refusal(
        document=document,
        code=_CODES.get(number, str(number)),
        message=message,
        reason=info.reason if info else "",
        metadata=dict(info.metadata) if info else None,
        faults=tuple((fault.field, fault.description) for fault in bad.field_violations) if bad else (),
        violations=tuple(lab.violations) if lab else (),
        retry_after=retry.retry_delay.ToTimedelta().total_seconds() if retry else None,
    )


def of_call(error: grpc.RpcError) -> Refusal:
    """Read an error of a gRPC call; details this client does not know are left out."""
    status = rpc_status.from_call(error)
    if status is None:
        code, message = error.code(), error.details()
        return Refusal({"code": code.value[0], "message": message}, code.name, message or "")
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
