"""What the rules say of a spec."""

from dataclasses import replace
from typing import Any

import pytest

from rules.catalog import Catalog
from rules.decide import Violation, decide
from rules.load import load
from rules.spec import EdgeType, Eye, Eyes, Frame, Lens, Spec
from rules.tables import Severity

Files = dict[str, Any]


def said(catalog: Catalog, spec: Spec) -> set[tuple[str, str, str]]:
    """Returns (severity, field, code) of every violation."""
    return {(each.severity.name, each.field, each.code) for each in decide(catalog, spec).violations}


def only(catalog: Catalog, spec: Spec) -> Violation:
    """Returns the one violation there is."""
    (violation,) = decide(catalog, spec).violations
    return violation


def right(spec: Spec, **fields: int | None) -> Spec:
    """Returns the spec with another right eye."""
    return replace(spec, right=replace(spec.right, **fields))


def lens(spec: Spec, **fields: object) -> Spec:
    """Returns the spec with another lens."""
    return replace(spec, lens=replace(spec.lens, **fields))


def test_what_can_be_made_gets_its_route(catalog: Catalog, spec: Spec) -> None:
    """Accepted, without a word, and the first route that holds."""
    decision = decide(catalog, spec)

    assert (decision.accepted, decision.violations, decision.route) == (True, (), ("make", "edge", "ship"))


def test_what_is_delivered_round_takes_the_route_of_its_edge_type(catalog: Catalog, spec: Spec) -> None:
    """Routes are chosen by their condition."""
    uncut = replace(spec, frame=Frame(edge_type=EdgeType.UNCUT))

    assert decide(catalog, uncut).route == ("make", "ship")


def test_what_cannot_be_made_has_no_route(catalog: Catalog, spec: Spec) -> None:
    """An error refuses; a warning does not."""
    assert decide(catalog, right(spec, add=None)).route == ()
    assert decide(catalog, right(spec, sphere=450)).route


def test_nothing_said_is_objected_to_at_the_eyes_and_at_the_lens(catalog: Catalog) -> None:
    """An empty order form is decided like any other."""
    assert said(catalog, Spec()) == {
        ("ERROR", "eyes", "NOT_GIVEN"),
        ("ERROR", "lens.design", "NOT_GIVEN"),
        ("ERROR", "lens.material", "NOT_GIVEN"),
        ("WARNING", "frame.edge_type", "NOT_GIVEN"),
    }


def test_a_single_lens_is_not_asked_for_the_other_eye(catalog: Catalog, spec: Spec) -> None:
    """Nor is the other eye judged."""
    single = replace(spec, eyes=Eyes.LEFT, right=Eye(cylinder=-100))

    assert decide(catalog, single).violations == ()


@pytest.mark.parametrize(
    ("sphere", "severity"),
    [(-800, None), (-801, "ERROR"), (400, None), (401, "WARNING"), (600, "WARNING"), (601, "ERROR")],
)
def test_a_limit_includes_its_ends_to_the_hundredth(
    catalog: Catalog, spec: Spec, sphere: int, severity: str | None
) -> None:
    """Beyond `error` it cannot be made, beyond `warning` it can."""
    found = {
        (weight, field)
        for weight, field, code in said(catalog, right(spec, sphere=sphere, cylinder=None, axis=None))
        if code == "OUT_OF_RANGE"
    }
    assert found == ({(severity, "prescription.right.sphere")} if severity else set())


def test_a_power_is_limited_in_both_meridians_whatever_the_convention(catalog: Catalog, spec: Spec) -> None:
    """+7.00 -2.00 x 10 and +5.00 +2.00 x 100 are one lens and are refused alike."""
    minus, plus = right(spec, sphere=700, cylinder=-200, axis=10), right(spec, sphere=500, cylinder=200, axis=100)

    assert not decide(catalog, minus).accepted
    assert not decide(catalog, plus).accepted
    assert ("ERROR", "prescription.right.cylinder", "OUT_OF_RANGE") in said(catalog, plus)


def test_a_power_too_strong_in_both_meridians_is_told_once(catalog: Catalog, spec: Spec) -> None:
    """By the stronger one: the other would say nearly the same."""
    strong = decide(catalog, right(spec, sphere=-900, cylinder=-100)).violations

    assert [(each.field, each.message) for each in strong if each.code == "OUT_OF_RANGE"] == [
        ("prescription.right.cylinder", "Right eye, power -10.00 D: Pal in CR-39: -8.00 D to +6.00 D.")
    ]


def test_a_power_beyond_both_ends_is_told_at_each(catalog: Catalog, spec: Spec) -> None:
    """+7.00 in one meridian and -9.00 in the other are two things to mend."""
    mixed = decide(catalog, right(spec, sphere=700, cylinder=-1600)).violations

    assert {each.field for each in mixed if each.code == "OUT_OF_RANGE"} == {
        "prescription.right.cylinder",
        "prescription.right.sphere",
    }


def test_a_message_says_what_is_wrong_and_the_way_out(catalog: Catalog, spec: Spec) -> None:
    """In the words of the trade, with units and signs."""
    violation = next(
        each for each in decide(catalog, right(spec, sphere=1500)).violations if each.code == "OUT_OF_RANGE"
    )

    assert violation.message == "Right eye, power +15.00 D: Pal in CR-39: -8.00 D to +6.00 D."


def test_the_gravest_violation_comes_first(catalog: Catalog, spec: Spec) -> None:
    """A form that shows one shows that one."""
    weights = [each.severity for each in decide(catalog, right(spec, sphere=451, add=None)).violations]

    assert weights == sorted(weights, reverse=True)
    assert set(weights) == {Severity.ERROR, Severity.WARNING}


def test_of_an_outer_and_an_inner_limit_broken_only_the_outer_is_told(catalog: Catalog, spec: Spec) -> None:
    """An error and a warning about one thing would be noise."""
    violation = only(catalog, right(spec, fitting_height=4500))

    assert (violation.severity, violation.code) == (Severity.ERROR, "HEIGHT_OUTSIDE_FRAME")


def test_two_limits_broken_at_one_field_are_both_told(files: Files, spec: Spec) -> None:
    """They are about two things: the cylinder itself, and the power it leads to."""
    files["more.yaml"] = {
        "limits": [
            {"quantity": "cylinder_amount", "error": {"high": "6", "says": "up to {high}."}, "reason": "grinding"},
        ],
    }
    found = decide(load(files), right(spec, sphere=-200, cylinder=-700)).violations

    assert [each.message for each in found if each.field == "prescription.right.cylinder"] == [
        "Right eye, power -9.00 D: Pal in CR-39: -8.00 D to +6.00 D.",
        "Right eye, amount of cylinder 7.00 D: up to 6.00 D.",
    ]


def test_a_cylinder_needs_an_axis_and_a_zero_cylinder_does_not(catalog: Catalog, spec: Spec) -> None:
    """A condition is asked of the same eye."""
    assert only(catalog, right(spec, axis=None)).field == "prescription.right.axis"
    assert decide(catalog, right(spec, axis=None, cylinder=0)).violations == ()


def test_a_forbidden_addition_may_be_zero(catalog: Catalog, spec: Spec) -> None:
    """A zero is as good as nothing."""
    plain = lens(spec, design="plain", options=())
    both_zero = replace(right(plain, add=0), left=replace(plain.left, add=None))

    assert {field for _, field, _ in said(catalog, plain)} == {"prescription.right.add", "prescription.left.add"}
    assert decide(catalog, both_zero).violations == ()


def test_a_required_addition_may_be_zero_as_far_as_the_requirement_goes(catalog: Catalog, spec: Spec) -> None:
    """Zero is a value."""
    assert decide(catalog, right(spec, add=0)).violations == ()


def test_prism_is_limited_as_a_whole_and_told_at_its_larger_part(catalog: Catalog, spec: Spec) -> None:
    """3 and 4 make 5, which is in order; a hundredth more is not."""
    assert decide(catalog, right(spec, prism_horizontal=-300, prism_vertical=400)).violations == ()
    assert (
        only(catalog, right(spec, prism_horizontal=-300, prism_vertical=401)).field
        == "prescription.right.prism_vertical"
    )


def test_an_ed_below_the_box_is_no_ed(catalog: Catalog, spec: Spec) -> None:
    """ED is never less than the larger of A and B."""
    small = replace(spec, frame=replace(spec.frame, ed=5099))

    assert only(catalog, small).code == "ED_TOO_SMALL"
    assert decide(catalog, replace(spec, frame=replace(spec.frame, ed=5100))).violations == ()


def test_eyes_that_differ_much_are_worth_a_look(catalog: Catalog, spec: Spec) -> None:
    """By spherical equivalent, exactly: 2.00 is in order, 2.005 is not."""
    left = replace(spec.left, sphere=-250, cylinder=0)
    same = replace(spec, right=Eye(sphere=-50, cylinder=0, add=125), left=left)
    more = replace(spec, right=Eye(sphere=-50, cylinder=1, axis=1, add=125), left=left)

    assert decide(catalog, same).violations == ()
    assert only(catalog, more).code == "ANISOMETROPIA"


@pytest.mark.parametrize("sphere", [-112, 112, -87, 100, 37])
def test_a_power_on_the_steps_is_in_order(catalog: Catalog, spec: Spec, sphere: int) -> None:
    """Endings count, whatever the sign."""
    assert decide(catalog, right(spec, sphere=sphere)).violations == ()


@pytest.mark.parametrize("sphere", [-113, 113, -99, 38])
def test_a_power_off_the_steps_is_worth_a_look(catalog: Catalog, spec: Spec, sphere: int) -> None:
    """It can be made; more often it is a slip."""
    assert said(catalog, right(spec, sphere=sphere)) == {("WARNING", "prescription.right.sphere", "OFF_STEP")}


def test_an_unknown_entry_is_answered_with_the_nearest_ones(catalog: Catalog, spec: Spec) -> None:
    """By id or by name; never a silent substitute."""
    violation = next(
        each for each in decide(catalog, lens(spec, design="plan")).violations if each.field == "lens.design"
    )

    assert (violation.code, violation.alternatives) == ("UNKNOWN_ENTRY", ("plain", "pal"))
    assert violation.message == "Design: the catalog has no design 'plan'; choose Plain (plain) or Pal (pal)."


def test_an_entry_that_nothing_is_like_has_no_nearest_ones(catalog: Catalog, spec: Spec) -> None:
    """Whatever were listed would be chance."""
    violation = next(
        each for each in decide(catalog, lens(spec, design="zzz")).violations if each.field == "lens.design"
    )

    assert (violation.code, violation.alternatives) == ("UNKNOWN_ENTRY", ())
    assert violation.message == "Design: the catalog has no design 'zzz'; choose one from the catalog."


def test_a_material_the_design_is_not_made_in_is_answered_with_the_nearest_index(catalog: Catalog, spec: Spec) -> None:
    """1.523 is nearer to 1.498 than to 1.67."""
    violation = only(catalog, lens(spec, material="glass"))

    assert (violation.code, violation.field) == ("NOT_AVAILABLE", "lens.material")
    assert violation.alternatives == ("cr39", "mr10")
    assert violation.message.endswith(" is not made in Crown glass; choose CR-39 (cr39) or MR-10 (mr10).")


def test_a_colour_comes_in_its_materials_only(catalog: Catalog, spec: Spec) -> None:
    """A colour without a list comes in all of them."""
    violation = only(catalog, lens(spec, material="mr10", colour="grey"))

    assert (violation.code, violation.field, violation.alternatives) == ("NOT_AVAILABLE", "lens.colour", ("clear",))


def test_coatings_of_one_group_clash(catalog: Catalog, spec: Spec) -> None:
    """One of a group goes on a lens; one of each group does."""
    assert only(catalog, lens(spec, coatings=("hc", "ar", "top"))).code == "CLASH"


def test_two_unknown_coatings_are_two_violations(catalog: Catalog, spec: Spec) -> None:
    """All objections, not the first one."""
    violations = decide(catalog, lens(spec, coatings=("gold", "silver"))).violations

    assert [(each.field, each.code) for each in violations] == [("lens.coatings", "UNKNOWN_ENTRY")] * 2


def test_an_option_is_done_to_its_kinds_of_design_only(catalog: Catalog, spec: Spec) -> None:
    """An option without kinds is done to all of them."""
    bifocal = lens(spec, design="ft", options=("thin", "polish"))

    assert [(each.code, each.field) for each in decide(catalog, bifocal).violations] == [
        ("NOT_AVAILABLE", "lens.options")
    ]


def test_one_lens_unchosen_does_not_hide_the_rest(catalog: Catalog, spec: Spec) -> None:
    """What does not depend on the design is still judged."""
    unchosen = replace(right(spec, axis=None), lens=Lens(coatings=("hc", "ar")))

    assert {"lens.design", "lens.material", "prescription.right.axis", "lens.coatings"} <= {
        field for _, field, _ in said(catalog, unchosen)
    }
