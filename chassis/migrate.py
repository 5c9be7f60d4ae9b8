"""Brings a service's schema to its code's version; refuses to serve on an older one.

Only one migration runs at a time. The lock is polled with ``pg_try_advisory_lock``: waiting inside a blocking lock
would hold a snapshot, and a concurrent ``create index concurrently`` waits for every snapshot: a deadlock.
"""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import structlog
from alembic import command, util
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from chassis.database import Database, driver_url
from chassis.routine import Routine
from chassis.settings import MigrationSettings

_LOCK = "select pg_try_advisory_lock(hashtext('lensmesh-migrate'))"
_UNLOCK = "select pg_advisory_unlock(hashtext('lensmesh-migrate'))"
_POLL_SECONDS = 0.2
_LOG = structlog.get_logger("migrate")


class SchemaError(Exception):
    """The schema is not what the code needs, or could not be brought there; the message says the way out."""


def _config(migrations: Path) -> Config:
    config = Config()
    config.set_main_option("path_separator", "newline")  # by default a space in a path would end it
    config.set_main_option("script_location", _literal(Path(__file__).parent / "alembic"))
    config.set_main_option("version_locations", _literal(migrations))
    return config


def _literal(path: Path) -> str:
    return str(path).replace("%", "%%")


def head(migrations: Path) -> str:
    """Returns the schema version that the code in ``migrations`` brings about."""
    revision = ScriptDirectory.from_config(_config(migrations)).get_current_head()
    if revision is None:
        raise SchemaError(f"{migrations} holds no migration")
    return revision


async def migrate(
    service: str, migrations: Path, settings: MigrationSettings, routines: Sequence[Routine] = ()
) -> None:
    """Upgrades the schema to the head of ``migrations``, and puts the routines beside it that the code calls.

    Raises:
        SchemaError: Another migration did not finish within ``migrate_wait_seconds``.
    """
    engine = create_async_engine(driver_url(settings.owner_database_url))
    try:
        async with engine.connect() as lock_holder, engine.connect() as connection:
            # no transaction around the lock: it belongs to the session
            lock_holder = await lock_holder.execution_options(isolation_level="AUTOCOMMIT")  # noqa: PLW2901
            await _lock(lock_holder, settings.migrate_wait_seconds)
            try:
                await connection.run_sync(_upgrade, service, migrations)
                for routine in routines:
                    await connection.exec_driver_sql(routine.definition)
                await connection.commit()
            finally:
                await lock_holder.execute(text(_UNLOCK))
    finally:
        await engine.dispose()


async def _lock(connection: AsyncConnection, wait_seconds: float) -> None:
    give_up = time.monotonic() + wait_seconds
    while not (await connection.execute(text(_LOCK))).scalar_one():
        if time.monotonic() > give_up:
            raise SchemaError(
                f"another migration has been running for {wait_seconds:.0f} s; look at it, then try again"
            )
        await asyncio.sleep(_POLL_SECONDS)


def _upgrade(connection: Connection, service: str, migrations: Path) -> None:
    config = _config(migrations)
    config.attributes["connection"] = connection
    before = MigrationContext.configure(connection).get_current_revision()
    connection.commit()  # begun by reading; Alembic must open its own, or a version cannot leave it for `concurrently`
    try:
        command.upgrade(config, "head")
    except util.CommandError as error:
        raise SchemaError(f"the schema is at version {before}, which this code cannot upgrade: {error}") from error
    for role in (f"{service}_service", f"{service}_relay"):
        connection.execute(text(f"grant select on alembic_version to {role}"))
    _LOG.info("migrated", service=service, before=before, after=head(migrations))


async def require_current(database: Database, migrations: Path, routines: Sequence[Routine] = ()) -> None:
    """Passes a database whose schema is the code's, and that has its routines.

    Raises:
        SchemaError: It is another version, or lacks one; the message says which, and the verb that mends it.
    """
    wanted = head(migrations)
    async with database.across_tenants() as connection:
        exists = await connection.execute(text("select to_regclass('alembic_version') is not null"))
        found = None
        if exists.scalar_one():
            found = (await connection.execute(text("select version_num from alembic_version"))).scalar()
    if found == wanted:
        await _require_routines(database, routines)
        return
    if found is None:
        raise SchemaError(f"there is no schema, this code needs version {wanted}: run the `migrate` verb first")
    if found not in _known(migrations):
        raise SchemaError(
            f"the schema is at version {found}, which this code ({wanted}) does not know: run the code that made it"
        )
    raise SchemaError(f"the schema is at version {found}, this code needs {wanted}: run the `migrate` verb first")


async def _require_routines(database: Database, routines: Sequence[Routine]) -> None:
    async with database.across_tenants() as connection:
        found = await connection.execute(
            text("select proname from pg_proc where proname = any(:names)"),
            {"names": [routine.identifier for routine in routines]},
        )
        there = set(found.scalars())
    for routine in routines:
        if routine.identifier not in there:
            raise SchemaError(f"the schema lacks this code's {routine.name}: run the `migrate` verb first")


def _known(migrations: Path) -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(_config(migrations)).walk_revisions()}
