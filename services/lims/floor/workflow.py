"""What a lab does with jobs at its stations and with the blanks in its stock room, in the words of the trade.

A step of a job is one transaction: its row and the stock it takes from are locked, in this order; the step is worked
out (`model`); job, stock, record and event are written together. So of two scanners that beep at once one is second.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from google.protobuf.message import Message
from lensmesh.lims.v1 import floor_pb2
from lensmesh.lims.v1 import floor_service_pb2 as rpc
from lensmesh.lims.v1.job_pb2 import JobSpec
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import identity, requests
from chassis.errors import FieldInvalid, NotFound
from optics.eyes import Side
from rules.catalog import Catalog, Station
from rules.spec import Spec
from services.lims import dates
from services.lims import messages as lims_messages
from services.lims import model as jobs
from services.lims import store as lims_store
from services.lims.errors import BlankUnknown, BreakageListMissing, DecisionNotKept, JobState, RevisionNotRead
from services.lims.floor import inspecting, messages, model, stock, store
from services.lims.floor import ticket as tickets
from services.lims.floor.inspecting import Measured
from services.lims.floor.model import Breakage, Step
from services.lims.floor.stock import Movement, Stock
from services.lims.floor.store import Entry, Record
from services.lims.model import Job, Judgement, Remake, State
from services.lims.workflow import Lab, Made, create_behind_fence, decision_kept, found, made_or_refused, tell

T = TypeVar("T")

_NOTHING_KEPT = "is not kept in stock; book a delivery or a count of it first"
_NOT_IN_CATALOG = "is not in the catalog; check the id, ListBlankStock and the catalog's blanks have those that are"


@dataclass(frozen=True, slots=True)
class Floor:
    """What the floor knows of a job's revision.

    Attributes:
        stations: Its stations, by id and in order.
        catalog: All of it; None where an earlier version wrote it.
    """

    stations: dict[str, Station]
    catalog: Catalog | None


async def _floor(connection: AsyncConnection, lab: Lab, job: Job) -> Floor:
    try:
        catalog = await lab.revisions.catalog(connection, job.catalog_revision)
    except RevisionNotRead:
        return Floor(dict(await lab.revisions.stations(connection, job.catalog_revision)), None)
    return Floor(dict(catalog.stations), catalog)


@dataclass(frozen=True, slots=True)
class Work:
    """A job that is locked to do something with, in a transaction.

    Attributes:
        connection: The transaction.
        lab: The lab.
        job: The job as it stands.
        floor: What its revision says.
        operator: Who does it.
        now: When.
    """

    connection: AsyncConnection
    lab: Lab
    job: Job
    floor: Floor
    operator: str
    now: datetime

    async def kept(self) -> dict[str, Stock]:
        """Returns what there is of the job's blanks, as far as they are kept, locked."""
        blanks = {lens.blank for lens in self.job.progress}
        return await store.lock_stock(self.connection, self.lab.name, blanks)

    async def do(self, step: Step, kept: dict[str, Stock] | None = None) -> Job:
        """Writes a step; one that changes nothing is left alone."""
        if step.job is self.job:
            return self.job
        await self._take(step.movements, kept)
        calendar = self.floor.catalog.calendar if self.floor.catalog else None
        due = dates.due(step.job, self.floor.stations, calendar, self.now)
        saved = await lims_store.save_job(self.connection, self.lab.name, replace(step.job, due_time=due))
        await store.add_record(self.connection, self.lab.name, saved, step.kind, step.subject, self.operator)
        await tell(self.connection, self.lab, saved)
        return saved

    async def _take(self, movements: Sequence[Movement], kept: dict[str, Stock] | None) -> None:
        shelf = kept if kept is not None else await self.kept() if movements else {}
        for movement in movements:
            shelf[movement.blank] = await _moved(
                self.connection,
                self.lab,
                shelf[movement.blank],
                movement,
                job=self.job.number,
                operator=self.operator,
            )


@asynccontextmanager
async def _working_on(lab: Lab, number: int) -> AsyncIterator[Work]:
    """Locks a job while something is done with it; what was done is seen by everybody once it is committed.

    Raises:
        NotFound: There is no such job.
    """
    async with lab.database.transaction(lab.name) as connection:
        yield await _work(connection, lab, number)
    lab.tail.poke()


async def _work(connection: AsyncConnection, lab: Lab, number: int) -> Work:
    job = found(await lims_store.lock_job(connection, lab.name, number), number)
    floor = await _floor(connection, lab, job)
    known = job if job.lenses else await _with_lenses(connection, lab, job, floor)
    return Work(connection, lab, known, floor, identity.current.get().subject, datetime.now(UTC))


async def _with_lenses(connection: AsyncConnection, lab: Lab, job: Job, floor: Floor) -> Job:
    """Returns a job that an earlier version made with the lenses of its decision, all of them as far as the job is."""
    decision = floor.catalog and await decision_kept(connection, lab, job)
    passed = job.progress[0].passed
    return replace(job, lenses=jobs.lenses_of(decision, passed) if decision else job.progress)


async def _moved(
    connection: AsyncConnection,
    lab: Lab,
    before: Stock,
    movement: Movement,
    *,
    job: int | None,
    operator: str,
    note: str = "",
) -> Stock:
    """Writes a movement of a locked stock, and the stock after it."""
    after = await store.save_stock(connection, lab.name, stock.moved(before, movement))
    await store.add_movement(connection, lab.name, movement, after, job=job, operator=operator, note=note)
    return after


# ── stations ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def scan(lab: Lab, number: int, station: str) -> Job:
    """Records that a job arrived at a station; the last one of its route ships it.

    Raises:
        NotFound: There is no such job.
        JobState: The job is on hold, cancelled or shipped.
        JobAway: It is at a partner's.
        WrongStation: The station is not the next on its route.
        InspectionMissing: A lens that goes there did not pass.
        OutOfStock: There is no blank for a lens.
    """
    async with _working_on(lab, number) as work:
        here = work.floor.stations.get(station)
        kept = await work.kept() if here and here.picks else {}
        return await work.do(model.arrive(work.job, station, work.floor.stations, kept, work.now), kept or None)


async def scan_out(lab: Lab, number: int, station: str) -> Job:
    """Records that the work at a station is done.

    Raises:
        NotFound: There is no such job.
        JobState: The job is on hold, cancelled or shipped.
        JobAway: It is at a partner's.
        NotScannedIn: It is not at the station.
        InspectionMissing: A lens that would go on did not pass.
    """
    async with _working_on(lab, number) as work:
        return await work.do(model.leave(work.job, station))


async def pick(lab: Lab, number: int, codes: Sequence[str]) -> Job:
    """Confirms by their codes that the blanks in a tray are the right ones.

    Raises:
        NotFound: There is no such job.
        JobState: The job is on hold, cancelled or shipped.
        JobAway: It is at a partner's.
        NotAtStation: It is at no station where blanks are picked.
        WrongBlank: A code is none of a lens that is picked there.
    """
    async with _working_on(lab, number) as work:
        blanks = work.floor.catalog.blanks if work.floor.catalog else {}
        return await work.do(model.pick(work.job, codes, work.floor.stations, blanks))


async def stations(lab: Lab) -> Sequence[tuple[Station, int, int]]:
    """Returns the stations of the revision in force, each with the jobs that wait for it and those that are there."""
    async with lab.database.transaction(lab.name) as connection:
        _, catalog = await lab.revisions.in_force(connection)
        crowd = await store.crowd(connection, lab.name)
    return [(station, *crowd.get(station.id, (0, 0))) for station in catalog.stations.values()]


async def records(lab: Lab, number: int) -> Sequence[Record]:
    """Returns what was done to a job, in order.

    Raises:
        NotFound: There is no such job.
    """
    return await _of_job(lab, number, store.records)


async def ticket(lab: Lab, number: int) -> bytes:
    """Returns the ticket that goes with a job's tray, as a PDF.

    Raises:
        NotFound: There is no such job.
        RevisionNotRead: Its revision is of an earlier format.
        DecisionNotKept: It is older than the decisions that are kept.
    """
    async with lab.database.transaction(lab.name) as connection:
        job = found(await lims_store.job(connection, lab.name, number), number)
        catalog = await lab.revisions.catalog(connection, job.catalog_revision)
        decision = await decision_kept(connection, lab, job)
    if decision is None:
        raise DecisionNotKept(job.name)
    return await asyncio.to_thread(tickets.ticket, _tray(job), catalog, _spec(job), decision)


def _tray(job: Job) -> tickets.Tray:
    """Returns a job as its ticket shows it."""
    why = job.remake
    return tickets.Tray(
        job=job.name,
        revision=job.catalog_revision,
        create_time=job.create_time,
        time=job.update_time,
        due_time=job.due_time,
        promise_time=job.promise_time,
        attempts={lens.side: lens.attempt for lens in job.lenses if lens.side is not None},
        ahead={
            lens.side: [job.route[place] for place in job.ahead(lens)] for lens in job.lenses if lens.side is not None
        },
        remake=tickets.MadeAgain(f"jobs/{why.job}", why.responsible.value, why.reason) if why else None,
    )


def _spec(job: Job) -> Spec:
    return lims_messages.spec(lims_messages.ordered(JobSpec.FromString(job.spec), job.account))


# ── inspections ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def inspect(lab: Lab, number: int, request: rpc.RecordInspectionRequest) -> floor_pb2.Inspection:
    """Judges what was measured of a job's lenses, and keeps the outcome.

    Raises:
        NotFound: There is no such job.
        JobState: The job is on hold, cancelled or shipped.
        JobAway: It is at a partner's.
        NotAtStation: It, or a lens, is at no station that inspects.
        LensNotInJob: It has no such lens.
        FieldInvalid: Something that is wanted was not measured, or a lens was given twice.
        ProfileMissing: Its revision has no tolerances for it.
        RequestIdReused: The request id belongs to another request.
    """
    async with _working_on(lab, number) as work:
        if earlier := await requests.claim(work.connection, lab.name, request):
            return floor_pb2.Inspection.FromString(earlier.answer or b"")
        lenses = [messages.measured(each) for each in request.lenses]
        _each_once([each.side for each in lenses], "lenses")
        at = model.to_inspect(work.job, [each.side for each in lenses], work.floor.stations)
        catalog = await lab.revisions.catalog(work.connection, work.job.catalog_revision)
        spec = _spec(work.job)
        earlier_ones = [
            floor_pb2.Inspection.FromString(each) for each in await store.inspections(work.connection, lab.name, number)
        ]
        outcome = inspecting.judge(
            inspecting.profile_of(catalog, spec), spec, lenses, _measured_before(work.job, at[0].passed, earlier_ones)
        )
        name = f"{work.job.name}/inspections/{len(earlier_ones) + 1}"
        answer = messages.inspection(name, work.job, outcome, request, operator=work.operator, time=work.now)
        content = answer.SerializeToString(deterministic=True)
        await store.add_inspection(work.connection, lab.name, number, len(earlier_ones) + 1, content)
        await work.do(model.inspected(work.job, outcome.passed, name))
        await requests.answer(work.connection, lab.name, request, subject=name, message=answer)
        return answer


def _measured_before(job: Job, place: int, earlier: Sequence[floor_pb2.Inspection]) -> list[Measured]:
    """Returns how lenses were measured that stand at the same place and passed there: each as it was last."""
    standing = {lens.side for lens in job.progress if lens.passed == place and lens.judgement is Judgement.PASSED}
    last = {each.side: each for inspection in earlier for each in map(messages.measured, inspection.lenses)}
    return [each for side, each in last.items() if side in standing]


def _each_once(sides: Sequence[Side | None], field: str) -> None:
    for index, side in enumerate(sides):
        if side in sides[:index]:
            raise FieldInvalid([(f"{field}[{index}].side", "was given before; measure each lens once")])


async def inspections(lab: Lab, number: int) -> Sequence[bytes]:
    """Returns a job's inspections as they were answered, in order.

    Raises:
        NotFound: There is no such job.
    """
    return await _of_job(lab, number, store.inspections)


# ── breakages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def break_lenses(lab: Lab, number: int, request: rpc.ReportBreakageRequest) -> Job:
    """Records that lenses broke; they go back to the station that the reason names.

    Raises:
        NotFound: There is no such job.
        JobState: The job was not begun, is on hold, cancelled or shipped.
        JobAway: It is at a partner's.
        BreakageListMissing: Its revision has no list of reasons.
        BreakageReasonUnknown: The reason is not in it, or not one of the station.
        LensNotInJob: It has no such lens.
        RequestIdReused: The request id belongs to another request.
    """
    async with _working_on(lab, number) as work:
        if await requests.claim(work.connection, lab.name, request):
            return work.job
        model.may_break(work.job)
        reasons = work.floor.catalog.breakages if work.floor.catalog else {}
        if not reasons:
            raise BreakageListMissing(work.job.name, work.job.catalog_revision)
        step, broken = model.broken(
            work.job,
            [lims_messages.side_of(side) for side in request.sides],
            model.reason_of(reasons, request.reason, work.job),
            list(work.floor.stations),
            note=request.note,
            number=len(await store.breakages(work.connection, lab.name, number)) + 1,
        )
        for each in broken:
            await store.add_breakage(work.connection, lab.name, each, operator=work.operator, time=work.now)
        saved = await work.do(step)
        await requests.answer(work.connection, lab.name, request, subject=saved.name)
        return saved


async def reverse_breakage(lab: Lab, number: int, breakage: int) -> Job:
    """Takes a breakage back: the lens and the stock are as they were.

    Raises:
        NotFound: There is no such job, or it has no such breakage.
        JobState: The job is on hold, cancelled or shipped.
        JobAway: It is at a partner's.
        BreakageNotReversible: The lens was begun anew since, or broke again.
    """
    async with _working_on(lab, number) as work:
        known = await store.breakages(work.connection, lab.name, number)
        if not 0 < breakage <= len(known):
            raise NotFound(f"{work.job.name} has no breakage {breakage}; ListBreakages has those there are")
        this = known[breakage - 1]
        step = model.mended(work.job, this, known[breakage:])
        if step.job is not work.job:
            await store.reverse_breakage(work.connection, lab.name, this, operator=work.operator, time=work.now)
        return await work.do(step)


async def breakages(lab: Lab, number: int) -> Sequence[Breakage]:
    """Returns a job's breakages, in order.

    Raises:
        NotFound: There is no such job.
    """
    return await _of_job(lab, number, store.breakages)


# ── stopped, away, given up ───────────────────────────────────────────────────────────────────────────────────────────


async def hold(lab: Lab, number: int, reason: str) -> Job:
    """Stops a job until it is released.

    Raises:
        NotFound: There is no such job.
        JobState: It has shipped or was cancelled.
        JobAway: It is at a partner's.
    """
    async with _working_on(lab, number) as work:
        return await work.do(model.held(work.job, reason))


async def release(lab: Lab, number: int) -> Job:
    """Lets a job go on where it was stopped.

    Raises:
        NotFound: There is no such job.
        JobState: It has shipped or was cancelled.
    """
    async with _working_on(lab, number) as work:
        return await work.do(model.released(work.job, work.floor.stations))


async def outsource(lab: Lab, number: int, partner: str, until: str) -> Job:
    """Records that a job left for a partner who does the work up to a station.

    Raises:
        NotFound: There is no such job.
        FieldInvalid: The station is not ahead of the job, inspects, or ships.
        JobState: It is on hold, cancelled or shipped.
        JobAway: It is at another partner's.
        InspectionMissing: A lens did not pass.
    """
    async with _working_on(lab, number) as work:
        step = model.outsourced(work.job, partner, until)
        possible = model.until_which(work.job, work.floor.stations)
        if step.job is not work.job and until not in possible:
            ways = f"it can be {', '.join(possible)}" if possible else "the lab does the rest itself"
            raise FieldInvalid([("until", f"{until} is no station up to which a partner can work now; {ways}")])
        return await work.do(step)


async def receive_from_partner(lab: Lab, number: int) -> Job:
    """Records that a job came back from a partner.

    Raises:
        NotFound: There is no such job.
        JobState: It has shipped or was cancelled.
    """
    async with _working_on(lab, number) as work:
        return await work.do(model.returned(work.job, work.floor.stations))


async def cancel(lab: Lab, number: int) -> Job:
    """Cancels a job that is not being made; returns a cancelled one as it is.

    Raises:
        NotFound: There is no such job.
        JobState: It is in production, or it has shipped.
    """
    async with _working_on(lab, number) as work:
        return await work.do(model.cancelled(work.job))


# ── made again ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def remake(lab: Lab, number: int, request: rpc.RemakeJobRequest) -> Made:
    """Creates the job by which another is made again, or returns it again.

    Raises:
        NotFound: There is no such job.
        JobState: It was cancelled.
        SpecRefused: The rules in force refuse the spec; nothing was created.
        HandoffIdReused: The request id made another job.
    """
    async with lab.database.transaction(lab.name) as connection:
        before = found(await lims_store.job(connection, lab.name, number), number)
        first = before.remake.original if before.remake else number
        # those who make it again at once are counted one after the other
        original = found(await lims_store.lock_job(connection, lab.name, first), first)
        if before.state is State.CANCELLED:
            raise JobState(before.name, before.state, "has no lens to make again; order it anew")
        since = datetime.now(UTC) - original.update_time if original.state is State.SHIPPED else None
        spec, changed = _again(JobSpec.FromString(before.spec), request)
        why = Remake(
            job=number,
            original=first,
            responsible=messages.responsible_of(request.responsibility),
            reason=request.reason,
            days=max(since.days, 0) if since else 0,
            count=await lims_store.count_remakes(connection, lab.name, first),
            changed=changed,
        )
        ordered = lims_messages.ordered(spec, before.account)
        answer = await create_behind_fence(connection, lab, uuid.UUID(request.request_id), ordered, why)
    lab.tail.poke()
    return made_or_refused(answer)


def _again(before: JobSpec, request: rpc.RemakeJobRequest) -> tuple[JobSpec, bool]:
    """Returns what a remake makes, and whether that is something else than before: to make one eye of two is not."""
    spec, same = JobSpec(), JobSpec()
    spec.CopyFrom(request.spec if request.HasField("spec") else before)
    if request.eyes:
        spec.eyes = request.eyes
    same.CopyFrom(before)
    same.eyes = spec.eyes
    return spec, spec != same


# ── stock ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Shelf:
    """What there is of a blank, with its OPC; empty where the catalog in force names none."""

    stock: Stock
    opc: str


async def receive_blanks(lab: Lab, blank: str, request: rpc.ReceiveBlanksRequest) -> floor_pb2.BlankStock:
    """Adds blanks that were delivered.

    Raises:
        BlankUnknown: The catalog in force has no such blank, and none is in stock.
        FieldInvalid: There would be too many.
        RequestIdReused: The request id belongs to another request.
    """

    def delivered(before: Stock) -> Movement:
        if before.on_hand + request.quantity > stock.MOST:
            raise FieldInvalid([("quantity", f"{before.on_hand} and so many are more than {stock.MOST:,}; count them")])
        return stock.received(blank, request.quantity)

    return await _change_stock(lab, blank, request, delivered, request.note)


async def count_blanks(lab: Lab, blank: str, request: rpc.CountBlanksRequest) -> floor_pb2.BlankStock:
    """Sets what there is of a blank to what was counted.

    Raises:
        BlankUnknown: The catalog in force has no such blank, and none is in stock.
        CountBelowReserved: Fewer were counted than are set aside.
        RequestIdReused: The request id belongs to another request.
    """
    return await _change_stock(lab, blank, request, lambda before: stock.counted(before, request.on_hand), request.note)


async def _change_stock(
    lab: Lab, blank: str, request: Message, change: Callable[[Stock], Movement], note: str
) -> floor_pb2.BlankStock:
    async with lab.database.transaction(lab.name) as connection:
        if earlier := await requests.claim(connection, lab.name, request):
            return floor_pb2.BlankStock.FromString(earlier.answer or b"")
        opc = await _opc(connection, lab, blank)
        if opc is None and not await store.lock_stock(connection, lab.name, [blank]):
            raise BlankUnknown(blank, _NOT_IN_CATALOG)
        before = await store.keep_stock(connection, lab.name, blank)
        after = await _moved(
            connection, lab, before, change(before), job=None, operator=identity.current.get().subject, note=note
        )
        answer = messages.stock(after, opc or "")
        await requests.answer(connection, lab.name, request, subject=answer.name, message=answer)
        return answer


async def _opc(connection: AsyncConnection, lab: Lab, blank: str) -> str | None:
    """Returns the OPC of a blank in the catalog in force; None when it has no such blank."""
    _, catalog = await lab.revisions.in_force(connection)
    return catalog.blanks[blank].opc if blank in catalog.blanks else None


async def set_reorder_level(lab: Lab, blank: str, *, reorder_at: int, order_up_to: int) -> Shelf:
    """Sets when a blank is to be ordered, and up to how many.

    Raises:
        BlankUnknown: None was delivered or counted yet.
    """
    async with lab.database.transaction(lab.name) as connection:
        kept = await store.lock_stock(connection, lab.name, [blank])
        if blank not in kept:
            raise BlankUnknown(blank, _NOTHING_KEPT)
        levelled = replace(kept[blank], reorder_at=reorder_at, order_up_to=order_up_to)
        after = kept[blank] if levelled == kept[blank] else await store.save_stock(connection, lab.name, levelled)
        return Shelf(after, await _opc(connection, lab, blank) or "")


async def blank_stock(lab: Lab, *, after: str, reorder_only: bool, limit: int) -> Sequence[Shelf]:
    """Returns what there is, by blank: of those after one, all of them or only what is to be ordered."""
    async with lab.database.transaction(lab.name) as connection:
        _, catalog = await lab.revisions.in_force(connection)
        rows = await store.list_stock(connection, lab.name, after=after, reorder_only=reorder_only, limit=limit)
    return [Shelf(row, catalog.blanks[row.blank].opc if row.blank in catalog.blanks else "") for row in rows]


async def movements(lab: Lab, *, before: int | None, blank: str, job: int | None, limit: int) -> Sequence[Entry]:
    """Returns the stock's changes, newest first: before a number, of a blank, of a job."""
    async with lab.database.transaction(lab.name) as connection:
        return await store.list_movements(connection, lab.name, before=before, blank=blank, job=job, limit=limit)


async def _of_job(
    lab: Lab, number: int, question: Callable[[AsyncConnection, str, int], Awaitable[Sequence[T]]]
) -> Sequence[T]:
    """Returns what is asked about a job.

    Raises:
        NotFound: There is no such job.
    """
    async with lab.database.transaction(lab.name) as connection:
        found(await lims_store.job(connection, lab.name, number), number)
        return await question(connection, lab.name, number)
