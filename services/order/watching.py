"""Watching orders: where to begin, what to follow, when nothing more can come."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from lensmesh.events.v1.events_pb2 import OrderChanged
from lensmesh.order.v1 import order_pb2

from chassis import log
from chassis.driver import Driver
from chassis.log import Cursor, Entry
from chassis.tail import Tail
from services.order import model
from services.order.workflow import Workflow

_PAGE = 1000  # entries read at once


@dataclass(frozen=True, slots=True)
class Watched:
    """A watch about to begin.

    Attributes:
        entries: What to tell, from after ``start`` on.
        start: Where it begins.
        first: How things stand at ``start``; None when the caller knows already.
    """

    entries: AsyncGenerator[Entry, None]
    start: Cursor
    first: order_pb2.OrderUpdate | None = None


@dataclass(frozen=True, slots=True)
class Watching:
    """The use cases of watching orders."""

    driver: Driver
    tail: Tail
    workflow: Workflow

    async def practice(self, practice: str, cursor: str) -> Watched:
        """Watches all of a practice's orders, from now on or after a cursor.

        Raises:
            CursorInvalid: The cursor is not one of ours.
            CursorExpired: It is from a history this log does not have.
        """
        start = await self._start(cursor)
        return Watched(self.tail.follow(start, matches=lambda entry: entry.tenant == practice), start)

    async def order(self, name: str, cursor: str) -> Watched:
        """Watches one order: how it stands and what follows, or what came after a cursor.

        Raises:
            NotFound: There is no such order.
            CursorInvalid: The cursor is not one of ours.
            CursorExpired: It is from a history this log does not have.
        """
        start = await self._start(cursor)  # before the order is read: what comes in between is told, not lost
        order = await self.workflow.get(name)
        if cursor:
            return Watched(self._changes(order, start, told=0), start)
        first = model.update(order)
        first.time.FromDatetime(order.update_time)
        return Watched(self._changes(order, start, told=order.sequence), start, first)

    async def _start(self, cursor: str) -> Cursor:
        if not cursor:
            return await self.tail.end()
        start = Cursor.parse(cursor)
        async with self.driver.across_tenants() as connection:
            await log.check(connection, start)
        return start

    async def _changes(self, order: model.Order, start: Cursor, *, told: int) -> AsyncGenerator[Entry, None]:
        """Yields the order's changes after ``start``, without those ``told`` already; ends after a final one."""
        if order.state in model.FINAL:
            async for entry in self._past_changes(order, start):
                if entry.sequence > told:
                    yield entry
            return
        following = self.tail.follow(
            start,
            matches=lambda entry: entry.aggregate == order.name and entry.sequence > told,
            aggregate=order.name,
        )
        async for entry in following:
            yield entry
            if OrderChanged.FromString(entry.payload).update.state in model.FINAL:
                return

    async def _past_changes(self, order: model.Order, start: Cursor) -> AsyncGenerator[Entry, None]:
        """Yields all of the order's changes after ``start`` that there are, however many."""
        while True:
            async with self.driver.across_tenants() as connection:
                page = await log.read(connection, start, limit=_PAGE, aggregate=order.name)
            for entry in page:
                yield entry
            if len(page) < _PAGE:
                return
            start = page[-1].cursor
