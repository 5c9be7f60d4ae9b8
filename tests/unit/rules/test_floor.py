"""What a catalog says of the floor: stations, breakages, the calendar and the policy for remakes."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from rules.calendar import MIDNIGHT, Weekday
from rules.floor import RemakeFacts, Responsible, remake_terms
from rules.load import CatalogError, load

Files = dict[str, Any]
Spoil = Callable[[Files], None]


@pytest.fixture
def floor(files: Files) -> Files:
    """The small lab's files with everything that a floor has."""
    files["floor.yaml"]["stations"][0] |= {"minutes": "90", "picks": "yes"}
    files["floor.yaml"]["stations"][2] |= {"inspects": "yes"}
    files["work.yaml"] = {
        "breakages": [
            {"id": "scratch", "name": "Scratch", "responsible": "lab", "new_blank": "yes", "reason": "it is seen"},
            {
                "id": "peeling",
                "name": "Coating peels",
                "responsible": "manufacturer",
                "returns_to": "coat",
                "stations": ["coat", "edge"],
            },
        ],
        "calendars": [
            {
                "zone": "Europe/Berlin",
                "days": ["mon", "sat"],
                "hours": "07:30 .. 24:00",
                "holidays": [{"date": "2026-12-25", "name": "Christmas Day"}],
            }
        ],
        "remakes": [
            {
                "id": "policy",
                "hit": "first",
                "inputs": {"by": "remake.responsibility", "days": "remake.days", "count": "remake.count"},
                "outputs": {"percent": "percent"},
                "rows": [
                    {"id": "ours", "by": ["lab", "manufacturer"], "percent": "0", "reason": "the test"},
                    {"id": "soon", "days": "0 .. 60", "count": "0", "percent": "37", "reason": "the test"},
                    {"id": "late", "percent": "100", "reason": "the test"},
                ],
            }
        ],
    }
    return files


def test_a_station_says_how_long_a_job_is_there_and_what_is_done(floor: Files) -> None:
    """Nothing, unless it is said."""
    stations = load(floor).stations

    assert [(each.minutes, each.picks, each.inspects) for each in stations.values()] == [
        (90, True, False),
        (0, False, False),
        (0, False, True),
        (0, False, False),
    ]
    assert load(floor).picking == "make"


def test_a_breakage_says_where_the_lens_starts_again(floor: Files) -> None:
    """With a new blank where blanks are taken, else where it is told."""
    scratch, peeling = load(floor).breakages.values()

    assert (scratch.responsible, scratch.new_blank, scratch.returns_to) == (Responsible.LAB, True, "make")
    assert (scratch.stations, scratch.reason) == ((), "it is seen")
    assert (peeling.responsible, peeling.new_blank, peeling.returns_to) == (Responsible.MANUFACTURER, False, "coat")
    assert peeling.stations == ("coat", "edge")


def test_the_calendar_says_when_the_lab_works(floor: Files) -> None:
    """Zone, days, hours and holidays."""
    calendar = load(floor).calendar

    assert calendar is not None
    assert calendar.zone.key == "Europe/Berlin"
    assert calendar.days == {Weekday.MON, Weekday.SAT}
    assert (calendar.opens, calendar.closes) == (450, MIDNIGHT)
    assert calendar.holidays == {date(2026, 12, 25): "Christmas Day"}


@pytest.mark.parametrize(
    ("remake", "row", "percent"),
    [
        (RemakeFacts("lab", 400, 3), "ours", 0),
        (RemakeFacts("ecp", 60), "soon", 3700),
        (RemakeFacts("ecp", 61), "late", 10000),
        (RemakeFacts("warranty", 60, 1), "late", 10000),
    ],
)
def test_the_policy_tells_what_is_charged_of_a_remake(
    floor: Files, remake: RemakeFacts, row: str, percent: int
) -> None:
    """In 1/100 percent, by who answers for it, when, and how often before."""
    policy = load(floor).remakes

    assert policy is not None
    terms = remake_terms(policy, remake)
    assert (terms.id, terms.then) == (row, {"percent": percent})


def test_a_catalog_may_say_nothing_of_it(files: Files) -> None:
    """Revisions of before do not: nothing breaks, nothing is due, and no remake has a price."""
    catalog = load(files)

    assert (catalog.breakages, catalog.calendar, catalog.remakes, catalog.picking) == ({}, None, None, "")


def set_at(*path: object) -> Spoil:
    """Returns a change that sets the last element at a path."""
    *where, last, value = path

    def change(files: Files) -> None:
        node: Any = files
        for key in where:
            node = node[key]
        node[last] = value

    return change


WORK = "work.yaml"
SCRATCH, PEELING = (WORK, "breakages", 0), (WORK, "breakages", 1)
CALENDAR, POLICY = (WORK, "calendars", 0), (WORK, "remakes", 0)

FAULTS: list[tuple[Spoil, str]] = [
    (
        set_at("floor.yaml", "stations", 0, "minutes", "1.5"),
        "floor.yaml: stations[0] (make): minutes: '1.5': not a whole number",
    ),
    (set_at("floor.yaml", "stations", 0, "minutes", "90000"), "floor.yaml: stations[0] (make): minutes: is too large"),
    (set_at("floor.yaml", "stations", 1, "picks", "maybe"), "floor.yaml: stations[1] (coat): picks: there is no"),
    (
        set_at("floor.yaml", "stations", 1, "picks", "yes"),
        "stations (coat): picks: blanks are taken from stock at make",
    ),
    (set_at("floor.yaml", "stations", 3, "inspects", "yes"), "stations (ship): inspects: a job ships there"),
    (set_at("floor.yaml", "stations", 0, "picks", "no"), "work.yaml: breakages[0] (scratch): new_blank: there is no"),
    (
        set_at(*SCRATCH, "responsible", "ecp"),
        "work.yaml: breakages[0] (scratch): responsible: there is no 'ecp'; it can be: lab, manufacturer",
    ),
    (
        set_at(*SCRATCH, "returns_to", "edge"),
        "work.yaml: breakages[0] (scratch): returns_to: a new blank is taken at make; leave it out",
    ),
    (
        set_at(*SCRATCH, "stations", ["edging"]),
        "work.yaml: breakages[0] (scratch): stations: there is no 'edging'; did you mean edge?",
    ),
    (set_at(*SCRATCH, "station", "edge"), "work.yaml: breakages[0] (scratch): station: is not a field of this entry"),
    (set_at(*PEELING, "id", "scratch"), "work.yaml: breakages[1] (scratch): id: is taken by an entry before"),
    (set_at(*PEELING, "id", "peeling.2"), "work.yaml: breakages[1] (peeling.2): id: 'peeling.2' does not match"),
    (set_at(*PEELING, "returns_to", ""), "work.yaml: breakages[1] (peeling): returns_to: is missing"),
    (
        set_at(*PEELING, "stations", []),
        "work.yaml: breakages[1] (peeling): returns_to: coat lies behind make, where it can be reported",
    ),
    (set_at(*CALENDAR, "zone", "Europe/Berlim"), "work.yaml: calendars[0]: zone: there is no time zone"),
    (set_at(*CALENDAR, "zone", "../etc/passwd"), "work.yaml: calendars[0]: zone: there is no time zone"),
    (set_at(*CALENDAR, "zone", "Europe"), "work.yaml: calendars[0]: zone: there is no time zone"),
    (set_at(*CALENDAR, "days", ["monday"]), "work.yaml: calendars[0]: days: there is no 'monday'; did you mean mon?"),
    (set_at(*CALENDAR, "days", []), "work.yaml: calendars[0]: days: is missing"),
    (set_at(*CALENDAR, "hours", "7 to 17"), "work.yaml: calendars[0]: hours: '7 to 17': is not like 07:00 .. 17:00"),
    (set_at(*CALENDAR, "hours", "17:00 .. 07:00"), "work.yaml: calendars[0]: hours: '17:00 .. 07:00': closes before"),
    (set_at(*CALENDAR, "hours", "07:00 .. 24:01"), "work.yaml: calendars[0]: hours: '07:00 .. 24:01': closes before"),
    (
        set_at(*CALENDAR, "holidays", 0, "date", "25.12.2026"),
        "work.yaml: calendars[0]: holidays[0]: date: '25.12.2026': is no date like 2026-12-25",
    ),
    (
        set_at(*CALENDAR, "holidays", [{"date": "2026-12-25", "name": each} for each in ("One", "Other")]),
        "work.yaml: calendars[0]: holidays[1]: date: 2026-12-25: stands there twice, as One before",
    ),
    (
        lambda files: files[WORK]["calendars"].append(dict(files[WORK]["calendars"][0])),
        "work.yaml: calendars[1]: a lab has one calendar",
    ),
    (
        lambda files: files[WORK]["remakes"].append(dict(files[WORK]["remakes"][0])),
        "work.yaml: remakes[1] (policy): a lab has one policy for remakes",
    ),
    (set_at(*POLICY, "id", "routes"), "work.yaml: remakes[0] (routes): id: is taken by a constraint or a table"),
    (set_at(*POLICY, "outputs", {"share": "percent"}), "work.yaml: remakes[0] (policy): outputs: it tells percent"),
    (
        set_at(*POLICY, "inputs", {"by": "remake.responsible"}),
        "work.yaml: remakes[0] (policy): inputs: by: remake has no field responsible; did you mean responsibility?",
    ),
    (
        set_at(*POLICY, "rows", 0, "by", ["lap"]),
        "work.yaml: remakes[0] (policy): rows[0] (ours): by: there is no 'lap'; did you mean lab?",
    ),
    (
        set_at(*POLICY, "rows", 1, "percent", "-5"),
        "work.yaml: remakes[0] (policy): rows (soon): percent: is a share of the new job's price: 0 to 100",
    ),
    (
        set_at(*POLICY, "rows", 1, "percent", "37.50"),
        "work.yaml: remakes[0] (policy): rows (soon): percent: is a share of the new job's price: 0 to 100, without",
    ),
    (
        set_at(*POLICY, "rows", 2, "days", "90 .."),
        "work.yaml: remakes[0] (policy): rows: none holds for ecp, 61 days after it shipped, 0 remakes before",
    ),
    (
        lambda files: files[WORK]["remakes"][0]["rows"].reverse(),
        "work.yaml: remakes[0] (policy): rows[1] (soon): is never used: late stands before it",
    ),
]


@pytest.mark.parametrize(("spoil", "fault"), FAULTS, ids=[fault for _, fault in FAULTS])
def test_a_fault_names_file_entry_and_field(floor: Files, spoil: Spoil, fault: str) -> None:
    """Each fault, planted in a floor that is otherwise in order, is told where it stands."""
    spoil(floor)

    with pytest.raises(CatalogError) as raised:
        load(floor)
    assert any(each.startswith(fault) for each in raised.value.faults), raised.value.faults


def test_a_gap_in_the_policy_is_told_once(floor: Files) -> None:
    """Where it begins, and not again for every number behind."""
    rows = floor[WORK]["remakes"][0]["rows"]
    rows[2] = {"id": "late", "by": ["ecp", "non-adapt"], "percent": "100", "reason": "the test"}

    with pytest.raises(CatalogError) as raised:
        load(floor)
    assert [each.rpartition("none holds for ")[2] for each in raised.value.faults] == [
        "warranty, 0 days after it shipped, 1 remakes before, the same order",
        "warranty, 61 days after it shipped, 0 remakes before, the same order",
    ]
