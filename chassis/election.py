"""One leader at a time for work that must not be done twice at once: relaying a log shard, following a stream.

A lease in the service's database, renewed while its holder lives. A holder that is killed or paused stops renewing and
another takes over within the lease's length. Being leader is a hint, not a guarantee: a paused one may wake up and
believe it still leads. What must never happen twice is therefore guarded where it is written (`place.move` compares
and swaps).
"""

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import text

from chassis.database import Database

LEASE_SECONDS = 3.0
_RENEW_SECONDS = 1.0

_ACQUIRE = text(
    "insert into lease (name, holder, term, expires)"
    " values (:name, :holder, 1, clock_timestamp() + make_interval(secs => :seconds))"
    " on conflict (name) do update set holder = excluded.holder, expires = excluded.expires,"
    " term = lease.term + case when lease.holder = excluded.holder then 0 else 1 end"
    " where lease.holder = excluded.holder or lease.expires < clock_timestamp()"
    " returning term",
)
# Not deleted: a term never comes twice.
_RELEASE = text("update lease set expires = '-infinity' where name = :name and holder = :holder")

_LOG = structlog.get_logger("election")


async def lead(database: Database, name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Runs ``work`` while this process leads ``name``, over and over, until cancelled.

    ``work`` is cancelled when the lease is lost; when it fails it is logged and begun anew.
    """
    holder = uuid.uuid4()
    try:
        while True:
            if await _acquire(database, name, holder):
                await _work_while_leading(database, name, holder, work)
            await asyncio.sleep(_RENEW_SECONDS)
    finally:
        with contextlib.suppress(Exception):  # the lease runs out by itself
            async with database.across_tenants() as connection:
                await connection.execute(_RELEASE, {"name": name, "holder": holder})


async def _acquire(database: Database, name: str, holder: uuid.UUID) -> bool:
    try:
        async with asyncio.timeout(LEASE_SECONDS), database.across_tenants() as connection:
            parameters = {"name": name, "holder": holder, "seconds": LEASE_SECONDS}
            return (await connection.execute(_ACQUIRE, parameters)).first() is not None
    except Exception as error:  # noqa: BLE001 -- whatever keeps us from the lease, we do not lead
        _LOG.warning("lease_unreachable", lease=name, error=str(error))
        return False


async def _work_while_leading(
    database: Database,
    name: str,
    holder: uuid.UUID,
    work: Callable[[], Awaitable[None]],
) -> None:
    _LOG.info("leading", lease=name)
    task = asyncio.ensure_future(work())
    try:
        while not (await asyncio.wait([task], timeout=_RENEW_SECONDS))[0]:
            if not await _acquire(database, name, holder):
                _LOG.warning("lease_lost", lease=name)
                return
        if task.cancelled():  # by what it awaited, not by us: a closed channel cancels its calls
            _LOG.error("leader_failed", lease=name, error="cancelled from inside")
        elif error := task.exception():
            _LOG.error("leader_failed", lease=name, exc_info=error)
    finally:
        task.cancel()
        await asyncio.wait([task])
