"""The refusals of the order service, beside those of `chassis.errors`.

::

    MeshError
    ├── OrderStateError     ORDER_STATE: where the order stands does not allow it
    ├── OrderInHandOff      ORDER_STATE: it is just being handed to the lab; says when to try again
    ├── NotMakeable         NOT_MAKEABLE: the lab refuses it; holds every violation
    ├── FileUnreadable      FILE_UNREADABLE: not DCS, damaged, too large
    ├── FileIncomplete      FILE_INCOMPLETE: DCS, but no order; lists what is missing
    ├── CatalogEntryUnknown CATALOG_ENTRY_UNKNOWN: the catalog has no such entry; lists the nearest
    ├── LabUnknown          LAB_UNKNOWN: the mesh has no such lab
    ├── TooManyNotes        TOO_MANY_NOTES: it has as many as it can hold
    ├── AccountUnknown      ACCOUNT_UNKNOWN: no practice has the file's account
    ├── AccountTaken        ACCOUNT_TAKEN: the account is another practice's
    └── AccountIsDefault    ACCOUNT_IS_DEFAULT: it is the usual one of a practice that has others
"""

from collections.abc import Sequence

import grpc
from google.rpc import error_details_pb2
from lensmesh.order.v1 import order_pb2, reason_pb2
from lensmesh.type.v1.violation_pb2 import Violation, Violations

from chassis.errors import MeshError, travelling_name


def _reason(reason: reason_pb2.Reason.ValueType) -> str:
    return travelling_name(reason_pb2.Reason.Name(reason))


def state_name(state: order_pb2.Order.State.ValueType) -> str:
    """Returns a state's name without the prefix (``SENT_TO_LAB``)."""
    return order_pb2.Order.State.Name(state).removeprefix("STATE_")


class OrderStateError(MeshError):
    """Where the order stands does not allow what was asked."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _reason(reason_pb2.REASON_ORDER_STATE)

    def __init__(self, state: order_pb2.Order.State.ValueType, message: str) -> None:
        super().__init__(message, metadata={"state": state_name(state)})


class OrderInHandOff(MeshError):
    """The order is just being handed to the lab; a moment later it can be said what became of it."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _reason(reason_pb2.REASON_ORDER_STATE)

    def __init__(self) -> None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromSeconds(2)
        super().__init__(
            "the order is just being handed to the lab; try again in a moment",
            metadata={"state": "SUBMITTED"},
            details=(retry,),
        )


class NotMakeable(MeshError):
    """The lab refuses the order as it is."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _reason(reason_pb2.REASON_NOT_MAKEABLE)

    def __init__(self, violations: Sequence[Violation]) -> None:
        said = "; ".join(f"{violation.field}: {violation.message}" for violation in violations[:3])
        more = f"; and {len(violations) - 3} more" if len(violations) > 3 else ""  # noqa: PLR2004 -- the first three
        super().__init__(
            f"the lab refuses the order as it is: {said}{more}",
            details=(Violations(violations=violations),),
        )


class FileUnreadable(MeshError):
    """The file is not DCS, or damaged, or too large."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = _reason(reason_pb2.REASON_FILE_UNREADABLE)


class FileIncomplete(MeshError):
    """The file is DCS but no order can be made of it."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = _reason(reason_pb2.REASON_FILE_INCOMPLETE)


class CatalogEntryUnknown(MeshError):
    """The catalog has no such entry."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = _reason(reason_pb2.REASON_CATALOG_ENTRY_UNKNOWN)


class LabUnknown(MeshError):
    """The mesh has no such lab."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = _reason(reason_pb2.REASON_LAB_UNKNOWN)


class TooManyNotes(MeshError):
    """The order has as many notes as it can hold."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _reason(reason_pb2.REASON_TOO_MANY_NOTES)


class AccountUnknown(MeshError):
    """No practice has the account that the file names, or it names none."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = _reason(reason_pb2.REASON_ACCOUNT_UNKNOWN)

    def __init__(self, account: str) -> None:
        said = f"no practice has the account {account} (ACCN)" if account else "the file names no account (ACCN)"
        super().__init__(
            f"{said}, so nobody knows whose order it is; give it to a practice, or have the practice import the file",
            metadata={"account": account},
        )


class AccountTaken(MeshError):
    """The account is another practice's."""

    code = grpc.StatusCode.ALREADY_EXISTS
    reason = _reason(reason_pb2.REASON_ACCOUNT_TAKEN)

    def __init__(self, account: str, practice: str) -> None:
        super().__init__(
            f"{account} belongs to {practice}; delete it there before it is given to another practice",
            metadata={"practice": practice},
        )


class AccountIsDefault(MeshError):
    """The account is the usual one of a practice that has others."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _reason(reason_pb2.REASON_ACCOUNT_IS_DEFAULT)

    def __init__(self, account: str, practice: str) -> None:
        super().__init__(
            f"{account} is the usual account of {practice}, which has others; make one of those the usual one first",
            metadata={"practice": practice},
        )
