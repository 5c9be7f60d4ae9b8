"""How two catalogs differ: by what their files say."""

import random
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import files
from rules.load import SECTIONS
from services.lims import starter
from services.lims.rulebook import diff
from services.lims.rulebook.diff import Change, Kind, changes
from tests.support import rulebook

Files = dict[str, Any]


@pytest.fixture
def before() -> Files:
    """The small lab's files."""
    return {name: files.read(text) for name, text in rulebook.FILES.items()}


@pytest.fixture
def after(before: Files) -> Files:
    """The same, for a test to change."""
    return deepcopy(before)


def only(before: Files, after: Files) -> Change:
    """Returns the one difference."""
    (change,) = changes(before, after)
    return change


def test_the_same_said_otherwise_is_no_difference(before: Files) -> None:
    """Comments, another file, other spellings of a number, another order of what has none."""
    text = rulebook.LIMITS.replace("2.00 D", "2.0 D").replace("scope: eye", "scope:   eye  # of each eye")
    after = {"z.yaml": files.read(text), **{name: each for name, each in before.items() if name != "limits.yaml"}}
    assert list(changes(before, after)) == []
    assert list(changes(before, dict(reversed(before.items())))) == []


def test_a_limit_is_told_with_the_sentence_it_makes(before: Files, after: Files) -> None:
    """As who orders will read it."""
    after["limits.yaml"]["constraints"][0]["given"]["low"] = "-3.00 D"
    assert only(before, after) == Change(
        kind=Kind.CHANGED,
        section="constraints",
        entry="power",
        field="given.low",
        before="-2.00 D",
        after="-3.00 D",
        says="Constraint power: low is -3.00 D instead of -2.00 D."
        " It now says: {material} is made from -3.00 D to 2.00 D.",
    )


def test_a_row_is_told_by_its_table_with_its_unit(before: Files, after: Files) -> None:
    """By the unit that the table's output has."""
    after["plans.yaml"]["tables"][2]["rows"][0]["centre"] = "2.00"
    change = only(before, after)
    assert (change.entry, change.field) == ("minimum-thickness/all", "centre")
    assert change.says == "Table minimum-thickness, row all: centre is 2.00 mm instead of 1.80 mm."


def test_what_is_new_and_what_is_gone_is_told_by_name(before: Files, after: Files) -> None:
    """An entry, a row, a field."""
    after["floor.yaml"]["colours"] = [{"id": "grey", "name": "Grey 85"}]
    after["plans.yaml"]["tables"][3]["rows"][:0] = [{"id": "short", "stations": ["shipping"], "reason": "the test"}]
    del after["limits.yaml"]["constraints"][0]["code"]
    told = {(each.kind, each.entry, each.field): each.says for each in changes(before, after)}
    assert told == {
        (Kind.REMOVED, "clear", ""): "Colour Clear is gone.",
        (Kind.ADDED, "grey", ""): "Colour Grey 85 is new: name Grey 85",
        (Kind.CHANGED, "power", "code"): "Constraint power: code is not said any more; it was OUT_OF_RANGE.",
        (Kind.ADDED, "routes/short", ""): "Table routes, row short is new: stations shipping, reason the test",
    }


def test_a_move_is_told_where_the_place_matters(before: Files, after: Files) -> None:
    """As few as explain the new order; entries without an order do not move."""
    rows = [{"id": name, "base": "4.00", "reason": "the test"} for name in ("a", "b", "c", "d")]
    for said, order in ((before, "abcd"), (after, "dabc")):
        said["plans.yaml"]["tables"][1]["rows"] = [rows["abcd".index(name)] for name in order]
        said["floor.yaml"]["coatings"] = [{"id": name, "name": name} for name in order]
    assert only(before, after).says == "Table base-curve, row d stands first now."
    after["plans.yaml"]["tables"][1]["hit"] = "unique"
    assert [each.field for each in changes(before, after)] == ["hit"]


def test_a_tolerance_is_told_by_its_quantity() -> None:
    """Also where profiles list them."""
    before = starter.files()
    after = deepcopy(before)
    limit = after["tolerances.yaml"]["tolerances"][0]["limits"][1]  # type: ignore[index]  # plain data
    limit["by"] = "power"
    assert only(before, after).field == "limits.cylinder.by"


def test_a_holiday_and_what_is_charged_for_a_remake_are_told() -> None:
    """Of a calendar the day; of a policy the row, as of a table."""
    before = starter.files()
    after = deepcopy(before)
    holidays = after["calendar.yaml"]["calendars"][0]["holidays"]  # type: ignore[index]  # plain data
    gone = holidays.pop(0)
    holidays.append({"date": "2030-01-01"})
    after["remakes.yaml"]["remakes"][0]["rows"][0]["percent"] = "10"  # type: ignore[index]  # as above
    told = {(each.entry, each.field): each.says for each in changes(before, after)}
    assert told == {
        ("Europe/Berlin", f"holidays.{gone['date']}.name"): f"Calendar Europe/Berlin: holidays, {gone['date']}, name"
        f" is not said any more; it was {gone['name']}.",
        ("Europe/Berlin", "holidays.2030-01-01"): "Calendar Europe/Berlin: holidays, 2030-01-01 is 2030-01-01;"
        " nothing was said of it.",
        ("remake-policy/lab", "percent"): "Remake policy remake-policy, row lab: percent is 10 % instead of 0 %.",
    }


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_every_edit_is_told_and_taking_it_back_is_told_the_other_way_round(seed: int) -> None:
    """Whatever entry of the starter set is removed."""
    before = starter.files()
    after = deepcopy(before)
    chance = random.Random(seed)  # noqa: S311 -- which entry, no secret
    section = chance.choice([entries for content in after.values() for entries in content.values()])  # type: ignore[attr-defined]
    gone = section.pop(chance.randrange(len(section)))
    told, back = only(before, after), only(after, before)
    name = gone.get("id", gone.get("zone"))
    assert (told.kind, told.entry) == (Kind.REMOVED, name)
    assert (back.kind, back.entry, back.after) == (Kind.ADDED, name, told.before)


def test_every_section_can_be_told_of() -> None:
    """Also one that is added later."""
    assert set(diff._NOUNS) == set(SECTIONS)
