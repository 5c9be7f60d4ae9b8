"""The same PostgreSQL, the same two roles, on the driver itself: for statements on the hot path.

SQLAlchemy costs several times what the statement costs that it carries. Where a call is measured in echoes
(`bench/submit.py`), a store function calls a routine through here; everything else goes through `chassis.database`.
The rules are the same: what the service's role does is bound to one tenant, by row-level security.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg

from chassis.database import is_unreachable
from chassis.routine import Routine

_ACQUIRE_SECONDS = 2.0
# a statement that hangs would hold its locks, and the log of everybody, for ever
_SETTINGS = {"application_name": "lensmesh", "jit": "off", "lock_timeout": "5000", "transaction_timeout": "10000"}
# what is written across tenants here is how far a relay has come: lost in a power cut, it publishes again, under the
# same ids
_RELAY_SETTINGS = {**_SETTINGS, "synchronous_commit": "off"}


Connection: TypeAlias = asyncpg.Connection


class Driver:
    """The driver's connections of a service's two roles."""

    def __init__(self, url: str, relay_url: str, *, pool: int) -> None:
        self._service = _Pool(url, pool, _SETTINGS)
        self._relay = _Pool(relay_url, pool, _RELAY_SETTINGS)

    async def call(self, routine: Routine, tenant: str, *arguments: object) -> asyncpg.Record | None:
        """Calls a routine for a tenant, in a transaction of its own; returns its row, None where it returns none."""
        async with self._service.lent() as connection:
            return await connection.fetchrow(routine.call, tenant, *arguments)

    @asynccontextmanager
    async def across_tenants(self) -> AsyncIterator[Connection]:
        """Lends a connection of the relay role, over all tenants' rows; each statement is a transaction of its own."""
        async with self._relay.lent() as connection:
            yield connection

    async def close(self) -> None:
        """Closes every connection."""
        for pool in (self._service, self._relay):
            await pool.close()


class _Pool:
    """Connections of a role, made when they are needed; the one used last is lent first.

    The driver's own pool costs as much for each use as the statement it is lent for: two tasks, three timers, a proxy,
    and a round trip to reset what here was never set.
    """

    def __init__(self, url: str, size: int, settings: Mapping[str, str]) -> None:
        self._url = url
        self._settings = settings
        self._places = asyncio.Semaphore(size)
        self._idle: list[asyncpg.Connection] = []
        self._ending: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[Connection]:
        """Lends a connection while a block runs."""
        try:
            connection = await self._taken()
        except OSError as error:  # a time-out or a name that does not resolve, which elsewhere would mean other things
            raise ConnectionError(f"no connection to PostgreSQL: {error or type(error).__name__}") from error
        fit = False
        try:
            yield connection
            fit = True
        except Exception as error:
            fit = not is_unreachable(error)
            raise
        finally:
            self._give_back(connection, fit=fit)

    async def _taken(self) -> asyncpg.Connection:
        if self._places.locked():
            async with asyncio.timeout(_ACQUIRE_SECONDS):
                await self._places.acquire()
        else:
            await self._places.acquire()
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        try:
            return await asyncpg.connect(self._url, timeout=_ACQUIRE_SECONDS, server_settings=self._settings)
        except BaseException:
            self._places.release()
            raise

    def _give_back(self, connection: asyncpg.Connection, *, fit: bool) -> None:
        if fit:
            self._idle.append(connection)
            self._places.release()
        else:  # it is dying, or its statement was given up: the server is told to end that, which takes a moment
            ending = asyncio.ensure_future(self._end(connection))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    async def _end(self, connection: asyncpg.Connection) -> None:
        try:
            await connection.close(timeout=_ACQUIRE_SECONDS)
        except Exception:  # noqa: BLE001 -- closed it is
            connection.terminate()
        finally:
            self._places.release()

    async def close(self) -> None:
        """Closes every connection that is not lent, and waits for those that are ending."""
        await asyncio.gather(*self._ending, *(each.close(timeout=_ACQUIRE_SECONDS) for each in self._idle))
        self._idle.clear()
