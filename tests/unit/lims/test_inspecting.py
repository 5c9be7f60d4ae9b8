"""What passes an inspection: measured against what was calculated, under the profile of the catalog."""

from dataclasses import replace

import pytest

from chassis.errors import FieldInvalid
from optics.eyes import Side
from rules.catalog import Catalog
from rules.load import load
from rules.spec import Eye, Eyes, Lens, Spec
from services.lims import starter
from services.lims.errors import ProfileMissing
from services.lims.floor.inspecting import Measured, Outcome, Values, judge, profile_of

SPEC = Spec(
    eyes=Eyes.BOTH,
    right=Eye(sphere=-225, cylinder=-75, axis=175, add=200),
    left=Eye(sphere=-175, cylinder=-100, axis=10, add=200, prism_vertical=150),
    lens=Lens(design="comfort-pal"),
)
PERFECT = {
    Side.RIGHT: Values(sphere=-225, cylinder=-75, axis=175, add=200),
    Side.LEFT: Values(sphere=-175, cylinder=-100, axis=10, add=200, prism_vertical=150),
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The starter catalog."""
    return load(starter.files())


def measured(side: Side, target: Values | None = None, /, **off: int | None) -> Measured:
    """A lens that is perfect, but for what is said."""
    return Measured(side, replace(PERFECT[side], **off), target or Values())


def judged(catalog: Catalog, *lenses: Measured, before: tuple[Measured, ...] = ()) -> Outcome:
    """What comes of measuring them."""
    return judge(profile_of(catalog, SPEC), SPEC, lenses, before)


def failing(outcome: Outcome) -> list[tuple[Side | None, str]]:
    """What fails, of which lens."""
    return [(each.side, each.finding.quantity) for each in outcome.findings if not each.finding.passed]


def test_a_perfect_pair_passes(catalog: Catalog) -> None:
    """By the profile for its type of design."""
    outcome = judged(catalog, measured(Side.RIGHT), measured(Side.LEFT))
    assert outcome.profile.id == "ansi-z80-1-pal"
    assert outcome.passed == {Side.RIGHT: True, Side.LEFT: True}
    assert {each.finding.quantity for each in outcome.findings} >= {"power", "cylinder", "axis", "add"}


def test_what_fails_is_named_and_the_other_lens_passes(catalog: Catalog) -> None:
    """With how far it is off and how far it may be."""
    outcome = judged(catalog, measured(Side.RIGHT, axis=160), measured(Side.LEFT))
    assert failing(outcome) == [(Side.RIGHT, "axis")]
    assert outcome.passed == {Side.RIGHT: False, Side.LEFT: True}
    (axis,) = [each.finding for each in outcome.findings if each.side is Side.RIGHT and each.finding.quantity == "axis"]
    assert (axis.deviation, axis.limit) == (-15_00, 5_000_000)


def test_a_lens_is_held_to_what_it_was_calculated_to_measure(catalog: Catalog) -> None:
    """Compensated it is right, and against the order it would be wrong."""
    compensated = Values(sphere=-190, cylinder=-60, axis=172, add=185)
    found = {"sphere": -192, "cylinder": -62, "axis": 172, "add": 185}
    assert judged(catalog, measured(Side.RIGHT, compensated, **found)).passed == {Side.RIGHT: True}
    assert ("R", "power") in failing(judged(catalog, measured(Side.RIGHT, **found)))


def test_what_was_not_calculated_is_held_to_the_order(catalog: Catalog) -> None:
    """A target that says the sphere leaves the addition as it was ordered."""
    outcome = judged(catalog, measured(Side.RIGHT, Values(sphere=-225), add=150))
    assert failing(outcome) == [(Side.RIGHT, "add")]


@pytest.mark.parametrize(
    ("side", "missing", "field"),
    [
        (Side.RIGHT, "sphere", "sphere"),
        (Side.RIGHT, "cylinder", "cylinder"),
        (Side.RIGHT, "axis", "axis"),
        (Side.RIGHT, "add", "add"),
        (Side.LEFT, "prism_vertical", "prism_vertical"),
    ],
)
def test_what_is_wanted_has_to_be_measured(catalog: Catalog, side: Side, missing: str, field: str) -> None:
    """Nothing passes because nobody looked."""
    with pytest.raises(FieldInvalid) as raised:
        judged(catalog, measured(side, **{missing: None}))
    assert raised.value.metadata["field"] == f"lenses[0].measured.{field}"


def test_a_lens_made_again_has_to_fit_its_neighbour(catalog: Catalog) -> None:
    """What is about the pair counts the one that passed before, and fails the one that is measured now."""
    left = measured(Side.LEFT, prism_horizontal=33, prism_vertical=150)
    alone = judged(catalog, measured(Side.RIGHT, prism_horizontal=66, prism_vertical=0))
    with_left = judged(catalog, measured(Side.RIGHT, prism_horizontal=66, prism_vertical=0), before=(left,))
    assert {each.side for each in with_left.findings} == {Side.RIGHT, None}
    assert {each.side for each in alone.findings} == {Side.RIGHT}
    assert (None, "imbalance_horizontal") in failing(with_left)
    assert with_left.passed == {Side.RIGHT: False}


def test_a_kind_of_lens_without_tolerances_cannot_pass(catalog: Catalog) -> None:
    """The refusal says which kind."""
    with pytest.raises(ProfileMissing, match="no tolerance profile for progressive lenses"):
        profile_of(replace(catalog, tolerances={}), SPEC)
