"""The hours in which the lab works, and what follows from them: when some minutes of work are done, when a day ends.

A calendar is in local time, because a shift is: on the nights on which the clocks change a lab that works around the
clock has an hour less or more, and one that opens at seven opens an hour earlier or later by UTC. Moments come in and
go out in UTC; minutes of work are those that really pass between a day's opening and its closing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from zoneinfo import ZoneInfo

MIDNIGHT = 24 * 60
"""The end of a day, in minutes from its beginning."""


class Weekday(IntEnum):
    """A day of the week, as `date.weekday` counts it."""

    MON = 0
    TUE = 1
    WED = 2
    THU = 3
    FRI = 4
    SAT = 5
    SUN = 6


@dataclass(frozen=True, slots=True)
class Calendar:
    """When the lab works.

    Attributes:
        zone: Where it is.
        days: On which days of the week; at least one.
        opens: From when on, in minutes of the local clock from midnight.
        closes: Until when; later than that, `MIDNIGHT` at most.
        holidays: On which dates it does not, with their names.
    """

    zone: ZoneInfo
    days: frozenset[Weekday]
    opens: int
    closes: int
    holidays: Mapping[date, str] = field(default_factory=dict, hash=False)

    @property
    def minutes_a_day(self) -> int:
        """Minutes of work in a day on which the clocks do not change."""
        return self.closes - self.opens

    def hours_of(self, day: date) -> tuple[datetime, datetime] | None:
        """Returns when the lab opens and closes on a day, in UTC; None where it does not work, or the day is none.

        An hour that the clocks skip lies where it would have been without that; one they repeat is its first.
        """
        if Weekday(day.weekday()) not in self.days or day in self.holidays:
            return None
        opens = self._moment(day, self.opens)
        if opens.astimezone(self.zone).date() != day:  # a date line was moved, and the day left out
            return None
        return opens, max(opens, self._moment(day, self.closes))

    def after(self, start: datetime, minutes: int) -> datetime:
        """Returns the first moment by which so many minutes have been worked since a start; the start itself for none.

        It is the closing of a day, not the opening of the next, where both would do.

        Raises:
            ValueError: The start has no time zone, or the minutes are fewer than none.
        """
        if start.tzinfo is None or minutes < 0:
            raise ValueError(f"no work can be counted from {start} on for {minutes} minutes")
        done = start.astimezone(UTC)
        left = timedelta(minutes=minutes)
        if not left:
            return done
        for opens, closes in self._hours(done):
            begins = max(done, opens)
            if begins + left <= closes:
                return begins + left
            left -= max(closes - begins, timedelta())
        raise AssertionError("days do not end")

    def working_days_after(self, start: datetime, days: int) -> datetime:
        """Returns the closing, in UTC, of the last of so many working days behind the day of a start.

        The day of the start does not count; with 0 days it is the closing of that day itself where the lab is still
        to close, else of the next working day.

        Raises:
            ValueError: The start has no time zone, or the days are fewer than none.
        """
        if start.tzinfo is None or days < 0:
            raise ValueError(f"no working days can be counted from {start} on for {days} days")
        today = start.astimezone(self.zone).date()
        left = days
        for opens, closes in self._hours(start):
            if opens.astimezone(self.zone).date() == today:
                if not days and start <= closes:
                    return closes
            elif left <= 1:
                return closes
            else:
                left -= 1
        raise AssertionError("days do not end")

    def _hours(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yields opening and closing of every working day from the day of a start on."""
        day = start.astimezone(self.zone).date()
        while True:
            if hours := self.hours_of(day):
                yield hours
            day += timedelta(days=1)

    def _moment(self, day: date, minute: int) -> datetime:
        """Returns when the local clock shows a minute of a day, in UTC."""
        on = day + timedelta(days=minute // MIDNIGHT)
        at = time(minute % MIDNIGHT // 60, minute % 60)
        return datetime.combine(on, at, self.zone).astimezone(UTC)
