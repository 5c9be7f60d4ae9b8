"""What happens to a job on the floor: the rules of its lenses, as functions from a job to the job after it.

A lens goes through the stations of its own route, a job through those of its lenses: next is the earliest station that
any of its lenses needs. Whatever arrives there with the tray and does not need it waits; so after one lens broke only
that one goes again, and the pair meets again by itself.

    arrive ──▶ leave ──▶ arrive ...            a lens that arrives where lenses are inspected has to pass to arrive
      │                                        anywhere else
      └──▶ broken: back to the station that the reason names, with a new blank or without

Every function returns a `Step`: the job after it, and what it takes from the stock. One that changes nothing returns
the very job it was given.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from optics.eyes import Side
from rules.catalog import Blank, Station
from rules.floor import Breakage as Reason
from services.lims import model
from services.lims.errors import (
    BreakageNotReversible,
    BreakageReasonUnknown,
    InspectionMissing,
    JobAway,
    JobState,
    LensNotInJob,
    NotAtStation,
    NotScannedIn,
    WrongBlank,
    WrongStation,
)
from services.lims.floor import stock
from services.lims.floor.stock import Kind as Move
from services.lims.floor.stock import Movement
from services.lims.model import NOWHERE, OPEN, Action, BlankState, Job, Judgement, LensProgress, State

_PICKS = "blanks are picked"
_INSPECTS = "lenses are inspected"


class Kind(StrEnum):
    """What was done to a job; the contract's names."""

    SCANNED_IN = "SCANNED_IN"
    SCANNED_OUT = "SCANNED_OUT"
    PICKED = "PICKED"
    INSPECTED = "INSPECTED"
    BROKEN = "BROKEN"
    BREAKAGE_REVERSED = "BREAKAGE_REVERSED"
    HELD = "HELD"
    RELEASED = "RELEASED"
    OUTSOURCED = "OUTSOURCED"
    RETURNED = "RETURNED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Step:
    """What was done to a job.

    Attributes:
        job: The job after it.
        kind: What it was.
        movements: What it takes from the stock.
        subject: What it was about; empty where there is nothing to say.
    """

    job: Job
    kind: Kind
    movements: tuple[Movement, ...] = ()
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Breakage:
    """A lens that broke.

    Attributes:
        job: Number of the job.
        number: Which of the job's breakages, from 1.
        reason: The reason, with what follows from it.
        station: Where it was reported.
        note: What was noted.
        before: The lens before it.
        after: The lens after it.
        operator: Who reported it; set when it is stored, as the rest.
        time: When.
        reverse_time: When it was taken back; None while it stands.
        reversed_by: Who took it back.
    """

    job: int
    number: int
    reason: Reason
    station: str
    note: str
    before: LensProgress
    after: LensProgress
    operator: str = ""
    time: datetime | None = None
    reverse_time: datetime | None = None
    reversed_by: str = ""

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"jobs/{self.job}/breakages/{self.number}"


# ── stations ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def arrive(job: Job, station: str, floor: Mapping[str, Station], kept: Collection[str], time: datetime) -> Step:
    """Returns the job after it arrived at a station; the same job when it is there already.

    Args:
        job: The job.
        station: The station that scans.
        floor: The stations of the job's revision, by id.
        kept: The blanks that are kept in stock; of others nothing is set aside.
        time: When.

    Raises:
        JobAway: It is at a partner's.
        JobState: It is on hold, cancelled or shipped.
        WrongStation: The station is not its next.
        InspectionMissing: A lens that goes there did not pass.
    """
    _here(job)
    if station == job.station != job.next_station:
        return Step(job, Kind.SCANNED_IN)
    ships = station == job.route[-1]
    moved = model.move(job, Action.SHIP if ships else Action.PROCESS)
    if station != job.next_station:
        raise WrongStation(job.name, station, job.next_station)
    place = job.route.index(station)
    going = [lens for lens in job.progress if _next(job, lens) == place]
    _may_go(job, going)
    taken = tuple(movement for lens in going for movement in _taken(lens, floor[station], kept))
    reserved = {movement.side for movement in taken if movement.kind is Move.RESERVED}
    lenses = tuple(
        _arrived(lens, place, floor[station], reserved=lens.side in reserved) if lens in going else lens
        for lens in job.progress
    )
    after = replace(
        moved,
        station=station,
        lenses=lenses,
        arrive_time=None if ships else time,
        customer_status=floor[station].description,
    )
    return Step(after, Kind.SCANNED_IN, taken)


def _taken(lens: LensProgress, station: Station, kept: Collection[str]) -> list[Movement]:
    """Returns what a lens takes from the stock when it arrives: what was set aside for it, or what is now."""
    match lens.blank_state:
        case BlankState.RESERVED:
            return [stock.one(Move.CONSUMED, lens.blank, lens.side)]
        case BlankState.NONE if station.picks and lens.blank in kept:
            return [stock.one(Move.RESERVED, lens.blank, lens.side)]
    return []


def _arrived(lens: LensProgress, place: int, station: Station, *, reserved: bool) -> LensProgress:
    state = {BlankState.RESERVED: BlankState.CONSUMED}.get(lens.blank_state, lens.blank_state)
    return replace(
        lens,
        passed=place,
        judgement=Judgement.DUE if station.inspects else Judgement.NONE,
        blank_state=BlankState.RESERVED if reserved else state,
    )


def leave(job: Job, station: str) -> Step:
    """Returns the job after the work at a station was done; the same job when that was said already.

    Raises:
        JobAway: It is at a partner's.
        JobState: It is on hold, cancelled or shipped.
        NotScannedIn: It is not at the station.
        InspectionMissing: A lens that would go on did not pass.
    """
    _here(job)
    if station == job.station and job.arrive_time is None:
        return Step(job, Kind.SCANNED_OUT)
    moved = model.move(job, Action.PROCESS)
    if station != job.station:
        raise NotScannedIn(job.name, station, job.station)
    _may_go(job, [lens for lens in job.progress if _next(job, lens) == job.next_place])
    return Step(replace(moved, arrive_time=None), Kind.SCANNED_OUT)


def _here(job: Job) -> None:
    if job.partner:
        raise JobAway(job.name, job.partner)


def _next(job: Job, lens: LensProgress) -> int | None:
    return next(iter(job.ahead(lens)), None)


def _may_go(job: Job, lenses: Sequence[LensProgress]) -> None:
    """Lets lenses go on that passed, or did not have to."""
    held = [lens for lens in lenses if lens.judgement in (Judgement.DUE, Judgement.FAILED)]
    if held:
        raise InspectionMissing(job.name, job.route[held[0].passed], [words(lens.side) for lens in held])


def words(side: Side | None) -> str:
    """Returns a lens in a sentence."""
    return "the lens" if side is None else {Side.RIGHT: "the right lens", Side.LEFT: "the left lens"}[side]


# ── blanks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def pick(job: Job, codes: Sequence[str], floor: Mapping[str, Station], blanks: Mapping[str, Blank]) -> Step:
    """Returns the job after blanks were confirmed by their codes: each the id or the OPC of a lens's blank.

    Codes go to the lenses in their order, so that the same codes confirm the same lenses however often they are sent.

    Raises:
        JobAway: It is at a partner's.
        JobState: It is on hold, cancelled or shipped.
        NotAtStation: It is at no station where blanks are picked.
        WrongBlank: A code is none of a lens that is picked there, or there are too many of it.
    """
    _here(job)
    moved = model.move(job, Action.PROCESS)
    if job.arrive_time is None or not floor[job.station].picks:
        raise NotAtStation(job.name, job.station, _PICKS)
    waiting = [lens for lens in job.progress if _at(job, lens) == job.station]
    confirmed: list[LensProgress] = []
    for code in codes:
        fitting = [lens for lens in waiting if lens not in confirmed and code in _codes(lens, blanks)]
        if not fitting:
            raise WrongBlank(job.name, code, [lens.blank for lens in waiting])
        confirmed.append(fitting[0])
    if all(lens.picked for lens in confirmed):
        return Step(job, Kind.PICKED)
    lenses = tuple(replace(lens, picked=lens.picked or lens in confirmed) for lens in job.progress)
    return Step(replace(moved, lenses=lenses), Kind.PICKED)


def _codes(lens: LensProgress, blanks: Mapping[str, Blank]) -> set[str]:
    blank = blanks.get(lens.blank)
    return {lens.blank, blank.opc if blank else ""} - {""}


def _at(job: Job, lens: LensProgress) -> str:
    """Returns the station that a lens reached last; empty before the first."""
    return job.route[lens.passed] if lens.passed != NOWHERE else ""


# ── inspections ───────────────────────────────────────────────────────────────────────────────────────────────────────


def to_inspect(job: Job, sides: Sequence[Side | None], floor: Mapping[str, Station]) -> tuple[LensProgress, ...]:
    """Returns the lenses that are measured, which have to be at the inspecting station where the job is.

    Raises:
        JobAway: The job is at a partner's.
        JobState: It is on hold, cancelled or shipped.
        LensNotInJob: It has no such lens.
        NotAtStation: It, or the lens, is at no station that inspects.
    """
    _here(job)
    model.move(job, Action.PROCESS)
    lenses = tuple(lens_of(job, side) for side in sides)
    inspects = job.arrive_time is not None and floor[job.station].inspects
    for lens in lenses:
        if not inspects or _at(job, lens) != job.station:
            raise NotAtStation(job.name, job.station, _INSPECTS)
    return lenses


def inspected(job: Job, passed: Mapping[Side | None, bool], name: str) -> Step:
    """Returns the job after lenses were measured at the station where they are, and each passed or not."""
    judged = {True: Judgement.PASSED, False: Judgement.FAILED}
    lenses = tuple(
        replace(lens, judgement=judged[passed[lens.side]]) if lens.side in passed else lens for lens in job.progress
    )
    return Step(replace(model.move(job, Action.PROCESS), lenses=lenses), Kind.INSPECTED, subject=name)


def lens_of(job: Job, side: Side | None) -> LensProgress:
    """Returns a lens of a job.

    Raises:
        LensNotInJob: The job has no such lens.
    """
    for lens in job.progress:
        if lens.side is side:
            return lens
    raise LensNotInJob(job.name, words(side).removeprefix("the "), [words(lens.side) for lens in job.progress])


# ── breakages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def reason_of(reasons: Mapping[str, Reason], reason: str, job: Job) -> Reason:
    """Returns the reason for a breakage at the station where a job is.

    Raises:
        BreakageReasonUnknown: It is not in the list, or not one of the station.
    """
    there = {each.id: each for each in reasons.values() if not each.stations or job.station in each.stations}
    if reason not in there:
        raise BreakageReasonUnknown(reason, job.station, list(there))
    return there[reason]


def may_break(job: Job) -> None:
    """Lets a breakage be reported.

    Raises:
        JobAway: The job is at a partner's.
        JobState: It is on hold, cancelled or shipped, or was not begun.
    """
    _here(job)
    if job.state is State.RECEIVED:
        raise JobState(job.name, job.state, "has no lens that could break; scan it in at its first station")
    model.move(job, Action.PROCESS)


def broken(
    job: Job, sides: Sequence[Side | None], reason: Reason, floor: Sequence[str], *, note: str, number: int
) -> tuple[Step, tuple[Breakage, ...]]:
    """Returns the job after lenses broke, and the breakages.

    Args:
        job: The job, of which something can break.
        sides: Which lenses.
        reason: Why.
        floor: Every station of the floor, by id and in order.
        note: What is noted.
        number: The number of the first of these breakages.

    Raises:
        LensNotInJob: The job has no such lens.
    """
    lenses = [lens_of(job, side) for side in sides]
    breakages = tuple(
        Breakage(job.number, number + index, reason, job.station, note, lens, _after(job, lens, reason, floor))
        for index, lens in enumerate(lenses)
    )
    after = {each.before.side: each.after for each in breakages}
    step = Step(
        replace(model.move(job, Action.PROCESS), lenses=tuple(after.get(lens.side, lens) for lens in job.progress)),
        Kind.BROKEN,
        tuple(movement for each in breakages for movement in _lost(each, Move.BROKEN)),
        subject=" ".join(each.name for each in breakages),
    )
    return step, breakages


def _after(job: Job, lens: LensProgress, reason: Reason, floor: Sequence[str]) -> LensProgress:
    """Returns a lens after it broke: before the station where it starts again, or where it was if that is ahead."""
    order = {station: place for place, station in enumerate(floor)}
    begins = order.get(reason.returns_to, 0)
    before = [place for place, station in enumerate(job.route) if order.get(station, begins) < begins]
    back = replace(lens, passed=min(max(before, default=NOWHERE), lens.passed), judgement=Judgement.NONE)
    if not reason.new_blank:
        return back
    return replace(back, attempt=lens.attempt + 1, blank_state=BlankState.NONE, picked=False)


def _lost(breakage: Breakage, kind: Move) -> list[Movement]:
    """Returns what a breakage, or taking it back, does to the stock."""
    lens = breakage.before
    match lens.blank_state if breakage.reason.new_blank else BlankState.NONE:
        case BlankState.RESERVED:
            return [stock.one(kind, lens.blank, lens.side)]
        case BlankState.CONSUMED:
            return [stock.counted_only(kind, lens.blank, lens.side)]
    return []


def mended(job: Job, breakage: Breakage, later: Collection[Breakage]) -> Step:
    """Returns the job after a breakage was taken back; the same job when that was done already.

    Args:
        job: The job.
        breakage: The breakage.
        later: Those of the job that were reported after it.

    Raises:
        JobAway: The job is at a partner's.
        JobState: It is on hold, cancelled or shipped.
        BreakageNotReversible: The lens was begun anew since, or broke again.
    """
    if breakage.reverse_time is not None:
        return Step(job, Kind.BREAKAGE_REVERSED)
    _here(job)
    moved = model.move(job, Action.PROCESS)
    side = breakage.before.side
    again = any(each.before.side is side and each.reverse_time is None for each in later)
    if again or lens_of(job, side) != breakage.after:
        raise BreakageNotReversible(breakage.name)
    lenses = tuple(breakage.before if lens.side is side else lens for lens in job.progress)
    return Step(
        replace(moved, lenses=lenses), Kind.BREAKAGE_REVERSED, tuple(_lost(breakage, Move.REVERSED)), breakage.name
    )


# ── stopped, away, given up ───────────────────────────────────────────────────────────────────────────────────────────


def held(job: Job, reason: str) -> Step:
    """Returns the job stopped; the same job when it is, for the same reason.

    Raises:
        JobAway: It is at a partner's.
        JobState: It has shipped or was cancelled.
    """
    _here(job)
    if job.state is State.ON_HOLD and job.hold_reason == reason:
        return Step(job, Kind.HELD)
    moved = model.move(job, Action.HOLD)
    return Step(replace(moved, hold_reason=reason, customer_status=model.ON_HOLD), Kind.HELD, subject=reason)


def released(job: Job, floor: Mapping[str, Station]) -> Step:
    """Returns the job going on where it was stopped; the same job when it is not stopped.

    Raises:
        JobState: It has shipped or was cancelled.
    """
    if job.state in OPEN:
        return Step(job, Kind.RELEASED)
    moved = model.move(job, Action.RESUME if job.station else Action.REOPEN)
    status = floor[job.station].description if job.station else model.RECEIVED
    return Step(replace(moved, hold_reason="", customer_status=status), Kind.RELEASED)


def until_which(job: Job, floor: Mapping[str, Station]) -> tuple[str, ...]:
    """Returns the stations up to which a partner can do a job's work: those ahead that neither inspect nor ship."""
    ahead = {place for lens in job.progress for place in job.ahead(lens)}
    return tuple(
        station for place, station in enumerate(job.route[:-1]) if place in ahead and not floor[station].inspects
    )


def outsourced(job: Job, partner: str, until: str) -> Step:
    """Returns the job after it left for a partner; the same job when it is there already, up to the same station.

    Args:
        job: The job.
        partner: Who works on it.
        until: The last station that the partner does the work of; one of `until_which`.

    Raises:
        JobAway: It is at another partner's.
        JobState: It is on hold, cancelled or shipped.
        InspectionMissing: A lens did not pass.
    """
    if (job.partner, job.partner_until) == (partner, until):
        return Step(job, Kind.OUTSOURCED)
    _here(job)
    moved = model.move(job, Action.PROCESS)
    _may_go(job, [lens for lens in job.progress if _next(job, lens) == job.next_place])
    taken = tuple(
        stock.one(Move.CONSUMED, lens.blank, lens.side)
        for lens in job.progress
        if lens.blank_state is BlankState.RESERVED
    )
    lenses = tuple(
        replace(lens, blank_state=BlankState.CONSUMED) if lens.blank_state is BlankState.RESERVED else lens
        for lens in job.progress
    )
    away = replace(moved, lenses=lenses, partner=partner, partner_until=until, arrive_time=None)
    return Step(away, Kind.OUTSOURCED, taken, subject=partner)


def returned(job: Job, floor: Mapping[str, Station]) -> Step:
    """Returns the job after it came back from a partner, behind the last station whose work was done there.

    Raises:
        JobState: It has shipped or was cancelled.
    """
    if not job.partner and job.state not in (State.SHIPPED, State.CANCELLED):
        return Step(job, Kind.RETURNED)
    moved = model.move(job, Action.PROCESS)
    place = job.route.index(job.partner_until)
    lenses = tuple(
        replace(lens, passed=place, judgement=Judgement.NONE) if lens.passed < place else lens for lens in job.progress
    )
    back = replace(
        moved,
        lenses=lenses,
        station=job.partner_until,
        customer_status=floor[job.partner_until].description,
        partner="",
        partner_until="",
    )
    return Step(back, Kind.RETURNED, subject=job.partner)


def cancelled(job: Job) -> Step:
    """Returns the job cancelled, and what was set aside for it free again; the same job when it is cancelled already.

    Raises:
        JobState: It is in production, or it has shipped.
    """
    if job.state is State.CANCELLED:
        return Step(job, Kind.CANCELLED)
    moved = model.move(job, Action.CANCEL)
    free = tuple(
        stock.one(Move.RELEASED, lens.blank, lens.side)
        for lens in job.progress
        if lens.blank_state is BlankState.RESERVED
    )
    lenses = tuple(
        replace(lens, blank_state=BlankState.NONE) if lens.blank_state is BlankState.RESERVED else lens
        for lens in job.lenses
    )
    gone = replace(moved, lenses=lenses, hold_reason="", customer_status=model.CANCELLED, arrive_time=None)
    return Step(gone, Kind.CANCELLED, free)
