"""An order and its rules: what may change when, as data.

The state machine is the table `TRANSITIONS`; `move` is the only way through it, for RPC, hand-off and follower alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias
from uuid import UUID

from lensmesh.lims.v1 import job_pb2
from lensmesh.lims.v1.decision_pb2 import LensPlan
from lensmesh.lims.v1.lims_service_pb2 import ValidateJobResponse
from lensmesh.order.v1.order_pb2 import Order as OrderMessage
from lensmesh.order.v1.order_pb2 import OrderUpdate
from lensmesh.type.v1.quote_pb2 import Quote, QuotedLens
from lensmesh.type.v1.violation_pb2 import SEVERITY_ERROR, Violation

from services.order.errors import OrderStateError, state_name

State: TypeAlias = OrderMessage.State.ValueType


class Move(StrEnum):
    """What can happen to an order."""

    EDIT = "edited"
    AWAIT_FRAME = "made to wait for its frame"
    SUBMIT = "submitted"
    ACCEPT = "accepted by the lab"
    REFUSE = "refused by the lab"
    RETURN = "returned to its author"
    RETURN_TO_WAIT = "returned to wait for its frame"
    PRODUCE = "taken into production"
    HOLD = "held"
    SHIP = "shipped"
    RECEIVE = "received"
    DISPENSE = "dispensed"
    CANCEL = "cancelled"


DRAFT = OrderMessage.STATE_DRAFT
AWAITING_FRAME = OrderMessage.STATE_AWAITING_FRAME
SUBMITTED = OrderMessage.STATE_SUBMITTED
SENT_TO_LAB = OrderMessage.STATE_SENT_TO_LAB
IN_PRODUCTION = OrderMessage.STATE_IN_PRODUCTION
ON_HOLD = OrderMessage.STATE_ON_HOLD
NEEDS_ATTENTION = OrderMessage.STATE_NEEDS_ATTENTION
SHIPPED = OrderMessage.STATE_SHIPPED
RECEIVED = OrderMessage.STATE_RECEIVED
DISPENSED = OrderMessage.STATE_DISPENSED
CANCELLED = OrderMessage.STATE_CANCELLED

TRANSITIONS: Mapping[tuple[State, Move], State] = {
    # with the practice
    (DRAFT, Move.EDIT): DRAFT,
    (DRAFT, Move.AWAIT_FRAME): AWAITING_FRAME,
    (DRAFT, Move.SUBMIT): SUBMITTED,
    (DRAFT, Move.CANCEL): CANCELLED,
    (AWAITING_FRAME, Move.EDIT): DRAFT,
    (AWAITING_FRAME, Move.SUBMIT): SUBMITTED,
    (AWAITING_FRAME, Move.CANCEL): CANCELLED,
    (NEEDS_ATTENTION, Move.EDIT): NEEDS_ATTENTION,
    (NEEDS_ATTENTION, Move.SUBMIT): SUBMITTED,
    (NEEDS_ATTENTION, Move.CANCEL): CANCELLED,
    # on its way
    (SUBMITTED, Move.ACCEPT): SENT_TO_LAB,
    (SUBMITTED, Move.REFUSE): NEEDS_ATTENTION,  # its author was told that it is submitted
    (SUBMITTED, Move.RETURN): DRAFT,  # its author is told right now that it is not
    (SUBMITTED, Move.RETURN_TO_WAIT): AWAITING_FRAME,  # likewise
    # at the lab
    (SENT_TO_LAB, Move.PRODUCE): IN_PRODUCTION,
    (SENT_TO_LAB, Move.HOLD): ON_HOLD,
    (SENT_TO_LAB, Move.SHIP): SHIPPED,
    (SENT_TO_LAB, Move.CANCEL): CANCELLED,
    (IN_PRODUCTION, Move.PRODUCE): IN_PRODUCTION,  # the next station
    (IN_PRODUCTION, Move.HOLD): ON_HOLD,
    (IN_PRODUCTION, Move.SHIP): SHIPPED,
    (IN_PRODUCTION, Move.CANCEL): CANCELLED,
    (ON_HOLD, Move.ACCEPT): SENT_TO_LAB,
    (ON_HOLD, Move.PRODUCE): IN_PRODUCTION,
    (ON_HOLD, Move.CANCEL): CANCELLED,
    # back at the practice
    (SHIPPED, Move.RECEIVE): RECEIVED,
    (RECEIVED, Move.DISPENSE): DISPENSED,
}

EDITABLE = frozenset(state for state, move in TRANSITIONS if move is Move.EDIT)
FINAL = frozenset(OrderMessage.State.values()) - {state for state, _ in TRANSITIONS} - {OrderMessage.STATE_UNSPECIFIED}

JOB_MOVES: Mapping[job_pb2.Job.State.ValueType, Move] = {
    job_pb2.Job.STATE_RECEIVED: Move.ACCEPT,
    job_pb2.Job.STATE_IN_PRODUCTION: Move.PRODUCE,
    job_pb2.Job.STATE_ON_HOLD: Move.HOLD,
    job_pb2.Job.STATE_SHIPPED: Move.SHIP,
    job_pb2.Job.STATE_CANCELLED: Move.CANCEL,
}
"""What a job's new state does to its order."""

RETURNS: Mapping[State, Move] = {
    DRAFT: Move.RETURN,
    AWAITING_FRAME: Move.RETURN_TO_WAIT,
    NEEDS_ATTENTION: Move.REFUSE,
}
"""How an order that was submitted from a state gets back there, when it is refused while its author waits."""

MOST_NOTES = 100
NO_ID = UUID(int=0)

CLIENT_FIELDS = ("lab", "account", "customer_reference", "patient_reference", "eyes", "prescription", "frame", "lens")
"""The fields of the message that belong to the client; all others are set by the service."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person said about an order."""

    author: str
    text: str
    create_time: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """A customer number that a lab gave to a practice.

    Attributes:
        lab: The lab, ``labs/main``.
        number: The number, as lab files carry it.
        practice: The practice it belongs to, ``practices/demo``.
        is_default: Whether the practice's orders go under it unless they name another.
        create_time: When it was given.
    """

    lab: str
    number: str
    practice: str
    is_default: bool
    create_time: datetime

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"{self.lab}/accounts/{self.number}"


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the service keeps it.

    Attributes:
        id: Its id; rising with time.
        practice: The practice it belongs to, ``practices/demo``.
        state: Where it stands.
        version: Rises with every change of what the etag guards.
        sequence: Rises with every recorded event.
        content: The client's fields, as the contract's message; never changed in place.
        violations: What the lab objects to, as of the last validation.
        quote: What the lab would ask, as of the last validation, or what it accepted; None before either.
        handoff: The hand-off in progress or accepted; None before the first.
        job: The lab's job; empty before there is one.
        job_sequence: The last event of the job that was applied.
        lab_status: Where in the lab it is, in words for customers.
        catalog_revision: The revision of the violations and the quote, or of the job; 0 before either.
        create_time: When it was created.
        update_time: When it last changed.
        submit_time: When it was last submitted.
        notes: What people said about it; read with the order where they are asked for.
    """

    id: UUID
    practice: str
    state: State
    version: int
    sequence: int
    content: OrderMessage
    create_time: datetime
    update_time: datetime
    violations: Sequence[Violation] = ()
    handoff: UUID | None = None
    job: str = ""
    job_sequence: int = 0
    lab_status: str = ""
    catalog_revision: int = 0
    submit_time: datetime | None = None
    quote: Quote | None = None
    notes: Sequence[Note] = field(default=())

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"{self.practice}/orders/{self.id}"

    @property
    def etag(self) -> str:
        """Its version, as callers hold it."""
        return f"v{self.version}"


@dataclass(frozen=True, slots=True)
class Handoff:
    """One attempt to have an order made.

    Attributes:
        id: The LIMS's idempotency key: one job for each.
        practice: The practice of the order.
        order: The order's id.
        lab: The lab it goes to.
        account: The practice's account with the lab that it goes under; empty for none.
        spec: What the lab is asked to make, as it stood at the submit.
        came_from: The state the order was submitted from.
        request: The request it was submitted by; None for one without an id.
    """

    id: UUID
    practice: str
    order: UUID
    lab: str
    account: str
    spec: job_pb2.JobSpec
    came_from: State
    request: UUID | None

    @property
    def order_name(self) -> str:
        """The order's resource name."""
        return f"{self.practice}/orders/{self.order}"


def move(order: Order, to: Move, **changes: Any) -> Order:  # noqa: ANN401 -- fields of Order, checked by `replace`
    """Returns the order after the move, one version and one event further.

    Raises:
        OrderStateError: The table has no such move from where the order stands.
    """
    state = TRANSITIONS.get((order.state, to))
    if state is None:
        raise OrderStateError(
            order.state,
            f"an order that is {state_name(order.state)} cannot be {to}",
        )
    return replace(order, state=state, version=order.version + 1, sequence=order.sequence + 1, **changes)


def can(order: Order, to: Move) -> bool:
    """Tells whether the table has such a move from where the order stands."""
    return (order.state, to) in TRANSITIONS


def makeable(violations: Sequence[Violation]) -> bool:
    """Tells whether the lab would make an order with these violations: none of them is an error."""
    return all(violation.severity != SEVERITY_ERROR for violation in violations)


def job_spec(content: OrderMessage) -> job_pb2.JobSpec:
    """Returns what the lab is asked to make: the lens, the prescription and the frame, and nobody's identity."""
    return job_pb2.JobSpec(
        eyes=content.eyes,
        prescription=content.prescription,
        frame=content.frame,
        lens=content.lens,
    )


def handoff(order: Order, *, account: str, came_from: State, request: UUID | None) -> Handoff:
    """Returns the hand-off of an order that is being submitted; its id is the database's to give."""
    spec = job_spec(order.content)
    return Handoff(NO_ID, order.practice, order.id, order.content.lab, account, spec, came_from, request)


def account_of(content: OrderMessage, own: Sequence[str]) -> str:
    """Returns the account an order goes under: the one it names, else the practice's usual one; empty without any.

    Args:
        content: The order.
        own: The practice's accounts with the order's lab, the usual one first.
    """
    return content.account or next(iter(own), "")


def account_objection(content: OrderMessage, own: Sequence[str]) -> Violation | None:
    """Returns what is wrong with the account an order names; None when the practice has it, or the order names none."""
    if not content.account or content.account in own:
        return None
    return Violation(
        code="UNKNOWN_ACCOUNT",
        severity=SEVERITY_ERROR,
        field="account",
        message=f"Account: {content.account} is none of this practice's accounts with the lab (any more); "
        "choose another, or none for the usual one.",
        alternatives=own,
    )


def quote(answer: ValidateJobResponse) -> Quote | None:
    """Returns what the lab would ask for an order, as its practice sees it; None when it says nothing about that."""
    if not (answer.HasField("price") or answer.HasField("lead_time_days") or answer.lenses):
        return None
    told = Quote(catalog_revision=answer.catalog_revision, lenses=map(_quoted, answer.lenses))
    if answer.HasField("price"):
        told.price.CopyFrom(answer.price)
    if answer.HasField("lead_time_days"):
        told.lead_time_days = answer.lead_time_days
    return told


def _quoted(plan: LensPlan) -> QuotedLens:
    return QuotedLens(
        side=plan.side,
        blank_diameter=plan.blank_diameter,
        centre_thickness=plan.centre_thickness,
        edge_thinnest=plan.edge_thinnest,
        edge_thickest=plan.edge_thickest,
        weight=plan.weight,
        estimated=plan.estimated,
    )


def client_part(message: OrderMessage) -> OrderMessage:
    """Returns a copy of the message with the client's fields only."""
    part = OrderMessage()
    for name in CLIENT_FIELDS:
        if message.DESCRIPTOR.fields_by_name[name].message_type is None:
            setattr(part, name, getattr(message, name))
        elif message.HasField(name):  # type: ignore[arg-type]  # a name of the table above
            getattr(part, name).CopyFrom(getattr(message, name))
    return part


def update(order: Order) -> OrderUpdate:
    """Returns the order's latest change as watchers see it, but for its time: that is the log's to say."""
    return OrderUpdate(
        order=order.name,
        sequence=order.sequence,
        etag=order.etag,
        state=order.state,
        job=order.job,
        lab_status=order.lab_status,
        # not their words: those may tell of the prescription
        violations=[Violation(code=it.code, severity=it.severity, field=it.field) for it in order.violations],
    )
