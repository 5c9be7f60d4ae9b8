"""How a spec is made: blanks, curves, programs, routes."""

import math
from dataclasses import replace
from typing import Any

import pytest

from optics.eyes import Side
from rules.catalog import Catalog
from rules.decide import Decision, LensPlan, Violation, decide
from rules.load import load
from rules.spec import EdgeType, Eye, Eyes, Frame, Radii, Spec, Traces

Files = dict[str, Any]


def both(spec: Spec, **fields: int | None) -> Spec:
    """Returns the spec with other eyes, alike."""
    return replace(spec, right=replace(spec.right, **fields), left=replace(spec.right, **fields))


def lens(spec: Spec, **fields: object) -> Spec:
    """Returns the spec with another lens."""
    return replace(spec, lens=replace(spec.lens, **fields))


def plain(spec: Spec, **fields: int | None) -> Spec:
    """Returns single vision in both eyes, without an addition and a height."""
    return lens(
        both(spec, **{"add": None, "fitting_height": None, "cylinder": None, "axis": None, **fields}), design="plain"
    )


def frame(spec: Spec, **fields: object) -> Spec:
    """Returns the spec with another frame."""
    return replace(spec, frame=replace(spec.frame, **fields))


def planned(catalog: Catalog, spec: Spec) -> tuple[LensPlan, ...]:
    """Returns the lenses of a spec that is accepted."""
    decision = decide(catalog, spec)
    assert decision.accepted, decision.violations
    return decision.lenses


def refused(catalog: Catalog, spec: Spec) -> Violation:
    """Returns the gravest of what is said of a spec that is refused."""
    decision = decide(catalog, spec)
    assert not decision.accepted
    return decision.violations[0]


def test_each_lens_is_made_of_the_smallest_blank_of_the_nearest_base(catalog: Catalog, spec: Spec) -> None:
    """Smallest of those that hold the shape and the allowance."""
    right, left = planned(catalog, spec)

    assert (right.side, left.side) == (Side.RIGHT, Side.LEFT)
    assert (right.blank.id, right.base, right.minimum_blank) == ("sf-cr39-400-65", 400, 6400)
    assert planned(catalog, frame(spec, ed=5500))[0].blank.id == "sf-cr39-400-75"


def test_curves_are_told_in_the_tooling_index_and_follow_from_each_other(catalog: Catalog, spec: Spec) -> None:
    """What the prescription takes from the front is ground into the back; the cylinder in its steeper meridian."""
    right = planned(catalog, spec)[0]

    assert right.front == right.blank.front == 400
    sphere, cylinder = (round(power * 0.530 / 0.498) for power in (-50, -125))
    assert right.back_flat == pytest.approx(sphere - 400, abs=5)  # and what a lens of 2 mm adds to the front
    assert right.back_steep - right.back_flat == pytest.approx(cylinder, abs=1)
    assert right.edge_thickest > right.edge_thinnest >= 100
    assert right.centre == 200


def test_a_thicker_minimum_makes_a_thicker_and_heavier_lens(catalog: Catalog, spec: Spec) -> None:
    """Rimless lenses are drilled."""
    rimmed, rimless = planned(catalog, spec)[0], planned(catalog, frame(spec, edge_type=EdgeType.RIMLESS))[0]

    assert (rimless.centre >= 220, rimless.edge_thinnest >= 200) == (True, True)
    assert rimless.weight > rimmed.weight


def test_a_pair_gets_one_base_the_flatter_for_minus_and_the_steeper_otherwise(catalog: Catalog, spec: Spec) -> None:
    """As far as the slip allows."""
    minus = replace(spec, right=replace(spec.right, sphere=-700, cylinder=None), left=replace(spec.left, sphere=-550))
    plus = replace(spec, right=replace(spec.right, sphere=225, cylinder=None), left=replace(spec.left, sphere=150))

    assert [each.base for each in planned(catalog, minus)] == [200, 200]
    assert [each.base for each in planned(catalog, plus)] == [800, 800]


def test_eyes_too_different_for_one_base_get_their_own(catalog: Catalog, spec: Spec) -> None:
    """Each the nearest to what it wants."""
    apart = replace(spec, right=replace(spec.right, sphere=-700, cylinder=None), left=replace(spec.left, sphere=300))

    assert [each.base for each in planned(catalog, apart)] == [200, 800]


def test_a_finished_blank_that_has_the_power_is_not_surfaced(catalog: Catalog, spec: Spec) -> None:
    """It skips what a generator would do, and the station where it stands."""
    decision = decide(catalog, plain(spec, sphere=-200))

    assert [each.finished for each in decision.lenses] == [True, True]
    assert [each.programs for each in decision.lenses] == [(("edge", "E-BEVEL"),)] * 2
    assert decision.route == ("edge", "ship")


@pytest.mark.parametrize(
    "fields",
    [{"sphere": -425}, {"sphere": -100, "cylinder": -225, "axis": 10}, {"sphere": -200, "prism_vertical": 100}],
)
def test_a_power_that_is_not_in_a_finished_blank_is_surfaced(
    catalog: Catalog, spec: Spec, fields: dict[str, int]
) -> None:
    """Too strong, too much cylinder, or a prism."""
    assert not any(each.finished for each in planned(catalog, plain(spec, **fields)))


def test_a_finished_blank_thinner_than_the_lens_has_to_be_is_surfaced(catalog: Catalog, spec: Spec) -> None:
    """2.00 mm are not enough for a rimless one."""
    assert not any(each.finished for each in planned(catalog, frame(plain(spec), edge_type=EdgeType.RIMLESS)))


def test_a_finished_blank_has_a_cylinder_however_it_is_written(catalog: Catalog, spec: Spec) -> None:
    """-3.00 +1.00 x 10 is -2.00 -1.00 x 100."""
    assert all(each.finished for each in planned(catalog, plain(spec, sphere=-300, cylinder=100, axis=10)))


def test_a_pair_is_finished_on_both_eyes_or_on_none(catalog: Catalog, spec: Spec) -> None:
    """The job waits for its slower lens."""
    mixed = plain(spec, sphere=-200)
    mixed = replace(mixed, left=replace(mixed.left, sphere=-500))

    assert [each.finished for each in planned(catalog, mixed)] == [False, False]


def test_a_design_that_is_only_kept_finished_says_so(catalog: Catalog, spec: Spec) -> None:
    """There is nothing to surface."""
    violation = refused(catalog, lens(plain(spec, sphere=-600), design="stock"))

    assert (violation.code, violation.field) == ("NO_BLANK", "prescription.right.sphere")
    assert violation.message == (
        "Right eye: Stock in CR-39, Clear comes in finished lenses only, and not in this power; choose another design."
    )


def test_a_segment_is_cast_for_its_side_and_addition(catalog: Catalog, spec: Spec) -> None:
    """And no other addition will do."""
    bifocal = lens(both(spec, add=200, sphere=50, cylinder=None), design="ft")

    assert [each.blank.id for each in planned(catalog, bifocal)] == ["ft-right-2", "ft-left-2"]
    violation = refused(catalog, both(bifocal, add=175))
    assert (violation.code, violation.field) == ("NO_BLANK", "prescription.right.add")
    assert violation.message.startswith(
        "Right eye, addition +1.75 D: the blanks for Flat top in CR-39, Clear have +1.50 D, +2.00 D; "
    )


def test_a_blank_that_would_have_to_be_larger_than_any_is_told_with_both_sizes(catalog: Catalog, spec: Spec) -> None:
    """And the other materials that come larger."""
    violation = refused(catalog, lens(plain(frame(spec, ed=5900), sphere=-50), material="glass"))

    assert (violation.code, violation.field, violation.alternatives) == ("NO_BLANK", "frame.a", ("cr39", "mr10"))
    assert violation.message == (
        "Right eye, blank of 70.00 mm: the largest for Plain in Crown glass, Clear is 65.00 mm; choose a smaller "
        "frame, or CR-39 (cr39) or MR-10 (mr10)."
    )


def test_a_base_too_far_from_the_wanted_one_is_not_taken(catalog: Catalog, spec: Spec) -> None:
    """The lab says how far it slips."""
    violation = refused(catalog, lens(plain(spec, sphere=300), material="glass"))

    assert (violation.code, violation.field) == ("NO_BLANK", "prescription.right.sphere")
    assert violation.message.startswith(
        "Right eye, base curve +8.00 D: the nearest of Plain in Crown glass, Clear is +4.00 D, too far from it; "
    )


def test_a_blank_thinner_than_the_lens_is_passed_over(files: Files, spec: Spec) -> None:
    """The next one that holds it is taken; where none does, it is told."""
    for blank in files["lens.yaml"]["blanks"]:
        if blank["material"] == "cr39" and blank["diameter"] == "65.00":
            blank["centre"] = "1.50"
    assert planned(load(files), spec)[0].blank.id == "sf-cr39-400-75"

    for blank in files["lens.yaml"]["blanks"]:
        blank["centre"] = "1.50"
    violation = refused(load(files), spec)
    assert (violation.code, violation.field) == ("NO_BLANK", "prescription.right.sphere")
    assert violation.message.startswith(
        "Right eye, centre thickness 2.00 mm: the blanks that are large enough have 1.50 mm"
    )


def test_prism_thinning_grinds_two_thirds_of_the_addition_base_down(catalog: Catalog, spec: Spec) -> None:
    """To the nearest quarter, into both lenses: 2.00 makes 1.25."""
    thick = both(frame(spec, b=4400), add=200, sphere=300, cylinder=None)
    thin = lens(thick, options=("prism-thinning",))
    decision = decide(catalog, thin)

    grounds = [geometry.ground for geometry in decision.geometry.values()]
    assert [ground.thinning for ground in grounds if ground] == [125, 125]
    assert sum(each.weight for each in decision.lenses) < sum(each.weight for each in planned(catalog, thick))


def test_an_uncut_lens_is_as_round_as_its_blank(catalog: Catalog, spec: Spec) -> None:
    """Nobody knows yet what it will be cut to, so it is the largest there is."""
    uncut = replace(spec, frame=Frame(edge_type=EdgeType.UNCUT))
    decision = decide(catalog, uncut)

    assert [(each.blank.diameter, each.minimum_blank) for each in decision.lenses] == [(7500, 0), (7500, 0)]
    assert decision.route == ("make", "coat", "ship")
    assert dict(decision.lenses[0].programs).keys() == {"generate"}


def test_a_lens_of_half_a_box_has_no_shape(catalog: Catalog, spec: Spec) -> None:
    """How large its blank has to be is known, and what it is to be cut to is not."""
    violation = refused(catalog, plain(frame(spec, b=None)))

    assert (violation.code, violation.field) == ("NOT_GIVEN", "frame.b")


def test_a_lens_no_curve_closes_over_is_told(catalog: Catalog, spec: Spec) -> None:
    """The surface would end before the frame does."""
    violation = refused(catalog, lens(both(spec, sphere=-3000, cylinder=None), material="mr10"))

    assert violation.code in {"IMPOSSIBLE_LENS", "NO_BLANK"}
    assert violation.field == "prescription.right.sphere"


def test_a_table_that_is_silent_about_a_lens_refuses_it(files: Files, spec: Spec) -> None:
    """What nobody set is not guessed."""
    files["floor.yaml"]["tables"][2]["rows"].pop(1)

    violation = refused(load(files), spec)
    assert (violation.code, violation.field) == ("NOT_SET", "lens.design")
    assert violation.message == "Right eye: the lab has set no edge for Pal; ask the lab."


def test_a_job_passes_every_station_that_one_of_its_lenses_passes(files: Files, spec: Spec) -> None:
    """In the order of the floor."""
    routes = files["floor.yaml"]["tables"][0]
    routes["inputs"]["side"] = "eye.side"
    routes["rows"] = [
        {"id": "right", "side": ["right"], "stations": ["make", "ship"], "reason": "the test"},
        {"id": "left", "side": ["left"], "stations": ["coat", "ship"], "reason": "the test"},
    ]
    decision = decide(load(files), spec)

    assert [each.route for each in decision.lenses] == [("make", "ship"), ("coat", "ship")]
    assert decision.route == ("make", "coat", "ship")


def test_one_lens_alone_is_planned_alone(catalog: Catalog, spec: Spec) -> None:
    """With its own base."""
    assert [each.side for each in planned(catalog, replace(spec, eyes=Eyes.LEFT, right=Eye()))] == [Side.LEFT]


# ── over a trace ──────────────────────────────────────────────────────────────────────────────────────────────────────


def oval(a: float, b: float, points: int = 400) -> Radii:
    """Returns the trace of an ellipse about its centre."""
    angles = [2 * math.pi * number / points for number in range(points)]
    return Radii(tuple(round(50 * a * b / math.hypot(b * math.cos(at), a * math.sin(at))) for at in angles))


@pytest.fixture
def traced(spec: Spec) -> Spec:
    """The pair in a traced frame."""
    return frame(spec, ed=None, traces=Traces(right=oval(51, 38)))


def test_a_traced_shape_takes_a_smaller_blank_than_the_formula(catalog: Catalog, spec: Spec, traced: Spec) -> None:
    """The formula has to think of the worst."""
    low = {"fitting_height": 1600}
    by_formula = planned(catalog, both(frame(spec, ed=5100), **low))[0].minimum_blank

    assert planned(catalog, both(traced, **low))[0].minimum_blank < by_formula


def test_both_lenses_of_one_traced_side_come_out_alike(catalog: Catalog, traced: Spec) -> None:
    """Mirrored: where one edge is thickest, the other's mirror image is."""
    right, left = planned(catalog, both(traced, cylinder=None))

    assert (right.centre, right.edge_thickest, right.weight) == (left.centre, left.edge_thickest, left.weight)
    assert (right.edge_thickest_angle + left.edge_thickest_angle) % 360 == 180


def test_a_decision_is_the_same_whether_the_arithmetic_is_done_again_or_not(catalog: Catalog, traced: Spec) -> None:
    """The geometry of an earlier decision is taken where it is of the same lens, and only there."""
    first = decide(catalog, traced)
    other = lens(traced, material="mr10")

    assert decide(catalog, traced, kept=first.geometry) == first
    assert decide(catalog, other, kept=first.geometry) == decide(catalog, other)


def test_what_is_kept_is_not_computed_again(catalog: Catalog, traced: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither shape nor solid."""
    kept = decide(catalog, traced).geometry

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("rules.facts.Trace", forbidden)
    monkeypatch.setattr("rules.plan.solid", forbidden)
    decision: Decision = decide(catalog, traced, kept=kept)
    assert decision.accepted
