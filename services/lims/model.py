"""The nouns of a lab and their rules: revisions, jobs, and the one table of how a job may move."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum, auto

from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.type.v1.violation_pb2 import Violations

from services.lims.errors import JobState, WrongStation


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
    CANCEL = auto()


TRANSITIONS: Mapping[tuple[State, Action], State] = {
    (State.RECEIVED, Action.PROCESS): State.IN_PRODUCTION,
    (State.RECEIVED, Action.SHIP): State.SHIPPED,
    (State.RECEIVED, Action.CANCEL): State.CANCELLED,
    (State.IN_PRODUCTION, Action.PROCESS): State.IN_PRODUCTION,
    (State.IN_PRODUCTION, Action.SHIP): State.SHIPPED,
}
"""Where an action takes a job from each state. What is not here is not allowed."""

_REFUSED: Mapping[Action, str] = {
    Action.PROCESS: "cannot be worked on",
    Action.SHIP: "cannot be shipped",
    Action.CANCEL: "cannot be cancelled any more; ask the lab",
}


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


@dataclass(frozen=True, slots=True)
class Refused:
    """What a hand-off got for an answer that got no job.

    Attributes:
        violations: Every objection.
        revision: The revision whose they are.
    """

    violations: Violations
    revision: int


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

    @property
    def name(self) -> str:
        """Its resource name; empty until it has a number."""
        return f"jobs/{self.number}" if self.number else ""

    @property
    def next_station(self) -> str:
        """The station it goes to next; empty behind the last one."""
        passed = self.route.index(self.station) + 1 if self.station else 0
        return self.route[passed] if passed < len(self.route) else ""


def received(
    handoff_id: uuid.UUID, ordered: Ordered, route: Sequence[str], catalog_revision: int, time: datetime
) -> Job:
    """Returns the job of a hand-off as it begins, without a number."""
    return Job(
        number=0,
        handoff_id=handoff_id,
        spec=ordered.content,
        spec_digest=ordered.digest,
        account=ordered.account,
        state=State.RECEIVED,
        station="",
        route=tuple(route),
        catalog_revision=catalog_revision,
        sequence=1,
        create_time=time,
        update_time=time,
    )


def move(job: Job, action: Action, *, station: str = "") -> Job:
    """Returns the job after an action, one event on; the only way a job ever changes.

    Raises:
        JobState: The action is not allowed where the job stands.
    """
    state = TRANSITIONS.get((job.state, action))
    if state is None:
        raise JobState(job.name, job.state, _REFUSED[action])
    return replace(job, state=state, station=station or job.station, sequence=job.sequence + 1)


def scan(job: Job, station: str) -> Job:
    """Returns the job after it arrived at a station; the same job when it is there already.

    Raises:
        JobState: The job is on hold, cancelled or shipped.
        WrongStation: The station is not the next on its route.
    """
    if station == job.station:
        return job
    moved = move(job, Action.SHIP if station == job.route[-1] else Action.PROCESS, station=station)
    if station != job.next_station:
        raise WrongStation(job.name, station, job.next_station)
    return moved


def cancel(job: Job) -> Job:
    """Returns the job cancelled; the same job when it is already.

    Raises:
        JobState: Production has begun, or it has shipped.
    """
    return job if job.state is State.CANCELLED else move(job, Action.CANCEL)
