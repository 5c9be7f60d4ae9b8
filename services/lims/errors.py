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
    ├── FileUnreadable      FILE_UNREADABLE     the file is not DCS, or damaged, or too large
    ├── DraftFaulty         DRAFT_FAULTY        the draft's files hold no catalog; names each fault
    ├── DraftUnchecked      DRAFT_UNCHECKED     the draft's content was not checked
    ├── CheckFailed         CHECK_FAILED        the check found what is not overridden; names each finding
    ├── DraftStale          DRAFT_STALE         another revision came into force since the draft's base
    ├── DraftState          DRAFT_STATE         the draft is scheduled or published, or not what the call needs
    ├── DraftConflict       DRAFT_CONFLICT      a file was changed in the draft and in its later base; names it
    └── RevisionInForce     REVISION_IN_FORCE   the content is in force already
"""

from collections.abc import Sequence

import grpc
from google.rpc import error_details_pb2
from lensmesh.lims.v1 import reason_pb2
from lensmesh.type.v1.violation_pb2 import Violations

from chassis.errors import MeshError, travelling_name

_NAMED = 25  # an error has to fit into the trailers of its call


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


# ── drafts and revisions ──────────────────────────────────────────────────────────────────────────────────────────────


class DraftFaulty(MeshError):
    """The draft's files hold no catalog."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _lims(reason_pb2.REASON_DRAFT_FAULTY)

    def __init__(self, draft: str, faults: Sequence[str]) -> None:
        """Takes the draft and what keeps it from being a catalog; at least one fault."""
        named = [
            error_details_pb2.BadRequest.FieldViolation(field="draft.files", description=fault[:1000])
            for fault in faults[:_NAMED]
        ]
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(
            f"{draft} holds no catalog: {faults[0][:1000]}{more}; mend its files",
            metadata={"draft": draft},
            details=(error_details_pb2.BadRequest(field_violations=named),),
        )


class DraftUnchecked(MeshError):
    """The draft's content was not checked."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _lims(reason_pb2.REASON_DRAFT_UNCHECKED)

    def __init__(self, draft: str) -> None:
        """Takes the draft."""
        super().__init__(f"{draft} was not checked as it is now; check it first", metadata={"draft": draft})


class CheckFailed(MeshError):
    """The check found what is not overridden."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _lims(reason_pb2.REASON_CHECK_FAILED)

    def __init__(self, draft: str, findings: Sequence[tuple[str, str, str]]) -> None:
        """Takes the draft and (id, kind, sentence) of each finding that is not overridden; at least one."""
        violations = [
            error_details_pb2.PreconditionFailure.Violation(type=kind, subject=name, description=says[:500])
            for name, kind, says in findings[:_NAMED]
        ]
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        super().__init__(
            f"the check of {draft} found: {findings[0][2][:500]}{more}; mend it, or override {findings[0][0]} with a "
            "reason",
            metadata={"draft": draft, "finding": findings[0][0]},
            details=(error_details_pb2.PreconditionFailure(violations=violations),),
        )


class DraftStale(MeshError):
    """Another revision came into force since the draft's base."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _lims(reason_pb2.REASON_DRAFT_STALE)

    def __init__(self, draft: str, base: int, in_force: int) -> None:
        """Takes the draft, its base and the revision that is in force."""
        super().__init__(
            f"{draft} is held against revision {base}, and revision {in_force} is in force; update its base_revision "
            f"to {in_force}, then check it",
            metadata={"draft": draft, "base": str(base), "in_force": str(in_force)},
        )


class DraftState(MeshError):
    """The draft does not stand where the call needs it."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _lims(reason_pb2.REASON_DRAFT_STATE)

    def __init__(self, draft: str, state: str, refused: str) -> None:
        """Takes the draft, where it stands and what therefore cannot be done ("cannot be edited")."""
        super().__init__(
            f"{draft} is {state.lower()} and {refused}",
            metadata={"draft": draft, "state": state},
        )


class DraftConflict(MeshError):
    """A file was changed both in the draft and in its later base."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _lims(reason_pb2.REASON_DRAFT_CONFLICT)

    def __init__(self, draft: str, base: int, files: Sequence[str]) -> None:
        """Takes the draft, the later base and the files; at least one."""
        more = f" (and {len(files) - 1} more)" if len(files) > 1 else ""
        super().__init__(
            f"{files[0]}{more} was changed in {draft} and in revision {base}; update base_revision and files together, "
            "with both changes in the files",
            metadata={"draft": draft, "file": files[0]},
        )


class RevisionInForce(MeshError):
    """The content is in force already."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _lims(reason_pb2.REASON_REVISION_IN_FORCE)

    def __init__(self, number: int) -> None:
        """Takes the revision that has the content."""
        super().__init__(
            f"the content of revision {number} is in force already; name another one",
            metadata={"revision": str(number)},
        )
