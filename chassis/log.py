"""The service's commit-ordered log: outbox, source of every watch, meaning of every cursor.

A change and the event about it are written in one transaction. A serial number alone is not commit order: a reader
that polls ``position > cursor`` loses whoever took a number early and committed late. So entries are ordered by
(transaction id, position), and only those are read whose transaction, and every earlier one, has ended: below
``pg_snapshot_xmin(pg_current_snapshot())``. What is read once is then complete up to there, for ever.

Transaction ids are given out at a transaction's first write, not in its turn: one that claimed a request id and then
waited for an aggregate's row has a lower id than the one it waited for. So an entry is filed under its own transaction
or that of the aggregate's event before it, whichever is later: an aggregate's events keep their order, and the rule
above still holds, for whoever files under a later id has ended when that id can be read.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import telemetry
from chassis.driver import Connection
from chassis.errors import CursorExpired, CursorInvalid

_MAX_POSITION = 2**63 - 1


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in the log; resuming from it continues exactly after it.

    Attributes:
        transaction: The 64-bit transaction id that the entry is filed under.
        position: The entry's number; rising within a transaction.
    """

    transaction: int
    position: int

    def __str__(self) -> str:
        """Returns the cursor as callers hold it: opaque to them."""
        return f"{self.transaction:x}-{self.position:x}" if self != BEGINNING else "0"

    @classmethod
    def parse(cls, spelled: str) -> Self:
        """Returns the cursor a caller sent back.

        Raises:
            CursorInvalid: It is not one a log gave out.
        """
        if spelled == "0":
            return cls(0, 0)
        transaction, separator, position = spelled.partition("-")
        try:
            cursor = cls(int(transaction, 16), int(position, 16))
        except ValueError:
            separator = ""
        bounded = separator and 0 <= cursor.transaction <= _MAX_POSITION and 0 <= cursor.position <= _MAX_POSITION
        if not (bounded and str(cursor) == spelled):  # int() also reads "+1", "0x1", "1_0" and " 1"
            raise CursorInvalid(f"the cursor {spelled!r} is not one this stream gave out; watch without a cursor")
        return cursor


BEGINNING = Cursor(0, 0)
"""Before the first entry."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of the log.

    Attributes:
        cursor: Its place; resumes exactly after it.
        id: The event's id, by which consumers know a repeat.
        tenant: Whom it belongs to.
        aggregate: Resource name of what changed.
        sequence: Its place among the aggregate's events, from 1, without gaps.
        kind: Full name of the payload's message.
        schema_version: Version of the payload's meaning.
        traceparent: The trace that caused it; may be empty.
        time: When it was recorded, in UTC.
        payload: The event's bytes, as they will stay.
    """

    cursor: Cursor
    id: uuid.UUID
    tenant: str
    aggregate: str
    sequence: int
    kind: str
    schema_version: int
    traceparent: str
    time: datetime
    payload: bytes

    def event(self) -> Message:
        """Returns the payload as a message of its kind."""
        descriptor = descriptor_pool.Default().FindMessageTypeByName(self.kind)
        message: Message = GetMessageClass(descriptor)()
        message.ParseFromString(self.payload)
        return message


def appending(*, tenant: str, aggregate: str, sequence: str, event: Sequence[str]) -> str:
    """Returns the statement that records an event, to stand alone or within a larger one.

    Every part is an SQL expression, a parameter as a rule; ``event`` are the three that `recorded` returns the values
    of.
    """
    kind, traceparent, payload = event
    return f"""
        insert into log (transaction, tenant, aggregate, sequence, kind, traceparent, payload)
        select greatest(pg_current_xact_id(), (
            select before.transaction from log before
            where before.aggregate = {aggregate} and before.sequence < {sequence}
            order by before.sequence desc limit 1
        )), {tenant}, {aggregate}, {sequence},
        cast({kind} as text), cast({traceparent} as text), cast({payload} as bytea)
    """  # noqa: S608 -- expressions of ours


def recorded(event: Message) -> tuple[str, str, bytes]:
    """Returns what is recorded of an event: its kind, the trace that causes it now, and its bytes."""
    return event.DESCRIPTOR.full_name, telemetry.traceparent(), event.SerializeToString()


_APPEND = text(
    appending(
        tenant="cast(:tenant as text)",
        aggregate="cast(:aggregate as text)",
        sequence="cast(:sequence as bigint)",
        event=(":kind", ":traceparent", ":payload"),
    ),
)

_COLUMNS = """transaction::text::bigint, position,
    id, tenant, aggregate, sequence, kind, schema_version, traceparent, time, payload"""

_READABLE = (
    f"select {_COLUMNS} from log"  # noqa: S608 -- a constant of this module
    " where (transaction, position) > ($1::text::xid8, $2)"
    " and transaction < pg_snapshot_xmin(pg_current_snapshot())"
)
_READ = f"{_READABLE} order by transaction, position limit $3"
_READ_OF_AGGREGATE = f"{_READABLE} and aggregate = $4 order by transaction, position limit $3"

_READ_AGGREGATE = text(
    f"select {_COLUMNS} from log"  # noqa: S608 -- a constant of this module
    " where aggregate = :aggregate and sequence > :after order by sequence limit :limit",
)

_END = """select pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1,
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint"""


async def append(
    connection: AsyncConnection,
    event: Message,
    *,
    tenant: str,
    aggregate: str,
    sequence: int,
) -> None:
    """Records an event in the transaction that made it true.

    ``sequence`` is the aggregate's next; the table refuses one that is there already, so two writers who both believed
    to be next cannot both commit. The caller holds the aggregate's row lock and is READ COMMITTED, so that the event
    before is visible.
    """
    place = {"tenant": tenant, "aggregate": aggregate, "sequence": sequence}
    event_parameters = dict(zip(("kind", "traceparent", "payload"), recorded(event), strict=True))
    await connection.execute(_APPEND, place | event_parameters)


async def read(
    connection: Connection,
    after: Cursor,
    *,
    limit: int,
    aggregate: str | None = None,
) -> Sequence[Entry]:
    """Returns up to ``limit`` entries after the cursor in commit order, of one aggregate or of all that are visible.

    On the driver, for the tail and the relay read all the time.
    """
    place = (str(after.transaction), after.position, limit)
    rows = (
        await connection.fetch(_READ, *place)
        if aggregate is None
        else await connection.fetch(_READ_OF_AGGREGATE, *place, aggregate)
    )
    return [_entry(row) for row in rows]


async def read_aggregate(connection: AsyncConnection, aggregate: str, *, after: int, limit: int) -> Sequence[Entry]:
    """Returns up to ``limit`` events of one aggregate after a sequence.

    No wait for slower transactions is needed: an aggregate's events are written one after the other under its row lock.
    """
    rows = await connection.execute(_READ_AGGREGATE, {"aggregate": aggregate, "after": after, "limit": limit})
    return [_entry(row) for row in rows]


async def end(connection: Connection) -> Cursor:
    """Returns the cursor after everything that can be read now."""
    ended, _ = await connection.fetchrow(_END)
    return Cursor(ended, _MAX_POSITION)


async def check(connection: Connection, cursor: Cursor) -> None:
    """Passes a cursor that this log may have given out.

    Raises:
        CursorExpired: It is ahead of everything this database ever wrote, as after a restore.
    """
    _, next_transaction = await connection.fetchrow(_END)
    if cursor.transaction >= next_transaction:
        raise CursorExpired("the cursor is from a history this log does not have; read anew and watch without a cursor")


def _entry(row: Iterable[Any]) -> Entry:
    transaction, position, *rest = row
    return Entry(Cursor(transaction, position), *rest)
