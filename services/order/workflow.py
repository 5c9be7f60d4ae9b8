"""What the order service does, in the words of the trade.

A submit commits the order and a hand-off in one transaction and then calls the lab once. Whatever interrupts it, the
hand-off stays until it is settled: `finish_handoffs` tries again, and the hand-off's id makes sure that the lab has one
job of it however often it is asked.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import NoReturn
from uuid import UUID

import structlog
from google.protobuf.message import Message
from lensmesh.events.v1.events_pb2 import OrderChanged
from lensmesh.lims.v1 import job_pb2
from lensmesh.order.v1 import order_pb2
from lensmesh.order.v1 import order_service_pb2 as rpc
from lensmesh.type.v1.quote_pb2 import Quote
from lensmesh.type.v1.violation_pb2 import SEVERITY_ERROR, Violation, Violations
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import identity, log, requests
from chassis.database import Database
from chassis.driver import Driver
from chassis.errors import EtagMismatch, FieldInvalid, NotFound, Unavailable
from chassis.tail import Tail
from lims_client.client import LimsClient
from lims_client.errors import LimsJobState, LimsRefused, LimsRejected, LimsUnavailable
from services.order import fields, model, store
from services.order.errors import LabUnknown, NotMakeable, OrderInHandOff, OrderStateError, TooManyNotes
from services.order.model import Handoff, Move, Order

# how long the submitting call has the hand-off to itself before the reconciler may try it
_GRACE_SECONDS = 6.0
_RECONCILE_SECONDS = 0.5
_RECONCILE_BATCH = 20

_LOG = structlog.get_logger("order")


@dataclass(frozen=True, slots=True)
class Place:
    """The practice and the order that a resource name names."""

    practice: str
    order: UUID

    @classmethod
    def of(cls, name: str) -> "Place":
        """Returns what ``practices/{practice}/orders/{order}`` names.

        Raises:
            NotFound: The last segment is no order id.
        """
        practice, _, identifier = name.partition("/orders/")
        try:
            order = UUID(identifier)
        except ValueError as error:
            raise _no_such_order(name) from error
        if str(order) != identifier:  # an order has one name
            raise _no_such_order(name)
        return cls(practice, order)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the lab says of an order.

    Attributes:
        violations: What it objects to.
        quote: What it would ask, and how the lenses would come out; None when it does not say.
        revision: The catalog revision that decided; 0 for none.
    """

    violations: Sequence[Violation] = ()
    quote: Quote | None = None
    revision: int = 0


def _no_such_order(name: str) -> NotFound:
    return NotFound(f"there is no order {name}")


class Workflow:
    """The use cases of the order service."""

    def __init__(self, database: Database, driver: Driver, tail: Tail, lims: LimsClient, lab: str) -> None:
        self._database = database
        self._driver = driver
        self._tail = tail
        self._lims = lims
        self._lab = lab

    # -- drafts

    async def create(self, request: rpc.CreateOrderRequest) -> order_pb2.Order:
        """Adds a draft and returns it."""
        return await self.add_draft(request.parent, request, model.client_part(request.order))

    async def add_draft(
        self,
        practice: str,
        request: Message,
        content: order_pb2.Order,
        opinion: Opinion = Opinion(),
    ) -> order_pb2.Order:
        """Adds a draft once per request id and returns its message, as it was the first time.

        Raises:
            LabUnknown: It names a lab this mesh does not know.
            FieldInvalid: It names an account that is none of the practice's.
        """
        content = self._with_lab(content)
        async with self._database.transaction(practice) as connection:
            if earlier := await requests.claim(connection, practice, request):
                return order_pb2.Order.FromString(earlier.answer or b"")
            if content.account:
                _require_own(content, await store.own_accounts(connection, practice, self._lab))
            order = await store.insert(
                connection,
                practice=practice,
                state=model.DRAFT,
                content=content,
                violations=Violations(violations=opinion.violations),
                quote=opinion.quote,
                revision=opinion.revision,
            )
            message = fields.message(order)
            await _record(connection, order)
            await requests.answer(connection, practice, request, subject=order.name, message=message)
        self._tail.poke()
        return message

    def _with_lab(self, content: order_pb2.Order) -> order_pb2.Order:
        content.lab = content.lab or self._lab
        self.require_lab(content.lab)
        return content

    def require_lab(self, lab: str) -> None:
        """Lets the lab pass that this mesh orders from.

        Raises:
            LabUnknown: It is another.
        """
        if lab != self._lab:
            raise LabUnknown(f"there is no lab {lab}; this mesh orders from {self._lab}")

    async def get(self, name: str) -> Order:
        """Returns an order with its notes.

        Raises:
            NotFound: There is no such order.
        """
        place = Place.of(name)
        async with self._database.transaction(place.practice) as connection:
            order = await store.get(connection, place.practice, place.order)
            if order is None:
                raise _no_such_order(name)
            return replace(order, notes=await store.notes(connection, order))

    async def page(
        self,
        practice: str,
        *,
        before: UUID | None,
        states: Sequence[model.State],
        limit: int,
    ) -> Sequence[Order]:
        """Returns up to ``limit`` of a practice's orders, newest first, older than ``before``."""
        async with self._database.transaction(practice) as connection:
            return await store.page(connection, practice, before=before, states=states, limit=limit)

    async def edit(self, patch: order_pb2.Order, mask: Sequence[str]) -> Order:
        """Changes the client's fields that the mask names; all that are present when it names none.

        Raises:
            EtagMismatch: Somebody else changed it since ``patch.etag``.
            OrderStateError: It is at the lab, or closed.
            FieldInvalid: The mask names a field that cannot be changed, or the account is none of the practice's.
        """
        async with self._locked(patch.name, patch.etag) as (connection, order):
            content = self._with_lab(fields.merged(order.content, patch, mask))
            if content.account != order.content.account:
                _require_own(content, await store.own_accounts(connection, order.practice, self._lab))
            edited = model.move(order, Move.EDIT, content=content, violations=(), quote=None, catalog_revision=0)
            return await _with_notes(connection, await save(connection, edited))

    async def add_note(self, request: rpc.AddNoteRequest) -> Order:
        """Adds a note once per request id and returns the order.

        Raises:
            TooManyNotes: It has as many as it can hold.
        """
        place = Place.of(request.name)
        async with self._locked(request.name) as (connection, locked):
            order = await _with_notes(connection, locked)
            if await requests.claim(connection, place.practice, request):
                return order
            if len(order.notes) >= model.MOST_NOTES:
                raise TooManyNotes(f"the order has {model.MOST_NOTES} notes, as many as it can hold")
            await store.add_note(connection, order, identity.current.get().subject, request.text)
            noted = await save(connection, replace(order, sequence=order.sequence + 1))
            await requests.answer(connection, place.practice, request, subject=order.name)
            return await _with_notes(connection, noted)

    # -- the lab's opinion

    async def validate(self, name: str) -> Order:
        """Asks the lab about an order and keeps what it objects to and what it would ask.

        Raises:
            OrderStateError: It is at the lab, or closed.
            Unavailable: The lab cannot be reached.
        """
        order, own = await self._get_with_accounts(name)
        if order.state not in model.EDITABLE:
            raise OrderStateError(
                order.state, "the order is not with the practice any more; there is nothing to validate"
            )
        opinion = await self.opinion(order.content, own)
        validated = replace(
            order, violations=opinion.violations, quote=opinion.quote, catalog_revision=opinion.revision
        )
        async with self._database.transaction(order.practice) as connection:
            await store.save_opinion(connection, validated)
        return validated

    async def review(self, order: Order, revision: int) -> None:
        """Asks the lab again about an open order, for a revision came into force; keeps and tells what it says now.

        An order that was changed since it was read is left alone, and so is one that has an opinion as new by now.

        Args:
            order: The order as it was read.
            revision: The revision that came into force.

        Raises:
            Unavailable: The lab cannot be reached.
        """
        async with self._database.transaction(order.practice) as connection:
            own = await store.own_accounts(connection, order.practice, self._lab)
        opinion = await self.opinion(order.content, own)
        decided = opinion.revision or revision  # what the lab cannot read, it does not say by which revision
        async with self._locked(order.name) as (connection, current):
            if current.version != order.version or current.catalog_revision >= decided:
                return
            await save(
                connection,
                replace(
                    current,
                    sequence=current.sequence + 1,
                    violations=opinion.violations,
                    quote=opinion.quote,
                    catalog_revision=decided,
                ),
            )

    async def _get_with_accounts(self, name: str) -> tuple[Order, Sequence[str]]:
        place = Place.of(name)
        async with self._database.transaction(place.practice) as connection:
            order = await store.get(connection, place.practice, place.order)
            if order is None:
                raise _no_such_order(name)
            return order, await store.own_accounts(connection, place.practice, self._lab)

    async def opinion(self, content: order_pb2.Order, own: Sequence[str]) -> Opinion:
        """Returns what the lab says of a draft, priced for one of the practice's accounts.

        Args:
            content: The draft.
            own: The practice's accounts with the lab, the usual one first.

        Raises:
            Unavailable: The lab cannot be reached.
        """
        objection = model.account_objection(content, own)
        found = (objection,) if objection else ()
        account = next(iter(own), "") if objection else model.account_of(content, own)
        try:
            answer = await self._lims.validate(model.job_spec(content), account)
        except LimsUnavailable as error:
            raise _lab_unreachable() from error
        except LimsRejected as error:
            return Opinion((*found, _rejected(error)))
        return Opinion((*found, *answer.violations), model.quote(answer), answer.catalog_revision)

    # -- to the lab

    async def submit(self, request: rpc.SubmitOrderRequest) -> Order:
        """Commits the order and hands it to the lab.

        Returns the order SENT_TO_LAB, or SUBMITTED when the lab cannot be reached: then `finish_handoffs` goes on.

        Raises:
            NotMakeable: The lab refuses it; the order is a draft again and holds the violations.
            OrderStateError: It is at the lab already, or closed.
            EtagMismatch: Somebody else changed it since ``etag``.
        """
        place = Place.of(request.name)
        request_id, digest = requests.identity(request)
        asked = store.Asked(request_id, digest, request.name)
        while True:
            found = await store.read_for_submit(self._driver, place.practice, place.order, request_id, self._lab)
            if found is None:
                raise _no_such_order(request.name)
            order = found.order
            if found.repeated:
                answered = await self._submit_again(place, request)
                if answered is not None:
                    return answered
                continue
            _require_etag(order, request.etag)
            submitted = model.move(order, Move.SUBMIT, violations=(), lab_status="")
            if objection := model.account_objection(order.content, found.accounts):
                return await self._refuse_at_once(order, objection)
            account = model.account_of(order.content, found.accounts)
            committed = await store.commit_submit(
                self._driver,
                order,
                submitted,
                asked,
                _event(submitted),
                model.handoff(submitted, account=account, came_from=order.state, request=request_id),
                grace_seconds=_GRACE_SECONDS,
            )
            if committed is not None:  # or somebody was quicker: look again
                break
        self._tail.poke()
        return await self._hand_off(*committed, request)

    async def _refuse_at_once(self, order: Order, objection: Violation) -> NoReturn:
        """Refuses a submit without asking the lab, and keeps why on the order, which stands where it stood."""
        async with self._database.transaction(order.practice) as connection:
            await store.save_opinion(connection, replace(order, violations=(objection,)))
        raise NotMakeable((objection,))

    async def _submit_again(self, place: Place, request: rpc.SubmitOrderRequest) -> Order | None:
        """Answers a repeated submit by how its order stands, and goes on with a hand-off that was interrupted.

        Returns None when the first has come to nothing meanwhile: then there is no repeat, and this one begins anew.
        """
        async with self._database.transaction(place.practice) as connection:
            # Locked first, as whoever releases the request id does: the two are read as they belong together.
            order = await store.lock(connection, place.practice, place.order)
            assert order is not None, "orders are not deleted"  # noqa: S101 -- it was there a moment ago
            if not await requests.claimed(connection, place.practice, request):
                return None
            handoff = await store.get_handoff(connection, order.handoff) if order.handoff else None
            order = await _with_notes(connection, order)
        if handoff is None or order.state != model.SUBMITTED:
            return order
        return await self._hand_off(order, handoff, request)

    async def _hand_off(self, order: Order, handoff: Handoff, request: rpc.SubmitOrderRequest | None) -> Order:
        """Asks the lab for the hand-off's one job and records what it says.

        ``order`` is how it stood when it was submitted; ``request`` the submit whose author still waits for the answer,
        None when nobody does.
        """
        try:
            job = await self._lims.create_job(str(handoff.id), handoff.spec, handoff.account)
        except LimsUnavailable as error:
            _LOG.warning("handoff_postponed", handoff=str(handoff.id), error=str(error))
            return await self.get(order.name)
        except LimsRefused as refusal:
            return await self._refused(handoff, Opinion(refusal.violations, revision=refusal.revision), request)
        except LimsRejected as rejection:
            return await self._refused(handoff, Opinion((_rejected(rejection),)), request)
        return await self._accepted(handoff, order, job)

    async def _accepted(self, handoff: Handoff, order: Order, job: job_pb2.Job) -> Order:
        """Records the job, by one statement as long as nobody changed the order since it was submitted."""
        sent = sent_to_lab(order, job.name, job.catalog_revision, _quote_of(job))
        accepted = await store.commit_accepted(self._driver, sent, handoff, _event(sent))
        if accepted is None:
            return await self._accepted_meanwhile_changed(handoff, job)
        self._tail.poke()
        return accepted

    async def _accepted_meanwhile_changed(self, handoff: Handoff, job: job_pb2.Job) -> Order:
        async with self._locked(handoff.order_name) as (connection, order):
            if await store.settle_handoff(connection, handoff.id, "ACCEPTED"):
                sent = sent_to_lab(order, job.name, job.catalog_revision, _quote_of(job))
                order = await save(connection, sent)  # noqa: PLW2901 -- as it is now
            elif order.job == job.name and job.HasField("quote"):  # its first event was quicker, which holds no quote
                order = replace(order, quote=job.quote)  # noqa: PLW2901 -- as above
                await store.save_quote(connection, order)
            return await _with_notes(connection, order)

    async def _refused(
        self,
        handoff: Handoff,
        opinion: Opinion,
        request: rpc.SubmitOrderRequest | None,
    ) -> Order:
        """Records that the lab refuses, and tells every author who waits; one who does not finds the order in need."""
        back = Move.REFUSE if request is None else model.RETURNS[handoff.came_from]
        async with self._locked(handoff.order_name) as (connection, order):
            if await store.settle_handoff(connection, handoff.id, "REFUSED"):
                if handoff.request:
                    await requests.release(connection, handoff.practice, handoff.request)
                order = await save(connection, _refused(order, back, opinion))  # noqa: PLW2901 -- as it is now
            order = await _with_notes(connection, order)  # noqa: PLW2901 -- as above
        if request is not None:
            raise NotMakeable(opinion.violations)
        return order

    async def finish_handoffs(self) -> None:
        """Goes on with every hand-off that a crash or an unreachable lab left unsettled, for ever."""
        while True:
            async with self._database.across_tenants() as connection:
                due = await store.take_due_handoffs(connection, _RECONCILE_BATCH)
            for outcome in await asyncio.gather(*map(self._finish_handoff, due), return_exceptions=True):
                if isinstance(outcome, BaseException):
                    _LOG.error("handoff_failed", exc_info=outcome)
            await asyncio.sleep(_RECONCILE_SECONDS)

    async def _finish_handoff(self, handoff: Handoff) -> None:
        order = await self.get(handoff.order_name)
        if order.state == model.SUBMITTED and order.handoff == handoff.id:
            await self._hand_off(order, handoff, None)

    # -- back from the lab

    async def cancel(self, name: str, etag: str) -> Order:
        """Cancels an order, and its job while the lab has not begun.

        Raises:
            OrderStateError: The lab has begun, or it is closed.
            OrderInHandOff: It is just being handed off.
            Unavailable: The lab cannot be reached.
        """
        async with self._locked(name, etag) as (connection, order):
            if order.state in model.EDITABLE:
                order = await save(connection, model.move(order, Move.CANCEL))  # noqa: PLW2901 -- as it is now
            if order.state == model.CANCELLED:
                return await _with_notes(connection, order)
            if order.state == model.SUBMITTED:
                raise OrderInHandOff
            if not model.can(order, Move.CANCEL):
                model.move(order, Move.CANCEL)
        await self._cancel_job(order)
        # the job is cancelled: whatever else happened to the order meanwhile, this has
        async with self._locked(name) as (connection, order):
            if model.can(order, Move.CANCEL):
                order = await save(connection, model.move(order, Move.CANCEL))  # noqa: PLW2901 -- as above
            return await _with_notes(connection, order)

    async def _cancel_job(self, order: Order) -> None:
        try:
            await self._lims.cancel_job(order.job)
        except LimsJobState as error:
            raise OrderStateError(order.state, f"the lab has begun to make it and cannot cancel: {error}") from error
        except LimsUnavailable as error:
            raise _lab_unreachable() from error

    # -- shared

    @asynccontextmanager
    async def _locked(self, name: str, etag: str = "") -> AsyncIterator[tuple[AsyncConnection, Order]]:
        """Runs a transaction that holds one order locked, and wakes the watches when it has committed."""
        place = Place.of(name)
        async with self._database.transaction(place.practice) as connection:
            order = await store.lock(connection, place.practice, place.order)
            if order is None:
                raise _no_such_order(name)
            _require_etag(order, etag)
            yield connection, order
        self._tail.poke()


def sent_to_lab(order: Order, job: str, revision: int, quote: Quote | None = None) -> Order:
    """Returns a submitted order as the lab's job makes it, with what it was accepted at where the lab says that."""
    return model.move(
        order,
        Move.ACCEPT,
        job=job,
        lab_status="Received by the lab",
        catalog_revision=revision,
        quote=quote or order.quote,
    )


def _refused(order: Order, back: Move, opinion: Opinion) -> Order:
    """Returns a submitted order as the lab's refusal makes it: what an earlier revision would have asked is no more."""
    revision = opinion.revision or order.catalog_revision
    quote = order.quote if order.quote and order.quote.catalog_revision == revision else None
    return model.move(order, back, violations=opinion.violations, quote=quote, catalog_revision=revision)


def _quote_of(job: job_pb2.Job) -> Quote | None:
    return job.quote if job.HasField("quote") else None


async def save(connection: AsyncConnection, order: Order) -> Order:
    """Writes a changed order and the event about it; returns it with its new times."""
    submitted = order.state == model.SUBMITTED
    update_time, submit_time = await store.save(connection, order, submitted=submitted)
    saved = replace(order, update_time=update_time, submit_time=submit_time)
    await _record(connection, saved)
    return saved


async def _with_notes(connection: AsyncConnection, order: Order) -> Order:
    return replace(order, notes=await store.notes(connection, order))


def _event(order: Order) -> OrderChanged:
    return OrderChanged(update=model.update(order))


async def _record(connection: AsyncConnection, order: Order) -> None:
    await log.append(
        connection,
        _event(order),
        tenant=order.practice,
        aggregate=order.name,
        sequence=order.sequence,
    )


def _require_etag(order: Order, etag: str) -> None:
    if etag and etag != order.etag:
        raise EtagMismatch("the order was changed since it was read; read it again, look at the change, then repeat")


def _require_own(content: order_pb2.Order, own: Sequence[str]) -> None:
    if content.account and content.account not in own:
        raise FieldInvalid(
            [("order.account", "is none of this practice's accounts with the lab; leave it out for the usual one")]
        )


def _rejected(error: LimsRejected) -> Violation:
    """Returns what to tell about an order that the lab's system cannot even read."""
    return Violation(
        code="REJECTED",
        severity=SEVERITY_ERROR,
        message=f"the lab's system does not take the order as it is: {error}",
    )


def _lab_unreachable() -> Unavailable:
    return Unavailable("the lab cannot be reached right now; try again", retry_after_seconds=2)
