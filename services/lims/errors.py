"""What a LIMS refuses, beside the mesh-wide refusals of `chassis.errors`.

::

    MeshError
    ├── SpecRefused             SPEC_REFUSED             the rules in force refuse the spec; carries every violation
    ├── HandoffIdReused         HANDOFF_ID_REUSED        the hand-off made a job from another spec or account
    ├── JobState                JOB_STATE                the job is too far along; says where it stands
    ├── WrongStation            WRONG_STATION            the station is not the next; names the next
    │   └── NotScannedIn                                 the job is not at the station; names where it is
    ├── NotAtStation            NOT_AT_STATION           what was asked is not done at the station where the job is
    ├── JobAway                 JOB_AWAY                 the job is at a partner's; names who has it
    ├── InspectionMissing       INSPECTION_MISSING       a lens has not passed its inspection; names which
    ├── ProfileMissing          PROFILE_MISSING          the job's revision has no tolerances for its kind of lens
    ├── LensNotInJob            LENS_NOT_IN_JOB          the job has no such lens; names those it has
    ├── BreakageListMissing     BREAKAGE_LIST_MISSING    the job's revision has no reasons for breakages
    ├── BreakageReasonUnknown   BREAKAGE_REASON_UNKNOWN  the reason is none of the station's; names those
    ├── BreakageNotReversible   BREAKAGE_NOT_REVERSIBLE  the lens was begun anew since
    ├── OutOfStock              OUT_OF_STOCK             there is no blank for the lens; names it
    ├── WrongBlank              WRONG_BLANK              the blank is not the planned one; names that
    ├── BlankUnknown            BLANK_UNKNOWN            there is no such blank
    ├── CountBelowReserved      COUNT_BELOW_RESERVED     fewer were counted than are set aside
    ├── RevisionNotFound        REVISION_NOT_FOUND       there is no such catalog revision
    │   └── RevisionNotRead                              there is, but an earlier version wrote it
    ├── DecisionNotKept         DECISION_NOT_KEPT        the job is older than the decisions that are kept
    ├── FileUnreadable          FILE_UNREADABLE          the file is not DCS, or damaged, or too large
    ├── DraftFaulty             DRAFT_FAULTY             the draft's files hold no catalog; names each fault
    ├── DraftUnchecked          DRAFT_UNCHECKED          the draft's content was not checked
    ├── CheckFailed             CHECK_FAILED             the check found what is not overridden; names each finding
    ├── DraftStale              DRAFT_STALE              another revision came into force since the draft's base
    ├── DraftState              DRAFT_STATE              the draft is scheduled or published, or not what is needed
    ├── DraftConflict           DRAFT_CONFLICT           a file was changed in the draft and in its later base
    └── RevisionInForce         REVISION_IN_FORCE        the content is in force already
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


class NotScannedIn(WrongStation):
    """The job is not at the station that scanned it out."""

    def __init__(self, job: str, station: str, at: str) -> None:
        """Takes the job, the station that scanned it out and the one where it is; empty before the first."""
        where = f"is at {at}; scan it out there" if at else "is at no station yet; scan it in first"
        MeshError.__init__(
            self, f"{job} {where}, not at {station}" if at else f"{job} {where}", metadata={"job": job, "expected": at}
        )


class NotAtStation(MeshError):
    """What was asked for is not done at the station where the job, or the lens, is."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _lims(reason_pb2.REASON_NOT_AT_STATION)

    def __init__(self, job: str, station: str, needed: str) -> None:
        """Takes the job, the station where it is (empty before the first) and where it has to be, in words."""
        super().__init__(
            f"{job} is at {station or 'no station yet'}; scan it in where {needed} first",
            metadata={"job": job, "station": station},
        )


class JobAway(MeshError):
    """The job is at a partner's."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _lims(reason_pb2.REASON_JOB_AWAY)

    def __init__(self, job: str, partner: str) -> None:
        """Takes the job and who has it."""
        super().__init__(f"{job} is with {partner}; receive it back first", metadata={"job": job, "partner": partner})


class InspectionMissing(MeshError):
    """A lens has not passed its inspection."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _lims(reason_pb2.REASON_INSPECTION_MISSING)

    def __init__(self, job: str, station: str, lenses: Sequence[str]) -> None:
        """Takes the job, the station that inspects, and the lenses that did not pass, in words."""
        have = "have" if len(lenses) > 1 else "has"
        super().__init__(
            f"{job} cannot go on from {station}: {' and '.join(lenses)} {have} to pass inspection there; record what "
            "is measured, or report a breakage",
            metadata={"job": job, "station": station, "lenses": ", ".join(lenses)},
        )


class ProfileMissing(MeshError):
    """The revision of the job has no tolerances for its kind of lens."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _lims(reason_pb2.REASON_PROFILE_MISSING)

    def __init__(self, kind: str) -> None:
        """Takes the type of design."""
        super().__init__(
            f"the job's revision has no tolerance profile for {kind} lenses, so nothing can pass; report this to who "
            "keeps the catalog",
            metadata={"type": kind},
        )


class LensNotInJob(MeshError):
    """The job has no such lens."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = _lims(reason_pb2.REASON_LENS_NOT_IN_JOB)

    def __init__(self, job: str, lens: str, lenses: Sequence[str]) -> None:
        """Takes the job, the lens that was named and those it has, in words."""
        super().__init__(
            f"{job} has no {lens}; it has {' and '.join(lenses)}", metadata={"job": job, "lenses": ", ".join(lenses)}
        )


class BreakageListMissing(MeshError):
    """The revision of the job has no list of reasons for breakages."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _lims(reason_pb2.REASON_BREAKAGE_LIST_MISSING)

    def __init__(self, job: str, revision: int) -> None:
        """Takes the job and its revision."""
        super().__init__(
            f"{job} is of revision {revision}, and this revision has no reason list; cancel the job and make it again",
            metadata={"job": job, "revision": str(revision)},
        )


class BreakageReasonUnknown(MeshError):
    """The reason is not in the list, or not one of the station."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = _lims(reason_pb2.REASON_BREAKAGE_REASON_UNKNOWN)

    def __init__(self, reason: str, station: str, known: Sequence[str]) -> None:
        """Takes the reason that was given, the station and the reasons that can be given there."""
        super().__init__(
            f"reason: {reason} is not a reason at {station}; those are {', '.join(known)}",
            metadata={"field": "reason", "reasons": ", ".join(known)},
        )


class BreakageNotReversible(MeshError):
    """The breakage cannot be taken back any more."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _lims(reason_pb2.REASON_BREAKAGE_NOT_REVERSIBLE)

    def __init__(self, breakage: str) -> None:
        """Takes the breakage."""
        super().__init__(
            f"{breakage} cannot be taken back: the lens was begun anew or broke again since; report what is wrong now",
            metadata={"breakage": breakage},
        )


class OutOfStock(MeshError):
    """There is no blank to make the lens of."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _lims(reason_pb2.REASON_OUT_OF_STOCK)

    def __init__(self, blank: str) -> None:
        """Takes the blank."""
        super().__init__(
            f"no {blank} is available; book a delivery or a count of it, then scan the job again",
            metadata={"blank": blank},
        )


class WrongBlank(MeshError):
    """The blank is not the one the lens is made of."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _lims(reason_pb2.REASON_WRONG_BLANK)

    def __init__(self, job: str, code: str, expected: Sequence[str]) -> None:
        """Takes the job, the code that was scanned and the blanks that it is made of."""
        kinds = dict.fromkeys(expected)
        super().__init__(
            f"{code} is none of the {len(expected)} blanks of {job} here, or one too many; take {' and '.join(kinds)}",
            metadata={"job": job, "expected": ", ".join(kinds)},
        )


class BlankUnknown(MeshError):
    """There is no such blank."""

    code = grpc.StatusCode.NOT_FOUND
    reason = _lims(reason_pb2.REASON_BLANK_UNKNOWN)

    def __init__(self, blank: str, lacking: str) -> None:
        """Takes the blank and why it is none, with the way out."""
        super().__init__(f"blank: {blank} {lacking}", metadata={"field": "blank", "blank": blank})


class CountBelowReserved(MeshError):
    """Fewer blanks were counted than are set aside for jobs."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = _lims(reason_pb2.REASON_COUNT_BELOW_RESERVED)

    def __init__(self, blank: str, counted: int, reserved: int) -> None:
        """Takes the blank, how many were counted and how many are set aside."""
        super().__init__(
            f"on_hand: {counted} {blank} were counted and {reserved} are set aside in trays, which count, too; count "
            "the trays, or report what is missing there as broken",
            metadata={"field": "on_hand", "blank": blank, "reserved": str(reserved)},
        )


class RevisionNotFound(MeshError):
    """There is no such catalog revision."""

    code = grpc.StatusCode.NOT_FOUND
    reason = _lims(reason_pb2.REASON_REVISION_NOT_FOUND)
    _lacks = "no revision"
    _why = ""
    _way_out = "the list of its revisions has the number of each"

    def __init__(self, number: int) -> None:
        """Takes the number that was asked for."""
        super().__init__(
            f"the catalog has {self._lacks} {number}{self._why}; {self._way_out}",
            metadata={"revision": str(number)},
        )


class RevisionNotRead(RevisionNotFound):
    """The revision is of an earlier format: it is kept, and nothing is decided by it any more."""

    _lacks = "a revision"
    _why = " that an earlier version wrote and this one cannot read"
    _way_out = "take a later one"


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
