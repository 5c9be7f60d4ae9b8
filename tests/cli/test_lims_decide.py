"""`lensmesh lims decide`, in a stand-in lab."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from lensmesh.lims.v1.rule_service_pb2 import DecideFileResponse

from tests.cli.conftest import Lensmesh
from tests.cli.lab import ServedLab

DRAWING = "<svg>both lenses</svg>\n"
RIGHT: dict[str, Any] = {
    "side": "SIDE_RIGHT",
    "blank": "sf-mr8-400-70",
    "opc": "9999012345",
    "blankDiameter": 70,
    "base": 4,
    "front": 4.05,
    "backFlat": -6.05,
    "backSteep": -6.71,
    "minimumBlank": 59.96,
    "centreThickness": 1.2,
    "edgeThinnest": 1.63,
    "edgeThinnestAngle": 324,
    "edgeThickest": 2.9,
    "edgeThickestAngle": 162,
    "weight": 3.73,
    "programs": [{"step": "generate", "program": "G40"}, {"step": "edge", "program": "B10"}],
    "route": ["surfacing", "edging", "shipping"],
}
LEFT: dict[str, Any] = RIGHT | {
    "side": "SIDE_LEFT",
    "finished": True,
    "opc": "",
    "backFlat": 0,
    "backSteep": 0,
    "minimumBlank": 0,
    "edgeThinnestAngle": 350,
    "edgeThickestAngle": 190,
    "programs": [{"step": "edge", "program": "B11"}],
}
ACCEPTED: dict[str, Any] = {
    "decision": {
        "accepted": True,
        "lenses": [RIGHT, LEFT],
        "route": ["surfacing", "edging", "shipping"],
        "leadTimeDays": 5,
        "price": {
            "list": "partner",
            "lines": [
                {"label": "Comfort progressive", "amount": {"currency": "EUR", "minorUnits": "11200"}},
                {"label": "Large blank", "side": "SIDE_LEFT", "amount": {"currency": "EUR", "minorUnits": "550"}},
            ],
            "total": {"currency": "EUR", "minorUnits": "11750"},
        },
        "fired": [
            {"rule": "sphere-steps", "side": "SIDE_LEFT"},
            {"rule": "base-curve", "row": "minus", "side": "SIDE_RIGHT"},
            {"rule": "base-curve", "row": "minus", "side": "SIDE_LEFT"},
            {"rule": "lead-time", "row": "far"},
        ],
        "catalogRevision": "3",
        "revisionDigest": "5d8c1b9be1b7d1c9d5a8a3c7f0c4a1e2",
        "engineVersion": "1",
        "account": "100200",
    },
    "spec": {
        "eyes": "EYES_BOTH",
        "prescription": {"right": {"sphere": -2.25, "axis": 175}, "left": {"sphere": -1.75}},
        "frame": {"a": 51.82, "b": 38.31, "dbl": 18},
        "lens": {"design": "comfort-pal", "material": "mr8"},
    },
    "diagnostics": [
        {"severity": "SEVERITY_WARNING", "label": "HBOX", "line": 15, "message": "The stated value is used."},
        {"severity": "SEVERITY_INFO", "label": "FED", "line": 17, "message": "It is taken from the trace."},
    ],
    "jobReference": "900001",
    "drawing": DRAWING,
}
REFUSED: dict[str, Any] = {
    "decision": {
        "violations": [
            {
                "code": "UNKNOWN_LENS_NAME",
                "severity": "SEVERITY_ERROR",
                "field": "lens.design",
                "message": "LNAM='X' is no design that the catalog knows.",
                "alternatives": ["comfort-pal"],
            }
        ],
        "leadTimeDays": 5,
        "catalogRevision": "3",
        "revisionDigest": "5d8c1b9be1b7d1c9d5a8a3c7f0c4a1e2",
        "engineVersion": "1",
    },
    "drawing": DRAWING,
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lab file elsewhere; the user is in a folder of his own."""
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    path = there / "job.oma"
    path.write_text("JOB=900001\n")
    return path


def decides(served: ServedLab, answer: Mapping[str, Any]) -> None:
    """Lets the rules say this of any file."""
    served.lab.decided = ParseDict(dict(answer), DecideFileResponse())


def test_a_plan_is_printed_for_optician_and_machinist(served: ServedLab, lensmesh: Lensmesh, file: Path) -> None:
    """Verdict, order, each lens, route, price and time, within 80 columns."""
    decides(served, ACCEPTED)
    done = lensmesh("lims", "decide", str(file))

    assert done.code == 0
    assert "Job 900001 can be made by catalog revision 3 (5d8c1b9be1b7) and engine 1, for account 100200" in done.words
    for told in (
        "Right (OD) -2.25",
        "A 51.82 B 38.31 DBL 18.00",
        "blank sf-mr8-400-70 sf-mr8-400-70 OPC 9999012345 finished",
        "needed at least 59.96 mm delivered round",
        "base curve 4.00 D 4.00 D",
        "back curves -6.05 / -6.71 D 0.00 D",
        "thinnest edge 1.63 mm at 324° (nasal below) 1.63 mm at 350° (temporal)",
        "thickest edge 2.90 mm at 162° (temporal) 2.90 mm at 190° (nasal)",
        "weight, edged 3.73 g 3.73 g",
        "generate G40",
        "edge B10 B11",
        "Route surfacing > edging > shipping",
        "Price EUR 117.50 by the list partner, ships in 5 working days",
        "Large blank left 5.50",
    ):
        assert told in done.words
    assert "HBOX" in done.out
    assert "FED" not in done.out
    assert "3 rules and rows had a say; to see them: --explain." in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert "FED" in lensmesh("lims", "decide", str(file), "--verbose").out


def test_what_had_a_say_is_explained_when_asked(served: ServedLab, lensmesh: Lensmesh, file: Path) -> None:
    """One line for each rule or row, with the lenses it was about."""
    decides(served, ACCEPTED)
    done = lensmesh("lims", "decide", str(file), "--explain")

    assert "sphere-steps left" in done.words
    assert "base-curve minus right and left" in done.words
    assert "lead-time far" in done.words
    assert "--explain" not in done.out


def test_a_refused_job_says_what_would_do_instead(served: ServedLab, lensmesh: Lensmesh, file: Path) -> None:
    """Ends with 1; there is no plan, and what the time would be is told."""
    decides(served, REFUSED)
    done = lensmesh("lims", "decide", str(file))

    assert done.code == 1
    assert "job cannot be made as it is" in done.words
    assert "error at lens.design LNAM='X' is no design that the catalog knows. instead: comfort-pal" in done.words
    assert "Route" not in done.out
    assert "Ships in 5 working days." in done.out


def test_the_drawing_is_written_where_the_user_is(served: ServedLab, lensmesh: Lensmesh, file: Path) -> None:
    """Under the lab file's name, and told; in another file when one is named, or not at all."""
    decides(served, ACCEPTED)
    assert "Drawing: job.plan.svg" in lensmesh("lims", "decide", str(file)).out
    assert Path("job.plan.svg").read_text() == DRAWING
    assert "Drawing: other.svg" in lensmesh("lims", "decide", str(file), "--drawing", "other.svg").out
    Path("job.plan.svg").unlink()
    assert "Drawing" not in lensmesh("lims", "decide", str(file), "--no-drawing").out
    assert [path.name for path in Path.cwd().iterdir()] == ["other.svg"]
    assert [request.draw for request in served.lab.files] == [True, True, False]


def test_a_drawing_that_cannot_be_written_is_a_sentence(served: ServedLab, lensmesh: Lensmesh, file: Path) -> None:
    """After the plan, which was made."""
    decides(served, ACCEPTED)
    done = lensmesh("lims", "decide", str(file), "--drawing", "nowhere/other.svg")

    assert (done.code, "can be made" in done.out) == (1, True)
    assert "The drawing cannot be written to nowhere/other.svg (No such file or directory)" in done.err


def test_where_there_is_nothing_to_draw_that_is_said(served: ServedLab, lensmesh: Lensmesh, file: Path) -> None:
    """And no file is made."""
    decides(served, REFUSED | {"drawing": ""})

    assert "Nothing is drawn" in lensmesh("lims", "decide", str(file)).out
    assert list(Path.cwd().iterdir()) == []


def test_as_json_it_is_the_message(served: ServedLab, lensmesh: Lensmesh, file: Path) -> None:
    """With the drawing in it; a file is made only when one is named."""
    decides(served, ACCEPTED)
    (document,) = lensmesh("lims", "decide", str(file), "--json").documents

    assert document["decision"]["lenses"][0]["weight"] == 3.73
    assert document["drawing"] == DRAWING
    assert list(Path.cwd().iterdir()) == []
    lensmesh("lims", "decide", str(file), "--json", "--drawing", "it.svg")
    assert Path("it.svg").read_text() == DRAWING


def test_the_choices_of_the_user_go_to_the_lab(served: ServedLab, lensmesh: Lensmesh, file: Path) -> None:
    """A name that was printed somewhere is taken for its id."""
    decides(served, ACCEPTED)
    lensmesh("lims", "decide", str(file), "--account", "7", "--design", "Comfort PAL", "--material", "mr8")
    (request,) = served.lab.files

    assert (request.account, request.design, request.material) == ("7", "comfort-pal", "mr8")
    assert request.file.data == b"JOB=900001\n"


@pytest.mark.usefixtures("served")
def test_what_is_no_lab_file_is_a_sentence(lensmesh: Lensmesh, file: Path) -> None:
    """From the lab, or before anything is sent."""
    file.write_bytes(b"\xff\xd8\xff")
    done = lensmesh("lims", "decide", str(file))

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("lensmesh: The file cannot be read: it is a picture")
    refusal = json.loads(lensmesh("lims", "decide", str(file), "--json").err)
    assert refusal["details"][0]["reason"] == "FILE_UNREADABLE"
    assert "There is no file" in lensmesh("lims", "decide", "nothing.oma").err


@pytest.mark.usefixtures("served")
def test_to_draw_and_not_to_draw_is_a_contradiction(lensmesh: Lensmesh, file: Path) -> None:
    """A command typed wrong ends with 2."""
    done = lensmesh("lims", "decide", str(file), "--drawing", "a.svg", "--no-drawing")

    assert (done.code, "contradict each other" in done.err) == (2, True)


def test_the_help_says_where_the_drawing_goes(lensmesh: Lensmesh) -> None:
    """And fits a terminal of 80 columns."""
    done = lensmesh("lims", "decide", "--help")

    assert "job.plan.svg" in done.words
    assert "<" not in done.out[done.out.index("Options") :]
    assert max(map(len, done.out.splitlines())) <= 80
