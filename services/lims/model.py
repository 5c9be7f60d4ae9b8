"""The nouns of a lab and their rules: revisions, jobs, and the one table of how a job may move.

What happens to a job at the stations is `services.lims.floor.model`.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum, auto

from lensmesh.lims.v1.job_pb2 import JobSpec

from optics.eyes import Side
from rules.decision import Decision, Price
from rules.floor import RemakeFacts, Responsible, remake_terms
from rules.tables import Table
from services.lims.errors import JobState


class State(StrEnum):
    """Where a job stands; the contract's names."""

    RECEIVED = "RECEIVED"
    IN_PRODUCTION = "IN_PRODUCTION"
    ON_HOLD = "ON_HOLD"
    SHIPPED = "SHIPPED"
    CANCELLED = "CANCELLED"


class Action(StrEnum):
    """What happens to a job."""

    PROCESS = auto()
    SHIP = auto()
    HOLD = auto()
    RESUME = auto()
    REOPEN = auto()
    CANCEL = auto()


TRANSITIONS: Mapping[tuple[State, Action], State] = {
    (State.RECEIVED, Action.PROCESS): State.IN_PRODUCTION,
    (State.RECEIVED, Action.SHIP): State.SHIPPED,
    (State.RECEIVED, Action.HOLD): State.ON_HOLD,
    (State.RECEIVED, Action.CANCEL): State.CANCELLED,
    (State.IN_PRODUCTION, Action.PROCESS): State.IN_PRODUCTION,
    (State.IN_PRODUCTION, Action.SHIP): State.SHIPPED,
    (State.IN_PRODUCTION, Action.HOLD): State.ON_HOLD,
    (State.ON_HOLD, Action.HOLD): State.ON_HOLD,
    (State.ON_HOLD, Action.RESUME): State.IN_PRODUCTION,
    (State.ON_HOLD, Action.REOPEN): State.RECEIVED,
    (State.ON_HOLD, Action.CANCEL): State.CANCELLED,
}
"""Where an action takes a job from each state. What is not here is not allowed."""

OPEN = frozenset({State.RECEIVED, State.IN_PRODUCTION})
"""The states in which a job is on its way."""

_REFUSED: Mapping[Action, str] = {
    Action.PROCESS: "cannot be worked on",
    Action.SHIP: "cannot be shipped",
    Action.HOLD: "cannot be stopped",
    Action.RESUME: "cannot be released",
    Action.REOPEN: "cannot be released",
    Action.CANCEL: "cannot be cancelled any more; ask the lab",
}

RECEIVED = "Received"
ON_HOLD = "On hold"
CANCELLED = "Cancelled"
"""What a customer is told where no station says it."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of the catalog, without its content.

    Attributes:
        number: From 1, rising by 1.
        digest: SHA-256 over the stored bytes, in hex.
        publish_time: When it came into force.
    """

    number: int
    digest: str
    publish_time: datetime


@dataclass(frozen=True, slots=True)
class Ordered:
    """What is asked for, to decide or to make: the bytes that are kept, and what they say.

    Attributes:
        content: The contract's `JobSpec` as it will be stored.
        digest: SHA-256 of it, which tells a replay from a re-used hand-off.
        message: The same as a message.
        account: The lab's customer number of who asks; empty for none.
    """

    content: bytes
    digest: bytes
    message: JobSpec
    account: str


class Judgement(StrEnum):
    """What the inspection of a lens says, at the station where the lens is."""

    NONE = ""
    DUE = "due"
    PASSED = "passed"
    FAILED = "failed"


class BlankState(StrEnum):
    """Where a lens's blank is: nowhere that is kept, set aside in stock, or taken out of it."""

    NONE = ""
    RESERVED = "reserved"
    CONSUMED = "consumed"


NOWHERE = -1
"""The place of a lens that has reached no station."""


@dataclass(frozen=True, slots=True)
class LensProgress:
    """How far one lens of a job is.

    Attributes:
        side: Which; None for the one lens of a job that does not know its lenses.
        blank: Id of the blank it is made from; empty where that is not known.
        route: The stations it passes, in order.
        passed: Place, in the job's route, of the station it reached last; `NOWHERE` before the first.
        attempt: How often it was begun, from 1.
        judgement: What its inspection says.
        blank_state: Where its blank is.
        picked: Whether somebody confirmed that the blank is the right one.
    """

    side: Side | None
    blank: str
    route: tuple[str, ...]
    passed: int = NOWHERE
    attempt: int = 1
    judgement: Judgement = Judgement.NONE
    blank_state: BlankState = BlankState.NONE
    picked: bool = False


@dataclass(frozen=True, slots=True)
class Remake:
    """Why a job is made again, and what that costs.

    Attributes:
        job: Number of the job that is made again.
        original: Number of the first job of the order, which days and count go by.
        responsible: Who answers for it.
        reason: Why, in words.
        days: Whole days between the original's shipping and this; 0 when it had not shipped.
        count: How many remakes of the original there were before.
        changed: Whether something else is made than the job made.
        percent: How much of the price is charged, in whole percent; None where the rules have no policy.
        amount: What is charged, in the currency's minor unit; None where the rules give no price.
        currency: Its ISO 4217 code; empty where the rules give no price.
    """

    job: int
    original: int
    responsible: Responsible
    reason: str
    days: int = 0
    count: int = 0
    changed: bool = False
    percent: int | None = None
    amount: int | None = None
    currency: str = ""

    def is_of(self, other: "Remake | None") -> bool:
        """Tells whether another remake was asked for in the same words."""
        return other is not None and (self.job, self.responsible, self.reason) == (
            other.job,
            other.responsible,
            other.reason,
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was asked for and refused, without whose it was.

    Attributes:
        spec: The contract's `JobSpec`.
        replay: What its decision was made of (`rules.replay.record`), as if nobody in particular had asked.
        violations: Why it was refused: the contract's `Violations`.
        count: How often.
        catalog_revision: The revision that refused it last.
    """

    spec: bytes
    replay: bytes
    violations: bytes
    count: int
    catalog_revision: int


@dataclass(frozen=True, slots=True)
class Job:
    """A pair of lenses (or one) on its way through the lab.

    Attributes:
        number: Its number, also on the tray; 0 until it is given one.
        handoff_id: The hand-off it answers.
        spec: What is made: the contract's `JobSpec`, as stored.
        spec_digest: SHA-256 of `spec`.
        account: The account it was priced for; empty for none.
        state: Where it stands.
        station: Where it was last scanned; empty before the first scan.
        route: The stations it passes; the last one ships it.
        catalog_revision: The revision it was accepted under.
        sequence: Sequence of its latest event.
        create_time: When it was created.
        update_time: When its latest event happened.
        customer_status: What the customer is told.
        lenses: How far each lens is; empty for a job that an earlier version made and nobody touched since.
        arrive_time: When it arrived at `station`; None when it was scanned out there, or never scanned.
        due_time: When it will be ready, as it looks now; None where that is not known.
        promise_time: When it was promised; None where it was not.
        hold_reason: Why it is on hold; empty when it is not.
        partner: Who works on it outside the lab; empty when it is not away.
        partner_until: The last station that the partner does the work of.
        remake: Why it is made again; None for a first job.
    """

    number: int
    handoff_id: uuid.UUID
    spec: bytes
    spec_digest: bytes
    account: str
    state: State
    station: str
    route: tuple[str, ...]
    catalog_revision: int
    sequence: int
    create_time: datetime
    update_time: datetime
    customer_status: str = ""
    lenses: tuple[LensProgress, ...] = ()
    arrive_time: datetime | None = None
    due_time: datetime | None = None
    promise_time: datetime | None = None
    hold_reason: str = ""
    partner: str = ""
    partner_until: str = ""
    remake: Remake | None = None

    @property
    def name(self) -> str:
        """Its resource name; empty until it has a number."""
        return f"jobs/{self.number}" if self.number else ""

    @property
    def progress(self) -> tuple[LensProgress, ...]:
        """How far each lens is; of a job that does not know its lenses, one that follows the route."""
        passed = self.route.index(self.station) if self.station in self.route else NOWHERE
        return self.lenses or (LensProgress(None, "", self.route, passed),)

    def ahead(self, lens: LensProgress) -> tuple[int, ...]:
        """Returns the places, in the job's route, of the stations that a lens still has to reach."""
        return tuple(place for place, station in enumerate(self.route) if place > lens.passed and station in lens.route)

    @property
    def next_place(self) -> int | None:
        """The place in the route it goes to next: the earliest that a lens of it needs. None behind the last one."""
        if self.state in (State.SHIPPED, State.CANCELLED):
            return None
        return min((place for lens in self.progress for place in self.ahead(lens)[:1]), default=None)

    @property
    def next_station(self) -> str:
        """The station it goes to next; empty behind the last one."""
        place = self.next_place
        return "" if place is None else self.route[place]


def received(
    handoff_id: uuid.UUID,
    ordered: Ordered,
    decision: Decision,
    catalog_revision: int,
    time: datetime,
    remake: Remake | None = None,
) -> Job:
    """Returns the job of a hand-off as it begins, without a number and without dates."""
    return Job(
        number=0,
        handoff_id=handoff_id,
        spec=ordered.content,
        spec_digest=ordered.digest,
        account=ordered.account,
        state=State.RECEIVED,
        station="",
        route=decision.route,
        catalog_revision=catalog_revision,
        sequence=1,
        create_time=time,
        update_time=time,
        customer_status=RECEIVED,
        lenses=lenses_of(decision),
        remake=remake,
    )


def charged(remake: Remake, policy: Table | None, price: Price | None) -> Remake:
    """Returns a remake with what is charged of its price: by the policy, or all of it where there is none.

    Rounded half up to the minor unit.
    """
    terms = policy and remake_terms(
        policy, RemakeFacts(remake.responsible.value, remake.days, remake.count, remake.changed)
    )
    percent = terms.then["percent"] // 100 if terms else None
    if price is None:
        return replace(remake, percent=percent)
    amount = price.total if percent is None else (price.total * percent + 50) // 100
    return replace(remake, percent=percent, amount=amount, currency=price.currency)


def lenses_of(decision: Decision, passed: int = NOWHERE) -> tuple[LensProgress, ...]:
    """Returns the lenses that a decision plans, all of which have reached a place of the job's route."""
    return tuple(LensProgress(plan.side, plan.blank.id, plan.route, passed) for plan in decision.lenses)


def move(job: Job, action: Action) -> Job:
    """Returns the job after an action, one event on; the only way a job ever changes.

    Raises:
        JobState: The action is not allowed where the job stands.
    """
    state = TRANSITIONS.get((job.state, action))
    if state is None:
        raise JobState(job.name, job.state, _REFUSED[action])
    return replace(job, state=state, sequence=job.sequence + 1)
