"""The one error shape of the mesh.

Business code raises; nobody but `chassis.interceptor` turns it into a gRPC status. Every error carries a canonical
code, a reason from a registry enum in the contract, a sentence that says what is wrong and the way out, and details
of ``google.rpc``::

    MeshError                       any refusal or fault, with code + reason
    ├── Unauthenticated             TOKEN_INVALID
    ├── NotAllowed                  NOT_ALLOWED
    ├── FieldInvalid                FIELD_INVALID, names each field (BadRequest)
    │   └── UnknownField            UNKNOWN_FIELD, as well
    ├── NotFound                    NOT_FOUND
    ├── DeadlineExceeded            DEADLINE_EXCEEDED
    ├── EtagMismatch                ETAG_MISMATCH
    ├── RequestIdReused             REQUEST_ID_REUSED
    ├── PageTokenInvalid            PAGE_TOKEN_INVALID
    ├── CursorInvalid               CURSOR_INVALID
    ├── CursorExpired               CURSOR_EXPIRED
    ├── Overloaded                  OVERLOADED, says when to try again (RetryInfo)
    ├── Unavailable                 UNAVAILABLE, says when to try again (RetryInfo)
    └── Internal                    INTERNAL, names the trace

Services derive theirs in ``services/<name>/errors.py``.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from lensmesh.errors.v1 import reason_pb2

DOMAIN = "lensmesh"
_SPOKEN_FIELDS = 5
_NAMED_FIELDS = 25  # an error has to fit into the trailers of its call


class MeshError(Exception):
    """A refusal or fault as the caller will see it.

    Attributes:
        code: The canonical gRPC code.
        reason: The registry name, as it travels (``NOT_FOUND``).
        message: What is wrong and the way out, for people.
        metadata: What a program needs to act on it.
        details: Further details, beside the ErrorInfo that is always there.
    """

    code: ClassVar[grpc.StatusCode]
    reason: ClassVar[str]

    def __init__(
        self,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        details: Sequence[Message] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = dict(metadata or {})
        self.details = tuple(details)

    def status(self) -> status_pb2.Status:
        """Returns the error as it travels in ``grpc-status-details-bin``."""
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        info = error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN, metadata=self.metadata)
        for detail in (info, *self.details):
            status.details.add().Pack(detail)
        return status


def travelling_name(name: str) -> str:
    """Returns a reason's enum value name as it travels: without the ``REASON_`` that the contract's lint asks for."""
    return name.removeprefix("REASON_")


def _mesh(reason: reason_pb2.Reason.ValueType) -> str:
    return travelling_name(reason_pb2.Reason.Name(reason))


class Unauthenticated(MeshError):
    """The caller did not say who it is, or not believably."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = _mesh(reason_pb2.REASON_TOKEN_INVALID)


class NotAllowed(MeshError):
    """The caller is known and may not do this."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = _mesh(reason_pb2.REASON_NOT_ALLOWED)


class FieldInvalid(MeshError):
    """Fields of the request break their contract."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = _mesh(reason_pb2.REASON_FIELD_INVALID)

    def __init__(self, violations: Sequence[tuple[str, str]]) -> None:
        """Takes (field path, what is wrong with it) for each field; at least one, and no more than 25 are named."""
        bad = error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(field=field, description=description)
                for field, description in violations[:_NAMED_FIELDS]
            ],
        )
        sentence = "; ".join(f"{field}: {description}" for field, description in violations[:_SPOKEN_FIELDS])
        more = f"; and {len(violations) - _SPOKEN_FIELDS} more" if len(violations) > _SPOKEN_FIELDS else ""
        super().__init__(sentence + more, metadata={"field": violations[0][0]}, details=(bad,))


class UnknownField(FieldInvalid):
    """The request has fields that this version of its contract does not know, where none may be dropped."""

    reason = _mesh(reason_pb2.REASON_UNKNOWN_FIELD)


class NotFound(MeshError):
    """It does not exist, or not for this caller; the two are told alike."""

    code = grpc.StatusCode.NOT_FOUND
    reason = _mesh(reason_pb2.REASON_NOT_FOUND)


class DeadlineExceeded(MeshError):
    """The call took longer than its contract allows."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED
    reason = _mesh(reason_pb2.REASON_DEADLINE_EXCEEDED)


class EtagMismatch(MeshError):
    """Somebody else changed it in the meantime."""

    code = grpc.StatusCode.ABORTED
    reason = _mesh(reason_pb2.REASON_ETAG_MISMATCH)


class RequestIdReused(MeshError):
    """The request id belongs to another request."""

    code = grpc.StatusCode.ALREADY_EXISTS
    reason = _mesh(reason_pb2.REASON_REQUEST_ID_REUSED)


class PageTokenInvalid(MeshError):
    """The page token is not one this list gave out."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = _mesh(reason_pb2.REASON_PAGE_TOKEN_INVALID)


class CursorInvalid(MeshError):
    """The cursor is not one this stream gave out."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = _mesh(reason_pb2.REASON_CURSOR_INVALID)


class CursorExpired(MeshError):
    """The cursor points before what is kept, or into a history this log never had."""

    code = grpc.StatusCode.OUT_OF_RANGE
    reason = _mesh(reason_pb2.REASON_CURSOR_EXPIRED)


class Overloaded(MeshError):
    """There is more to do than can be done; nothing was."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = _mesh(reason_pb2.REASON_OVERLOADED)

    def __init__(self, message: str, *, retry_after_seconds: float = 1.0) -> None:
        """Takes the sentence and when trying again makes sense."""
        super().__init__(message, details=(_retry(retry_after_seconds),))


class Unavailable(MeshError):
    """Something this call needs cannot be reached right now."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = _mesh(reason_pb2.REASON_UNAVAILABLE)

    def __init__(self, message: str, *, retry_after_seconds: float = 1.0) -> None:
        """Takes the sentence and when trying again makes sense."""
        super().__init__(message, details=(_retry(retry_after_seconds),))


def _retry(after_seconds: float) -> error_details_pb2.RetryInfo:
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromMilliseconds(round(after_seconds * 1000))
    return retry


class Internal(MeshError):
    """A fault of ours."""

    code = grpc.StatusCode.INTERNAL
    reason = _mesh(reason_pb2.REASON_INTERNAL)
