"""The ticket of a tray: what it says, that its codes can be scanned, and that its bytes do not change by themselves."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chassis.codes import code128
from chassis.pdf import pdf
from optics.dcs.interpretation import interpret
from optics.dcs.records import parse
from optics.eyes import Side
from rules import lab_file
from rules.decide import decide
from rules.load import load
from rules.spec import EdgeType, Eyes
from services.lims import evidence, starter
from services.lims.floor.ticket import TEMPLATE, MadeAgain, Tray, ticket, told

CATALOG = load(starter.files())
SAMPLE = Path(__file__).resolve().parents[3] / "samples" / "progressive-job.oma"
SPEC = lab_file.read(interpret(parse(SAMPLE.read_bytes())), CATALOG).spec
DECISION = decide(CATALOG, SPEC, revision="ab" * 32)

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
TRAY = Tray(
    job="jobs/17",
    revision=3,
    create_time=datetime(2026, 11, 23, 8, 30, tzinfo=UTC),
    time=NOON,
    due_time=datetime(2026, 11, 27, 9, 5, tzinfo=UTC),
    promise_time=datetime(2026, 12, 8, 16, 0, tzinfo=UTC),
)

GOLDEN = Path(__file__).with_name("ticket") / "job-900001.json"
GOLDEN_DIGEST = "02fffcc0e8b26a7c1862b24ff9f0f9392ae4b5805a11be88994e7c3b550c7ec7"


def said(tray: Tray = TRAY) -> dict[str, Any]:
    """Returns what the ticket of the sample job says."""
    return told(tray, CATALOG, SPEC, DECISION)


def test_it_says_when_the_job_is_due_by_the_labs_own_clock() -> None:
    """And when it was promised; what is not known is left out."""
    assert said()["times"] == [
        {"name": "Due", "time": "Fri 27 Nov 2026 10:05"},
        {"name": "Promised", "time": "Tue 8 Dec 2026 17:00"},
        {"name": "Created", "time": "Mon 23 Nov 2026 09:30"},
    ]
    assert (said()["zone"], said()["as_of"]) == ("Europe/Berlin", "Tue 24 Nov 2026 12:00")
    undated = replace(TRAY, due_time=None, promise_time=None)
    assert [each["name"] for each in said(undated)["times"]] == ["Created"]


def test_it_says_what_is_ordered_as_an_optician_writes_it() -> None:
    """Signs, degrees, and a dash for what was not given."""
    eyes = said()["eyes"]

    assert eyes["rows"] == [
        ["Right (OD)", "−2.25", "−0.75", "175°", "+2.00", "–", "–", "32.00", "29.75", "19.00"],  # noqa: RUF001
        ["Left (OS)", "−1.75", "−1.00", "10°", "+2.00", "–", "–", "31.50", "29.25", "18.50"],  # noqa: RUF001
    ]
    assert len(eyes["head"]) == len(eyes["rows"][0])
    yoked = replace(SPEC, eyes=Eyes.RIGHT, right=replace(SPEC.right, prism_horizontal=-200, prism_vertical=50))
    (row,) = told(TRAY, CATALOG, yoked, DECISION)["eyes"]["rows"]
    assert row[5:7] == ["2.00 out", "0.50 up"]


def test_it_says_how_each_lens_is_made() -> None:
    """The blank, its curves, how thick the lens comes out, and the program of every machine."""
    right, left = said()["plans"]

    assert (right["side"], left["side"]) == ("Right (OD)", "Left (OS)")
    assert right["facts"]["Blank"] == "sf-mr8-400-70"
    assert right["facts"]["Edge thickest"] == "2.90 at 162°"
    assert right["steps"] == {
        "Program, generate": "G40-THIO",
        "Program, polish": "P40-THIO-R75",
        "Program, engrave": "E10-PAL",
        "Program, coat": "H62-V10",
        "Program, edge": "B10-HARD",
    }


def test_it_leads_the_way_with_a_code_for_each_station() -> None:
    """Which lenses go there, and what a scanner reads there."""
    stations = said()["stations"]

    assert [each["bars"]["says"] for each in stations] == list(DECISION.route)
    assert stations[0]["name"] == "Stock room"
    assert {lenses(each) for each in stations} == {"R L"}
    apart = replace(DECISION, lenses=(DECISION.lenses[0], replace(DECISION.lenses[1], route=("picking", "shipping"))))
    stations = told(TRAY, CATALOG, SPEC, apart)["stations"]
    assert [lenses(each) for each in stations] == ["R L", "R", "R", "R", "R", "R L"]


def test_the_way_shows_which_lens_still_has_to_go_where() -> None:
    """What is done is ticked; a lens that goes again goes alone, and that must not be overlooked."""
    route = list(DECISION.route)
    apart = replace(TRAY, ahead={Side.RIGHT: route[2:], Side.LEFT: route[5:]})

    stations = said(apart)["stations"]
    assert [each["done"] for each in stations] == [True, True, False, False, False, False]
    assert [lenses(each, done=False) for each in stations] == ["", "", "R", "R", "R", "R L"]
    assert said(apart)["notes"] == ["Only Right (OD) goes to coating; Left (OS) waits for it"]
    together = replace(TRAY, ahead={Side.RIGHT: route[2:], Side.LEFT: route[2:]})
    assert said(together)["notes"] == []


def lenses(station: dict[str, Any], *, done: bool | None = None) -> str:
    """Returns the letters of the lenses that pass a station; only those that have, or have not, been there."""
    return " ".join(each["letter"] for each in station["lenses"] if done in {None, each["done"]})


def test_its_codes_say_the_job_and_the_box_of_the_blank() -> None:
    """A box says its optical product code; a blank that has none is known by its id."""
    assert said()["bars"]["svg"] == code128("jobs/17")
    assert said()["plans"][0]["box"]["says"] == "sf-mr8-400-70"
    right = DECISION.lenses[0]
    coded = replace(DECISION, lenses=(replace(right, blank=replace(right.blank, opc="9999912342")),))
    assert told(TRAY, CATALOG, SPEC, coded)["plans"][0]["box"]["says"] == "9999912342"


def test_what_must_not_be_overlooked_stands_first() -> None:
    """That it is a remake, and why; that a lens was begun anew. Of a first job there is nothing to say."""
    again = replace(
        TRAY, remake=MadeAgain("jobs/9", "non-adapt", "Corridor too short"), attempts={Side.RIGHT: 1, Side.LEFT: 3}
    )

    assert said()["notes"] == []
    assert said(again)["notes"] == [
        "Remake of jobs/9 (non-adapt): Corridor too short",
        "Left (OS): attempt 3, from another blank than the one before",
    ]


def test_it_knows_nobody() -> None:
    """Neither the account that ordered nor anybody's name is on it."""
    whole = json.dumps(said())

    assert SPEC.account
    assert SPEC.account not in whole
    assert SPEC.account.encode() not in ticket(TRAY, CATALOG, SPEC, DECISION)


def test_a_kept_decision_makes_the_same_ticket() -> None:
    """What is read back with the job has no geometry, and is drawn all the same."""
    kept = evidence.read(DECISION.to_bytes(), CATALOG)

    assert ticket(TRAY, CATALOG, SPEC, kept) == ticket(TRAY, CATALOG, SPEC, DECISION)


@pytest.mark.parametrize("eyes", [Eyes.BOTH, Eyes.RIGHT, Eyes.LEFT])
@pytest.mark.parametrize("edge", [EdgeType.BEVEL, EdgeType.UNCUT])
def test_every_kind_of_job_has_a_ticket(eyes: Eyes, edge: EdgeType) -> None:
    """One lens or two, edged or round; accessible, or it would not be made."""
    spec = replace(SPEC, eyes=eyes, frame=replace(SPEC.frame, edge_type=edge))

    assert ticket(TRAY, CATALOG, spec, decide(CATALOG, spec, revision="ab" * 32)).startswith(b"%PDF-")


def test_without_a_calendar_times_are_universal() -> None:
    """And the ticket says so."""
    data = told(TRAY, replace(CATALOG, calendar=None), SPEC, DECISION)

    assert (data["zone"], data["as_of"]) == ("UTC", "Tue 24 Nov 2026 11:00")


def test_its_bytes_do_not_change_by_themselves(tmp_path: Path) -> None:
    """Of the data that is kept here it is, byte for byte, the document that somebody has looked at.

    Where the template or its typesetter changed: look at the file that the message names, and enter its digest.
    """
    made = pdf(TEMPLATE, json.loads(GOLDEN.read_text()), time=NOON)
    file = tmp_path / "ticket.pdf"
    file.write_bytes(made)

    assert hashlib.sha256(made).hexdigest() == GOLDEN_DIGEST, file
