"""The same PostgreSQL, the same two roles, on the driver itself: for statements on the hot path.

SQLAlchemy costs several times what the statement costs that it carries. Where a call is measured in echoes
(`bench/submit.py`), a store function sends its statement through here; everything else goes through `chassis.database`.
The rules are the same: a transaction of the service's role is bound to one tenant, by row-level security.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

_ACQUIRE_SECONDS = 2.0
# transaction_timeout also ends the transaction of a process that was stopped in the middle of sending a statement: it
# would hold its locks, and the log of everybody, for ever
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

    @asynccontextmanager
    async def transaction(self, tenant: str, *first: str) -> AsyncIterator[Connection]:
        """Runs a transaction bound to one tenant; commits at the end, or rolls all of it back.

        It begins, is bound and runs ``first``, statements without parameters, in one round trip. Each of them has a
        snapshot of its own, so that what follows a lock sees what was committed before it.
        """
        # is_local = true: the setting ends with the transaction, so a pooled connection never carries it on
        bind = f"select set_config('lensmesh.tenant', {_quoted(tenant)}, true)"
        begin = "; ".join(("begin", bind, *first))
        async with _acquired(self._service) as connection, _transaction(connection, begin):
            yield connection

    @asynccontextmanager
    async def transaction_across_tenants(self) -> AsyncIterator[Connection]:
        """Runs a transaction of a relay or follower, over every tenant's rows."""
        async with _acquired(self._relay) as connection, _transaction(connection, "begin"):
            yield connection

    @asynccontextmanager
    async def across_tenants(self) -> AsyncIterator[Connection]:
        """Lends a connection of the relay role without a transaction: each statement is one of its own."""
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


@asynccontextmanager
async def _transaction(connection: Connection, begin: str) -> AsyncIterator[None]:
    await connection.execute(begin)
    try:
        yield
    except BaseException:
        if not connection.is_closed():
            await connection.execute("rollback")
        raise
    await connection.execute("commit")


def _quoted(text: str) -> str:
    """Returns a text as an SQL literal, for the one place where a parameter cannot be sent."""
    if "\\" in text or "\0" in text:
        raise ValueError("not a tenant's name")
    return "'" + text.replace("'", "''") + "'"
