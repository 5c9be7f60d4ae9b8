"""What it means that PostgreSQL cannot be reached: to try again, and not that something is broken."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from sqlalchemy import text

from chassis import database
from chassis.database import Database, is_unreachable
from tests.chassis.housing import TENANT, House, eventually, write


@contextmanager
def listening(*, refuses: bool) -> Iterator[str]:
    """Gives the address of something that is no PostgreSQL: it refuses, or it never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if not refuses:
            listener.listen()
        yield f"postgresql://nobody:nothing@127.0.0.1:{listener.getsockname()[1]}/nothing"


@asynccontextmanager
async def at(url: str) -> AsyncIterator[Database]:
    """Opens a database there."""
    opened = Database(url, url, pool=1)
    try:
        yield opened
    finally:
        await opened.close()


async def failure_of(opened: Database, statement: str = "select 1") -> Exception:
    """Returns how a transaction fails; it must."""
    try:
        async with opened.transaction(TENANT) as connection:
            await connection.execute(text(statement))
    except Exception as error:  # noqa: BLE001 -- what the test looks at
        return error
    raise AssertionError("it went well")


@pytest.mark.parametrize("refuses", [True, False], ids=["refuses", "is silent"])
async def test_a_server_that_does_not_let_us_in_is_unreachable(
    monkeypatch: pytest.MonkeyPatch, *, refuses: bool
) -> None:
    """Whether nobody is there or nobody answers."""
    monkeypatch.setattr(database, "_CONNECT_SECONDS", 0.2)
    with listening(refuses=refuses) as url:
        async with at(url) as opened:
            assert is_unreachable(await failure_of(opened))


async def test_a_connection_that_dies_is_unreachable_and_the_next_transaction_gets_another(house: House) -> None:
    """In the middle of a statement, or while nobody used it."""
    sleeping = "select true from pg_stat_activity where query like '%(30)' and pid <> pg_backend_pid()"
    async with house.opened(pool=1) as opened, house.raw("service") as service:

        async def kill() -> None:
            # a role may end sessions of its own
            await service.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where usename = current_user and application_name = 'lensmesh'"
            )

        working = asyncio.ensure_future(failure_of(opened, "select pg_sleep(30)"))

        async def sleeps() -> bool:
            return bool(await service.fetchval(sleeping))

        await eventually(sleeps)
        await kill()
        assert is_unreachable(await asyncio.wait_for(working, 5))
        await write(opened, "order", [1])
        await kill()
        assert is_unreachable(await failure_of(opened))
        await write(opened, "order", [2])


async def test_a_pool_that_is_used_up_is_unreachable(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a connection gets one soon, or is told to come again."""
    monkeypatch.setattr(database, "_POOL_WAIT_SECONDS", 0.2)
    async with house.opened(pool=1) as opened, opened.transaction(TENANT):
        assert is_unreachable(await failure_of(opened))


@pytest.mark.parametrize("statement", ["select 1/0", "select * from nothing", "insert into log default values"])
async def test_a_statement_that_is_wrong_is_not_unreachable(house: House, statement: str) -> None:
    """It would be wrong the next time too."""
    async with house.opened(pool=1) as opened:
        assert not is_unreachable(await failure_of(opened, statement))


async def test_a_wrong_password_is_not_unreachable(house: House) -> None:
    """Nobody should wait for it to become right."""
    url = house.url("service").replace(house.server.password("housing_service"), "wrong")
    async with at(url) as opened:
        assert not is_unreachable(await failure_of(opened))


async def test_what_failed_is_told_without_its_parameters(house: House) -> None:
    """They hold health data."""
    async with house.opened(pool=1) as opened:
        try:
            async with opened.transaction(TENANT) as connection:
                await connection.execute(text("select 1 / cast(:sphere as int)"), {"sphere": "0"})
        except Exception as error:  # noqa: BLE001 -- whatever it is
            told = str(error)
    assert "[SQL: select 1" in told
    assert "[SQL parameters hidden" in told


@pytest.mark.parametrize("error", [ValueError(), TimeoutError(), FileNotFoundError(), RuntimeError()])
def test_what_has_nothing_to_do_with_postgresql_is_not_unreachable(error: Exception) -> None:
    """A time-out or a missing file elsewhere means other things."""
    assert not is_unreachable(error)
