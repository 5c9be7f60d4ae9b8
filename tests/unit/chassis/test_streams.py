"""A watch as its caller sees it."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime

import grpc
import pytest
from google.rpc import error_details_pb2
from lensmesh.lims.v1.job_pb2 import JobEvent
from lensmesh.lims.v1.lims_service_pb2 import WatchJobsResponse
from lensmesh.type.v1.stream_pb2 import End

from chassis import streams
from chassis.errors import CursorExpired
from chassis.log import Cursor, Entry
from chassis.streams import Pace

START = Cursor(9, 9)


def entry(number: int) -> Entry:
    """Returns an entry."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    payload = JobEvent(job="jobs/1", sequence=number).SerializeToString()
    return Entry(Cursor(10, number), uuid.UUID(int=number), "t", "jobs/1", number, "k", 1, "", now, payload)


class Source:
    """Entries that come when the test says so, and whether whoever took them was closed."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Entry | Exception | None] = asyncio.Queue()
        self.closed = False

    def put(self, *entries: Entry | Exception | None) -> None:
        """Gives entries, a fault, or the end (None)."""
        for each in entries:
            self.queue.put_nowait(each)

    async def entries(self) -> AsyncGenerator[Entry, None]:
        """Yields what the test gives."""
        try:
            while (given := await self.queue.get()) is not None:
                if isinstance(given, Exception):
                    raise given
                yield given
        finally:
            self.closed = True


def watch(source: Source, pace: Pace, first: JobEvent | None = None) -> AsyncIterator[WatchJobsResponse]:
    """Returns a watch over the source."""
    return streams.watch(
        WatchJobsResponse,
        source.entries(),
        start=START,
        update=lambda entry: JobEvent.FromString(entry.payload),
        pace=pace,
        first=first,
    )


@pytest.fixture
async def pace() -> Pace:
    """A pace whose heartbeats do not come within a test."""
    return Pace(60, asyncio.Event())


@pytest.fixture
def source() -> Source:
    """A source of entries."""
    return Source()


async def following(watching: AsyncIterator[WatchJobsResponse]) -> WatchJobsResponse:
    """Returns the next message, which must come."""
    return await asyncio.wait_for(anext(watching), 5)


async def assert_over(watching: AsyncIterator[WatchJobsResponse], source: Source) -> None:
    """Fails unless the watch has ended and left nothing behind."""
    with pytest.raises(StopAsyncIteration):
        await following(watching)
    assert source.closed
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_watch_begins_with_a_cursor_to_resume_from(source: Source, pace: Pace) -> None:
    """In a heartbeat, before anything happens."""
    watching = watch(source, pace)
    first = await following(watching)
    assert first.WhichOneof("event") == "heartbeat"
    assert first.cursor == str(START)
    assert first.heartbeat.time.seconds > 0


async def test_a_watch_begins_with_how_things_stand_where_that_is_given(source: Source, pace: Pace) -> None:
    """Instead of the heartbeat, also when it is an empty message."""
    for standing in (JobEvent(job="jobs/1"), JobEvent()):
        first = await following(watch(source, pace, first=standing))
        assert first.WhichOneof("event") == "update"
        assert (first.update, first.cursor) == (standing, str(START))


async def test_each_entry_is_told_with_its_cursor(source: Source, pace: Pace) -> None:
    """In order; then the end says that it is complete, with the last one."""
    source.put(entry(1), entry(2), None)
    told = [message async for message in watch(source, pace)]
    assert [message.cursor for message in told] == [str(START), *(str(entry(n).cursor) for n in (1, 2, 2))]
    assert [message.update.sequence for message in told] == [0, 1, 2, 0]
    assert told[-1].end.reason == End.REASON_COMPLETE
    assert source.closed


async def test_a_quiet_watch_says_that_it_is_alive(source: Source) -> None:
    """With the cursor of the last update; and the entry that comes after is not lost."""
    watching = watch(source, Pace(0.02, asyncio.Event()))
    await following(watching)
    source.put(entry(1))
    await following(watching)
    for _ in range(3):
        message = await following(watching)
        assert message.WhichOneof("event") == "heartbeat"
        assert message.cursor == str(entry(1).cursor)
    source.put(entry(2))
    while (message := await following(watching)).WhichOneof("event") == "heartbeat":
        pass
    assert message.update.sequence == 2


async def test_a_draining_process_ends_a_quiet_watch(source: Source, pace: Pace) -> None:
    """With the cursor to resume elsewhere."""
    watching = watch(source, pace)
    await following(watching)
    waiting = asyncio.ensure_future(following(watching))
    await asyncio.sleep(0)
    pace.draining.set()
    last = await waiting
    assert (last.end.reason, last.cursor) == (End.REASON_SERVER_DRAINING, str(START))
    await assert_over(watching, source)


async def test_a_draining_process_ends_a_busy_watch_too(source: Source, pace: Pace) -> None:
    """It would otherwise go on for as long as entries come; what was not told comes after the cursor."""
    source.put(*(entry(number) for number in range(1, 200)))
    watching = watch(source, pace)
    await following(watching)
    told = await following(watching)
    pace.draining.set()
    for _ in range(3):
        message = await following(watching)
        if message.WhichOneof("event") == "end":
            break
        told = message
    assert (message.end.reason, message.cursor) == (End.REASON_SERVER_DRAINING, told.cursor)
    await assert_over(watching, source)


async def test_a_fault_is_told_in_the_stream(pace: Pace) -> None:
    """Over HTTP/1.1 there is no other place; an error of ours as it is, any other without its text."""
    for fault, code, said in (
        (CursorExpired("too old"), grpc.StatusCode.OUT_OF_RANGE, "too old"),
        (RuntimeError("a secret"), grpc.StatusCode.INTERNAL, "resume with the cursor"),
        (ConnectionRefusedError("5432"), grpc.StatusCode.UNAVAILABLE, "resume with the cursor"),
    ):
        broken = Source()
        broken.put(entry(1), fault)
        watching = watch(broken, pace)
        await following(watching)
        await following(watching)
        last = await following(watching)
        assert last.cursor == str(entry(1).cursor)
        assert last.error.code == code.value[0]
        assert said in last.error.message
        assert "secret" not in last.error.message
        assert last.error.details[0].Unpack(error_details_pb2.ErrorInfo())
        await assert_over(watching, broken)


async def test_an_entry_that_cannot_be_told_is_not_behind_the_callers_cursor(source: Source, pace: Pace) -> None:
    """Whoever resumes gets it again."""
    source.put(entry(1), entry(2))

    def update(given: Entry) -> JobEvent:
        if given.sequence == 2:
            raise RuntimeError("cannot be told")
        return JobEvent.FromString(given.payload)

    watching = streams.watch(WatchJobsResponse, source.entries(), start=START, update=update, pace=pace)
    told = [message async for message in watching]
    assert told[-1].WhichOneof("event") == "error"
    assert told[-1].cursor == str(entry(1).cursor)


@pytest.mark.parametrize("quiet", [True, False])
async def test_a_watch_that_is_closed_leaves_nothing_behind(source: Source, pace: Pace, *, quiet: bool) -> None:
    """Neither a task nor its source, whether it waits or is in the middle of things."""
    watching = watch(source, pace)
    await following(watching)
    source.put(entry(1))
    await following(watching)
    if quiet:
        waiting = asyncio.ensure_future(anext(watching))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    await watching.aclose()  # type: ignore[attr-defined]
    await assert_over(watching, source)
