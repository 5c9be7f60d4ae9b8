"""What a lab does, in the words of the trade: tell the catalog, decide a spec, take a job, tell about it.

What it does with a job at the stations is `services.lims.floor.workflow`, and with its rules `services.lims.rulebook`.
"""

import uuid
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncpg
from lensmesh.events.v1.events_pb2 import CatalogPublished, JobChanged
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import log
from chassis.database import Database
from chassis.driver import Driver
from chassis.errors import NotFound
from chassis.log import Cursor, Entry
from chassis.tail import Tail
from optics.dcs.errors import DcsError
from optics.dcs.interpretation import interpret
from optics.dcs.records import parse
from rules import lab_file
from rules.catalog import Catalog
from rules.decide import decide
from rules.decision import Decision
from rules.drawing import draw
from rules.lab_file import Reading
from rules.replay.record import record
from services.lims import dates, evidence, messages, model, store
from services.lims.attempts import Attempts
from services.lims.deciding import Decisions
from services.lims.errors import DecisionNotKept, FileUnreadable, HandoffIdReused, SpecRefused
from services.lims.model import Job, Ordered, Remake, Revision, State
from services.lims.revisions import Revisions


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab and what it works with.

    Attributes:
        name: Its resource name, the tenant of everything it stores.
        product: What its LIMS calls itself.
        database: Where it stores.
        driver: The same, for statements on the hot path.
        tail: The end of its log.
        revisions: Its catalog.
        attempts: What it refused lately.
        decisions: What it decided lately.
    """

    name: str
    product: str
    database: Database
    driver: Driver
    tail: Tail
    revisions: Revisions
    attempts: Attempts
    decisions: Decisions = field(default_factory=Decisions)

    @property
    def catalog_name(self) -> str:
        """The aggregate under which its revisions are logged."""
        return f"{self.name}/catalog"


# ── catalog ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def revision_in_force(lab: Lab) -> Revision:
    """Returns the revision in force."""
    revision, _ = await catalog(lab, 0)
    return revision


async def catalog(lab: Lab, number: int) -> tuple[Revision, Catalog]:
    """Returns a revision with its catalog; 0 is the one in force.

    Raises:
        RevisionNotFound: There is no such revision.
    """
    async with lab.database.transaction(lab.name) as connection:
        if number:
            return await lab.revisions.get(connection, number)
        return await lab.revisions.in_force(connection)


async def validate(lab: Lab, asked: Ordered) -> tuple[Revision, Decision]:
    """Returns what the revision in force says of what is asked for. Changes nothing; a refusal is noted as demand."""
    revision, rules = await catalog(lab, 0)
    decision = lab.decisions.decide(revision, rules, asked)
    if not decision.accepted:
        lab.attempts.note_unless_unfinished(asked, revision, rules, decision)
    return revision, decision


@dataclass(frozen=True, slots=True)
class DecidedFile:
    """What the rules say of a lab file.

    Attributes:
        revision: The revision that decided.
        job: The file's own number of the job; empty when it has none.
        reading: The file as the rules see it.
        decision: The decision, with what of the file is not understood.
        drawing: Both lenses, as SVG; empty when it was not asked for, or there is nothing to draw.
    """

    revision: Revision
    job: str
    reading: Reading
    decision: Decision
    drawing: str


async def decide_file(
    lab: Lab, data: bytes, *, account: str = "", design: str = "", material: str = "", drawn: bool = False
) -> DecidedFile:
    """Returns what the revision in force says of a lab file. Changes nothing.

    Args:
        lab: The lab.
        data: The file.
        account: Who orders; empty is the file's own account.
        design: A design by its id, whatever the file names; empty follows the file.
        material: A material, likewise.
        drawn: Whether to draw the lenses.

    Raises:
        FileUnreadable: It is not DCS, or damaged, or too large.
    """
    try:
        job = interpret(parse(data))
    except DcsError as error:
        raise FileUnreadable(f"the file cannot be read: {error}") from error
    revision, rules = await catalog(lab, 0)
    reading = lab_file.read(job, rules, account=account, design=design, material=material)
    decision = lab_file.told(reading, decide(rules, reading.spec, revision=revision.digest))
    title = f"Job {job.job_id}" if job.job_id else "Lab file"
    drawing = draw(rules, reading.spec, decision, title=title) if drawn else ""
    return DecidedFile(revision, job.job_id or "", reading, decision, drawing)


# ── jobs ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Made:
    """A job that a hand-off made, now or before.

    Attributes:
        job: The job.
        decision: What it was accepted by; None for one older than the decisions that are kept.
    """

    job: Job
    decision: Decision | None


async def create_job(lab: Lab, handoff_id: uuid.UUID, ordered: Ordered) -> Made:
    """Creates the one job of a hand-off, pinned to the revision in force when it commits; or returns it again.

    A hand-off that has its job gets it whatever was published since, so that is looked at before the fence. That two
    calls at once make one job is the unique constraint's doing: the slower one waits for it, then finds the job.

    Raises:
        SpecRefused: The rules in force refuse the spec; nothing was created.
        HandoffIdReused: The hand-off has a job made from another spec, or for another account.
    """
    return await _create_at_once(lab, handoff_id, ordered) or await _create_carefully(lab, handoff_id, ordered)


async def _create_at_once(lab: Lab, handoff_id: uuid.UUID, ordered: Ordered) -> Made | None:
    """Creates the job as it nearly always goes: a new hand-off, accepted, under the revision in force last time.

    Returns None, and has done nothing, when any of that does not hold or a publication is under way.
    """
    latest = lab.revisions.latest_seen()
    if latest is None:
        return None
    revision, rules = latest
    decision = lab.decisions.decide(revision, rules, ordered)
    if not decision.accepted:
        return None
    received = _received(handoff_id, ordered, decision, revision, rules)
    event = messages.job_changed(received)
    try:
        created = await store.create_job(
            lab.driver, lab.name, received, decision.to_bytes(), record(rules, decision), event
        )
    except asyncpg.LockNotAvailableError:
        return None
    if created is None:
        return None
    lab.tail.poke()
    return Made(created, decision)


async def _create_carefully(lab: Lab, handoff_id: uuid.UUID, ordered: Ordered) -> Made:
    async with lab.database.transaction(lab.name) as connection:
        made = await create_behind_fence(connection, lab, handoff_id, ordered)
    lab.tail.poke()
    return made


async def create_behind_fence(
    connection: AsyncConnection, lab: Lab, handoff_id: uuid.UUID, ordered: Ordered, remake: Remake | None = None
) -> Made:
    """Creates the job of a hand-off, or returns it again, in a transaction of the caller's.

    Args:
        connection: The transaction.
        lab: The lab.
        handoff_id: The hand-off.
        ordered: What to make.
        remake: Why it is made again, without what that costs; None for a first job.

    Raises:
        SpecRefused: The rules in force refuse the spec; nothing was created.
        HandoffIdReused: The hand-off has a job made from another spec, for another account or for another reason.
    """
    known = await store.job_of_handoff(connection, lab.name, handoff_id)
    if known is not None:
        return await _replay(connection, lab, known, ordered, remake)
    await store.pass_fence(connection)
    revision, rules = await lab.revisions.in_force(connection)
    decision = lab.decisions.decide(revision, rules, ordered)
    if decision.accepted:
        received = _received(handoff_id, ordered, decision, revision, rules, remake)
        created = await store.add_job(connection, lab.name, received, decision.to_bytes(), record(rules, decision))
        if created is not None:
            await tell(connection, lab, created)
            return Made(created, decision)
    known = await store.job_of_handoff(connection, lab.name, handoff_id)  # the same one was faster elsewhere
    if known is None:
        lab.attempts.note(ordered, revision, rules, decision)
        raise SpecRefused(messages.violations_message(decision.violations), revision.number)
    return await _replay(connection, lab, known, ordered, remake)


def _received(
    handoff_id: uuid.UUID,
    ordered: Ordered,
    decision: Decision,
    revision: Revision,
    rules: Catalog,
    remake: Remake | None = None,
) -> Job:
    """Returns the job of an accepted hand-off as it begins, with its dates and what a remake costs."""
    now = datetime.now(UTC)
    charged = remake and model.charged(remake, rules.remakes, decision.price)
    begun = model.received(handoff_id, ordered, decision, revision.number, now, charged)
    return dates.promised(begun, rules.stations, rules.calendar, now, decision.lead_time_days)


async def _replay(connection: AsyncConnection, lab: Lab, known: Job, ordered: Ordered, remake: Remake | None) -> Made:
    """Returns the job a hand-off made, when it asks for the same again."""
    same = (known.spec_digest, known.account) == (ordered.digest, ordered.account)
    if not same or (remake is not None and not remake.is_of(known.remake)):
        raise HandoffIdReused(known.name)
    return Made(known, await decision_kept(connection, lab, known))


async def decision_kept(connection: AsyncConnection, lab: Lab, of: Job) -> Decision | None:
    """Returns the decision kept with a job; None when none was.

    Raises:
        RevisionNotRead: Its revision is of an earlier format.
    """
    content = await store.decision_of_job(connection, lab.name, of.number)
    if content is None:
        return None
    return evidence.read(content, await lab.revisions.catalog(connection, of.catalog_revision))


async def job_decision(lab: Lab, number: int) -> tuple[Job, Decision]:
    """Returns a job and the decision it was created by, as it was kept.

    Raises:
        NotFound: There is no such job.
        DecisionNotKept: It is older than the decisions that are kept.
    """
    async with lab.database.transaction(lab.name) as connection:
        known = found(await store.job(connection, lab.name, number), number)
        decision = await decision_kept(connection, lab, known)
    if decision is None:
        raise DecisionNotKept(known.name)
    return known, decision


async def job(lab: Lab, number: int) -> Job:
    """Returns a job.

    Raises:
        NotFound: There is no such job.
    """
    async with lab.database.transaction(lab.name) as connection:
        return found(await store.job(connection, lab.name, number), number)


async def jobs(
    lab: Lab, *, before: int | None, states: Collection[State], station: str = "", limit: int
) -> Sequence[Job]:
    """Returns jobs, newest first: those older than a number, in these states (none: all), at or before a station."""
    async with lab.database.transaction(lab.name) as connection:
        return await store.list_jobs(connection, lab.name, before=before, states=states, station=station, limit=limit)


async def job_events(lab: Lab, number: int, *, after: int, limit: int) -> Sequence[Entry]:
    """Returns a job's events after a sequence.

    Raises:
        NotFound: There is no such job.
    """
    async with lab.database.transaction(lab.name) as connection:
        known = found(await store.job(connection, lab.name, number), number)
        return await log.read_aggregate(connection, known.name, after=after, limit=limit)


async def tell(connection: AsyncConnection, lab: Lab, moved: Job) -> None:
    """Tells about the latest step of a job, in the transaction that made it."""
    event = messages.job_changed(moved)
    await log.append(connection, event, tenant=lab.name, aggregate=moved.name, sequence=moved.sequence)


def found(job: Job | None, number: int) -> Job:
    """Returns a job that was looked for.

    Raises:
        NotFound: There is none.
    """
    if job is None:
        raise NotFound(f"there is no job {number}; check the number")
    return job


# ── watches ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def watch_jobs(lab: Lab, cursor: str, *, moves_only: bool) -> tuple[Cursor, AsyncGenerator[Entry, None]]:
    """Returns where a watch of all jobs starts (from now on without a cursor) and the events after it.

    ``moves_only`` leaves out each job's first event.

    Raises:
        CursorInvalid: The cursor is malformed.
        CursorExpired: It is from a history this lab does not have.
    """
    start = await _checked(lab, cursor) if cursor else await lab.tail.end()
    return start, _follow(lab, start, JobChanged.DESCRIPTOR.full_name, later_than=1 if moves_only else 0)


async def watch_catalog(lab: Lab, cursor: str) -> tuple[Revision | None, Cursor, AsyncGenerator[Entry, None]]:
    """Returns where a watch of the catalog starts and the revisions published after it.

    Without a cursor it begins with the revision in force, which comes first; with one, None does.

    Raises:
        CursorInvalid: The cursor is malformed.
        CursorExpired: It is from a history this lab does not have.
    """
    kind = CatalogPublished.DESCRIPTOR.full_name
    if cursor:
        start = await _checked(lab, cursor)
        return None, start, _follow(lab, start, kind)
    async with lab.database.transaction(lab.name) as connection:
        revision, _ = await lab.revisions.in_force(connection)
        published = await log.read_aggregate(connection, lab.catalog_name, after=revision.number - 1, limit=1)
    # Publications follow each other behind the fence, so none with an earlier place can still come.
    start = published[0].cursor
    return revision, start, _follow(lab, start, kind)


async def _checked(lab: Lab, spelled: str) -> Cursor:
    cursor = Cursor.parse(spelled)
    async with lab.driver.across_tenants() as connection:
        await log.check(connection, cursor)
    return cursor


def _follow(lab: Lab, start: Cursor, kind: str, later_than: int = 0) -> AsyncGenerator[Entry, None]:
    return lab.tail.follow(
        start,
        matches=lambda entry: entry.kind == kind and entry.tenant == lab.name and entry.sequence > later_than,
    )
