"""Following the log's end: from any cursor, without gap or repeat, whatever happens on the way."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from chassis import tail
from chassis.database import is_unreachable
from chassis.log import BEGINNING, Cursor, Entry
from chassis.tail import Tail
from runtime.postgres import running
from tests.chassis import housing
from tests.chassis.housing import (
    TENANT,
    Doors,
    append,
    assert_in_order,
    background,
    eventually,
    places,
    read_all,
    write,
)


async def take(tail: Tail, after: Cursor, count: int, aggregate: str | None = None) -> list[Entry]:
    """Follows until it has so many entries."""
    taken: list[Entry] = []
    following = tail.follow(after, matches=lambda entry: aggregate in (None, entry.aggregate), aggregate=aggregate)
    async with aclosing(following):
        async for entry in following:
            taken.append(entry)
            if len(taken) == count:
                return taken
    raise AssertionError("a follower never ends by itself")


@pytest.fixture
async def followed(database: Doors) -> AsyncIterator[Tail]:
    """The tail of the house's log, running."""
    made = Tail(database.driver)
    async with background(made.run()):
        yield made


async def test_followers_from_any_cursor_see_the_same_entries_while_writers_write(
    database: Doors, followed: Tail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first entry, from the middle and live; with a memory so short that entries leave it meanwhile."""
    monkeypatch.setattr(tail, "_KEPT", 16)
    monkeypatch.setattr(tail, "_BATCH", 8)
    await write(database, "early", range(1, 21))
    middle = (await read_all(database))[9].cursor
    live = await followed.end()
    writers = 4
    written = 60
    total = 20 + writers * written
    following = [
        asyncio.ensure_future(take(followed, after, count))
        for after, count in (*[(BEGINNING, total)] * 3, (middle, total - 10), (live, writers * written))
    ]
    late: list[asyncio.Task[list[Entry]]] = []

    async def come_late() -> None:
        await eventually(lambda: followed._end > live)
        late.append(asyncio.create_task(take(followed, BEGINNING, total)))

    await asyncio.gather(come_late(), *(write(database, f"w{n}", range(1, written + 1)) for n in range(writers)))
    seen = await asyncio.wait_for(asyncio.gather(*following, *late), 20)
    truth = await read_all(database)
    assert len(truth) == total
    assert_in_order(truth)
    assert seen[0] == seen[1] == seen[2] == seen[5] == truth
    assert seen[3] == truth[10:]
    live_ones = [entry for entry in seen[4] if entry.cursor > live]
    assert live_ones == [entry for entry in truth if entry.cursor > live][: len(live_ones)]


async def test_what_leaves_memory_while_a_follower_catches_up_is_not_lost_to_it(
    database: Doors, followed: Tail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow follower in the middle of the past, and more new entries than are kept."""
    monkeypatch.setattr(tail, "_KEPT", 8)
    await write(database, "order", range(1, 4))
    goal = (await read_all(database))[-1].cursor
    await eventually(lambda: followed._end >= goal)
    following = followed.follow(BEGINNING, matches=lambda _: True)
    async with aclosing(following):
        taken = [await anext(following)]
        await write(database, "order", range(4, 24))
        await eventually(lambda: followed._start > goal)
        taken += [await asyncio.wait_for(anext(following), 5) for _ in range(22)]
    assert [entry.sequence for entry in taken] == list(range(1, 24))


async def test_a_follower_reads_from_the_table_what_left_memory_while_it_was_slow_to_follow(
    database: Doors, followed: Tail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was up to date once, and fell behind."""
    monkeypatch.setattr(tail, "_KEPT", 8)
    following = followed.follow(await followed.end(), matches=lambda _: True)
    async with aclosing(following):
        await write(database, "order", [1])
        taken = [await asyncio.wait_for(anext(following), 5)]
        await write(database, "order", range(2, 31))
        await eventually(lambda: followed._start > taken[0].cursor)
        taken += [await asyncio.wait_for(anext(following), 5) for _ in range(29)]
    assert [entry.sequence for entry in taken] == list(range(1, 31))


async def test_two_hundred_followers_are_served_by_one_reader(database: Doors, followed: Tail) -> None:
    """Half come with an old cursor, half live; each sees every entry once."""
    await write(database, "order", range(1, 21))
    live = (await read_all(database))[-1].cursor
    await eventually(lambda: followed._end >= live)
    following = [
        asyncio.ensure_future(take(followed, after, count))
        for _ in range(100)
        for after, count in ((BEGINNING, 40), (live, 20))
    ]
    await write(database, "order", range(21, 41))
    seen = await asyncio.wait_for(asyncio.gather(*following), 20)
    for taken in seen:
        assert [entry.sequence for entry in taken] == list(range(41 - len(taken), 41))


async def test_a_follower_sees_only_what_matches(database: Doors, followed: Tail) -> None:
    """In the past and live, in order."""
    for name in ("a", "b"):
        await write(database, name, [1, 2])
    taking = asyncio.ensure_future(take(followed, BEGINNING, 3, aggregate="b"))
    for name in ("a", "b"):
        await write(database, name, [3])
    assert places(await asyncio.wait_for(taking, 5)) == [("b", 1), ("b", 2), ("b", 3)]


async def test_a_poke_tells_at_once_what_was_just_committed(
    database: Doors, followed: Tail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between polls nothing is seen without it."""
    monkeypatch.setattr(tail, "_POLL_SECONDS", 60)
    following = asyncio.ensure_future(take(followed, await followed.end(), 1))
    followed.poke()  # so that it rests for the long time, whatever it was just doing
    await asyncio.sleep(0.2)
    await write(database, "order", [1])
    await asyncio.wait([following], timeout=0.3)
    assert not following.done(), "nothing has told it; or this proves nothing"
    began = time.monotonic()
    followed.poke()
    await asyncio.wait_for(following, 5)
    assert time.monotonic() - began < 1


async def test_a_follower_from_beyond_this_processs_end_waits_for_what_comes_after(
    database: Doors, followed: Tail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its cursor is from a replica that is further; it sees nothing twice."""
    monkeypatch.setattr(tail, "_POLL_SECONDS", 60)
    await followed.end()
    followed.poke()
    await asyncio.sleep(0.2)
    await write(database, "order", [1, 2])
    ahead = (await read_all(database))[-1].cursor
    assert ahead > followed._end
    following = asyncio.ensure_future(take(followed, ahead, 1))
    await write(database, "order", [3])
    followed.poke()
    assert places(await asyncio.wait_for(following, 5)) == [("order", 3)]


async def test_an_open_transaction_holds_followers_up_until_it_ends(database: Doors, followed: Tail) -> None:
    """Then they see it, and those after it, in order."""
    following = asyncio.ensure_future(take(followed, await followed.end(), 2))
    async with database.transaction(TENANT) as slow:
        await append(slow, "slow")
        await write(database, "quick", [1])
        await asyncio.wait([following], timeout=0.3)
        assert not following.done()
    assert places(await asyncio.wait_for(following, 5)) == [("slow", 1), ("quick", 1)]


async def test_a_crash_of_the_database_is_survived(tmp_path: Path) -> None:
    """Every connection is gone, the server recovers; followers go on where they were."""
    with running(tmp_path) as server:
        house = housing.build(server)
        async with house.opened() as database:
            followed = Tail(database.driver)
            written = 0

            async def write_next() -> bool:
                nonlocal written
                try:
                    await write(database, "order", [written + 1])
                except IntegrityError:
                    pass  # the try before was committed, and only its answer was lost
                except Exception as error:
                    if is_unreachable(error):
                        return False
                    raise
                written += 1
                return True

            async with background(followed.run()):
                following = asyncio.ensure_future(take(followed, await followed.end(), 3))
                await write_next()
                async with house.raw("owner") as victim:
                    # one that is killed makes the server end all and recover
                    os.kill(await victim.fetchval("select pg_backend_pid()"), signal.SIGKILL)
                await eventually(write_next)
                await eventually(write_next)
                assert places(await asyncio.wait_for(following, 10)) == [("order", 1), ("order", 2), ("order", 3)]
