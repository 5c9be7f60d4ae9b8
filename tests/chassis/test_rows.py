"""Row-level security: a service's role sees the rows of the transaction's tenant, and none without one."""

import contextlib
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import exc, text

from chassis import log
from chassis.log import BEGINNING
from chassis.migrate import migrate
from runtime.postgres import Server
from tests.chassis.housing import ROOT, VERSIONS, Doors, House, append, hold_thing, places, read_all, settings_of, write

A, B = "practices/a", "practices/b"
SERVICES = sorted(path.parent for path in (ROOT / "services").glob("*/migrations") if any(path.glob("[0-9]*.py")))

_WITH_TENANT = """
    select c.relname, c.relrowsecurity and c.relforcerowsecurity as forced,
        (select array_agg(r.rolname::text order by r.rolname) from pg_policy p, unnest(p.polroles) as role
            join pg_roles r on r.oid = role where p.polrelid = c.oid) as bound,
        has_table_privilege(c.oid, 'select') as readable
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind in ('r', 'p')
        and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant' and not a.attisdropped)
"""
_TABLES = "select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"


@pytest.mark.parametrize("folder", [*SERVICES, VERSIONS], ids=lambda folder: folder.name)
async def test_every_table_with_a_tenant_is_behind_forced_row_level_security(postgres: Server, folder: Path) -> None:
    """Of the chassis's own tables and of every service's, as their migrations make them."""
    house = House(postgres) if folder == VERSIONS else House(postgres, folder.name)
    postgres.bootstrap(house.name)
    await migrate(house.name, folder if folder == VERSIONS else folder / "migrations", settings_of(house))
    async with house.raw("service") as connection:
        tables = await connection.fetch(_WITH_TENANT)
        assert {"log"} <= {table["relname"] for table in tables}
        for table in tables:
            assert table["forced"], table["relname"]
            assert table["bound"] == [f"{house.name}_relay", f"{house.name}_service"], table["relname"]
        roles = await connection.fetch(
            "select rolname from pg_roles where rolname like $1 and (rolsuper or rolbypassrls)", f"{house.name}%"
        )
        assert roles == [], "no role of a service passes row-level security by"
        for table in tables:
            if table["readable"]:
                name = table["relname"]
                assert await connection.fetchval(f'select count(*) from "{name}"') == 0, name  # noqa: S608 -- its own


@pytest.fixture
async def settled(database: Doors) -> Doors:
    """Two practices with rows in every table that belongs to a tenant."""
    for tenant in (A, B):
        async with database.transaction(tenant) as connection:
            await append(connection, f"{tenant}/orders/1", tenant=tenant)
            await hold_thing(connection, f"{tenant}/thing", tenant=tenant)
            await connection.execute(
                text("insert into request (tenant, id, digest) values (:tenant, uuidv7(), '')"), {"tenant": tenant}
            )
    return database


async def _tenant_tables(house: House) -> list[str]:
    async with house.raw("service") as connection:
        return [table["relname"] for table in await connection.fetch(_WITH_TENANT)]


async def test_without_a_tenant_the_services_role_sees_no_row_of_any_table(settled: Doors, house: House) -> None:
    """Not unset, not empty, not another name; the relay's role sees them all."""
    tables = await _tenant_tables(house)
    assert sorted(tables) == ["log", "request", "thing"]
    async with house.raw("service") as connection, house.raw("relay") as relay:
        for setting in (None, "", "practices", "%"):
            if setting is not None:
                await connection.execute("select set_config('lensmesh.tenant', $1, false)", setting)
            for table in tables:
                counted = f"select count(*) from {table}"  # noqa: S608 -- a name of the catalog
                assert await connection.fetchval(counted) == 0
                assert await relay.fetchval(counted) == 2
    assert len(await read_all(settled)) == 2


async def test_what_belongs_to_no_tenant_is_not_the_services_roles_to_see(house: House) -> None:
    """Places, leases and what consumers applied are the relay's."""
    tables = await _tenant_tables(house)
    async with house.raw("service") as connection:
        for (table,) in await connection.fetch(_TABLES):
            if table not in (*tables, "alembic_version"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.fetch(f"select * from {table}")  # noqa: S608 -- a name of the catalog


async def test_a_tenant_sees_its_own_rows_and_none_of_another(settled: Doors, house: House) -> None:
    """In every table, and through the log's own functions."""
    async with house.raw("service") as bound:
        await bound.execute("select set_config('lensmesh.tenant', $1, false)", A)
        assert places(await log.read(bound, BEGINNING, limit=9)) == [(f"{A}/orders/1", 1)]
    async with settled.transaction(A) as connection:
        for table in await _tenant_tables(house):
            seen = await connection.execute(text(f"select tenant from {table}"))  # noqa: S608 -- a name of the catalog
            assert list(seen.scalars()) == [A], table
        assert await log.read_aggregate(connection, f"{B}/orders/1", after=0, limit=9) == []


async def test_a_tenant_cannot_write_for_another(settled: Doors) -> None:
    """Neither insert nor move a row over, nor touch what it does not see."""
    with pytest.raises(exc.DBAPIError, match="row-level security"):
        async with settled.transaction(A) as connection:
            await append(connection, f"{B}/orders/2", tenant=B)
    with pytest.raises(exc.DBAPIError, match="row-level security"):
        async with settled.transaction(A) as connection:
            await connection.execute(text("update thing set tenant = :other"), {"other": B})
    async with settled.transaction(A) as connection:
        changed = await connection.execute(text("update thing set note = 'mine' where tenant = :other"), {"other": B})
        assert changed.rowcount == 0


@pytest.mark.usefixtures("settled")
async def test_the_tenant_does_not_stay_on_a_pooled_connection(house: House) -> None:
    """Whether the transaction before committed or was undone, the next one on the same connection begins with none."""
    async with house.opened(pool=1) as database:
        for fault in (None, LookupError()):
            with contextlib.suppress(LookupError):
                async with database.transaction(A) as connection:
                    first = (await connection.execute(text("select pg_backend_pid()"))).scalar_one()
                    if fault:
                        raise fault
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("chassis.database._BIND_TENANT", text("select :tenant"))  # a transaction that binds none
                async with database.transaction("") as connection:
                    assert (await connection.execute(text("select pg_backend_pid()"))).scalar_one() == first
                    bound = await connection.execute(text("select current_setting('lensmesh.tenant', true)"))
                    assert not bound.scalar_one()
                    assert (await connection.execute(text("select count(*) from log"))).scalar_one() == 0


async def test_what_fails_inside_a_transaction_leaves_nothing_behind(database: Doors) -> None:
    """All of it or nothing."""
    with contextlib.suppress(LookupError):
        async with database.transaction(A) as connection:
            await append(connection, "a", tenant=A)
            raise LookupError
    assert await read_all(database) == []
    await write(database, "a", [1], tenant=A)
    assert len(await read_all(database)) == 1
