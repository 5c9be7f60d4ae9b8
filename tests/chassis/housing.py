"""A house for tests: a database as every service's is, events to log in it, and waiting for what must come true."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from google.protobuf.message import Message
from lensmesh.lims.v1.job_pb2 import JobEvent
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import log
from chassis.database import Database
from chassis.driver import Driver
from chassis.log import BEGINNING, Cursor, Entry
from chassis.migrate import migrate
from chassis.settings import MigrationSettings
from runtime.postgres import Server
from runtime.waiting import blocking

HERE = Path(__file__).parent
VERSIONS = HERE / "versions"
SERVICE = "housing"
TENANT = "practices/demo"
ROOT = HERE.parents[1]
OWN_TABLES = ("log", "request", "thing", "place", "lease", "applied")
WAIT_SECONDS = 20.0


class Doors(Database):
    """The pools of a process of the service, of both kinds."""

    def __init__(self, url: str, relay_url: str, *, pool: int) -> None:
        """Takes where its two roles enter."""
        super().__init__(url, relay_url, pool=pool)
        self.driver = Driver(url, relay_url, pool=pool)


@dataclass(frozen=True, slots=True)
class House:
    """A migrated database of a PostgreSQL server."""

    server: Server
    name: str = SERVICE

    def url(self, role: str) -> str:
        """Returns where the service's own role, its relay or its owner enters."""
        return self.server.url(self.name, f"{self.name}_{role}")

    @asynccontextmanager
    async def opened(self, pool: int = 10) -> AsyncIterator[Doors]:
        """Opens the pools of its two roles while a block runs."""
        database = Doors(self.url("service"), self.url("relay"), pool=pool)
        try:
            yield database
        finally:
            await database.driver.close()
            await database.close()

    @asynccontextmanager
    async def raw(self, role: str) -> AsyncIterator[asyncpg.Connection]:
        """Connects as a role, with nothing of the chassis in between."""
        connection = await asyncpg.connect(self.url(role))
        try:
            yield connection
        finally:
            await connection.close(timeout=5)

    async def empty(self) -> None:
        """Deletes every row."""
        async with self.raw("owner") as connection:
            await connection.execute(f"truncate {', '.join(OWN_TABLES)}")

    def environment(self, jwks: Path, **more: str) -> dict[str, str]:
        """Returns what a process of this service is told."""
        return {
            **os.environ,
            "LENSMESH_DATABASE_URL": self.url("service"),
            "LENSMESH_RELAY_DATABASE_URL": self.url("relay"),
            "LENSMESH_JWKS_FILE": str(jwks),
            **more,
        }


def settings_of(house: House, **more: float) -> MigrationSettings:
    """Returns the settings of the house's ``migrate`` verb."""
    return MigrationSettings(owner_database_url=house.url("owner"), **more)


def build(server: Server, name: str = SERVICE) -> House:
    """Makes a database and brings its schema up to date."""
    server.bootstrap(name)
    house = House(server, name)
    blocking(migrate(name, VERSIONS, settings_of(house)))
    return house


def event(aggregate: str, sequence: int) -> Message:
    """Returns an event; any message would do."""
    return JobEvent(job=aggregate, sequence=sequence)


async def append(connection: AsyncConnection, aggregate: str, sequence: int = 1, *, tenant: str = TENANT) -> None:
    """Appends one event."""
    await log.append(connection, event(aggregate, sequence), tenant=tenant, aggregate=aggregate, sequence=sequence)


async def write(database: Database, aggregate: str, sequences: Iterable[int], *, tenant: str = TENANT) -> None:
    """Appends an aggregate's events, each in a transaction of its own."""
    for sequence in sequences:
        async with database.transaction(tenant) as connection:
            await append(connection, aggregate, sequence, tenant=tenant)


async def hold_thing(connection: AsyncConnection, name: str, *, tenant: str = TENANT) -> int:
    """Locks an aggregate's row as a use case does; returns the sequence of its next event."""
    await connection.execute(
        text("insert into thing (tenant, name) values (:tenant, :name) on conflict do nothing"),
        {"tenant": tenant, "name": name},
    )
    locked = await connection.execute(text("select sequence from thing where name = :name for update"), {"name": name})
    following = int(locked.scalar_one()) + 1
    await connection.execute(
        text("update thing set sequence = :sequence where name = :name"), {"name": name, "sequence": following}
    )
    return following


async def read_all(database: Doors, after: Cursor = BEGINNING) -> list[Entry]:
    """Returns everything that can be read after a cursor."""
    async with database.driver.across_tenants() as connection:
        return list(await log.read(connection, after, limit=1_000_000))


def places(entries: Iterable[Entry]) -> list[tuple[str, int]]:
    """Returns what each entry is about, and the how-manieth of its aggregate."""
    return [(entry.aggregate, entry.sequence) for entry in entries]


def assert_in_order(entries: Iterable[Entry]) -> None:
    """Fails unless each aggregate's events come from 1 on, without gaps, repeats or disorder."""
    reached: dict[str, int] = {}
    for aggregate, sequence in places(entries):
        expected = reached.get(aggregate, 0) + 1
        assert sequence == expected, f"{aggregate}: event {sequence} came where {expected} was due"
        reached[aggregate] = sequence


async def eventually(condition: Callable[[], bool | Awaitable[bool]], seconds: float = WAIT_SECONDS) -> None:
    """Waits until the condition holds; fails when it does not in time."""
    give_up = time.monotonic() + seconds
    while True:
        holds = condition()
        if await holds if isinstance(holds, Awaitable) else holds:
            return
        assert time.monotonic() < give_up, f"it did not come true within {seconds} s"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def background(*coroutines: Awaitable[object]) -> AsyncIterator[list["asyncio.Task[object]"]]:
    """Runs coroutines beside the block and cancels them at its end."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        yield tasks  # type: ignore[misc]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
