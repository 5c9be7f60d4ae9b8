"""The golden cases: what the starter catalog answers to orders, and that every piece of it has a case that wants it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from rules.decide import decide
from rules.load import load
from services.lims import starter
from tools import golden

CATALOG = load(starter.files())
CASES = golden.read()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_an_order_is_answered_as_the_golden_case_says(case: golden.Case) -> None:
    """Verdict, objections, plan, programs, route, days, price; `python tools/golden.py ID` shows the whole answer."""
    assert golden.differences(case, decide(CATALOG, case.spec)) == []


def test_whatever_is_taken_out_of_the_catalog_a_golden_case_misses_it() -> None:
    """Each constraint, each row and each blank, one after the other: none of them could get lost unnoticed."""
    assert golden.unprotected(CATALOG, CASES) == []


def test_what_no_golden_case_wants_is_reported() -> None:
    """With a few of the cases, what only the others want is named: a constraint, a row, a blank."""
    few = [case for case in CASES if case.file in {"everyday.yaml", "power.yaml"}]
    wanted = [("power", ""), ("coat", "thio-ar"), ("blanks", "tri-cr39-600-250-l")]
    missed = [("engraving-on-stock", ""), ("coat", "stock-mirror"), ("blanks", "sf-mr174-050-75")]

    assert golden.unprotected(CATALOG, few, [*wanted, *missed]) == missed


def test_a_case_tells_where_an_answer_is_another() -> None:
    """Each difference is one line that names what was expected."""
    case = next(case for case in CASES if case.id == "single-vision")
    dearer = replace(case, expect={**case.expect, "price": "standard EUR 75.00", "says": ["info X@lens.colour by y"]})

    assert golden.differences(dearer, decide(CATALOG, case.spec)) == [
        "says: unexpected [], missing ['info X@lens.colour by y']",
        "price: standard EUR 76.00, expected standard EUR 75.00",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{id: one, like: two, spec: {}, expect: {}}", "there is no two before it"),
        ("{id: one, spec: {frame: {c: 1.00}}, expect: {}}", "has no c"),
        ("{id: one, spec: {lense: {}}, expect: {}}", "an order has no lense"),
        ("{id: one, spec: {right: {sphere: minus two}}, expect: {}}", "not a plain decimal number"),
        ("{id: one, expects: {}}", "has no .'expects'."),
    ],
)
def test_a_case_that_cannot_be_read_says_so(text: str, fault: str, written: Callable[[str], None]) -> None:
    """By file and id."""
    with pytest.raises(ValueError, match=f"cases.yaml: one: .*{fault}"):
        written(f"cases:\n  - {text}\n")


@pytest.fixture
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], None]:
    """Reads cases from a file with this content."""

    def read(content: str) -> None:
        folder = tmp_path_factory.mktemp("golden")
        (folder / "cases.yaml").write_text(content)
        golden.read(folder)

    return read


def test_the_tool_prints_a_case_for_who_reviews_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The order's answer, the sentences in words, the invoice line by line, and what is not as expected: nothing."""
    assert golden.main(["mirror-on-clear"]) == 0
    shown = capsys.readouterr().out

    assert "warning MIRROR_ON_CLEAR@lens.coatings by mirror-on-clear" in shown
    assert "> Coatings Hard coat, Silver mirror on the front: wearers see their own eyes in a mirror" in shown
    assert "$    34.00  Silver mirror on the front" in shown
    assert "0 not as expected" in shown
