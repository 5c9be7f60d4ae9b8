"""The hot path's way to the same database: the same roles, the same tenant, nothing left behind on a connection."""

import asyncio
import socket
from collections.abc import AsyncIterator

import asyncpg
import pytest

from chassis import driver
from chassis.database import is_unreachable
from chassis.driver import Driver
from chassis.migrate import SchemaError, migrate, require_current
from chassis.routine import Routine
from tests.chassis.housing import VERSIONS, House, eventually, settings_of

A, B = "practices/a", "practices/b"
_ME = "select pg_backend_pid()"
SEE = Routine(
    "see_things",
    (),
    returns="names text[], tenant text, backend integer",
    body="""
        return query
        select coalesce(array_agg(name order by name), '{}'), current_setting('lensmesh.tenant'), pg_backend_pid()
        from thing;
    """,
)
ADD = Routine(
    "add_thing",
    ("text", "text", "double precision"),
    returns="added text",
    body="""
        insert into thing (tenant, name) values ($2, $3);
        perform pg_sleep($4);
        return query select $3;
    """,
)
FAIL = Routine("fail", ("integer",), returns="quotient integer", body="return query select 1 / $2;")
NOTHING = Routine("do_nothing", (), returns="n integer", body="return;")
ROUTINES = (SEE, ADD, FAIL, NOTHING)


@pytest.fixture
async def one(house: House) -> AsyncIterator[Driver]:
    """Pools of one connection each, so that whatever is left behind on one is met again."""
    await migrate(house.name, VERSIONS, settings_of(house), ROUTINES)
    async with house.opened(pool=1) as doors:
        for tenant in (A, B):
            await doors.driver.call(ADD, tenant, tenant, f"{tenant}/thing", 0)
        yield doors.driver


async def seen(opened: Driver, tenant: str) -> list[str]:
    """Returns what a tenant sees."""
    row = await opened.call(SEE, tenant)
    assert row is not None
    return list(row["names"])


async def test_a_routine_sees_its_tenants_rows_and_none_without_one(one: Driver) -> None:
    """One after the other on the same connection; the relay's role sees all."""
    assert await seen(one, A) == [f"{A}/thing"]
    assert await seen(one, "") == []
    assert await seen(one, B) == [f"{B}/thing"]
    async with one.across_tenants() as connection:
        assert len(await connection.fetch("select name from thing")) == 2


async def test_a_tenant_cannot_write_for_another(one: Driver) -> None:
    """Also not on the driver."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await one.call(ADD, A, B, "stolen", 0)
    assert await seen(one, B) == [f"{B}/thing"]


@pytest.mark.parametrize("name", ["it's", "', true); delete from thing; --", "''", "\\", "practices/é"])
async def test_a_tenants_name_is_never_read_as_a_statement(one: Driver, name: str) -> None:
    """It is bound as it is spelled."""
    row = await one.call(SEE, name)
    assert row is not None
    assert row["tenant"] == name
    async with one.across_tenants() as connection:
        assert len(await connection.fetch("select name from thing")) == 2


async def test_a_name_that_cannot_be_said_is_refused(one: Driver) -> None:
    """No tenant has such a name."""
    with pytest.raises(asyncpg.CharacterNotInRepertoireError):
        await seen(one, "a\0b")


async def test_a_tenant_is_bound_no_longer_than_its_call(one: Driver) -> None:
    """The connection is lent to the next caller, whoever that is."""
    await seen(one, A)
    async with one._service.lent() as connection:
        assert await connection.fetchval("select current_setting('lensmesh.tenant', true)") == ""
        assert await connection.fetch("select from thing") == []


async def test_what_fails_is_undone_and_the_connection_is_as_good_as_new(one: Driver) -> None:
    """Nothing of the tenant or of what it did stays."""
    before = await one.call(SEE, "")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await one.call(FAIL, A, 0)
    with pytest.raises(asyncpg.UniqueViolationError):
        await one.call(ADD, A, A, f"{A}/thing", 0)
    assert await one.call(SEE, "") == before
    assert await seen(one, A) == [f"{A}/thing"]


async def test_a_routine_may_return_no_row(one: Driver) -> None:
    """Which is how it says that it did nothing."""
    assert await one.call(NOTHING, A) is None


@pytest.mark.parametrize("steps", range(0, 12, 3))
async def test_a_call_that_is_given_up_leaves_nothing_behind(one: Driver, house: House, steps: int) -> None:
    """At any step: before it is sent, while it runs."""
    adding = asyncio.ensure_future(one.call(ADD, A, A, "half", 30))
    await asyncio.wait([adding], timeout=steps * 0.01)
    adding.cancel()
    await asyncio.gather(adding, return_exceptions=True)
    assert adding.cancelled()
    assert await asyncio.wait_for(seen(one, A), 5) == [f"{A}/thing"]
    async with house.raw("owner") as connection:

        async def nothing_open() -> bool:
            return not await connection.fetchval(
                "select count(*) from pg_stat_activity where datname = current_database()"
                " and pid <> pg_backend_pid() and state <> 'idle'"
            )

        await eventually(nothing_open)


async def test_a_service_refuses_a_database_without_its_routines(house: House) -> None:
    """They are part of the schema; another version of the code has its own beside them."""
    await migrate(house.name, VERSIONS, settings_of(house), [NOTHING])
    changed = Routine(NOTHING.name, (), returns="n integer", body="return query select 1;")
    async with house.opened(pool=1) as doors:
        await require_current(doors, VERSIONS, [NOTHING])
        with pytest.raises(SchemaError, match="lacks this code's do_nothing: run the `migrate` verb first"):
            await require_current(doors, VERSIONS, [changed])
        await migrate(house.name, VERSIONS, settings_of(house), [changed])
        await require_current(doors, VERSIONS, [NOTHING, changed])
        assert await doors.driver.call(NOTHING, A) is None
        assert await doors.driver.call(changed, A) is not None


async def failure_of(opened: Driver, routine: Routine = SEE, *arguments: object) -> Exception:
    """Returns how a call fails; it must."""
    try:
        await opened.call(routine, A, *arguments)
    except Exception as error:  # noqa: BLE001 -- what the test looks at
        return error
    raise AssertionError("it went well")


async def test_a_connection_that_dies_is_unreachable_and_the_next_one_is_another(one: Driver, house: House) -> None:
    """Whether it was in use or not."""
    killing = "select pg_terminate_backend(pid) from pg_stat_activity where usename = current_user and pid <> $1"
    async with house.raw("service") as service:
        me = await service.fetchval(_ME)
        working = asyncio.ensure_future(failure_of(one, ADD, A, "slow", 30))

        async def works() -> bool:
            busy = "select true from pg_stat_activity where query like '%add_thing%' and state = 'active' and pid <> $1"
            return bool(await service.fetchval(busy, me))

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
            error = await failure_of(opened)
            assert is_unreachable(error), f"{place}: {error!r}"
            await opened.close()


async def test_a_pool_that_is_used_up_is_unreachable(one: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a connection gets one soon, or is told to come again."""
    monkeypatch.setattr(driver, "_ACQUIRE_SECONDS", 0.2)
    slow = asyncio.ensure_future(one.call(ADD, A, A, "slow", 1))
    await asyncio.sleep(0.1)
    assert is_unreachable(await failure_of(one))
    await slow


@pytest.mark.parametrize(
    ("routine", "arguments"),
    [(FAIL, (0,)), (FAIL, ("no number",)), (Routine("nobody_made_it", (), "n integer", "return;"), ())],
)
async def test_a_call_that_is_wrong_is_not_unreachable(
    one: Driver, routine: Routine, arguments: tuple[object, ...]
) -> None:
    """It would be wrong the next time too: neither the server's refusal nor the driver's own."""
    assert not is_unreachable(await failure_of(one, routine, *arguments))
