"""What the order service does about the lab's events.

One replica follows the lab by one watch. Each event is applied in the transaction that moves the cursor on, so it is
applied once and in order, whoever crashes, and two who both believe to follow cannot both commit.
"""

from collections.abc import Iterator
from uuid import UUID

import structlog
from lensmesh.lims.v1 import job_pb2
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import place
from chassis.database import Database
from chassis.tail import Tail
from lims_client.client import JobUpdate, LimsClient
from services.order import model, store
from services.order.model import Order
from services.order.workflow import save, sent_to_lab

_LOG = structlog.get_logger("follower")
_FROM_THE_FIRST = "0"


class JobFollower:
    """Applies a lab's job events to the orders they belong to."""

    def __init__(self, database: Database, tail: Tail, lims: LimsClient, lab: str) -> None:
        self._database = database
        self._tail = tail
        self._lims = lims
        self._place = f"jobs-of-{lab}"

    async def run(self) -> None:
        """Follows the lab until cancelled.

        Raises:
            PlaceTakenError: Another replica follows it now.
            LimsCursorLost: The lab does not know our cursor; a person must decide where to begin.
        """
        async with self._database.across_tenants() as connection:
            cursor = await place.read(connection, self._place, beginning=_FROM_THE_FIRST)
        async for update in self._lims.watch_jobs(cursor):
            async with self._database.across_tenants() as connection:
                await place.move(connection, self._place, expected=cursor, to=update.cursor)
                await self._apply(connection, update)
            self._tail.poke()
            cursor = update.cursor

    async def _apply(self, connection: AsyncConnection, update: JobUpdate) -> None:
        handoff = await store.get_handoff(connection, UUID(update.event.handoff_id))
        if handoff is None:
            return  # another practice system's job
        order = await store.lock(connection, handoff.practice, handoff.order)
        if order is None or order.handoff != handoff.id:
            return  # the order was handed off anew since
        await store.settle_handoff(connection, handoff.id, "ACCEPTED")
        for step in steps(order, update.event):
            await save(connection, step)


def steps(order: Order, event: job_pb2.JobEvent) -> Iterator[Order]:
    """Yields the order after each move that the event of its job makes; nothing when it tells nothing new."""
    if event.sequence <= order.job_sequence:
        return
    if order.state == model.SUBMITTED:  # the event is quicker than the answer to our own call
        order = sent_to_lab(order, event.job, event.catalog_revision)
        yield order
    move = model.JOB_MOVES.get(event.state)
    if move is not None and model.can(order, move):
        yield model.move(order, move, job_sequence=event.sequence, lab_status=event.description)
    elif event.sequence > 1:
        _LOG.info("event_without_effect", order=order.name, job=event.job, sequence=event.sequence)
