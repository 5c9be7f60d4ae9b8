import re

import pytest

from optics.dcs.interpretation import interpret
from optics.dcs.job import DcsJob, Missing, missing_for_order, why_not_an_order
from optics.dcs.records import parse

ORDER = {
    "REQ": "FIL",
    "DO": "B",
    "SPH": "-1.00;-1.25",
    "CYL": "-0.50;-0.50",
    "AX": "90;90",
    "ADD": "2.00;2.00",
    "IPD": "32;32",
    "SEGHT": "19;19",
    "HBOX": "52;52",
    "VBOX": "38;38",
    "DBL": "18",
    "LNAM": "ANY",
}


def order(**changes: str | None) -> DcsJob:
    """Return a complete order with some labels changed or, by None, left out."""
    records = {**ORDER, **changes}
    return interpret(
        parse("\n".join(f"{label}={value}" for label, value in records.items() if value is not None).encode())
    )


def missing_labels(job: DcsJob) -> list[str]:
    """Return the labels of what is missing."""
    return [need.label for need in missing_for_order(job)]


def test_a_complete_order_misses_nothing() -> None:
    """There is no sentence to refuse it with."""
    assert missing_for_order(order()) == ()
    assert why_not_an_order(order()) is None


@pytest.mark.parametrize("label", ["SPH", "AX", "IPD", "SEGHT", "HBOX", "VBOX", "DBL", "LNAM"])
def test_what_an_order_needs_is_named(label: str) -> None:
    """Each label is missed by its own name, whether it is absent or unknown."""
    assert missing_labels(order(**{label: None})) == [label]
    assert missing_labels(order(**{label: "?"})) == [label]


def test_what_is_needed_depends_on_the_prescription() -> None:
    """An axis belongs to a cylinder and a fitting height to an addition."""
    assert missing_labels(order(CYL="0.00", AX=None)) == []
    assert missing_labels(order(CYL=None, AX=None)) == []
    assert missing_labels(order(ADD="0.00", SEGHT=None)) == []
    assert missing_labels(order(ADD=None, SEGHT=None)) == []
    assert missing_labels(order(SEGHT=None, OCHT="19")) == []


def test_only_the_lenses_to_make_are_looked_at() -> None:
    """A right lens alone needs nothing on the left, and says so by name if something is missing there."""
    assert missing_for_order(order(SPH="-1.00;")) == (Missing("SPH", "sphere of the left eye"),)
    assert missing_labels(order(SPH="-1.00;", DO="R")) == []
    assert missing_for_order(order(SPH="-1.00;", DO="L")) == (Missing("SPH", "sphere"),)


def test_an_order_that_does_not_say_which_lenses_is_for_both() -> None:
    """That is the custom of the trade."""
    assert missing_labels(order(DO=None)) == []
    assert missing_labels(order(DO=None, SPH=";-1.00")) == ["SPH"]


def test_an_order_for_no_lens_is_no_order() -> None:
    """DO=N asks for neither."""
    assert missing_labels(order(DO="N")) == ["DO"]


@pytest.mark.parametrize(
    ("label", "value"), [("CYL", "-99"), ("ADD", "two"), ("PRVM", "1.00"), ("DO", "HOME"), ("AX", "181"), ("SPH", "x")]
)
def test_an_unusable_value_is_never_taken_for_an_absent_one(label: str, value: str) -> None:
    """A cylinder out of range must not become a lens without cylinder."""
    job = order(**{label: value})
    assert missing_labels(job) == [label]
    assert re.match(rf"line \d+: {label} ", why_not_an_order(job) or "")


def test_an_unusable_value_is_named_with_its_line_and_the_reason() -> None:
    """Whoever has the file before them finds it; both eyes' slots are told."""
    assert why_not_an_order(order(SPH="abc;-1.25")) == (
        "line 3: SPH (sphere of the right eye) is 'abc': not a plain decimal number"
    )
    assert why_not_an_order(order(AX="181;200", DBL=None)) == (
        "line 5: AX (cylinder axis of the right eye) is '181': outside 0 to 180 degrees; "
        "line 5: AX (cylinder axis of the left eye) is '200': outside 0 to 180 degrees; "
        "also missing: DBL (distance between lenses)"
    )


def test_a_frame_record_is_refused_in_a_sentence() -> None:
    """The sentence says what is missing, and what the file is instead."""
    frame = dict.fromkeys(ORDER, None) | {"REQ": "FRM", "HBOX": "52", "VBOX": "38", "DBL": "18"}
    assert why_not_an_order(order(**frame)) == (
        "no prescription: SPH is missing; also missing: IPD (monocular distance PD), LNAM (lens design); "
        "this is a frame record (REQ=FRM)"
    )
    assert why_not_an_order(order(SPH=None, REQ="FRM")) == (
        "no prescription: SPH is missing; this is a frame record (REQ=FRM)"
    )


def test_an_incomplete_order_is_refused_in_a_sentence() -> None:
    """Where there is a prescription, the rest is named alone."""
    assert why_not_an_order(order(DBL=None)) == "missing: DBL (distance between lenses)"
