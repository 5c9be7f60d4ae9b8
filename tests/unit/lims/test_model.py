"""Where a job may go: the one table of transitions."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.lims import model
from services.lims.errors import JobState, WrongStation
from services.lims.model import TRANSITIONS, Action, Job, State

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


def test_a_route_of_one_station_ships_at_the_first_scan() -> None:
    """The last station ships, also when it is the first."""
    assert model.scan(replace(JOB, route=("shipping",)), "shipping").state is State.SHIPPED


def test_the_next_station_follows_the_route() -> None:
    """Behind the last one there is none."""
    assert [replace(JOB, station=station).next_station for station in ("", *ROUTE)] == [*ROUTE, ""]


@given(st.lists(st.sampled_from([*ROUTE, "canteen", "cancel"]), max_size=12))
def test_whatever_happens_on_the_floor_a_job_goes_forward_step_by_step(happenings: list[str]) -> None:
    """Each accepted step is one event on and one station on; a refused one changes nothing."""
    job = JOB
    for happening in happenings:
        before = job
        try:
            job = model.cancel(job) if happening == "cancel" else model.scan(job, happening)
        except (JobState, WrongStation):
            continue
        if job is not before:
            assert job.sequence == before.sequence + 1
            assert job.station == (before.station if happening == "cancel" else before.next_station)
    passed = ROUTE.index(job.station) + 1 if job.station else 0
    assert job.sequence == 1 + passed + (job.state is State.CANCELLED)
    assert (job.state is State.SHIPPED) == (passed == len(ROUTE))
