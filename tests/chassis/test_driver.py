"""The hot path's way to the same database: the same roles, the same tenant, nothing left behind on a connection."""

import asyncio
import socket
from collections.abc import AsyncIterator

import asyncpg
import pytest

from chassis import driver
from chassis.database import is_unreachable
from chassis.driver import Driver
from tests.chassis.housing import House, eventually

A, B = "practices/a", "practices/b"
_ADD = "insert into thing (tenant, name) values ($1, $2)"
_NAMES = "select name from thing order by name"
_ME = "select pg_backend_pid()"


@pytest.fixture
async def one(house: House) -> AsyncIterator[Driver]:
    """Pools of one connection each, so that whatever is left behind on one is met again."""
    async with house.opened(pool=1) as doors:
        for tenant in (A, B):
            async with doors.driver.transaction(tenant) as connection:
                await connection.execute(_ADD, tenant, f"{tenant}/thing")
        yield doors.driver


async def seen(opened: Driver, tenant: str) -> list[str]:
    """Returns what a tenant sees."""
    async with opened.transaction(tenant) as connection:
        return [row["name"] for row in await connection.fetch(_NAMES)]


async def test_a_transaction_sees_its_tenants_rows_and_none_without_one(one: Driver) -> None:
    """One after the other on the same connection; the relay's role sees all."""
    assert await seen(one, A) == [f"{A}/thing"]
    assert await seen(one, "") == []
    assert await seen(one, B) == [f"{B}/thing"]
    async with one.across_tenants() as connection:
        assert len(await connection.fetch(_NAMES)) == 2


async def test_a_tenant_cannot_write_for_another(one: Driver) -> None:
    """Also not on the driver."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with one.transaction(A) as connection:
            await connection.execute(_ADD, B, "stolen")


@pytest.mark.parametrize("name", ["it's", "', true); delete from thing; --", "''", "practices/é"])
async def test_a_tenants_name_is_never_read_as_a_statement(one: Driver, name: str) -> None:
    """It is bound as it is spelled."""
    async with one.transaction(name) as connection:
        assert await connection.fetchval("select current_setting('lensmesh.tenant')") == name
    async with one.across_tenants() as connection:
        assert len(await connection.fetch(_NAMES)) == 2


@pytest.mark.parametrize("name", ["\\", "a\\' or true", "a\0b"])
async def test_a_name_that_cannot_be_quoted_is_refused(one: Driver, name: str) -> None:
    """No tenant has such a name."""
    with pytest.raises(ValueError, match="not a tenant's name"):
        await seen(one, name)


async def test_what_fails_is_undone_and_the_connection_is_as_good_as_new(one: Driver) -> None:
    """In the middle, or already while it begins; nothing of the tenant or the transaction stays."""
    async with one.transaction("") as connection:
        first = await connection.fetchval(_ME)
    with pytest.raises(LookupError):
        await _add_and_fail(one)
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with one.transaction(A, "select 1 / 0"):
            raise AssertionError("it cannot begin")
    async with one.transaction("") as connection:
        assert await connection.fetchval(_ME) == first
        assert await connection.fetch(_NAMES) == []
    assert await seen(one, A) == [f"{A}/thing"]


async def _add_and_fail(opened: Driver) -> None:
    async with opened.transaction(A) as connection:
        await connection.execute(_ADD, A, "half")
        raise LookupError


@pytest.mark.parametrize("steps", range(0, 12, 3))
async def test_a_call_that_is_given_up_leaves_no_transaction_behind(one: Driver, house: House, steps: int) -> None:
    """At any step: while it begins, in its statement, or later."""

    async def write() -> None:
        async with one.transaction(A, "select pg_sleep(0.01)") as connection:
            await connection.execute(_ADD, A, "half")
            await connection.fetchval("select pg_sleep(30)")

    writing = asyncio.ensure_future(write())
    await asyncio.wait([writing], timeout=steps * 0.01)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert writing.cancelled()
    assert await asyncio.wait_for(seen(one, A), 5) == [f"{A}/thing"]
    async with house.raw("owner") as connection:

        async def nothing_open() -> bool:
            return not await connection.fetchval(
                "select count(*) from pg_stat_activity where datname = current_database()"
                " and pid <> pg_backend_pid() and state <> 'idle'"
            )

        await eventually(nothing_open)


async def test_outside_a_transaction_each_statement_is_its_own(one: Driver) -> None:
    """What was written stays, whatever comes after."""
    with pytest.raises(LookupError):
        await _add_across_tenants_and_fail(one)
    assert await seen(one, A) == [f"{A}/kept", f"{A}/thing"]
    async with one.transaction_across_tenants() as connection:
        assert len(await connection.fetch(_NAMES)) == 3


async def _add_across_tenants_and_fail(opened: Driver) -> None:
    async with opened.across_tenants() as connection:
        await connection.execute(_ADD, A, f"{A}/kept")
        raise LookupError


async def failure_of(opened: Driver, statement: str = "select 1", *parameters: object) -> Exception:
    """Returns how a transaction fails; it must."""
    try:
        async with opened.transaction(A) as connection:
            await connection.execute(statement, *parameters)
    except Exception as error:  # noqa: BLE001 -- what the test looks at
        return error
    raise AssertionError("it went well")


async def test_a_connection_that_dies_is_unreachable_and_the_next_one_is_another(one: Driver, house: House) -> None:
    """Whether it was in use or not."""
    killing = "select pg_terminate_backend(pid) from pg_stat_activity where usename = current_user and pid <> $1"
    async with house.raw("service") as service:
        me = await service.fetchval(_ME)
        working = asyncio.ensure_future(failure_of(one, "select pg_sleep(30)"))

        async def works() -> bool:
            return bool(
                await service.fetchval("select true from pg_stat_activity where query like '%(30)' and pid <> $1", me)
            )

        await eventually(works)
        await service.execute(killing, me)
        assert is_unreachable(await asyncio.wait_for(working, 5))
        assert await seen(one, A) == [f"{A}/thing"]
        await service.execute(killing, me)

        async def recovers() -> bool:
            try:
                return await seen(one, A) == [f"{A}/thing"]
            except Exception as error:
                if is_unreachable(error):
                    return False
                raise

        await eventually(recovers)


async def test_a_server_that_does_not_let_us_in_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether nobody is there, nobody answers, or the name means nothing."""
    monkeypatch.setattr(driver, "_ACQUIRE_SECONDS", 0.3)
    with socket.socket() as silent, socket.socket() as gone:
        for listener in (silent, gone):
            listener.bind(("127.0.0.1", 0))
        silent.listen()
        ports = [listener.getsockname()[1] for listener in (silent, gone)]
        for place in (*(f"127.0.0.1:{port}" for port in ports), "256.256.256.256:1"):
            url = f"postgresql://nobody:nothing@{place}/nothing"
            opened = Driver(url, url, pool=1)
            await opened.open()
            error = await failure_of(opened)
            assert is_unreachable(error), f"{place}: {error!r}"
            await opened.close()


async def test_a_pool_that_is_used_up_is_unreachable(one: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a connection gets one soon, or is told to come again."""
    monkeypatch.setattr(driver, "_ACQUIRE_SECONDS", 0.2)
    async with one.transaction(A):
        assert is_unreachable(await failure_of(one))


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [("select 1/0", ()), ("select * from nothing", ()), ("select $1::int", ("no number",))],
)
async def test_a_statement_that_is_wrong_is_not_unreachable(
    one: Driver, statement: str, parameters: tuple[object, ...]
) -> None:
    """It would be wrong the next time too: neither the server's refusal nor the driver's own."""
    assert not is_unreachable(await failure_of(one, statement, *parameters))
