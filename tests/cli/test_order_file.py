"""An order written as JSON, held against the contract before it is sent."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli import order_file
from cli.errors import FileUnusableError
from runtime.settings import PROJECT
from services.order.model import CLIENT_FIELDS
from tests.cli.conftest import order


def _written(document: object, folder: Path) -> Path:
    file = folder / "order.json"
    file.write_text(json.dumps(document))
    return file


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({"eyes": "BOTH"}, '  eyes: "BOTH" is none of EYES_BOTH, EYES_RIGHT, EYES_LEFT'),
        ({"frame": {"edgeType": "bevel"}}, '  frame.edgeType: "bevel" is none of EDGE_TYPE_UNCUT, EDGE_TYPE_BEVEL, '),
        (
            {"prescription": {"right": {"prizm": 1}}},
            "  prescription.right.prizm: there is no such field; there are sphere",
        ),
        (
            {"prescription": {"right": {"spere": 1}}},
            "  prescription.right.spere: there is no such field; is sphere meant?",
        ),
        ({"prescription": {"right": {"sphere": "x"}}}, '  prescription.right.sphere: "x" is no number'),
        ({"prescription": {"left": {"axis": 1.5}}}, "  prescription.left.axis: 1.5 is no whole number"),
        ({"customerReference": 7}, "  customerReference: 7 is no text: put it in double quotes"),
        ({"frame": [1]}, "  frame: [1] is no object, in braces"),
        ({"lens": {"coatings": "hc"}}, "  lens.coatings: is no list, in square brackets"),
        ({"lens": {"coatings": ["hc", 1]}}, "  lens.coatings[1]: 1 is no text: put it in double quotes"),
        ({"patient": "x"}, "  patient: there is no such field; is patientReference meant?"),
        ({"colour": "x"}, "  colour: there is no such field; there are lab, customerReference, patientReference, eyes"),
    ],
)
def test_what_the_contract_does_not_have_is_answered_with_what_it_has(
    document: dict[str, Any], fault: str, tmp_path: Path
) -> None:
    """Names and values are listed; the user need not read the protos for a slip of the pen."""
    with pytest.raises(FileUnusableError) as refused:
        order_file.order(_written(document, tmp_path))
    heading, *faults = str(refused.value).splitlines()
    assert heading.endswith("order.json is no order as the contract has it:")
    assert [line[: len(fault)] for line in faults] == [fault]


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """Nobody mends one to be told of the next."""
    with pytest.raises(FileUnusableError) as refused:
        order_file.order(_written({"eyes": "X", "foo": 1, "lens": {"bar": 1}}, tmp_path))
    assert len(str(refused.value).splitlines()) == 4


@pytest.mark.parametrize(
    "document",
    [
        order(submitTime=None),
        {"eyes": 1, "customer_reference": "as the contract spells it"},
        {"frame": {"trace": {"right": {"radii": [2500] * 24}}}},
        {"prescription": {"right": {"sphere": 1, "add": None}, "left": None}},
    ],
)
def test_what_the_mesh_takes_is_let_through(document: dict[str, Any], tmp_path: Path) -> None:
    """Both spellings of a name, an enumeration's number, null, and all that an order that is read holds."""
    assert order_file.order(_written(document, tmp_path)) == document


def test_the_sample_is_an_order() -> None:
    """The one the help and the README name."""
    assert order_file.order(PROJECT / "samples" / "order.json")["lens"]["design"] == "comfort-pal"


def test_the_fields_that_can_be_written_are_the_services() -> None:
    """The command cannot see the service; this test can."""
    assert order_file.WRITABLE == CLIENT_FIELDS
