"""Calls as tests make them, and the one error shape taken apart."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from lensmesh.type.v1.violation_pb2 import Violations

DEADLINE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused call.

    Attributes:
        code: The canonical code.
        reason: The registry reason.
        message: The sentence.
        fields: Paths of the fields that broke their contract.
        violations: What the lab objects to.
        metadata: The reason's metadata.
        retry: Whether it says when to try again.
    """

    code: grpc.StatusCode
    reason: str
    message: str
    fields: tuple[str, ...]
    violations: tuple[str, ...]
    metadata: dict[str, str]
    retry: bool


def bearer(token: str | None) -> tuple[tuple[str, str], ...]:
    """Returns the metadata of a caller with a token; of one without when it is None."""
    return (("authorization", f"Bearer {token}"),) if token is not None else ()


def refusal(method: Callable[..., Any], request: Message, token: str | None) -> Refusal:
    """Calls, expects to be refused, and returns how; a stream is refused at its first message."""
    try:
        answer = method(request, metadata=bearer(token), timeout=DEADLINE_SECONDS)
        if hasattr(answer, "__next__"):
            answer = next(answer)
    except grpc.RpcError as error:
        return taken_apart(error)
    raise AssertionError(f"not refused: {answer}")


def taken_apart(error: Any) -> Refusal:  # noqa: ANN401 -- grpc's error is a call as well
    """Returns a failed call's error, with its details."""
    details = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
    status = status_pb2.Status.FromString(details)
    assert (status.code, status.message) == (error.code().value[0], error.details()), "details must tell the same story"
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    retry, violations = error_details_pb2.RetryInfo(), Violations()
    retried = False
    for detail in status.details:
        retried = detail.Unpack(retry) or retried
        _ = detail.Unpack(info) or detail.Unpack(bad) or detail.Unpack(violations)
    assert info.domain == "lensmesh", "every error names its domain"
    return Refusal(
        code=error.code(),
        reason=info.reason,
        message=error.details(),
        fields=tuple(violation.field for violation in bad.field_violations),
        violations=tuple(violation.field for violation in violations.violations),
        metadata=dict(info.metadata),
        retry=retried,
    )
