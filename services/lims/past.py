"""Reads past jobs and refused attempts by the thousand, newest first: SQL, and only SQL, for the worker that previews.

A page comes as one value that the server puts together. A row for each would cost its reader more than deciding it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from chassis.driver import Connection
from rules.replay.record import SIZE

PAGE = 16384
"""Rows of a page."""


class Past(StrEnum):
    """What was asked for: made, or refused."""

    JOBS = "job"
    ATTEMPTS = "attempt"


@dataclass(frozen=True, slots=True)
class Page:
    """Some past orders.

    Attributes:
        rows: How many.
        numbers: Of those that have a record, the numbers they are stored under.
        counts: How often each of these was asked for.
        records: Their records, one behind the other.
        unread: The numbers of those that have none, or one of another size; and how often they were asked for.
    """

    rows: int
    numbers: NDArray[np.int64]
    counts: NDArray[np.int64]
    records: bytes
    unread: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: the contract's `JobSpec`, and the account it was asked for; empty where that is not kept."""

    spec: bytes
    account: str


_ROW = np.dtype([("number", ">i8"), ("count", ">i8"), ("record", f"V{SIZE}")])
_COUNTS = {Past.JOBS: "1::bigint", Past.ATTEMPTS: "count"}
_ACCOUNTS = {Past.JOBS: "account", Past.ATTEMPTS: "''"}
_BIND_LAB = "select set_config('lensmesh.tenant', $1, false)"  # the connection is the worker's own
_CONTENT = "select content from revision where tenant = $1 and number = $2"
_PAGE = """
    select min(number), count(*),
        coalesce(string_agg(int8send(number) || int8send(count) || replay, ''::bytea) filter (where fits), ''),
        coalesce(array_agg(number) filter (where not fits), '{{}}'),
        coalesce(array_agg(count) filter (where not fits), '{{}}')
    from (
        select number, {count} as count, replay, coalesce(octet_length(replay) = $4, false) as fits
        from {table} where tenant = $1 and number < $2 order by number desc limit $3
    ) as page
"""
_BEGIN = "select count(*), coalesce(max(number), 0) from {table} where tenant = $1"
_ASKED = "select number, spec, {account} from {table} where tenant = $1 and number = any($2::bigint[])"


async def bind(connection: Connection, lab: str) -> None:
    """Binds a connection that is nobody else's to a lab."""
    await connection.execute(_BIND_LAB, lab)


async def content_of_revision(connection: Connection, lab: str, number: int) -> bytes | None:
    """Returns the stored bytes of a revision; None where there is no such one."""
    content: bytes | None = await connection.fetchval(_CONTENT, lab, number)
    return content


async def extent(connection: Connection, lab: str, past: Past) -> tuple[int, int]:
    """Returns how many past orders there are, and the number of the newest."""
    count, newest = await connection.fetchrow(_BEGIN.format(table=past), lab)
    return count, newest


async def pages(connection: Connection, lab: str, past: Past, newest: int, size: int = PAGE) -> AsyncIterator[Page]:
    """Yields past orders from a number on, newest first."""
    statement = _PAGE.format(table=past, count=_COUNTS[past])
    below = newest + 1
    while True:
        oldest, rows, told, unread, counts = await connection.fetchrow(statement, lab, below, size, SIZE)
        if not rows:
            return
        below = oldest
        page = np.frombuffer(told, _ROW)
        yield Page(
            rows=rows,
            numbers=page["number"].astype(np.int64),
            counts=page["count"].astype(np.int64),
            records=page["record"].tobytes(),
            unread=dict(zip(unread, counts, strict=True)),
        )


async def asked(connection: Connection, lab: str, past: Past, numbers: Sequence[int]) -> dict[int, Asked]:
    """Returns what was asked for under some numbers."""
    statement = _ASKED.format(table=past, account=_ACCOUNTS[past])
    rows = await connection.fetch(statement, lab, numbers)
    return {number: Asked(spec, account) for number, spec, account in rows}
