"""The log under slow committers: whoever reads it by cursor misses nothing and sees nothing out of order."""

import asyncio
import contextlib
import random
import time
from contextlib import AsyncExitStack

import pytest
from google.protobuf.message import Message
from lensmesh.lims.v1.job_pb2 import JobEvent
from sqlalchemy import exc, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import log
from chassis.errors import CursorExpired
from chassis.log import BEGINNING, Cursor, Entry
from tests.chassis.housing import (
    TENANT,
    Doors,
    append,
    assert_in_order,
    background,
    eventually,
    hold_thing,
    places,
    read_all,
    write,
)

_BY_SERIAL_ID = text("select position, aggregate, sequence from log where position > :after order by position")
_TAKE_A_NUMBER = text("select pg_current_xact_id()")


class SerialReader:
    """The control: a reader that polls by serial id alone, as one would at first."""

    def __init__(self, database: Doors) -> None:
        self._database = database
        self._after = 0
        self.seen: list[tuple[str, int]] = []

    async def poll(self) -> None:
        """Reads what has a higher number than everything seen."""
        async with self._database.across_tenants() as connection:
            for position, aggregate, sequence in await connection.execute(_BY_SERIAL_ID, {"after": self._after}):
                self._after = position
                self.seen.append((aggregate, sequence))


class CursorReader:
    """A reader as the chassis has them, in pages of a size of its own."""

    def __init__(self, database: Doors, page: int) -> None:
        self._database = database
        self._page = page
        self.seen: list[Entry] = []

    async def poll(self) -> None:
        """Reads one page after the last entry seen."""
        after = self.seen[-1].cursor if self.seen else BEGINNING
        async with self._database.driver.across_tenants() as connection:
            self.seen += await log.read(connection, after, limit=self._page)


async def test_a_slow_committer_is_not_lost_though_a_reader_by_serial_id_loses_it(database: Doors) -> None:
    """The first writer takes the first number and commits last; between, others commit, and one rolls back."""
    by_serial_id, by_cursor = SerialReader(database), CursorReader(database, page=100)
    async with AsyncExitStack() as slow:
        connection = await slow.enter_async_context(database.transaction(TENANT))
        await append(connection, "slow")
        await write(database, "quick", [1])
        with contextlib.suppress(LookupError):
            async with database.transaction(TENANT) as undone:
                await append(undone, "undone")
                raise LookupError
        await write(database, "quick", [2])
        await by_serial_id.poll()
        await by_cursor.poll()
        assert by_serial_id.seen == [("quick", 1), ("quick", 2)]
        assert by_cursor.seen == [], "nothing is shown while an earlier transaction may still commit"
    await by_serial_id.poll()
    await by_cursor.poll()
    assert ("slow", 1) not in by_serial_id.seen, "the control must lose the slow committer, or this proves nothing"
    assert places(by_cursor.seen) == [("slow", 1), ("quick", 1), ("quick", 2)]


async def test_a_reader_goes_on_past_a_writer_that_rolls_back(database: Doors) -> None:
    """An open transaction holds readers up; once it is undone there is nothing of it and nothing is missing."""
    with contextlib.suppress(LookupError):
        async with database.transaction(TENANT) as undone:
            await append(undone, "undone")
            await write(database, "quick", [1])
            assert await read_all(database) == []
            raise LookupError
    assert places(await read_all(database)) == [("quick", 1)]


async def test_a_writer_with_an_early_number_and_a_late_turn_does_not_overtake(database: Doors) -> None:
    """A transaction that was numbered before it waited for an aggregate's lock writes after the one it waited for."""
    async with database.transaction(TENANT) as early:
        await early.execute(_TAKE_A_NUMBER)  # as any earlier write does: claiming a request id, moving a place
        async with database.transaction(TENANT) as late:
            await append(late, "order", await hold_thing(late, "order"))
        await append(early, "order", await hold_thing(early, "order"))
        await append(early, "other", await hold_thing(early, "other"))
    entries = await read_all(database)
    assert_in_order(entries)
    assert sorted(places(entries)) == [("order", 1), ("order", 2), ("other", 1)]


async def test_entries_of_an_overtaken_transaction_stay_hidden_until_all_before_them_have_ended(
    database: Doors,
) -> None:
    """What is written behind a later number is complete as soon as it is read: pages continue without a hole."""
    async with database.transaction(TENANT) as early:
        await early.execute(_TAKE_A_NUMBER)
        async with database.transaction(TENANT) as late:
            await append(late, "order", await hold_thing(late, "order"))
        await append(early, "order", await hold_thing(early, "order"))
        assert await read_all(database) == []
    reader = CursorReader(database, page=1)
    await reader.poll()
    await reader.poll()
    assert places(reader.seen) == [("order", 1), ("order", 2)]


class Writers:
    """Writers that open transactions, write under row locks, dawdle, and commit or roll back, in any order."""

    def __init__(self, database: Doors, seed: int, until: float) -> None:
        self._database = database
        self._random = random.Random(seed)  # noqa: S311 -- a schedule, not a secret
        self._until = until

    async def run(self) -> None:
        """Writes one transaction after the other until the time is up."""
        while time.monotonic() < self._until:
            with_fault = self._random.random() < 0.2
            try:
                async with self._database.transaction(TENANT) as connection:
                    await self._write(connection)
                    if with_fault:
                        raise LookupError
            except LookupError:
                continue

    async def _write(self, connection: AsyncConnection) -> None:
        if self._random.random() < 0.5:
            await connection.execute(_TAKE_A_NUMBER)
            await self._dawdle()
        names = sorted(self._random.sample(range(12), self._random.randint(1, 3)))  # sorted: no deadlocks
        for name in names:
            await append(connection, f"a{name}", await hold_thing(connection, f"a{name}"))
            await self._dawdle()

    async def _dawdle(self) -> None:
        await asyncio.sleep(self._random.choice((0, 0, 0.001, 0.003, 0.02)))


@pytest.mark.parametrize("seed", [1, 2])
async def test_readers_beside_slow_committers_miss_nothing_and_disorder_nothing(database: Doors, seed: int) -> None:
    """Random writers, three readers with pages of different sizes, and the control, which loses entries."""
    readers = [CursorReader(database, page) for page in (1, 7, 500)]
    control = SerialReader(database)

    async def poll(reader: CursorReader | SerialReader) -> None:
        while True:
            await reader.poll()
            await asyncio.sleep(0.001)

    until = time.monotonic() + 2
    async with background(*(poll(reader) for reader in (*readers, control))) as polling:
        await asyncio.gather(*(Writers(database, seed * 100 + number, until).run() for number in range(6)))
        truth = await read_all(database)
        await eventually(lambda: all(len(reader.seen) >= len(truth) for reader in readers))
        assert not any(task.done() for task in polling)
    assert len(truth) > 100
    assert_in_order(truth)
    for reader in readers:
        assert reader.seen == truth
    lost = set(places(truth)) - set(control.seen)
    assert lost, "the control must lose entries, or this proves nothing"


async def test_an_aggregates_sequence_cannot_be_written_twice(database: Doors) -> None:
    """Of two who both believe to be next, the second is refused."""
    await write(database, "order", [1])
    with pytest.raises(exc.IntegrityError, match="log_sequence"):
        await write(database, "order", [1])
    assert places(await read_all(database)) == [("order", 1)]


async def test_an_entry_says_all_that_was_written(database: Doors) -> None:
    """What comes out is what went in, and the event is a message again."""
    await write(database, "jobs/7", [1, 2])
    first, second = await read_all(database)
    assert (first.tenant, first.aggregate, first.sequence, first.schema_version) == (TENANT, "jobs/7", 1, 1)
    assert first.kind == "lensmesh.lims.v1.JobEvent"
    assert first.id != second.id
    assert first.time.utcoffset() is not None
    event: Message = first.event()
    assert event == JobEvent(job="jobs/7", sequence=1)


async def test_one_aggregates_events_are_read_after_a_sequence_and_without_waiting_for_others(
    database: Doors,
) -> None:
    """An open transaction elsewhere does not hold them up."""
    async with database.transaction(TENANT) as slow:
        await append(slow, "slow")
        await write(database, "order", range(1, 6))
        async with database.transaction(TENANT) as connection:
            found = await log.read_aggregate(connection, "order", after=2, limit=2)
            assert places(found) == [("order", 3), ("order", 4)]
            assert await log.read_aggregate(connection, "nothing", after=0, limit=2) == []


async def test_reading_can_be_narrowed_to_one_aggregate(database: Doors) -> None:
    """The order stays that of the log."""
    await write(database, "a", [1])
    await write(database, "b", [1, 2])
    await write(database, "a", [2])
    async with database.driver.across_tenants() as connection:
        found = await log.read(connection, BEGINNING, limit=10, aggregate="a")
    assert places(found) == [("a", 1), ("a", 2)]


async def test_the_end_is_after_all_that_can_be_read_and_before_all_that_comes(database: Doors) -> None:
    """Also while a transaction is open whose entries come later."""
    await write(database, "before", [1])
    async with database.transaction(TENANT) as slow:
        await append(slow, "slow")
        async with database.driver.across_tenants() as connection:
            end = await log.end(connection)
            assert await log.read(connection, end, limit=10) == []
    await write(database, "after", [1])
    assert places(await read_all(database, end)) == [("slow", 1), ("after", 1)]


async def test_a_cursor_of_the_future_is_refused_and_one_given_out_is_not(database: Doors) -> None:
    """After a restore, callers hold cursors this log never gave out."""
    await write(database, "order", [1])
    (entry,) = await read_all(database)
    async with database.driver.across_tenants() as connection:
        end = await log.end(connection)
        for known in (BEGINNING, entry.cursor, end):
            await log.check(connection, known)
        for unknown in (Cursor(end.transaction + 1000, 1), Cursor(2**63 - 1, 2**63 - 1)):
            with pytest.raises(CursorExpired, match="without a cursor"):
                await log.check(connection, unknown)
