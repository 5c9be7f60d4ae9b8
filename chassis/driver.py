"""The same PostgreSQL, the same two roles, on the driver itself: for statements on the hot path.

SQLAlchemy costs several times what the statement costs that it carries. Where a call is measured in echoes
(`bench/submit.py`), a store function calls a routine through here; everything else goes through `chassis.database`.
The rules are the same: what the service's role does is bound to one tenant, by row-level security.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from chassis.routine import Routine

_ACQUIRE_SECONDS = 2.0
# a statement that hangs would hold its locks, and the log of everybody, for ever
_SETTINGS = {"application_name": "lensmesh", "jit": "off", "lock_timeout": "5000", "transaction_timeout": "10000"}


class Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg ships no types
    """A pooled connection that is given back as it is: what runs here leaves nothing behind to reset."""

    def get_reset_query(self) -> str:
        """Returns no statement: the driver's default is a round trip for each use."""
        return ""


class Driver:
    """The driver's pools of a service's two roles."""

    def __init__(self, url: str, relay_url: str, *, pool: int) -> None:
        self._service = _pool(url, pool)
        self._relay = _pool(relay_url, pool)

    async def call(self, routine: Routine, tenant: str, *arguments: object) -> asyncpg.Record | None:
        """Calls a routine for a tenant, in a transaction of its own; returns its row, None where it returns none."""
        async with _acquired(self._service) as connection:
            return await connection.fetchrow(routine.call, tenant, *arguments)

    @asynccontextmanager
    async def across_tenants(self) -> AsyncIterator[Connection]:
        """Lends a connection of the relay role, over all tenants' rows; each statement is a transaction of its own."""
        async with _acquired(self._relay) as connection:
            yield connection

    async def open(self) -> None:
        """Makes the pools ready; connections are made when they are needed."""
        for pool in (self._service, self._relay):
            await pool

    async def close(self) -> None:
        """Closes every connection."""
        for pool in (self._service, self._relay):
            await pool.close()


def _pool(url: str, size: int) -> asyncpg.Pool:
    return asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        connection_class=Connection,
        timeout=_ACQUIRE_SECONDS,
        server_settings=_SETTINGS,
    )


@asynccontextmanager
async def _acquired(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    try:
        connection = await pool.acquire(timeout=_ACQUIRE_SECONDS)
    except OSError as error:  # a time-out or a name that does not resolve, which elsewhere would mean other things
        raise ConnectionError(f"no connection to PostgreSQL: {error or type(error).__name__}") from error
    try:
        yield connection
    except asyncpg.InternalClientError:
        connection.terminate()  # it is dying, and does not know it yet: nobody else shall have it
        raise
    finally:
        await pool.release(connection)
