"""The end of the log in memory, shared by every watch of the process.

One reader polls the log and hands each new entry to all who follow; a follower that comes with an older cursor reads
from the table until it has caught up. So a thousand open pages cost one query, not a thousand.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing

import structlog

from chassis import log
from chassis.driver import Driver
from chassis.log import Cursor, Entry

_LOG = structlog.get_logger("tail")
_KEPT = 4096
_BATCH = 512
_POLL_SECONDS = 0.1  # how late other replicas' changes may be seen; our own wake us at once
_GATHER_SECONDS = 0.02  # but for this, so that changes made together are read, relayed and told together


class Tail:
    """Reads the log's end for all who follow it in this process. Run `run` in the background."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._entries: list[Entry] = []
        self._start = self._end = log.BEGINNING
        self._begun = asyncio.Event()
        self._grown = asyncio.Event()  # a new one for each growth: waking a thousand who wait takes no lock
        self._poked = asyncio.Event()

    def poke(self) -> None:
        """Says that this process just committed something, so that nobody waits for the next poll."""
        self._poked.set()

    async def run(self) -> None:
        """Follows the log until cancelled."""
        while True:
            try:
                await self._read()
            except Exception as error:  # noqa: BLE001 -- the database comes back; until then there is nothing to read
                _LOG.warning("log_unreachable", error=str(error))
                await asyncio.sleep(1)

    async def end(self) -> Cursor:
        """Returns the cursor after everything read so far."""
        await self._begun.wait()
        return self._end

    async def follow(
        self,
        after: Cursor,
        *,
        matches: Callable[[Entry], bool],
        aggregate: str | None = None,
    ) -> AsyncGenerator[Entry, None]:
        """Yields each entry after the cursor that ``matches``, in commit order, without end.

        ``aggregate`` narrows what is read while catching up.
        """
        async with aclosing(self.batches(after, aggregate=aggregate)) as batches:
            async for batch in batches:
                for entry in batch:
                    if matches(entry):
                        yield entry

    async def batches(self, after: Cursor, *, aggregate: str | None = None) -> AsyncGenerator[Sequence[Entry], None]:
        """Yields all entries after the cursor in commit order, as many at a time as there are, without end.

        ``aggregate`` narrows what is read while catching up; what comes later is all there is.
        """
        await self._begun.wait()
        place = after
        while True:
            if place < self._start:
                goal = self._end
                async for batch in self._catch_up(place, goal, aggregate):
                    yield batch
                place = goal
                continue  # what came meanwhile may have left memory already
            fresh = self._entries[bisect_right(self._entries, place, key=lambda entry: entry.cursor) :]
            place = max(place, self._end)
            if fresh:
                yield fresh
            while self._end <= place:
                await self._grown.wait()

    async def _catch_up(self, after: Cursor, goal: Cursor, aggregate: str | None) -> AsyncIterator[Sequence[Entry]]:
        place = after
        while True:
            async with self._driver.across_tenants() as connection:
                batch = await log.read(connection, place, limit=_BATCH, aggregate=aggregate)
            within = [entry for entry in batch if entry.cursor <= goal]
            if within:
                yield within
            if len(within) < _BATCH:
                return
            place = batch[-1].cursor

    async def _read(self) -> None:
        if not self._begun.is_set():
            async with self._driver.across_tenants() as connection:
                self._start = self._end = await log.end(connection)
            self._begun.set()
        while True:
            self._poked.clear()
            async with self._driver.across_tenants() as connection:
                batch = await log.read(connection, self._end, limit=_BATCH)
            if batch:
                self._grow(batch)
            if len(batch) < _BATCH:
                await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                await self._poked.wait()
        except TimeoutError:
            return
        await asyncio.sleep(_GATHER_SECONDS)

    def _grow(self, batch: Sequence[Entry]) -> None:
        self._entries = [*self._entries, *batch]
        if len(self._entries) > _KEPT:
            dropped = len(self._entries) - _KEPT // 2
            self._start = self._entries[dropped - 1].cursor
            self._entries = self._entries[dropped:]
        self._end = batch[-1].cursor
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()
