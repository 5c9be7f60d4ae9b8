"""Migrations: one at a time, from any path, and services that refuse a schema that is not theirs."""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from chassis.migrate import SchemaError, head, migrate, require_current
from runtime.postgres import Server
from tests.chassis.housing import VERSIONS, House, eventually, settings_of

_NUMBERS = itertools.count(1)

Version = Callable[[str, str], None]


@pytest.fixture
def empty(postgres: Server) -> House:
    """A database without a schema."""
    name = f"cottage{next(_NUMBERS)}"
    postgres.bootstrap(name)
    return House(postgres, name)


def write_version(folder: Path, number: int, body: str) -> None:
    """Writes a version that follows the one before."""
    folder.mkdir(exist_ok=True, parents=True)
    before = f'"{number - 1:04}"' if number > 1 else "None"
    (folder / f"{number:04}_version.py").write_text(
        f'from alembic import op\n\nrevision = "{number:04}"\ndown_revision = {before}\n\n\n'
        f"def upgrade() -> None:\n    {body}\n"
    )


async def version(house: House) -> str | None:
    """Returns the version that the database is at, as its service sees it."""
    async with house.raw("service") as connection:
        found: str | None = await connection.fetchval("select version_num from alembic_version")
        return found


async def test_of_two_migrations_at_once_one_waits_and_both_succeed(empty: House, tmp_path: Path) -> None:
    """The versions run once."""
    write_version(tmp_path, 1, 'op.execute("create table once (at timestamptz)"); op.execute("select pg_sleep(0.5)")')
    one, other = (migrate(empty.name, tmp_path, settings_of(empty)) for _ in range(2))
    await asyncio.gather(one, other)
    assert await version(empty) == "0001"


async def test_who_waits_too_long_for_another_migration_gives_up_with_a_sentence(empty: House) -> None:
    """The other may be stuck; waiting for ever hides that."""
    async with empty.raw("owner") as other:
        await other.execute("select pg_advisory_lock(hashtext('lensmesh-migrate'))")
        with pytest.raises(SchemaError, match="another migration has been running for"):
            await migrate(empty.name, VERSIONS, settings_of(empty, migrate_wait_seconds=0.3))
    await migrate(empty.name, VERSIONS, settings_of(empty))
    assert await version(empty) == head(VERSIONS)


async def test_an_index_made_concurrently_and_a_waiting_migration_do_not_block_each_other(
    empty: House, tmp_path: Path
) -> None:
    """`create index concurrently` waits for every snapshot; who waits for the lock must hold none."""
    write_version(tmp_path, 1, 'op.execute("create table big as select n from generate_series(1, 1000) n")')
    await migrate(empty.name, tmp_path, settings_of(empty))
    write_version(
        tmp_path,
        2,
        'op.execute("create table gate (n int)")\n'
        '    op.execute("select pg_sleep(0.7)")\n'
        "    with op.get_context().autocommit_block():\n"
        '        op.execute("create index concurrently big_n on big (n)")',
    )
    async with asyncio.timeout(20):
        await asyncio.gather(*(migrate(empty.name, tmp_path, settings_of(empty)) for _ in range(3)))
    assert await version(empty) == "0002"
    async with empty.raw("owner") as connection:
        assert await connection.fetchval("select indisvalid from pg_index where indexrelid = 'big_n'::regclass")


async def test_a_version_that_fails_changes_nothing_and_lets_the_next_one_try(empty: House, tmp_path: Path) -> None:
    """The lock is given back, whatever happened."""
    write_version(tmp_path, 1, 'op.execute("create table half (n int)"); op.execute("select 1/0")')
    with pytest.raises(Exception, match="division by zero"):
        await migrate(empty.name, tmp_path, settings_of(empty))
    write_version(tmp_path, 1, 'op.execute("create table half (n int)")')
    await migrate(empty.name, tmp_path, settings_of(empty, migrate_wait_seconds=1))
    assert await version(empty) == "0001"


@pytest.mark.parametrize("folder", ["my lab, 100% ours", "a:b"])
async def test_the_versions_may_lie_at_any_path(empty: House, tmp_path: Path, folder: str) -> None:
    """A project may lie in a folder with spaces, commas, colons or a percent sign."""
    write_version(tmp_path / folder, 1, 'op.execute("create table here (n int)")')
    await migrate(empty.name, tmp_path / folder, settings_of(empty))
    assert await version(empty) == "0001"


async def test_a_migrated_schema_is_served_on(empty: House) -> None:
    """And a second migration finds nothing to do."""
    for _ in range(2):
        await migrate(empty.name, VERSIONS, settings_of(empty))
    async with empty.opened(pool=1) as database:
        await require_current(database, VERSIONS)


async def test_a_service_refuses_a_database_without_a_schema(empty: House) -> None:
    """And names the verb."""
    async with empty.opened(pool=1) as database:
        with pytest.raises(
            SchemaError, match="there is no schema, this code needs version 0001: run the `migrate` verb"
        ):
            await require_current(database, VERSIONS)


async def test_a_service_refuses_an_older_schema(empty: House, tmp_path: Path) -> None:
    """And names both versions and the verb."""
    write_version(tmp_path, 1, 'op.execute("create table one (n int)")')
    await migrate(empty.name, tmp_path, settings_of(empty))
    write_version(tmp_path, 2, 'op.execute("create table two (n int)")')
    async with empty.opened(pool=1) as database:
        with pytest.raises(SchemaError, match="at version 0001, this code needs 0002: run the `migrate` verb first"):
            await require_current(database, tmp_path)


async def test_a_service_refuses_a_newer_schema_and_does_not_send_anybody_to_migrate(
    empty: House, tmp_path: Path
) -> None:
    """Its `migrate` could not help, and says so too."""
    write_version(tmp_path / "new", 1, 'op.execute("create table one (n int)")')
    write_version(tmp_path / "new", 2, 'op.execute("create table two (n int)")')
    write_version(tmp_path / "old", 1, 'op.execute("create table one (n int)")')
    await migrate(empty.name, tmp_path / "new", settings_of(empty))
    async with empty.opened(pool=1) as database:
        with pytest.raises(SchemaError, match=r"at version 0002, which this code \(0001\) does not know: run the code"):
            await require_current(database, tmp_path / "old")
    with pytest.raises(SchemaError, match="at version 0002, which this code cannot upgrade"):
        await migrate(empty.name, tmp_path / "old", settings_of(empty))


def test_a_folder_without_versions_is_no_schema(tmp_path: Path) -> None:
    """It is refused by its name."""
    with pytest.raises(SchemaError, match="holds no migration"):
        head(tmp_path)


async def test_the_lock_is_polled_without_a_snapshot(empty: House, tmp_path: Path) -> None:
    """While it waits, a migration holds no transaction open: nothing that waits for all snapshots waits for it."""
    write_version(tmp_path, 1, 'op.execute("create table one (n int)")')
    async with empty.raw("owner") as holder:
        await holder.execute("select pg_advisory_lock(hashtext('lensmesh-migrate'))")
        waiting = asyncio.ensure_future(migrate(empty.name, tmp_path, settings_of(empty)))

        async def polls() -> bool:
            return bool(
                await holder.fetchval(
                    "select count(*) = 2 from pg_stat_activity where datname = current_database()"
                    " and pid <> pg_backend_pid() and state = 'idle' and backend_xmin is null"
                )
            )

        await eventually(polls)
        await holder.execute("select pg_advisory_unlock(hashtext('lensmesh-migrate'))")
        await waiting
