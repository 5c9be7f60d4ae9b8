"""Reads what the floor has rules for beside its stations (`rules.load`): breakages, the working calendar, remakes.

::

    breakages:
      - id: scratch
        name: Scratched
        responsible: lab                        # or manufacturer
        new_blank: yes                          # begins where blanks are picked; with no, returns_to says where
        stations: [surfacing, coating, edging]  # where it can be reported; everywhere unless said
        reason: where it comes from

    calendars:
      - zone: Europe/Berlin                     # of the IANA
        days: [mon, tue, wed, thu, fri]
        hours: 07:00 .. 17:00                   # 24:00 is the end of the day
        holidays:
          - {date: 2026-12-25, name: Christmas Day}

    remakes:                                    # one table, over a remake; it has an answer for every one
      - id: remake-policy
        hit: first
        inputs: {by: remake.responsibility, days: remake.days, count: remake.count, changed: remake.changed}
        outputs: {percent: percent}             # of the new job's price, whole
        rows:
          - {id: lab, by: [lab], percent: 0, reason: its own mistake}
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rules.calendar import MIDNIGHT, Calendar, Weekday
from rules.catalog import Station
from rules.floor import Breakage, RemakeFacts, Responsible, unanswered
from rules.reading import Item
from rules.tables import Table

_HOURS = re.compile(r"([0-9]{2}):([0-5][0-9]) *\.\. *([0-9]{2}):([0-5][0-9])")
_WEEKDAYS = {day.name.lower(): day for day in Weekday}
_BREAKERS = (Responsible.LAB, Responsible.MANUFACTURER)
_WHOLE_PERCENT, _FULL_PRICE = 1_00, 100_00
"""In 1/100 percent."""


def misplaced(stations: Mapping[str, Station]) -> Iterator[str]:
    """Yields a fault for a second stock room, and for an inspection behind which a job goes nowhere."""
    picking = [each.id for each in stations.values() if each.picks]
    for second in picking[1:]:
        yield f"stations ({second}): picks: blanks are taken from stock at {picking[0]}, and a lab has one such station"
    for last in list(stations.values())[-1:]:
        if last.inspects:
            yield f"stations ({last.id}): inspects: a job ships there and does not leave again; inspect it before"


def breakage(item: Item, name: str, stations: Mapping[str, Station]) -> Breakage:
    """Reads a reason for which a lens is spoilt; its id is read already."""
    new_blank = item.flag("new_blank")
    reported = item.texts("stations", stations)
    found = Breakage(
        id=name,
        name=item.text("name"),
        responsible=Responsible(item.known("responsible", _BREAKERS) or Responsible.LAB),
        returns_to=_returns_to(item, stations, new_blank=new_blank),
        new_blank=new_blank,
        stations=reported,
        reason=item.text("reason", default=""),
    )
    order = list(stations)
    if found.returns_to in stations:
        places = [order.index(each) for each in reported or order[:1]]
        if min(places) < order.index(found.returns_to):
            item.fault(
                "returns_to",
                f"{found.returns_to} lies behind {order[min(places)]}, where it can be reported: what is done between "
                f"would be left out; name the stations from {found.returns_to} on",
            )
    return found


def _returns_to(item: Item, stations: Mapping[str, Station], *, new_blank: bool) -> str:
    picking = next((each.id for each in stations.values() if each.picks), "")
    if not new_blank:
        return item.known("returns_to", stations)
    if not picking:
        item.fault("new_blank", "there is no station that picks blanks; say `picks: yes` of one")
    named = item.known("returns_to", stations, default=picking)
    if named and picking and named != picking:
        item.fault("returns_to", f"a new blank is taken at {picking}; leave it out")
    return picking


def calendar(items: Sequence[Item]) -> Calendar | None:
    """Reads the calendar; None where there is none, or it is faulty."""
    for item in items[1:]:
        item.fault("", "a lab has one calendar")
    return _calendar(items[0]) if items else None


def _calendar(item: Item) -> Calendar | None:
    zone = _zone(item)
    days = frozenset(_WEEKDAYS[each] for each in item.texts("days", _WEEKDAYS))
    hours = _hours(item)
    holidays = _holidays(item.inners("holidays"))
    if not days:
        item.fault("days", "is missing: the lab works on one at least")
    if zone is None or hours is None or not days:
        return None
    return Calendar(zone, days, *hours, holidays)


def _zone(item: Item) -> ZoneInfo | None:
    name = item.text("zone")
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a path that leads out of the data, or to a folder of it
        item.fault("zone", f"there is no time zone {name!r}; it is one of the IANA's, such as Europe/Berlin")
        return None


def _hours(item: Item) -> tuple[int, int] | None:
    text = item.text("hours")
    found = _HOURS.fullmatch(text)
    if not found:
        if text:
            item.fault("hours", f"{text!r}: is not like 07:00 .. 17:00")
        return None
    hour, minute, last_hour, last_minute = map(int, found.groups())
    opens, closes = 60 * hour + minute, 60 * last_hour + last_minute
    if not opens < closes <= MIDNIGHT:
        item.fault("hours", f"{text!r}: closes before it opens, or after 24:00")
        return None
    return opens, closes


def _holidays(items: Iterable[Item]) -> dict[date, str]:
    holidays: dict[date, str] = {}
    for item in items:
        name, text = item.text("name"), item.text("date")
        try:
            day = date.fromisoformat(text)
        except ValueError:
            if text:
                item.fault("date", f"{text!r}: is no date like 2026-12-25")
            continue
        if day in holidays:
            item.fault("date", f"{text}: stands there twice, as {holidays[day]} before")
        holidays[day] = name
    return holidays


def check_policy(item: Item, policy: Table, *, draft: bool) -> None:
    """Notes what a policy for remakes leaves open, unless it is a draft, and a share that is no share of a price."""
    for row in policy.rows:
        percent = row.then.get("percent", 0)
        if not 0 <= percent <= _FULL_PRICE or percent % _WHOLE_PERCENT:
            item.fault(f"rows ({row.id}): percent", "is a share of the new job's price: 0 to 100, without a fraction")
    for gap in () if draft else unanswered(policy):
        item.fault("rows", f"none holds for {_said(gap)}")


def _said(remake: RemakeFacts) -> str:
    order = "another order" if remake.changed else "the same order"
    return f"{remake.responsibility}, {remake.days} days after it shipped, {remake.count} remakes before, {order}"
