"""Publishes what is scheduled when its time has come; one replica at a time does.

That it happens once, whoever crashes, is the transaction's doing: the revision and that the draft is published are
written together, and a draft that is not scheduled any more is left alone.
"""

import asyncio
from datetime import UTC, datetime

from services.lims.rulebook import publishing, store
from services.lims.rulebook.publishing import Rulebook

_LOOK_SECONDS = 1.0  # how late what another replica scheduled may be seen
_KEEP_HEADS_SECONDS = 30.0


async def publish_what_is_due(book: Rulebook) -> None:
    """Publishes every scheduled draft at its time, until cancelled; and sees to it that heads are kept."""
    heads_kept = float("-inf")
    clock = asyncio.get_running_loop().time
    while True:
        book.scheduled.clear()
        async with book.lab.database.transaction(book.lab.name) as connection:
            due = await store.next_due(connection, book.lab.name)
        now = datetime.now(UTC)
        if due is not None and due[1] <= now:
            await publishing.publish_due(book, due[0], now)
            continue
        if clock() - heads_kept > _KEEP_HEADS_SECONDS:
            await publishing.keep_heads(book)
            heads_kept = clock()
        await _rest(book, min(_LOOK_SECONDS, (due[1] - now).total_seconds()) if due else _LOOK_SECONDS)


async def _rest(book: Rulebook, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await book.scheduled.wait()
    except TimeoutError:
        return
