"""The LIMS's SQL, and only SQL: one function for each question.

Every statement names the lab whose rows it means; row-level security holds it to the same lab a second time.
"""

import json
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from typing import Any

from google.protobuf.message import Message
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import log
from chassis.driver import Driver
from chassis.routine import Routine
from optics.eyes import Side
from rules.floor import Responsible
from services.lims.model import Attempt, BlankState, Job, Judgement, LensProgress, Remake, Revision, State

# ── revisions ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_FENCE = "hashtext('lensmesh.lims.revision')"
_CLOSE_FENCE = text(f"select pg_advisory_xact_lock({_FENCE})")
_PASS_FENCE = text(f"select pg_advisory_xact_lock_shared({_FENCE})")

_HEAD = "number, digest, publish_time"
_IN_FORCE = text(f"select {_HEAD} from revision where tenant = :lab order by number desc limit 1")  # noqa: S608 -- the columns are this module's
_REVISION = text(f"select {_HEAD} from revision where tenant = :lab and number = :number")  # noqa: S608 -- the columns are this module's
_CONTENT = text("select content from revision where tenant = :lab and number = :number")


async def close_fence(connection: AsyncConnection) -> None:
    """Lets nobody past until this transaction ends: what publishes a revision holds this."""
    await connection.execute(_CLOSE_FENCE)


async def pass_fence(connection: AsyncConnection) -> None:
    """Waits for a publication under way, and keeps the next one out until this transaction ends.

    So the revision a transaction reads behind the fence is the one in force when it commits.
    """
    await connection.execute(_PASS_FENCE)


async def revision_in_force(connection: AsyncConnection, lab: str) -> Revision | None:
    """Returns the lab's latest revision; None before the first."""
    row = (await connection.execute(_IN_FORCE, {"lab": lab})).one_or_none()
    return Revision(*row) if row else None


async def revision(connection: AsyncConnection, lab: str, number: int) -> Revision | None:
    """Returns a revision by number."""
    row = (await connection.execute(_REVISION, {"lab": lab, "number": number})).one_or_none()
    return Revision(*row) if row else None


async def revision_content(connection: AsyncConnection, lab: str, number: int) -> bytes:
    """Returns the stored bytes of a revision that exists."""
    return bytes((await connection.execute(_CONTENT, {"lab": lab, "number": number})).scalar_one())


# ── jobs ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

_JOB = (
    "number, handoff_id, spec, spec_digest, account, state, station, route, catalog_revision, sequence, create_time,"
    " update_time, customer_status, cast(lenses as text) as lenses, arrive_time, due_time, promise_time, hold_reason,"
    " partner, partner_until, cast(remake as text) as remake"
)
_ADD_JOB = text(
    "insert into job (tenant, handoff_id, spec, spec_digest, account, decision, replay, state, station, route,"  # noqa: S608 -- the columns are this module's
    " catalog_revision, sequence, create_time, update_time, customer_status, lenses, next_station, due_time,"
    " promise_time, remake) values (:lab, :handoff_id, :spec, sha256(:spec), :account, :decision, :replay, :state, '',"
    " :route, :catalog_revision, 1, :time, :time, :customer_status, cast(:lenses as jsonb), :next_station, :due_time,"
    " :promise_time, cast(:remake as jsonb))"
    f" on conflict (tenant, handoff_id) do nothing returning {_JOB}",
)
_JOB_OF_HANDOFF = text(f"select {_JOB} from job where tenant = :lab and handoff_id = :handoff_id")  # noqa: S608 -- the columns are this module's
_JOB_BY_NUMBER = text(f"select {_JOB} from job where tenant = :lab and number = :number")  # noqa: S608 -- the columns are this module's
_DECISION_OF_JOB = text("select decision from job where tenant = :lab and number = :number")
_LOCK_JOB = text(f"select {_JOB} from job where tenant = :lab and number = :number for update")  # noqa: S608 -- the columns are this module's
_SAVE_JOB = text(
    "update job set state = :state, station = :station, sequence = :sequence, update_time = clock_timestamp(),"  # noqa: S608 -- the columns are this module's
    " customer_status = :customer_status, lenses = cast(:lenses as jsonb), next_station = :next_station,"
    " arrive_time = :arrive_time, due_time = :due_time, hold_reason = :hold_reason, partner = :partner,"
    " partner_until = :partner_until"
    f" where tenant = :lab and number = :number returning {_JOB}",
)
_COUNT_REMAKES = text(
    "select count(*) from job where tenant = :lab and remake is not null"
    " and cast(remake ->> 'original' as bigint) = :original"
)
# Of a job that an earlier version made, the next station follows from where it is.
NEXT_STATION = """coalesce(
    nullif(next_station, ''), route[coalesce(array_position(route, nullif(station, '')), 0) + 1]
)"""
_LIST_JOBS = text(
    f"select {_JOB} from job where tenant = :lab"  # noqa: S608 -- the columns are this module's
    " and (cast(:before as bigint) is null or number < :before)"
    " and (cardinality(cast(:states as text[])) = 0 or state = any(:states))"
    " and (cast(:station as text) = '' or (partner = '' and state in ('RECEIVED', 'IN_PRODUCTION')"
    f" and case when arrive_time is null then {NEXT_STATION} else station end = :station))"
    " order by number desc limit :limit",
)


async def add_job(connection: AsyncConnection, lab: str, received: Job, decision: bytes, replay: bytes) -> Job | None:
    """Adds the job of a hand-off and returns it; None when the hand-off has its job already.

    Waits for a transaction that is adding the same one.
    """
    parameters = {
        "lab": lab,
        "handoff_id": received.handoff_id,
        "spec": received.spec,
        "account": received.account,
        "decision": decision,
        "replay": replay,
        "state": received.state,
        "route": list(received.route),
        "catalog_revision": received.catalog_revision,
        "time": received.create_time,
        "customer_status": received.customer_status,
        "lenses": written(received.lenses),
        "next_station": received.next_station,
        "due_time": received.due_time,
        "promise_time": received.promise_time,
        "remake": json.dumps(asdict(received.remake)) if received.remake else None,
    }
    row = (await connection.execute(_ADD_JOB, parameters)).mappings().one_or_none()
    return _job(row) if row else None


async def job_of_handoff(connection: AsyncConnection, lab: str, handoff_id: uuid.UUID) -> Job | None:
    """Returns the job that a hand-off made."""
    row = (await connection.execute(_JOB_OF_HANDOFF, {"lab": lab, "handoff_id": handoff_id})).mappings().one_or_none()
    return _job(row) if row else None


async def job(connection: AsyncConnection, lab: str, number: int) -> Job | None:
    """Returns a job by number."""
    row = (await connection.execute(_JOB_BY_NUMBER, {"lab": lab, "number": number})).mappings().one_or_none()
    return _job(row) if row else None


async def decision_of_job(connection: AsyncConnection, lab: str, number: int) -> bytes | None:
    """Returns the decision kept with a job that exists; None when none was kept."""
    found = (await connection.execute(_DECISION_OF_JOB, {"lab": lab, "number": number})).scalar_one()
    return None if found is None else bytes(found)


async def lock_job(connection: AsyncConnection, lab: str, number: int) -> Job | None:
    """Returns a job by number as it stands now, and nobody else moves it until this transaction ends."""
    row = (await connection.execute(_LOCK_JOB, {"lab": lab, "number": number})).mappings().one_or_none()
    return _job(row) if row else None


async def save_job(connection: AsyncConnection, lab: str, moved: Job) -> Job:
    """Writes where a locked job stands now, and returns it with the time of it."""
    parameters = {
        "lab": lab,
        "number": moved.number,
        "state": moved.state,
        "station": moved.station,
        "sequence": moved.sequence,
        "customer_status": moved.customer_status,
        "lenses": written(moved.lenses),
        "next_station": moved.next_station,
        "arrive_time": moved.arrive_time,
        "due_time": moved.due_time,
        "hold_reason": moved.hold_reason,
        "partner": moved.partner,
        "partner_until": moved.partner_until,
    }
    return _job((await connection.execute(_SAVE_JOB, parameters)).mappings().one())


async def count_remakes(connection: AsyncConnection, lab: str, original: int) -> int:
    """Returns how often a job was made again."""
    return int((await connection.execute(_COUNT_REMAKES, {"lab": lab, "original": original})).scalar_one())


async def list_jobs(
    connection: AsyncConnection,
    lab: str,
    *,
    before: int | None,
    states: Collection[State],
    station: str,
    limit: int,
) -> Sequence[Job]:
    """Returns jobs, newest first: those with a number below ``before`` (None: all), in these states (none: all).

    With a station only those that are there, or at none and go there next.
    """
    parameters = {"lab": lab, "before": before, "states": sorted(states), "station": station, "limit": limit}
    return [_job(row) for row in (await connection.execute(_LIST_JOBS, parameters)).mappings()]


# ── refused attempts ──────────────────────────────────────────────────────────────────────────────────────────────────

_ADD_ATTEMPT = text(
    "insert into attempt as known (tenant, spec_digest, spec, replay, violations, count, catalog_revision)"
    " values (:lab, sha256(:spec), :spec, :replay, :violations, :count, :catalog_revision)"
    " on conflict (tenant, spec_digest) do update set count = known.count + excluded.count,"
    " last_time = clock_timestamp(), replay = excluded.replay, violations = excluded.violations,"
    " catalog_revision = excluded.catalog_revision",
)


async def add_attempts(connection: AsyncConnection, lab: str, attempts: Sequence[Attempt]) -> None:
    """Adds refused attempts, or counts them once more where they are known."""
    # in one order, whoever writes: two replicas that wait for each other's rows would never end
    ordered = sorted(attempts, key=lambda attempt: sha256(attempt.spec).digest())
    await connection.execute(_ADD_ATTEMPT, [{"lab": lab, **asdict(attempt)} for attempt in ordered])


# ── on the hot path: a routine, one round trip where the functions above take six ─────────────────────────────────────

# The event needs the job's name, which only the insert knows. A message may be written in pieces that are read as one:
# so the piece that says `JobChanged.event.job` (field 1 in field 1, each with the length of what it holds) comes last.
_NAMED = r"""
    $9 || '\x0a'::bytea || set_byte('\x00'::bytea, 0, length(name) + 2)
    || '\x0a'::bytea || set_byte('\x00'::bytea, 0, length(name)) || convert_to(name, 'UTF8')
"""
_CREATE_JOB = Routine(
    "create_job",
    (
        *("uuid", "bytea", "text[]", "bigint", "timestamptz", "text", "text", "bytea", "text", "bytea"),
        *("timestamptz", "timestamptz", "jsonb", "text", "bytea"),
    ),
    returns="number bigint",
    body=f"""
        declare made bigint; name text;
        begin
            perform set_config('lock_timeout', '50ms', true);
            perform pg_advisory_xact_lock_shared({_FENCE});
            insert into job (tenant, handoff_id, spec, spec_digest, account, decision, replay, state, station, route,
                catalog_revision, sequence, create_time, update_time, due_time, promise_time, lenses,
                customer_status, next_station)
            select $1, $2, $3, sha256($3), $10, $11, $16, 'RECEIVED', '', $4, $5, 1, $6, $6, $12, $13, $14, $15, $4[1]
            where (select revision.number from revision where tenant = $1 order by revision.number desc limit 1) = $5
            on conflict (tenant, handoff_id) do nothing returning job.number into made;
            if not found then return; end if;
            name := 'jobs/' || made;
            {log.appending(tenant="$1", aggregate="name", sequence="1", event=("$7", "$8", _NAMED))};
            return query select made;
        end;
    """,  # noqa: S608 -- constants of this module
)
ROUTINES = (_CREATE_JOB,)


async def create_job(driver: Driver, lab: str, job: Job, decision: bytes, replay: bytes, event: Message) -> Job | None:
    """Adds a job, the decision behind it, what that was made of, and the event; returns the job with its number.

    Returns None, and has done nothing, when its hand-off has a job or another revision than its own is in force.

    Raises:
        asyncpg.LockNotAvailableError: A publication is under way.
    """
    row = await driver.call(
        _CREATE_JOB,
        lab,
        job.handoff_id,
        job.spec,
        job.route,
        job.catalog_revision,
        job.create_time,
        *log.recorded(event),
        job.account,
        decision,
        job.due_time,
        job.promise_time,
        written(job.lenses),
        job.customer_status,
        replay,
    )
    return replace(job, number=row[0]) if row else None


def _job(row: RowMapping) -> Job:
    return Job(
        **{
            **row,
            "state": State(row["state"]),
            "route": tuple(row["route"]),
            "lenses": tuple(map(lens, json.loads(row["lenses"]))),
            "remake": _remake(json.loads(row["remake"])) if row["remake"] else None,
        }
    )


def written(lenses: Iterable[LensProgress]) -> str:
    """Returns lenses as they are stored."""
    return json.dumps([asdict(each) for each in lenses])


def lens(stored: Mapping[str, Any]) -> LensProgress:
    """Returns a lens as it was stored."""
    return LensProgress(
        **{
            **stored,
            "side": Side(stored["side"]) if stored["side"] else None,
            "route": tuple(stored["route"]),
            "judgement": Judgement(stored["judgement"]),
            "blank_state": BlankState(stored["blank_state"]),
        }
    )


def _remake(stored: Mapping[str, Any]) -> Remake:
    return Remake(**{**stored, "responsible": Responsible(stored["responsible"])})
