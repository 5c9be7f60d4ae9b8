"""A catalog is examined: what is planted in it is found, with an order that the engine confirms."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from rules.catalog import Catalog
from rules.decide import NO_BLANK, NOT_SET, decide
from rules.load import load
from rules.proof import Finding, Kind, described, examine
from rules.spec import Spec
from rules.tables import Column, Hit, OneOf, Output, Row, Table, Within, firing
from rules.view import OF_REMAKE
from tools import catalog as catalog_tool

Files = dict[str, Any]

SECONDS = 5.0


def constraint(name: str, refuse: str, **fields: object) -> dict[str, Any]:
    """Returns a constraint of an eye."""
    return {
        "id": name,
        "scope": "eye",
        "refuse": refuse,
        "at": "sphere",
        "severity": "error",
        "says": "do otherwise.",
        "reason": "the test",
        **fields,
    }


def found(files: Files, *planted: dict[str, Any]) -> dict[tuple[Kind, str], Finding]:
    """Returns the findings of a lab with constraints more, by kind and place."""
    files["rules.yaml"]["constraints"] += planted
    return of(load(files))


def of(catalog: Catalog, seconds: float = SECONDS) -> dict[tuple[Kind, str], Finding]:
    """Returns the findings of a catalog, by kind and place."""
    return {(each.kind, each.where): each for each in examine(catalog, seconds_each=seconds)}


def _without(files: Files, name: str) -> Files:
    rules = files["rules.yaml"]
    return {
        **files,
        "rules.yaml": {**rules, "constraints": [each for each in rules["constraints"] if each["id"] != name]},
    }


def table_of(files: Files, name: str) -> dict[str, Any]:
    """Returns the data of a table."""
    tables: list[dict[str, Any]] = [each for file in files.values() for each in file.get("tables", ())]
    return next(each for each in tables if each["id"] == name)


def fired(catalog: Catalog, spec: Spec | None) -> set[str]:
    """Returns the constraints and tables that had a say in an order."""
    assert spec
    return {each.rule for each in decide(catalog, spec).fired}


def test_the_lab_has_what_is_known_of_it_and_nothing_else(lab: Catalog) -> None:
    """Its anti-fatigue lens stands in no list but that of friends, and coloured blanks come in one base."""
    assert of(lab).keys() == {
        (Kind.UNPRICED, "lenses"),
        (Kind.NO_BLANK, "base-curve/strong-minus"),
        (Kind.NO_BLANK, "base-curve/plus"),
    }


def test_a_gap_is_found_with_an_order_that_has_no_answer(files: Files) -> None:
    """Between -6.00 and -5.00 there is no base curve."""
    table_of(files, "base-curve")["rows"][1]["power"] = "-5.00 .. -0.01"
    catalog = load(files)

    finding = of(catalog)[Kind.GAP, "base-curve"]

    assert finding.example
    (violation,) = [each for each in decide(catalog, finding.example).violations if each.code == NOT_SET]
    assert "base curve" in violation.message


def test_a_gap_behind_the_constraints_is_none(files: Files) -> None:
    """What nobody can order needs no answer."""
    table_of(files, "base-curve")["rows"][1]["power"] = "-5.00 .. -0.01"
    beyond = (
        "has(eye.spherical_equivalent) && eye.spherical_equivalent > D(-6.01) && eye.spherical_equivalent < D(-5.00)"
    )

    assert (Kind.GAP, "base-curve") not in found(files, constraint("beyond", beyond))


def test_a_missing_price_is_found(files: Files) -> None:
    """The flat top is in no list but that of friends."""
    plain = table_of(files, "lenses")["rows"][3]
    plain["design"] = ["plain", "ft", "stock"]
    assert (Kind.UNPRICED, "lenses") not in of(load(files))
    plain["design"] = ["plain", "stock"]
    catalog = load(files)

    finding = of(catalog)[Kind.UNPRICED, "lenses"]

    assert finding.example
    assert finding.example.lens.design == "ft"
    assert decide(catalog, finding.example).price is None


def test_an_overlap_is_found_with_an_order_for_which_both_rows_hold(lab: Catalog) -> None:
    """The loader refuses it; a table that is made otherwise is looked at all the same."""
    thickness = replace(lab.tables["minimum-thickness"], hit=Hit.UNIQUE)
    catalog = replace(lab, tables={**lab.tables, "minimum-thickness": thickness})

    finding = of(catalog)[Kind.OVERLAP, "minimum-thickness/plus"]

    assert finding.example
    assert "rimless" in finding.says or "minus" in finding.says


def test_a_row_behind_others_is_found_that_no_single_one_covers(files: Files) -> None:
    """Two rows before it hold wherever it does, one for each half."""
    rows = table_of(files, "lead-time")["rows"]
    rows[0]["coatings"] = ["ar", "hc", "absent"]
    rows.insert(1, {"id": "top", "coatings": ["top"], "days": "6", "reason": "the test"})

    assert found(files)[Kind.UNREACHABLE_ROW, "lead-time/other"].example is None


def test_a_row_behind_the_constraints_is_found_with_the_order_they_refuse(files: Files) -> None:
    """Nobody can order a lens with a lead time of nine days."""
    planted = constraint("no-ar", '"ar" in lens.coatings', scope="pair", at="lens.coatings")

    finding = found(files, planted)[Kind.UNREACHABLE_ROW, "lead-time/vacuum"]

    assert "no-ar" in finding.says
    assert {"no-ar", "lead-time"} <= fired(load(files), finding.example)


def test_a_contradiction_is_found_with_the_constraints_that_make_it(files: Files) -> None:
    """A progressive lens is to have an addition, and none."""
    findings = found(files, constraint("no-near", 'lens.design == "pal" && has(eye.add)', at="add"))

    finding = findings[Kind.CONTRADICTION, "pal"]

    assert "add, no-near" in finding.says
    assert {"add", "no-near"} & fired(load(files), finding.example)
    assert (Kind.CONTRADICTION, "plain") not in findings


def test_a_contradiction_in_one_material_is_told_of_it(files: Files) -> None:
    """The others pass."""
    planted = constraint("no-mr10", 'lens.type == "progressive" && lens.material == "mr10"', at="lens.material")

    findings = found(files, planted)

    assert (Kind.CONTRADICTION, "pal in mr10") in findings
    assert (Kind.CONTRADICTION, "pal") not in findings


def test_an_implied_constraint_is_found(files: Files) -> None:
    """Above 7.00 D of cylinder that of 6.00 D objects already."""
    planted = constraint("more", "has(eye.cylinder) && math.abs(eye.cylinder) > D(7.00)", at="cylinder")

    finding = found(files, planted)[Kind.IMPLIED, "more"]

    assert "cylinder" in finding.says
    assert {"more", "cylinder"} <= fired(load(files), finding.example)


def test_of_two_constraints_that_say_the_same_one_is_told(files: Files) -> None:
    """Either can go, but not both."""
    findings = found(files, constraint("twin", "has(eye.prism) && eye.prism > prism(5.00)", at="prism_horizontal"))

    assert {where for kind, where in findings if kind is Kind.IMPLIED} in ({"twin"}, {"prism"})


@pytest.mark.parametrize(
    "refuse",
    [
        "has(eye.sphere) && has(eye.power_high) && eye.sphere > eye.power_high",
        'lens.type == "progressive" && lens.design == "plain"',
        "has(eye.prism) && has(eye.prism_vertical) && eye.prism < math.abs(eye.prism_vertical)",
        "has(eye.axis) && eye.axis % 2 == 2",
    ],
)
def test_what_never_objects_is_found(files: Files, refuse: str) -> None:
    """From what a field can be, and from how fields hang together."""
    assert (Kind.NEVER_FIRES, "planted") in found(files, constraint("planted", refuse))


def test_what_always_objects_is_found_and_does_not_hide_the_rest(files: Files) -> None:
    """It is named once; nothing else contradicts itself for its sake."""
    findings = found(files, constraint("planted", "!has(eye.sphere) || eye.sphere < D(31.00)"))

    assert "planted" in fired(load(files), findings[Kind.ALWAYS_FIRES, "planted"].example)
    assert findings.keys() - {(Kind.ALWAYS_FIRES, "planted")} == of(load(_without(files, "planted"))).keys()


def test_a_base_without_a_blank_is_found(files: Files) -> None:
    """Grey blanks come in base 5.00 alone, which lies too far from 4.00 where that may slip by half a dioptre."""
    table_of(files, "base-curve")["rows"][1]["slip"] = "0.50"
    catalog = load(files)

    found = [each for each in examine(catalog, seconds_each=SECONDS) if each.where == "base-curve/minus"]

    (finding,) = [each for each in found if "Grey" in each.says]
    assert finding.kind is Kind.NO_BLANK
    assert finding.example
    assert NO_BLANK in {each.code for each in decide(catalog, finding.example).violations}


def test_a_missing_blank_is_not_hidden_where_prisms_are_refused(files: Files) -> None:
    """Lenses are asked for that no finished blank is for; a prism is only one reason for that."""
    expected = {each for each in of(load(files)) if each[0] is Kind.NO_BLANK}
    planted = constraint("no-prism", "has(eye.prism)", at="prism_horizontal")

    findings = found(files, planted)

    assert {each for each in findings if each[0] is Kind.NO_BLANK} == expected != set()
    examples = [example for each in expected for example in findings[each].examples]
    assert all(example.right.prism_horizontal is None for example in examples)


def test_a_table_that_no_order_is_asked_of_is_examined_by_its_boxes(lab: Catalog) -> None:
    """Gaps, overlaps and rows that are never used, in words: no order could show them, and none is made up."""
    fields = {each.name: each for each in OF_REMAKE.nouns[0].fields}
    named = {"by": fields["responsibility"], "days": fields["days"]}
    columns = tuple(Column(name, f"remake.{field.name}", 0, field) for name, field in named.items())
    rows = (
        Row("lab", {"by": OneOf(frozenset({"lab"}))}, {"percent": 0}, "", firing("policy", "lab")),
        Row("soon", {"days": Within(((None, 30),))}, {"percent": 50_00}, "", firing("policy", "soon")),
        Row("never", {"days": Within(((5, 4),))}, {"percent": 50_00}, "", firing("policy", "never")),
    )
    policy = Table("policy", OF_REMAKE, Hit.UNIQUE, columns, {"percent": Output.PERCENT}, rows)

    findings = {each.id: each for each in examine(replace(lab, remakes=policy), seconds_each=SECONDS)}

    told = {name: each.says for name, each in findings.items() if "policy" in name}
    assert told.keys() == {"overlap:policy/soon:lab", "gap:policy", "unreachable-row:policy/never"}
    assert "by lab, days 0" in told["overlap:policy/soon:lab"]
    assert "days 31" in told["gap:policy"]
    assert all(not findings[name].examples for name in told)


def test_what_is_not_answered_in_time_is_unknown(lab: Catalog) -> None:
    """Never fine: without any time, nothing that has to be asked is told."""
    findings = of(lab, seconds=0.0)

    assert {kind for kind, _ in findings} == {Kind.UNKNOWN}
    assert {each.id for each in lab.constraints} <= {where for _, where in findings}


def test_what_is_beyond_what_is_solved_is_unknown(files: Files) -> None:
    """A product of two measures."""
    planted = constraint("planted", "has(eye.axis) && eye.axis * eye.axis == 8")

    assert (Kind.UNKNOWN, "planted") in found(files, planted)


def test_an_example_is_told_as_it_would_be_read_out(spec: Spec, lab: Catalog) -> None:
    """With names, units and signs."""
    assert described(spec, lab) == (
        "Pal in CR-39, Clear, Hard coat, Top coat, the pair; "
        "right eye: sphere -0.50 D, cylinder -1.25 D, axis 140, addition +1.25 D, distance PD 31.00 mm, "
        "fitting height 19.00 mm; "
        "left eye: sphere -0.75 D, cylinder 0.00 D, addition +1.25 D, distance PD 31.00 mm, fitting height 19.00 mm; "
        "frame A 51.00 mm, frame B 38.00 mm, frame DBL 20.00 mm, frame ED 53.00 mm, edge bevel, material metal."
    )


def test_where_every_design_is_refused_tables_are_not_looked_at(files: Files) -> None:
    """One finding for each design, and none for each row."""
    planted = [constraint(f"no-{each}", f'lens.type == "{each}"') for each in ("single-vision", "progressive")]
    planted += [constraint(f"no-{each}", f'lens.type == "{each}"') for each in ("multifocal", "anti-fatigue")]

    kinds = {kind for kind, _ in found(files, *planted)}

    assert Kind.CONTRADICTION in kinds
    assert Kind.UNREACHABLE_ROW not in kinds


@pytest.mark.parametrize("planted", [True, False])
def test_the_tool_prints_findings_and_fails_where_there_are_some(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: Files, *, planted: bool
) -> None:
    """With the example in words; nothing found is no failure."""
    table_of(files, "lenses")["rows"][3]["design"] += ["stock"]
    table_of(files, "base-curve")["rows"] = [{"id": "all", "base": "4.00", "slip": "2.00", "reason": "the test"}]
    if planted:
        table_of(files, "lead-time")["rows"].pop()
    (tmp_path / "lab.yaml").write_text(yaml.dump(_merged(files)))

    code = catalog_tool.main([str(tmp_path), "--prove"])

    printed = capsys.readouterr().out
    assert code == (1 if planted else 0)
    assert ("gap lead-time" in printed) == planted
    assert ("frame A 50.00 mm" in printed) == planted


def _merged(files: Files) -> Files:
    merged: Files = {}
    for content in files.values():
        for section, entries in content.items():
            merged[section] = [*merged.get(section, ()), *entries]
    return merged
