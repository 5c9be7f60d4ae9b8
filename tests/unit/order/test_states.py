"""The order's state machine, as the table says it."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lensmesh.lims.v1 import job_pb2
from lensmesh.order.v1 import order_pb2

from services.order import model
from services.order.consumers import steps
from services.order.errors import OrderStateError
from services.order.model import Move, Order

STATES = [state for state in order_pb2.Order.State.values() if state]
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def order(state: model.State = model.DRAFT, **changes: object) -> Order:
    """Returns an order in a state."""
    made = Order(
        id=UUID(int=1),
        practice="practices/demo",
        state=state,
        version=3,
        sequence=7,
        content=order_pb2.Order(),
        create_time=NOW,
        update_time=NOW,
    )
    return replace(made, **changes)


def event(state: job_pb2.Job.State.ValueType, sequence: int, description: str = "") -> job_pb2.JobEvent:
    """Returns a job event."""
    return job_pb2.JobEvent(
        job="jobs/1",
        handoff_id=str(UUID(int=2)),
        sequence=sequence,
        state=state,
        description=description,
        catalog_revision=1,
    )


@given(state=st.sampled_from(STATES), to=st.sampled_from(list(Move)))
def test_a_move_goes_where_the_table_says_or_is_refused(state: model.State, to: Move) -> None:
    """A move from a state is the table's, one version and one event further; another is refused with the state."""
    target = model.TRANSITIONS.get((state, to))
    if target is None:
        with pytest.raises(OrderStateError) as refusal:
            model.move(order(state), to)
        assert refusal.value.metadata["state"] in order_pb2.Order.State.Name(state)
    else:
        moved = model.move(order(state), to)
        assert (moved.state, moved.version, moved.sequence) == (target, 4, 8)


def test_every_state_can_be_reached_from_a_draft() -> None:
    """No state of the contract is dead."""
    reached = {model.DRAFT}
    while more := {to for (state, _), to in model.TRANSITIONS.items() if state in reached} - reached:
        reached |= more
    assert reached == set(STATES)


def test_only_cancelled_and_dispensed_are_final() -> None:
    """A watch ends where nothing more can happen."""
    assert frozenset({model.CANCELLED, model.DISPENSED}) == model.FINAL


def test_an_order_is_edited_only_while_the_practice_has_it() -> None:
    """What is at the lab does not change."""
    assert frozenset({model.DRAFT, model.AWAITING_FRAME, model.NEEDS_ATTENTION}) == model.EDITABLE


def test_every_job_state_moves_its_order() -> None:
    """No state of a job is overlooked."""
    assert set(model.JOB_MOVES) == {state for state in job_pb2.Job.State.values() if state}


def test_an_event_that_overtakes_the_answer_first_accepts_the_order() -> None:
    """The lab's second event finds the order still submitted: it is accepted, then taken into production."""
    submitted = order(model.SUBMITTED, handoff=UUID(int=2))
    sent, produced = steps(submitted, event(job_pb2.Job.STATE_IN_PRODUCTION, 2, "Surfacing"))
    assert (sent.state, sent.job, sent.sequence) == (model.SENT_TO_LAB, "jobs/1", 8)
    assert (produced.state, produced.lab_status, produced.sequence) == (model.IN_PRODUCTION, "Surfacing", 9)


def test_an_event_that_was_applied_tells_nothing_new() -> None:
    """A repeated event changes nothing."""
    produced = order(model.IN_PRODUCTION, job_sequence=4)
    assert list(steps(produced, event(job_pb2.Job.STATE_IN_PRODUCTION, 4))) == []


def test_the_first_event_of_a_job_that_is_known_changes_nothing() -> None:
    """The answer to our own call was quicker."""
    assert list(steps(order(model.SENT_TO_LAB, job="jobs/1"), event(job_pb2.Job.STATE_RECEIVED, 1))) == []


@given(states=st.lists(st.sampled_from([s for s in job_pb2.Job.State.values() if s]), max_size=12))
def test_any_history_of_a_job_leaves_an_order_without_gaps(states: list[job_pb2.Job.State.ValueType]) -> None:
    """Whatever a lab sends, in whatever order, every step is one event further and lies in the table."""
    current = order(model.SUBMITTED, handoff=UUID(int=2))
    for sequence, state in enumerate(states, start=1):
        for step in steps(current, event(state, sequence)):
            assert step.sequence == current.sequence + 1
            assert any(to == step.state for (before, _), to in model.TRANSITIONS.items() if before == current.state)
            current = step
