"""The floor's SQL, and only SQL: what was done, what broke, what was measured, what there is in stock.

The jobs themselves are `services.lims.store`.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from optics.eyes import Side
from rules.floor import Breakage as Reason
from rules.floor import Responsible
from services.lims import store
from services.lims.floor.model import Breakage, Kind
from services.lims.floor.stock import Kind as Move
from services.lims.floor.stock import Movement, Stock
from services.lims.model import Job

# ── records ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Record:
    """One thing done to a job.

    Attributes:
        sequence: Sequence of the job's event about it.
        kind: What it was.
        station: Where; empty before the first station.
        subject: What it was about; empty where there is nothing to say.
        operator: Who did it.
        time: When.
    """

    sequence: int
    kind: Kind
    station: str
    subject: str
    operator: str
    time: datetime


_ADD_RECORD = text(
    "insert into floor_record (tenant, job, sequence, kind, station, subject, operator, time)"
    " values (:lab, :job, :sequence, :kind, :station, :subject, :operator, :time)"
)
_RECORDS = text(
    "select sequence, kind, station, subject, operator, time from floor_record where tenant = :lab and job = :job"
    " order by sequence"
)


async def add_record(connection: AsyncConnection, lab: str, job: Job, kind: Kind, subject: str, operator: str) -> None:
    """Records what brought a job where it stands."""
    parameters = {
        "lab": lab,
        "job": job.number,
        "sequence": job.sequence,
        "kind": kind,
        "station": job.station,
        "subject": subject,
        "operator": operator,
        "time": job.update_time,
    }
    await connection.execute(_ADD_RECORD, parameters)


async def records(connection: AsyncConnection, lab: str, job: int) -> Sequence[Record]:
    """Returns what was done to a job, in order."""
    rows = (await connection.execute(_RECORDS, {"lab": lab, "job": job})).mappings()
    return [Record(**{**row, "kind": Kind(row["kind"])}) for row in rows]


# ── stations ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_CROWD = text(
    f"select case when arrive_time is null then {store.NEXT_STATION} else station end as station,"  # noqa: S608 -- a constant of ours
    " count(*) filter (where arrive_time is null) as waiting,"
    " count(*) filter (where arrive_time is not null) as working"
    " from job where tenant = :lab and state in ('RECEIVED', 'IN_PRODUCTION') and partner = '' group by 1"
)


async def crowd(connection: AsyncConnection, lab: str) -> Mapping[str, tuple[int, int]]:
    """Returns, by station, how many jobs wait to go there and how many are there."""
    rows = (await connection.execute(_CROWD, {"lab": lab})).all()
    return {row.station: (row.waiting, row.working) for row in rows}


# ── breakages ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_ADD_BREAKAGE = text(
    "insert into breakage (tenant, job, number, reason, station, note, before, after, operator, time)"
    " values (:lab, :job, :number, cast(:reason as jsonb), :station, :note, cast(:before as jsonb),"
    " cast(:after as jsonb), :operator, :time)"
)
_REVERSE = text(
    "update breakage set reverse_time = :time, reversed_by = :operator"
    " where tenant = :lab and job = :job and number = :number"
)
_BREAKAGES = text(
    "select job, number, cast(reason as text) as reason, station, note, cast(before as text) as before,"
    " cast(after as text) as after, operator, time, reverse_time, reversed_by"
    " from breakage where tenant = :lab and job = :job order by number"
)


async def add_breakage(
    connection: AsyncConnection, lab: str, breakage: Breakage, *, operator: str, time: datetime
) -> None:
    """Adds a breakage."""
    parameters = {
        "lab": lab,
        "job": breakage.job,
        "number": breakage.number,
        "reason": json.dumps(asdict(breakage.reason)),
        "station": breakage.station,
        "note": breakage.note,
        "before": json.dumps(asdict(breakage.before)),
        "after": json.dumps(asdict(breakage.after)),
        "operator": operator,
        "time": time,
    }
    await connection.execute(_ADD_BREAKAGE, parameters)


async def reverse_breakage(
    connection: AsyncConnection, lab: str, breakage: Breakage, *, operator: str, time: datetime
) -> None:
    """Writes that a breakage was taken back."""
    parameters = {"lab": lab, "job": breakage.job, "number": breakage.number, "operator": operator, "time": time}
    await connection.execute(_REVERSE, parameters)


async def breakages(connection: AsyncConnection, lab: str, job: int) -> Sequence[Breakage]:
    """Returns a job's breakages, in order."""
    return [_breakage(row) for row in (await connection.execute(_BREAKAGES, {"lab": lab, "job": job})).mappings()]


def _breakage(row: RowMapping) -> Breakage:
    reason = json.loads(row["reason"])
    told = {"responsible": Responsible(reason["responsible"]), "stations": tuple(reason["stations"])}
    lenses = {name: store.lens(json.loads(row[name])) for name in ("before", "after")}
    return Breakage(**{**row, "reason": Reason(**{**reason, **told}), **lenses})


# ── inspections ───────────────────────────────────────────────────────────────────────────────────────────────────────

_ADD_INSPECTION = text("insert into inspection (tenant, job, number, content) values (:lab, :job, :number, :content)")
_INSPECTIONS = text("select content from inspection where tenant = :lab and job = :job order by number")


async def add_inspection(connection: AsyncConnection, lab: str, job: int, number: int, content: bytes) -> None:
    """Adds an inspection: the contract's message, as it is answered."""
    await connection.execute(_ADD_INSPECTION, {"lab": lab, "job": job, "number": number, "content": content})


async def inspections(connection: AsyncConnection, lab: str, job: int) -> Sequence[bytes]:
    """Returns a job's inspections as they were answered, in order."""
    return [bytes(row.content) for row in await connection.execute(_INSPECTIONS, {"lab": lab, "job": job})]


# ── stock ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Entry:
    """A movement as it stands in the ledger.

    Attributes:
        number: Its place.
        movement: What changed.
        on_hand: The balance after it.
        reserved: How many are set aside after it.
        job: Number of the job it was for; None for none.
        operator: Who did it.
        note: What was noted.
        time: When.
    """

    number: int
    movement: Movement
    on_hand: int
    reserved: int
    job: int | None
    operator: str
    note: str
    time: datetime


_STOCK = "blank, on_hand, reserved, reorder_at, order_up_to, update_time"
_LOCK_STOCK = text(
    f"select {_STOCK} from blank_stock where tenant = :lab and blank = any(:blanks) order by blank for update"  # noqa: S608 -- the columns are this module's
)
_KEEP = text("insert into blank_stock (tenant, blank) values (:lab, :blank) on conflict do nothing")
_SAVE_STOCK = text(
    "update blank_stock set on_hand = :on_hand, reserved = :reserved, reorder_at = :reorder_at,"  # noqa: S608 -- the columns are this module's
    " order_up_to = :order_up_to, update_time = clock_timestamp()"
    f" where tenant = :lab and blank = :blank returning {_STOCK}"
)
_LIST_STOCK = text(
    f"select {_STOCK} from blank_stock where tenant = :lab and blank > :after"  # noqa: S608 -- the columns are this module's
    " and (not :reorder_only or on_hand - reserved <= reorder_at) order by blank limit :limit"
)
_ADD_MOVEMENT = text(
    "insert into stock_movement (tenant, blank, kind, quantity, on_hand_change, reserved_change, on_hand, reserved,"
    " job, side, operator, note) values (:lab, :blank, :kind, :quantity, :on_hand_change, :reserved_change, :on_hand,"
    " :reserved, :job, :side, :operator, :note)"
)
_LIST_MOVEMENTS = text(
    "select number, blank, kind, quantity, on_hand_change, reserved_change, on_hand, reserved, job, side, operator,"
    " note, time from stock_movement where tenant = :lab and (cast(:before as bigint) is null or number < :before)"
    " and (cast(:blank as text) = '' or blank = :blank) and (cast(:job as bigint) is null or job = :job)"
    " order by number desc limit :limit"
)


async def lock_stock(connection: AsyncConnection, lab: str, blanks: Collection[str]) -> dict[str, Stock]:
    """Returns what there is of blanks, as far as they are kept, and nobody else moves them until this transaction ends.

    Locked in one order, so that two who need the same do not wait for each other.
    """
    rows = await connection.execute(_LOCK_STOCK, {"lab": lab, "blanks": sorted(blanks)})
    return {row["blank"]: Stock(**row) for row in rows.mappings()}


async def keep_stock(connection: AsyncConnection, lab: str, blank: str) -> Stock:
    """Returns what there is of a blank, locked, which from now on is kept: nothing of one that was not."""
    await connection.execute(_KEEP, {"lab": lab, "blank": blank})
    return (await lock_stock(connection, lab, [blank]))[blank]


async def save_stock(connection: AsyncConnection, lab: str, stock: Stock) -> Stock:
    """Writes what there is of a locked blank, and returns it with the time of it."""
    parameters = {name: value for name, value in asdict(stock).items() if name != "update_time"}
    return Stock(**(await connection.execute(_SAVE_STOCK, {"lab": lab, **parameters})).mappings().one())


async def list_stock(
    connection: AsyncConnection, lab: str, *, after: str, reorder_only: bool, limit: int
) -> Sequence[Stock]:
    """Returns what there is, by blank: of those after one, all of them or only what is to be ordered."""
    parameters = {"lab": lab, "after": after, "reorder_only": reorder_only, "limit": limit}
    return [Stock(**row) for row in (await connection.execute(_LIST_STOCK, parameters)).mappings()]


async def add_movement(
    connection: AsyncConnection,
    lab: str,
    movement: Movement,
    after: Stock,
    *,
    job: int | None,
    operator: str,
    note: str = "",
) -> None:
    """Adds a movement to the ledger, with the balances after it."""
    parameters = {
        **asdict(movement),
        "lab": lab,
        "side": movement.side or "",
        "on_hand": after.on_hand,
        "reserved": after.reserved,
        "job": job,
        "operator": operator,
        "note": note,
    }
    await connection.execute(_ADD_MOVEMENT, parameters)


async def list_movements(
    connection: AsyncConnection, lab: str, *, before: int | None, blank: str, job: int | None, limit: int
) -> Sequence[Entry]:
    """Returns the ledger, newest first: before a number (None: all), of a blank (empty: all), of a job (None: all)."""
    parameters = {"lab": lab, "before": before, "blank": blank, "job": job, "limit": limit}
    return [_entry(row) for row in (await connection.execute(_LIST_MOVEMENTS, parameters)).mappings()]


def _entry(row: RowMapping) -> Entry:
    movement = Movement(
        blank=row["blank"],
        kind=Move(row["kind"]),
        quantity=row["quantity"],
        on_hand_change=row["on_hand_change"],
        reserved_change=row["reserved_change"],
        side=Side(row["side"]) if row["side"] else None,
    )
    told = {name: row[name] for name in ("number", "on_hand", "reserved", "job", "operator", "note", "time")}
    return Entry(movement=movement, **told)
