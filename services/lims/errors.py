"""What a LIMS refuses, beside the mesh-wide refusals of `chassis.errors`.

::

    MeshError
    ├── SpecRefused         SPEC_REFUSED        the rules in force refuse the spec; carries every violation
    ├── HandoffIdReused     HANDOFF_ID_REUSED   the hand-off made a job from another spec or for another account
    ├── JobState            JOB_STATE           the job is too far along; says where it stands
    ├── WrongStation        WRONG_STATION       the station is not the next; names the next
    ├── RevisionNotFound    REVISION_NOT_FOUND  there is no such catalog revision
    │   └── RevisionNotRead                     there is, but an earlier version wrote it
    ├── DecisionNotKept     DECISION_NOT_KEPT   the job is older than the decisions that are kept
    └── FileUnreadable      FILE_UNREADABLE     the file is not DCS, or damaged, or too large
"""

import grpc
from lensmesh.lims.v1 import reason_pb2
from lensmesh.type.v1.violation_pb2 import Violations

from chassis.errors import MeshError, travelling_name


def _lims(reason: reason_pb2.Reason.ValueType) -> str:
    return travelling_name(reason_pb2.Reason.Name(reason))


class SpecRefused(MeshError):
    """The rules in force refuse the spec; nothing was created."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _lims(reason_pb2.REASON_SPEC_REFUSED)

    def __init__(self, violations: Violations, revision: int) -> None:
        """Takes every objection, the gravest first (at least one), and the number of the revision that refuses."""
        first, *more = violations.violations
        rest = f" (and {len(more)} more)" if more else ""
        super().__init__(
            f"the lab cannot make this: {first.message}{rest}",
            metadata={"field": first.field, "revision": str(revision)},
            details=(violations,),
        )


class HandoffIdReused(MeshError):
    """The hand-off id belongs to another spec, or to another account."""

    code = grpc.StatusCode.ALREADY_EXISTS
    reason = _lims(reason_pb2.REASON_HANDOFF_ID_REUSED)

    def __init__(self, job: str) -> None:
        """Takes the job that the hand-off made."""
        super().__init__(
            f"this hand-off already made {job} from another spec or for another account; hand the changed order off "
            "under a new id",
            metadata={"job": job},
        )


class JobState(MeshError):
    """The job is too far along for what was asked."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _lims(reason_pb2.REASON_JOB_STATE)

    def __init__(self, job: str, state: str, refused: str) -> None:
        """Takes the job, where it stands and what therefore cannot be done ("cannot be cancelled")."""
        super().__init__(
            f"{job} is {state.lower().replace('_', ' ')} and {refused}",
            metadata={"job": job, "state": state},
        )


class WrongStation(MeshError):
    """The station is not the next one on the job's route."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _lims(reason_pb2.REASON_WRONG_STATION)

    def __init__(self, job: str, station: str, expected: str) -> None:
        """Takes the job, the station that scanned it and the one it has to go to next."""
        super().__init__(
            f"{job} goes to {expected} next, not to {station}; take it there",
            metadata={"job": job, "expected": expected},
        )


class RevisionNotFound(MeshError):
    """There is no such catalog revision."""

    code = grpc.StatusCode.NOT_FOUND
    reason = _lims(reason_pb2.REASON_REVISION_NOT_FOUND)
    _lacks = "no revision"
    _why = ""

    def __init__(self, number: int) -> None:
        """Takes the number that was asked for."""
        super().__init__(
            f"the catalog has {self._lacks} {number}{self._why}; 0 asks for the one in force",
            metadata={"revision": str(number)},
        )


class RevisionNotRead(RevisionNotFound):
    """The revision is of an earlier format: it is kept, and nothing is decided by it any more."""

    _lacks = "a revision"
    _why = " that an earlier version wrote and this one cannot read"


class DecisionNotKept(MeshError):
    """The job was created before decisions were kept with their jobs."""

    code = grpc.StatusCode.NOT_FOUND
    reason = _lims(reason_pb2.REASON_DECISION_NOT_KEPT)

    def __init__(self, job: str) -> None:
        """Takes the job."""
        super().__init__(
            f"{job} was created before decisions were kept; validate its spec to see what the rules say now",
            metadata={"job": job},
        )


class FileUnreadable(MeshError):
    """The bytes are no DCS file, or a damaged one, or more than is read."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = _lims(reason_pb2.REASON_FILE_UNREADABLE)
