"""What the rules say of a spec."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from rules.catalog import Catalog, Severity
from rules.decide import Violation, decide
from rules.spec import Eye, Eyes, Lens, Radii, Spec, Traces
from tests.unit.rules.drawn import specs


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


def test_what_can_be_made_is_accepted_without_a_word(catalog: Catalog, spec: Spec) -> None:
    """And told how it is made, by which way, in what time and at what price."""
    decision = decide(catalog, spec, revision="abc")

    assert (decision.accepted, decision.violations, decision.revision) == (True, (), "abc")
    assert decision.route == ("make", "coat", "edge", "ship")
    assert (len(decision.lenses), decision.lead_time_days, decision.price is not None) == (2, 5, True)


def test_what_cannot_be_made_has_no_plan_and_still_a_price_and_a_time(catalog: Catalog, spec: Spec) -> None:
    """An error refuses; a warning does not. A form shows what it costs while it is filled in."""
    refused = decide(catalog, right(spec, add=None))

    assert (refused.accepted, refused.lenses, refused.route) == (False, (), ())
    assert refused.lead_time_days == 5
    assert refused.price is not None
    assert decide(catalog, right(spec, sphere=213)).route


def test_nothing_said_is_objected_to_at_the_eyes_and_at_the_lens(catalog: Catalog) -> None:
    """An empty order form is decided like any other."""
    assert said(catalog, Spec()) == {
        ("ERROR", "eyes", "NOT_GIVEN"),
        ("ERROR", "lens.design", "NOT_GIVEN"),
        ("ERROR", "lens.material", "NOT_GIVEN"),
        ("WARNING", "frame.edge_type", "NOT_GIVEN"),
    }
    assert decide(catalog, Spec()).price is None


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
    """Of an outer and an inner limit broken only the outer one is told."""
    eye = replace(spec.right, sphere=sphere, cylinder=None, axis=None)
    found = {
        (weight, field)
        for weight, field, code in said(catalog, replace(spec, right=eye, left=eye))
        if code == "OUT_OF_RANGE" and "right" in field
    }
    assert found == ({(severity, "prescription.right.sphere")} if severity else set())


def test_a_power_is_limited_in_both_meridians_whatever_the_convention(catalog: Catalog, spec: Spec) -> None:
    """+7.00 -2.00 x 10 and +5.00 +2.00 x 100 are one lens and are refused alike."""
    minus, plus = right(spec, sphere=700, cylinder=-200, axis=10), right(spec, sphere=500, cylinder=200, axis=100)

    for written in (minus, plus):
        told = {each.rule: each.message for each in decide(catalog, written).violations}
        assert told["power-high"] == "Right eye, power +7.00 D: Pal in CR-39: up to +6.00 D."


def test_a_power_beyond_both_ends_is_told_at_each(catalog: Catalog, spec: Spec) -> None:
    """+7.00 in one meridian and -9.00 in the other are two things to mend."""
    told = decide(catalog, right(spec, sphere=601, cylinder=-1500)).violations

    assert [each.message for each in told if each.rule.startswith("power")] == [
        "Right eye, power -8.99 D: Pal in CR-39: from -8.00 D.",
        "Right eye, power +6.01 D: Pal in CR-39: up to +6.00 D.",
    ]


def test_a_message_says_what_it_is_how_much_and_the_way_out(catalog: Catalog, spec: Spec) -> None:
    """In the words of the trade: a power carries its sign, an amount does not."""
    told = {each.rule: each.message for each in decide(catalog, right(spec, sphere=-850, cylinder=-613)).violations}

    assert told["power-low"] == "Right eye, power -14.63 D: Pal in CR-39: from -8.00 D."
    assert told["cylinder"] == "Right eye, amount of cylinder 6.13 D: at most 6.00 D."
    assert told["anisometropia"] == "Difference between the eyes 10.82 D: check it."
    assert only(catalog, right(spec, axis=None)).message == "Right eye, axis: give the axis."


def test_opposite_signs_are_told_by_both_values(catalog: Catalog, spec: Spec) -> None:
    """Their amount is no value of the order; the two powers are."""
    violation = only(catalog, right(spec, sphere=50))

    assert (violation.field, violation.code) == ("prescription", "OPPOSITE_SIGNS")
    assert violation.message == "Spheres +0.50 D right and -0.75 D left: check both."


def test_the_gravest_violation_comes_first(catalog: Catalog, spec: Spec) -> None:
    """A form that shows one shows that one."""
    weights = [each.severity for each in decide(catalog, right(spec, sphere=451, add=None)).violations]

    assert weights == sorted(weights, reverse=True)
    assert set(weights) == {Severity.ERROR, Severity.WARNING}


def test_a_decision_names_every_rule_that_had_a_say(catalog: Catalog, spec: Spec) -> None:
    """Also what was not told because something graver was; and the rows that were used, each with its eye."""
    fired = {(each.rule, each.row, each.side) for each in decide(catalog, right(spec, sphere=601)).fired}

    assert {("power-high", "", "R"), ("power-thick", "", "R"), ("base-curve", "plus", "R")} <= fired
    assert {("base-curve", "minus", "L"), ("availability", "pal", None), ("lenses", "pal", None)} <= fired
    assert ("power-high", "", "L") not in fired


def test_a_rule_taken_away_no_longer_has_a_say(catalog: Catalog, spec: Spec) -> None:
    """So whether a rule is needed can be told by taking it away."""
    thin = right(spec, axis=None)

    assert decide(catalog, thin).violations
    assert decide(catalog.without("axis"), thin).violations[0].rule == ""
    assert decide(catalog.without("base-curve", "minus"), spec).violations[0].code == "NOT_SET"


def test_a_cylinder_needs_an_axis_and_a_zero_cylinder_does_not(catalog: Catalog, spec: Spec) -> None:
    """A condition is asked of the same eye."""
    assert only(catalog, right(spec, axis=None)).field == "prescription.right.axis"
    assert decide(catalog, right(spec, axis=None, cylinder=0)).violations == ()


def test_prism_is_limited_as_a_whole(catalog: Catalog, spec: Spec) -> None:
    """3 and 4 make 5, which is in order; a hundredth more is not."""
    assert decide(catalog, right(spec, prism_horizontal=-300, prism_vertical=400)).violations == ()
    assert only(catalog, right(spec, prism_horizontal=-300, prism_vertical=401)).message == (
        "Right eye, prism 5.01 prism dioptres: at most 5."
    )


@pytest.mark.parametrize("sphere", [-112, 112, -87, 100, 37])
def test_a_power_on_the_steps_is_in_order(catalog: Catalog, spec: Spec, sphere: int) -> None:
    """Endings count, whatever the sign."""
    assert "OFF_STEP" not in {code for _, _, code in said(catalog, right(spec, sphere=sphere))}


@pytest.mark.parametrize(("sphere", "ending"), [(-113, ".13"), (113, ".13"), (-99, ".99"), (38, ".38")])
def test_a_power_off_the_steps_is_told_with_its_ending(catalog: Catalog, spec: Spec, sphere: int, ending: str) -> None:
    """It can be made; more often it is a slip."""
    (told,) = (each for each in decide(catalog, right(spec, sphere=sphere)).violations if each.code == "OFF_STEP")

    assert (told.severity, told.field) == (Severity.WARNING, "prescription.right.sphere")
    assert told.message.endswith(f": not {ending}.")


def test_what_is_seen_only_in_the_lens_that_would_be_made_is_objected_to_as_well(catalog: Catalog, spec: Spec) -> None:
    """At the field where it can be mended."""
    (told,) = (
        each for each in decide(catalog, right(spec, sphere=-800, cylinder=0)).violations if each.rule == "thick-edge"
    )

    assert (told.field, told.code) == ("prescription.right.sphere", "THICK")
    assert told.message.startswith("Right eye, thickest edge ")
    assert told.message.endswith(" mm: more than 9.00 mm looks heavy.")


# ── the lens ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unknown_entry_is_answered_with_the_nearest_ones(catalog: Catalog, spec: Spec) -> None:
    """By id or by name; never a silent substitute."""
    violation = only(catalog, lens(spec, design="plan"))

    assert (violation.field, violation.code, violation.alternatives) == (
        "lens.design",
        "UNKNOWN_ENTRY",
        ("plain", "pal"),
    )
    assert violation.message == "Design: the catalog has no design 'plan'; choose Plain (plain) or Pal (pal)."


def test_an_entry_that_nothing_is_like_has_no_nearest_ones(catalog: Catalog, spec: Spec) -> None:
    """Whatever were listed would be chance."""
    violation = only(catalog, lens(spec, design="zzz"))

    assert violation.alternatives == ()
    assert violation.message == "Design: the catalog has no design 'zzz'; choose one from the catalog."


def test_a_material_the_design_is_not_made_in_is_answered_with_the_nearest_index(catalog: Catalog, spec: Spec) -> None:
    """1.523 is nearer to 1.498 than to 1.67."""
    violation = only(catalog, lens(spec, material="glass"))

    assert (violation.code, violation.field) == ("NOT_AVAILABLE", "lens.material")
    assert violation.alternatives == ("cr39", "mr10")
    assert violation.message == "Pal is not made in Crown glass; choose CR-39 (cr39) or MR-10 (mr10)."


def test_a_colour_the_lens_does_not_come_in_is_answered_with_those_it_does(catalog: Catalog, spec: Spec) -> None:
    """What is made in what is the table's to say."""
    violation = only(catalog, lens(spec, material="mr10", colour="grey"))

    assert (violation.code, violation.field, violation.alternatives) == ("NOT_AVAILABLE", "lens.colour", ("clear",))
    assert violation.message == "Pal in MR-10 does not come in Grey; choose Clear (clear)."


def test_a_lens_without_a_colour_is_made_in_the_first(catalog: Catalog, spec: Spec) -> None:
    """And says the same rows of the tables as one of that colour."""
    clear, unsaid = decide(catalog, spec), decide(catalog, lens(spec, colour=""))

    assert (unsaid.lenses, unsaid.fired) == (clear.lenses, clear.fired)


def test_entries_of_one_group_clash_whatever_they_are(catalog: Catalog, spec: Spec) -> None:
    """One of a group goes on a lens; one of each group does."""
    coatings = only(catalog, lens(spec, coatings=("hc", "ar", "top")))
    dyes = only(catalog, lens(spec, colour="photo", options=("dip",)))

    assert (coatings.code, coatings.field) == ("CLASH", "lens.coatings")
    assert coatings.message == "Coatings: Hard coat and Anti-reflective do not go together; choose one of them."
    assert (dyes.code, dyes.field) == ("CLASH", "lens.options")
    assert dyes.message == "Options: Photochromic and Gradient dip do not go together; choose one of them."


def test_a_clash_of_two_can_be_a_constraint_as_well(catalog: Catalog, spec: Spec) -> None:
    """What groups cannot say, an expression can."""
    violation = only(catalog, lens(spec, colour="photo", coatings=("ar",)))

    assert violation.message == "Colour Photochromic: choose a hard coat."


def test_two_unknown_coatings_are_two_violations(catalog: Catalog, spec: Spec) -> None:
    """All objections, not the first one."""
    violations = decide(catalog, lens(spec, coatings=("gold", "silver"))).violations

    assert [(each.field, each.code) for each in violations] == [("lens.coatings", "UNKNOWN_ENTRY")] * 2


def test_one_lens_unchosen_does_not_hide_the_rest(catalog: Catalog, spec: Spec) -> None:
    """What does not depend on the design is still judged."""
    unchosen = replace(right(spec, axis=None), lens=Lens(coatings=("hc", "ar")))

    assert {"lens.design", "lens.material", "prescription.right.axis", "lens.coatings"} <= {
        field for _, field, _ in said(catalog, unchosen)
    }


def test_a_trace_that_is_no_shape_refuses_the_spec(catalog: Catalog, spec: Spec) -> None:
    """The frame has to be traced again, and nothing is planned over it."""
    traced = replace(spec, frame=replace(spec.frame, traces=Traces(right=Radii((2600,) * 8))))

    assert only(catalog, traced).code == "TRACE_UNUSABLE"
    assert decide(catalog, traced).lenses == ()


# ── any spec ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=300, deadline=None)
@given(spec=specs)
def test_any_spec_is_decided_and_the_same_spec_the_same(lab: Catalog, spec: Spec) -> None:
    """To the byte; and with what was computed before it comes out as without."""
    decision = decide(lab, spec)

    assert decide(lab, spec).to_bytes() == decision.to_bytes()
    assert decide(lab, spec, kept=decision.geometry).to_bytes() == decision.to_bytes()
    assert decision.accepted == (not decision.violations or decision.violations[0].severity < Severity.ERROR)
    assert decision.accepted == bool(decision.lenses) == bool(decision.route)
    for violation in decision.violations:
        assert violation.message.endswith(".")
        assert violation.code.isupper()
