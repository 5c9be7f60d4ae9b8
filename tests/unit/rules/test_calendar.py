"""Work is counted in the lab's own hours: shifts, weekends, holidays, and the nights on which the clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar import MIDNIGHT, Calendar, Weekday

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = frozenset(Weekday)
WORKDAYS = frozenset({Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI})
LAB = Calendar(BERLIN, WORKDAYS, 7 * 60, 17 * 60, {date(2026, 12, 25): "Christmas Day"})
ALWAYS = Calendar(BERLIN, WEEK, 0, MIDNIGHT)


def local(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    """Returns a moment by the local clock."""
    return datetime.fromisoformat(text).replace(tzinfo=zone)


# ── minutes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("start", "minutes", "done"),
    [
        ("2026-11-24 09:30", 0, "2026-11-24 09:30"),
        ("2026-11-24 09:30", 90, "2026-11-24 11:00"),
        ("2026-11-24 16:00", 60, "2026-11-24 17:00"),  # a closing is before the next opening
        ("2026-11-24 16:00", 61, "2026-11-25 07:01"),
        ("2026-11-24 05:00", 30, "2026-11-24 07:30"),
        ("2026-11-24 20:00", 30, "2026-11-25 07:30"),
        ("2026-11-27 16:30", 60, "2026-11-30 07:30"),  # over a weekend
        ("2026-11-28 12:00", 600, "2026-11-30 17:00"),
        ("2026-12-24 16:00", 120, "2026-12-28 08:00"),  # over a holiday and a weekend
    ],
)
def test_work_is_done_in_the_hours_of_the_lab(start: str, minutes: int, done: str) -> None:
    """Neither nights nor weekends nor holidays count."""
    assert LAB.after(local(start), minutes) == local(done)


def test_moments_go_out_in_utc() -> None:
    """Whatever the zone in which they came in."""
    assert LAB.after(local("2026-11-24 09:30"), 30).tzinfo is UTC
    assert LAB.working_days_after(local("2026-11-24 09:30"), 1).tzinfo is UTC
    assert LAB.after(local("2026-11-24 03:30", ZoneInfo("America/New_York")), 30) == local("2026-11-24 10:00")


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-03-30", 24), ("2026-10-25", 25)])
def test_a_day_around_the_clock_has_the_hours_that_pass(day: str, hours: int) -> None:
    """One less in spring, one more in autumn."""
    midnight = local(f"{day} 00:00")
    next_midnight = local(f"{date.fromisoformat(day) + timedelta(days=1)} 00:00")

    assert ALWAYS.after(midnight, 60 * hours) == next_midnight
    assert ALWAYS.after(midnight, 60 * hours - 1) == next_midnight.astimezone(UTC) - timedelta(minutes=1)


def test_a_shift_begins_by_the_local_clock_in_summer_and_in_winter() -> None:
    """At seven, which is five or six by UTC."""
    weekends = Calendar(BERLIN, WEEK, 7 * 60, 17 * 60)

    assert weekends.after(local("2026-03-28 16:00"), 120) == datetime(2026, 3, 29, 6, 0, tzinfo=UTC)
    assert weekends.after(local("2026-10-24 16:00"), 120) == datetime(2026, 10, 25, 7, 0, tzinfo=UTC)


def test_a_shift_in_the_hour_that_the_clocks_skip_is_no_longer_than_it_is() -> None:
    """From 02:30 to 03:00 on that night there is nothing between, and none of it is negative."""
    night = Calendar(BERLIN, WEEK, 150, 180)

    assert night.after(local("2026-03-28 23:00"), 30) == local("2026-03-30 03:00")


def test_a_day_that_a_date_line_took_is_no_working_day() -> None:
    """Samoa had no 30 December 2011."""
    apia = ZoneInfo("Pacific/Apia")
    lab = Calendar(apia, WEEK, 7 * 60, 17 * 60)

    assert lab.hours_of(date(2011, 12, 30)) is None
    assert lab.after(local("2011-12-29 16:00", apia), 120) == local("2011-12-31 08:00", apia)


def test_what_is_no_start_is_refused() -> None:
    """A time of day without a zone is nobody's, and work does not run backwards."""
    naive = datetime(2026, 11, 24, 9, 0)  # noqa: DTZ001 -- what is refused
    for count in (LAB.after, LAB.working_days_after):
        with pytest.raises(ValueError, match="counted from"):
            count(naive, 1)
        with pytest.raises(ValueError, match="counted from"):
            count(local("2026-11-24 09:00"), -1)


# ── days ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("start", "days", "closing"),
    [
        ("2026-11-24 09:30", 0, "2026-11-24"),
        ("2026-11-24 18:00", 0, "2026-11-25"),
        ("2026-11-28 12:00", 0, "2026-11-30"),
        ("2026-11-24 09:30", 1, "2026-11-25"),
        ("2026-11-24 23:30", 1, "2026-11-25"),
        ("2026-11-24 09:30", 5, "2026-12-01"),
        ("2026-11-28 12:00", 1, "2026-11-30"),
        ("2026-12-23 09:30", 2, "2026-12-28"),
    ],
)
def test_working_days_are_counted_from_the_day_behind(start: str, days: int, closing: str) -> None:
    """And end when the lab closes; the day of the start does not count."""
    assert LAB.working_days_after(local(start), days) == local(f"{closing} 17:00")


# ── whatever the calendar ─────────────────────────────────────────────────────────────────────────────────────────────

zones = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Cairo"]
).map(ZoneInfo)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Any calendar, with holidays around the days on which clocks change."""
    opens = draw(st.integers(0, MIDNIGHT - 1))
    return Calendar(
        zone=draw(zones),
        days=draw(st.frozensets(st.sampled_from(Weekday), min_size=1)),
        opens=opens,
        closes=draw(st.integers(opens + 1, MIDNIGHT)),
        holidays=dict.fromkeys(draw(st.lists(st.dates(date(2018, 1, 1), date(2018, 12, 31)), max_size=5)), "a holiday"),
    )


moments = st.datetimes(datetime(2018, 1, 1), datetime(2018, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 -- of the zone given
minutes = st.integers(0, 3_000)


@given(calendars(), moments, minutes, minutes)
def test_work_done_in_two_parts_is_done_when_it_is_done_in_one(
    calendar: Calendar, start: datetime, first: int, second: int
) -> None:
    """Wherever it is interrupted."""
    # a day of a minute would need years for so many
    first, second = (each % (20 * calendar.minutes_a_day) for each in (first, second))

    assert calendar.after(calendar.after(start, first), second) == calendar.after(start, first + second)


@given(calendars(), moments, moments, minutes, minutes)
def test_who_begins_later_or_has_more_to_do_is_not_done_earlier(
    calendar: Calendar, start: datetime, other: datetime, few: int, many: int
) -> None:
    """In start and in work."""
    early, late = sorted((start, other))
    less, more = sorted(each % (20 * calendar.minutes_a_day) for each in (few, many))

    assert early <= calendar.after(early, less) <= calendar.after(late, less)
    assert calendar.after(early, less) <= calendar.after(early, more)


@given(calendars(), moments, st.integers(0, 20))
def test_a_working_day_ends_when_the_lab_closes_on_a_day_it_works(
    calendar: Calendar, start: datetime, days: int
) -> None:
    """And each day more is a later one."""
    closing = calendar.working_days_after(start, days)
    hours = calendar.hours_of((closing - timedelta(minutes=1)).astimezone(calendar.zone).date())

    assert start <= closing
    assert hours is None or closing in hours  # None where an empty day is skipped over a midnight
    assert days == 0 or calendar.working_days_after(start, days - 1) <= closing
