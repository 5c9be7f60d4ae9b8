"""What can go wrong with a LIMS, as callers see it.

::

    LimsError                   anything
    ├── LimsUnavailable         cannot be reached, or too slow; the call may have taken effect
    │   └── LimsOverloaded      has too much to do, or owes us too many answers; the call took no effect
    ├── LimsRefused             the rules refuse the spec; holds every violation
    ├── LimsRejected            the request itself is not one it can take, whoever sends it again
    │   └── LimsConflict        the hand-off id made a job from another spec or account
    ├── LimsJobState            the job is too far along for what was asked
    ├── LimsNotFound            no such job or revision
    ├── LimsCursorLost          the watch cannot be resumed from this cursor
    └── LimsContractBroken      an answer the contract does not allow, or a refusal of our identity
"""

from collections.abc import Callable, Mapping, Sequence

import grpc
from google.rpc import error_details_pb2, status_pb2
from lensmesh.lims.v1 import reason_pb2
from lensmesh.type.v1.violation_pb2 import Violation, Violations

from chassis.errors import travelling_name


class LimsError(Exception):
    """Anything that went wrong with a LIMS."""


class LimsUnavailable(LimsError):
    """It cannot be reached, or is too slow. The call may have taken effect; repeat it unchanged."""


class LimsOverloaded(LimsUnavailable):
    """It has too much to do, or owes us too many answers already. Repeat it later: at once makes it worse."""


class LimsRefused(LimsError):
    """Its rules refuse the spec.

    Attributes:
        violations: Every objection, at its field.
        revision: The catalog revision that refused; 0 when the LIMS does not say.
    """

    def __init__(self, message: str, violations: Sequence[Violation], revision: int = 0) -> None:
        super().__init__(message)
        self.violations = tuple(violations)
        self.revision = revision


class LimsRejected(LimsError):
    """The request itself is not one it can take: repeating it will not help, changing it will."""


class LimsConflict(LimsRejected):
    """The hand-off id made a job from another spec or for another account."""


class LimsJobState(LimsError):
    """The job is too far along for what was asked."""


class LimsNotFound(LimsError):
    """There is no such job or revision."""


class LimsCursorLost(LimsError):
    """The watch cannot be resumed from the cursor; start over from the beginning."""


class LimsContractBroken(LimsError):
    """An answer the contract does not allow, or a refusal of our identity: people must look, repeating is no use."""


def _reason(reason: reason_pb2.Reason.ValueType) -> str:
    return travelling_name(reason_pb2.Reason.Name(reason))


_BY_REASON: Mapping[str, Callable[[str], LimsError]] = {
    _reason(reason_pb2.REASON_HANDOFF_ID_REUSED): LimsConflict,
    _reason(reason_pb2.REASON_JOB_STATE): LimsJobState,
    _reason(reason_pb2.REASON_WRONG_STATION): LimsJobState,
    "CURSOR_INVALID": LimsCursorLost,
    "CURSOR_EXPIRED": LimsCursorLost,
}

_BY_CODE: Mapping[grpc.StatusCode, Callable[[str], LimsError]] = {
    grpc.StatusCode.UNAVAILABLE: LimsUnavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: LimsUnavailable,
    grpc.StatusCode.RESOURCE_EXHAUSTED: LimsOverloaded,
    grpc.StatusCode.CANCELLED: LimsUnavailable,
    grpc.StatusCode.NOT_FOUND: LimsNotFound,
    grpc.StatusCode.INVALID_ARGUMENT: LimsRejected,
    grpc.StatusCode.FAILED_PRECONDITION: LimsRejected,
    grpc.StatusCode.ALREADY_EXISTS: LimsRejected,
    grpc.StatusCode.OUT_OF_RANGE: LimsRejected,
}


def from_call(error: grpc.aio.AioRpcError) -> LimsError:
    """Returns what a failed call means."""
    message = error.details() or error.code().name
    details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    status = status_pb2.Status.FromString(details if isinstance(details, bytes) else b"")
    info, violations = error_details_pb2.ErrorInfo(), Violations()
    for detail in status.details:
        _ = detail.Unpack(info) or detail.Unpack(violations)
    if info.reason == _reason(reason_pb2.REASON_SPEC_REFUSED):
        return LimsRefused(message, violations.violations, _number(info.metadata.get("revision", "")))
    made = _BY_REASON.get(info.reason) or _BY_CODE.get(error.code(), LimsContractBroken)
    return made(message)


def _number(said: str) -> int:
    """Returns a revision's number as it is said; 0 for none."""
    return int(said) if said.isascii() and said.isdigit() else 0


def from_status(status: status_pb2.Status) -> LimsError:
    """Returns what an error at the end of a watch means."""
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        detail.Unpack(info)
    return _BY_REASON.get(info.reason, LimsUnavailable)(status.message)
