"""The starter set is clean; and each fault that is planted in it is found where it was planted, and nothing else is.

All of them are planted at once, for one examination of this catalog takes seconds. Each example is decided again here.
"""

import copy
import time
from collections.abc import Mapping
from typing import Any

import pytest

from rules.catalog import Catalog
from rules.decide import NO_BLANK, NOT_SET, decide
from rules.load import CatalogError, load
from rules.proof import Finding, Kind, Step, examine, steps
from services.lims import starter

SECONDS = 10.0
FILES: dict[str, Any] = {**starter.files()}

PLANTED = {
    # between -3.00 and -2.99 there is no base curve for an aspheric lens
    "gap:base-curve",
    "overlap:power-surcharge/above-10:above-6",
    "overlap:glazing-price/standard-groove:standard-rimless",
    "unreachable-row:lead-time/rush-drilled",
    "unreachable-row:lead-time/rush-polarised",
    "contradiction:ft28 in poly",
    "implied:cylinder-far-beyond",
    "always-fires:everything",
    "never-fires:nothing",
    "unpriced:lens-price",
    "no-blank:base-curve/progressive-minus:poly",
    "no-blank:base-curve/aspheric-minus:poly",
    # the bifocal has none at all in Trivex
    "no-blank:base-curve/segment-minus:trivex",
    "no-blank:base-curve/segment-middle:trivex",
    "no-blank:base-curve/segment-plus:trivex",
    "gap:remake-policy",
    "unreachable-row:remake-policy/never-asked",
}
"""What is planted, by the id of its finding."""


def constraint(name: str, scope: str, refuse: str, at: str) -> dict[str, str]:
    """Returns a constraint that refuses."""
    words = {"severity": "error", "code": "PLANTED", "says": "do otherwise.", "reason": "the test"}
    return {"id": name, "scope": scope, "refuse": refuse, "at": at, **words}


def spoilt() -> dict[str, Any]:
    """Returns the files of the starter set with every fault in them."""
    files = copy.deepcopy(FILES)
    tables = {each["id"]: each for content in files.values() for each in content.get("tables", ())}
    rows: dict[str, dict[str, Any]] = {
        f"{name}/{row['id']}": row for name, table in tables.items() for row in table["rows"]
    }
    rows["base-curve/aspheric-middle"]["power"] = "-2.99 .. 1.00"
    rows["power-surcharge/above-6"]["power"] = "6.01 .. 10.01"
    rows["glazing-price/standard-groove"]["edge"] = ["groove", "rimless"]
    lead_time = tables["lead-time"]["rows"]
    lead_time.insert(0, _row("rush-polarised", options=["rush"], colour=["polar-grey"], days="2"))
    lead_time.insert(2, _row("rush-drilled", options=["rush"], edge=["rimless"], days="2"))
    prices = tables["lens-price"]["rows"]
    prices[:] = [each for each in prices if each["id"] != "standard-relax"]
    for content in files.values():
        blanks = content.get("blanks", [])
        gone = {"sf-poly-pb-400-75", "ft28-trivex-400", "ft28-trivex-600"}
        blanks[:] = [each for each in blanks if each["id"] not in gone]
        for policy in content.get("remakes", ()):
            policy["rows"] = [each for each in policy["rows"] if each["id"] != "warranty-over"]
            policy["rows"].append(_row("never-asked", by=["lab"], percent="10"))
    files["planted"] = {
        "constraints": [
            constraint(
                "no-coated-segment",
                "pair",
                'lens.design == "ft28" && lens.material == "poly" && size(lens.coatings) > 0',
                "lens.coatings",
            ),
            constraint(
                "cylinder-far-beyond", "eye", "has(eye.cylinder) && math.abs(eye.cylinder) > D(9.00)", "cylinder"
            ),
            constraint("everything", "eye", "!has(eye.sphere) || eye.sphere < D(31.00)", "sphere"),
            constraint(
                "nothing", "eye", "has(eye.sphere) && has(eye.power_high) && eye.sphere > eye.power_high", "sphere"
            ),
        ]
    }
    return files


def _row(name: str, **fields: object) -> dict[str, object]:
    return {"id": name, "reason": "the test", **fields}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The spoilt catalog."""
    return load(spoilt(), draft=True)


@pytest.fixture(scope="module")
def found(catalog: Catalog) -> Mapping[str, Finding]:
    """What is found of it, by id."""
    findings = list(examine(catalog, seconds_each=SECONDS))
    assert len({each.id for each in findings}) == len(findings)
    return {each.id: each for each in findings}


def test_the_starter_set_is_clean_and_examined_in_time() -> None:
    """Nothing is found and nothing remains unknown; the steps count up to what they said at the beginning."""
    began = time.process_time()

    done = list(steps(load(starter.files()), seconds_each=SECONDS))

    assert time.process_time() - began < 20  # 5 on a core of its own
    assert [each.id for step in done for each in step.findings] == []
    assert {step.total for step in done} == {len(done)}
    assert [step.number for step in done] == list(range(1, len(done) + 1))
    assert done[-1] == Step(len(done), len(done))


def test_every_fault_that_is_planted_is_found_and_nothing_else(found: Mapping[str, Finding]) -> None:
    """Each where it stands."""
    assert found.keys() == PLANTED


@pytest.mark.parametrize(
    ("planted", "designs", "says"),
    [
        ("gap:base-curve", {"sv-aspheric", "sv-individual", "relax"}, "power -3.00 D"),
        ("unpriced:lens-price", {"relax"}, "list standard"),
    ],
)
def test_the_examples_of_a_gap_are_orders_that_are_refused_for_nothing_else(
    planted: str, designs: set[str], says: str, found: Mapping[str, Finding], catalog: Catalog
) -> None:
    """But for what always objects; for each the table says what it was asked."""
    finding, rest = found[planted], catalog.without("everything")

    assert len({(each.lens.design, each.lens.material) for each in finding.examples}) == 5
    assert finding.says.count(says) == 5
    for example in finding.examples:
        assert example.lens.design in designs
        errors = [each for each in decide(rest, example).violations if each.severity.name == "ERROR"]
        assert {each.code for each in errors} == {NOT_SET}


def test_the_example_of_an_overlap_is_an_order_for_which_both_rows_hold(
    found: Mapping[str, Finding], catalog: Catalog
) -> None:
    """Without the first the other one answers."""
    for planted in (name for name in PLANTED if name.startswith("overlap")):
        finding = found[planted]
        table, row = finding.where.split("/")
        assert finding.example
        for gone in ([], [row], [finding.of]):
            rest = catalog
            for each in gone:
                rest = rest.without(table, each)
            answers = {each.row for each in decide(rest, finding.example).fired if each.rule == table}
            assert answers & {row, finding.of} == ({finding.of} if gone != [finding.of] else {row})


def test_a_row_behind_constraints_is_shown_by_an_order_that_they_refuse(
    found: Mapping[str, Finding], catalog: Catalog
) -> None:
    """One that rows before it hide has nothing to show."""
    behind = found["unreachable-row:lead-time/rush-polarised"]

    assert "rush-not-done" in behind.says
    assert behind.example
    fired = decide(catalog, behind.example).fired
    assert {("rush-not-done", ""), ("lead-time", "rush-polarised")} <= {(each.rule, each.row) for each in fired}
    assert found["unreachable-row:lead-time/rush-drilled"].examples == ()


@pytest.mark.parametrize(
    ("planted", "objecting"),
    [
        ("contradiction:ft28 in poly", {"no-coated-segment", "poly-without-hard-coat"}),
        ("implied:cylinder-far-beyond", {"cylinder-far-beyond", "cylinder-beyond"}),
        ("always-fires:everything", {"everything"}),
    ],
)
def test_the_example_of_a_constraint_is_an_order_to_which_it_objects(
    planted: str, objecting: set[str], found: Mapping[str, Finding], catalog: Catalog
) -> None:
    """Of a contradiction one of those that make it; of what is implied both."""
    finding = found[planted]

    assert finding.example
    fired = {each.rule for each in decide(catalog, finding.example).fired} & objecting
    assert fired == objecting or (finding.kind is Kind.CONTRADICTION and fired)
    assert objecting - {finding.where} <= {word.strip(",.;") for word in finding.says.split()}


def test_a_missing_blank_is_shown_for_every_lens_that_is_named(found: Mapping[str, Finding], catalog: Catalog) -> None:
    """With the bases that there are."""
    rest = catalog.without("everything")
    for planted in (name for name in PLANTED if name.startswith("no-blank")):
        finding = found[planted]
        assert finding.examples
        for example in finding.examples:
            assert catalog.designs[example.lens.design].name in finding.says
            assert catalog.colours[example.lens.colour].name in finding.says
            errors = [each for each in decide(rest, example).violations if each.severity.name == "ERROR"]
            assert {each.code for each in errors} == {NO_BLANK}
    assert "there is +6.00 D" in found["no-blank:base-curve/aspheric-minus:poly"].says
    assert "there is none at all" in found["no-blank:base-curve/segment-middle:trivex"].says


def test_what_is_asked_of_no_order_is_shown_by_its_box(found: Mapping[str, Finding], catalog: Catalog) -> None:
    """In words; there is no order to decide."""
    finding = found["gap:remake-policy"]

    assert finding.examples == ()
    assert "by warranty" in finding.says
    assert catalog.remakes is not None


def test_what_has_faults_of_its_own_is_no_draft(catalog: Catalog) -> None:
    """What is shown by examples is left to the examination; a slip of the pen is a fault in a draft as well."""
    with pytest.raises(CatalogError, match="holds at the same time as"):
        load(spoilt())
    files = spoilt()
    files["planted"]["constraints"].append(constraint("slip", "eye", "eye.sphre > 0", "sphere"))
    with pytest.raises(CatalogError, match="sphre"):
        load(files, draft=True)
    assert catalog.constraints
