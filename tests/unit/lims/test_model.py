"""Where a job may go: the one table of transitions."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rules.decision import Price
from rules.floor import Responsible
from rules.load import load
from services.lims import model, starter
from services.lims.errors import JobState
from services.lims.model import TRANSITIONS, Action, Job, Remake, State

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ROUTE = ("surfacing", "coating", "shipping")
JOB = Job(
    number=100_001,
    handoff_id=uuid.UUID(int=1),
    spec=b"",
    spec_digest=b"",
    account="",
    state=State.RECEIVED,
    station="",
    route=ROUTE,
    catalog_revision=1,
    sequence=1,
    create_time=NOON,
    update_time=NOON,
)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("action", Action)
def test_an_action_leads_where_the_table_says_or_is_refused(state: State, action: Action) -> None:
    """There is no other way for a job to change its state."""
    job = replace(JOB, state=state)
    if (state, action) in TRANSITIONS:
        assert model.move(job, action).state is TRANSITIONS[state, action]
    else:
        with pytest.raises(JobState) as raised:
            model.move(job, action)
        assert raised.value.metadata["state"] == state


@pytest.mark.parametrize("state", [State.SHIPPED, State.CANCELLED])
def test_nothing_leads_out_of_an_end(state: State) -> None:
    """What left the lab, or will not be made, stays so."""
    assert not any(begin is state for begin, _ in TRANSITIONS)


def test_the_next_station_follows_the_route() -> None:
    """Behind the last one there is none. So it is for a job that does not know its lenses."""
    assert [replace(JOB, station=station).next_station for station in ("", *ROUTE)] == [*ROUTE, ""]


PRICE = Price("standard", "EUR", (), 101_50)
REMAKE = Remake(job=1, original=1, responsible=Responsible.ECP, reason="the PD was wrong")


@pytest.mark.parametrize(
    ("remake", "percent", "amount"),
    [
        (REMAKE, 50, 50_75),
        (replace(REMAKE, days=61), 100, 101_50),
        (replace(REMAKE, count=1), 100, 101_50),
        (replace(REMAKE, responsible=Responsible.LAB, days=900, count=7), 0, 0),
        (replace(REMAKE, responsible=Responsible.WARRANTY, days=365), 0, 0),
        (replace(REMAKE, responsible=Responsible.WARRANTY, days=365, changed=True), 100, 101_50),
        (replace(REMAKE, responsible=Responsible.NON_ADAPT, days=90), 0, 0),
    ],
)
def test_a_remake_is_charged_by_the_policy(remake: Remake, percent: int, amount: int) -> None:
    """A share of what the new job costs."""
    charged = model.charged(remake, load(starter.files()).remakes, PRICE)
    assert (charged.percent, charged.amount, charged.currency) == (percent, amount, "EUR")


def test_half_a_cent_is_charged() -> None:
    """Rounded half up: to the lab's favour, and the same every time."""
    policy = load(starter.files()).remakes
    assert model.charged(REMAKE, policy, replace(PRICE, total=1)).amount == 1
    assert model.charged(REMAKE, policy, replace(PRICE, total=3)).amount == 2


def test_without_a_policy_a_remake_costs_what_the_job_costs() -> None:
    """And nobody claims to know a share of it; without a price there is nothing to share."""
    assert model.charged(REMAKE, None, PRICE) == replace(REMAKE, amount=101_50, currency="EUR")
    assert model.charged(REMAKE, None, None) == REMAKE
