"""A service's PostgreSQL, as two roles.

``transaction(tenant)`` runs as the service's own role, bound for that transaction to one tenant: row-level security
shows it nothing else, and nothing at all without a tenant. ``across_tenants()`` runs as the relay role, for what
belongs to no tenant: relays, followers, the tail of the log. Neither role can bypass row-level security.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
from sqlalchemy import exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

# is_local = true: the setting ends with the transaction, so a pooled connection never carries it on.
_BIND_TENANT = text("select set_config('lensmesh.tenant', :tenant, true)")
_POOL_WAIT_SECONDS = 2.0
_CONNECT_SECONDS = 5.0
# cannot connect now, too many connections, shutting down, crash recovery: PostgreSQL is there but not for us;
# serialization failure, deadlock, lock time-out: it was, but for somebody else
_UNREACHABLE_STATES = ("57P", "53300", "08", "40001", "40P01", "55P03")


class Database:
    """The pools of a service's two roles."""

    def __init__(self, url: str, relay_url: str, *, pool: int) -> None:
        self._service = _engine(url, pool)
        self._relay = _engine(relay_url, pool)

    @asynccontextmanager
    async def transaction(self, tenant: str) -> AsyncIterator[AsyncConnection]:
        """Runs a transaction that sees and writes one tenant's rows; commits at the end, or rolls all of it back."""
        async with _begin(self._service) as connection:
            await connection.execute(_BIND_TENANT, {"tenant": tenant})
            yield connection

    @asynccontextmanager
    async def across_tenants(self) -> AsyncIterator[AsyncConnection]:
        """Runs a transaction of a relay or follower, over every tenant's rows."""
        async with _begin(self._relay) as connection:
            yield connection

    async def close(self) -> None:
        """Closes every connection."""
        await self._service.dispose()
        await self._relay.dispose()


def driver_url(url: str) -> str:
    """Returns a plain PostgreSQL URL as SQLAlchemy wants it for asyncpg."""
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)


def is_unreachable(error: BaseException) -> bool:
    """Tells whether the error means that PostgreSQL cannot be reached right now, so that trying again makes sense."""
    if isinstance(error, asyncpg.DataError):  # an InterfaceError too, but of the value's
        return False
    # InternalClientError: the server's farewell was being read when the next statement was to be sent
    if isinstance(error, exc.TimeoutError | ConnectionError | asyncpg.InterfaceError | asyncpg.InternalClientError):
        return True
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return True
    state = str(getattr(getattr(error, "orig", error), "sqlstate", None) or "")
    return state.startswith(_UNREACHABLE_STATES)


@asynccontextmanager
async def _begin(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with AsyncExitStack() as stack:
        try:
            connection = await stack.enter_async_context(engine.begin())
        except OSError as error:  # a time-out or a name that does not resolve, which elsewhere would mean other things
            raise ConnectionError(f"no connection to PostgreSQL: {error or type(error).__name__}") from error
        yield connection


def _engine(url: str, pool: int) -> AsyncEngine:
    return create_async_engine(
        driver_url(url),
        pool_size=pool,
        max_overflow=0,
        pool_timeout=_POOL_WAIT_SECONDS,
        hide_parameters=True,  # a failing statement is logged without the health data in it
        connect_args={
            "timeout": _CONNECT_SECONDS,
            "server_settings": {
                "application_name": "lensmesh",
                "jit": "off",  # our statements are short; compiling them costs more than running them
                "lock_timeout": "5000",
                "transaction_timeout": "10000",  # as in `chassis.driver`
            },
        },
    )
