"""What the order service does about the lab's events.

One replica follows the lab's jobs by one watch. Each event is applied in the transaction that moves the cursor on, so
it is applied once and in order, whoever crashes, and two who both believe to follow cannot both commit.

One replica follows the lab's catalog. Which orders a new revision has yet to decide, they say themselves: so there is
no place to keep, an interrupted review goes on where it was, and an opinion that was asked for before the revision
came into force and arrives after it is found, too.
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from uuid import UUID

import structlog
from lensmesh.lims.v1 import job_pb2
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import place
from chassis.database import Database
from chassis.errors import Unavailable
from chassis.tail import Tail
from lims_client.client import JobUpdate, LimsClient
from services.order import model, store
from services.order.model import Order
from services.order.workflow import Workflow, save, sent_to_lab

_LOG = structlog.get_logger("follower")
_FROM_THE_FIRST = "0"
_AT_ONCE = 8  # orders under review; the lab has others to answer meanwhile
_AGAIN_SECONDS = 2.0  # how late is found what came in beside a review, or could not be reviewed


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


class CatalogFollower:
    """Has the lab decide every open order again that it decided before, when a revision comes into force."""

    def __init__(self, database: Database, lims: LimsClient, workflow: Workflow) -> None:
        self._database = database
        self._lims = lims
        self._workflow = workflow
        self._in_force = 0
        self._told = asyncio.Event()

    async def run(self) -> None:
        """Follows the lab's catalog until cancelled.

        Raises:
            ExceptionGroup: Of a LimsContractBroken: the lab refuses us for good.
        """
        async with asyncio.TaskGroup() as both:
            both.create_task(self._watch())
            both.create_task(self._keep_reviewing())

    async def _watch(self) -> None:
        """Learns of each revision, beginning with the one in force."""
        async for update in self._lims.watch_catalog():
            self._in_force = update.revision.number
            self._told.set()

    async def _keep_reviewing(self) -> None:
        await self._told.wait()
        while True:
            self._told.clear()
            revision = self._in_force
            try:
                if reviewed := await self._review(revision):
                    _LOG.info("orders_reviewed", revision=revision, orders=reviewed)
            except Unavailable as error:
                _LOG.warning("review_postponed", revision=revision, error=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), _AGAIN_SECONDS)

    async def _review(self, revision: int) -> int:
        """Reviews every order that an earlier revision decided, a few at a time; returns how many.

        Raises:
            Unavailable: The lab cannot be reached.
        """
        reviewed, last = 0, None
        while True:
            async with self._database.across_tenants() as connection:
                orders = await store.stale(connection, revision, after=last, limit=_AT_ONCE)
            if not orders:
                return reviewed
            asked = (self._workflow.review(order, revision) for order in orders)
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
            for order, outcome in zip(orders, outcomes, strict=True):
                match outcome:
                    case Unavailable():
                        raise outcome
                    case BaseException():
                        _LOG.error("review_failed", order=order.name, revision=revision, exc_info=outcome)
                    case None:
                        reviewed += 1
            last = orders[-1]


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
