"""When a job is due, and what was promised."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optics.eyes import Side
from rules.calendar import Calendar, Weekday
from services.lims import dates
from services.lims.model import State
from tests.unit.lims.floor_job import FLOOR, NOON, job, lens

# ten hours a day in UTC, so that sums can be done in the head
CALENDAR = Calendar(ZoneInfo("UTC"), frozenset(list(Weekday)[:5]), 7 * 60, 17 * 60)
ALL = sum(station.minutes for station in FLOOR.values())


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of March 2026, whose 2nd is a Monday."""
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def test_a_new_job_is_due_when_every_station_had_its_time() -> None:
    """26 hours of work: five on Monday, ten on Tuesday and Wednesday, one on Thursday."""
    assert ALL == 26 * 60
    assert dates.due(job(), FLOOR, CALENDAR, NOON) == at(5, 8)


def test_a_job_at_a_station_has_what_is_left_of_it_ahead() -> None:
    """An hour at the stock room, of which half has passed; overdue there it delays what follows."""
    picked = replace(job(lens(passed=0)), state=State.IN_PRODUCTION, station="picking", arrive_time=NOON)
    soon = dates.due(picked, FLOOR, CALENDAR, NOON + timedelta(minutes=30))
    assert soon == dates.due(job(), FLOOR, CALENDAR, NOON)
    late = dates.due(picked, FLOOR, CALENDAR, NOON + timedelta(minutes=90))
    assert late == CALENDAR.after(NOON + timedelta(minutes=90), ALL - 60)
    done = dates.due(replace(picked, arrive_time=None), FLOOR, CALENDAR, NOON)
    assert done == CALENDAR.after(NOON, ALL - 60)


def test_a_lens_that_begins_anew_brings_its_stations_back_and_no_other() -> None:
    """What both lenses have ahead is done once for both."""
    pair = job(lens(passed=3), lens(Side.LEFT, passed=3))
    moving = replace(pair, state=State.IN_PRODUCTION, station="edging")
    assert dates.due(moving, FLOOR, CALENDAR, NOON) == CALENDAR.after(NOON, 180)
    broken = replace(moving, lenses=(lens(passed=3), lens(Side.LEFT)))
    assert dates.due(broken, FLOOR, CALENDAR, NOON) == CALENDAR.after(NOON, ALL)


@pytest.mark.parametrize("state", [State.ON_HOLD, State.SHIPPED, State.CANCELLED])
def test_a_job_that_does_not_move_is_not_due(state: State) -> None:
    """Nobody knows when it goes on, or it is gone."""
    assert dates.due(replace(job(), state=state), FLOOR, CALENDAR, NOON) is None


def test_without_a_calendar_nothing_is_due_and_nothing_promised() -> None:
    """A lab that does not say when it works cannot say when it is done."""
    undated = dates.promised(job(), FLOOR, None, NOON, 5)
    assert (undated.due_time, undated.promise_time) == (None, None)


def test_a_job_is_promised_at_the_end_of_its_lead_time() -> None:
    """Five working days behind a Monday are the next one."""
    assert dates.promised(job(), FLOOR, CALENDAR, NOON, 5).promise_time == at(9, 17)
    assert dates.promised(job(), FLOOR, CALENDAR, NOON, None).promise_time is None


@given(st.integers(0, 20_000), st.integers(0, 20_000))
def test_a_job_that_waits_is_due_no_earlier(first: int, second: int) -> None:
    """Time that passes at a station never brings the end nearer."""
    waiting = replace(job(lens(passed=1)), state=State.IN_PRODUCTION, station="surfacing", arrive_time=NOON)
    sooner, later = sorted((first, second))
    due = [dates.due(waiting, FLOOR, CALENDAR, NOON + timedelta(minutes=each)) for each in (sooner, later)]
    assert due == sorted(due, key=lambda each: each or NOON)
