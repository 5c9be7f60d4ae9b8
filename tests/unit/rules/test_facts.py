"""What is taken from a spec, and what follows from it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optics.eyes import Side
from optics.shape import Shape
from optics.trace import Trace
from rules.catalog import Catalog
from rules.decision import Geometry
from rules.facts import Case, take
from rules.spec import Eye, Eyes, Frame, Lens, Radii, Spec, Traces

hundredths = st.integers(-3000, 3000)
EMPTY = Catalog({}, {}, {}, {}, {}, {}, {}, (), {}, {})


def facts(spec: Spec) -> Case:
    """Returns the facts of a spec under a catalog of nothing."""
    return take(EMPTY, spec, {})


def ellipse(a: float, b: float, points: int = 200) -> Radii:
    """Returns the trace of an ellipse about its centre."""
    angles = [2 * math.pi * number / points for number in range(points)]
    return Radii(tuple(round(50 * a * b / math.hypot(b * math.cos(at), a * math.sin(at))) for at in angles))


def test_what_was_not_given_is_absent_and_so_is_what_would_follow_from_it() -> None:
    """Nothing is measured on an empty spec."""
    eye = facts(Spec(eyes=Eyes.BOTH, right=Eye(fitting_height=1600))).eyes[Side.RIGHT]

    assert (eye.sphere, eye.power_low, eye.prism, eye.height_clearance, eye.minimum_blank) == (None,) * 5
    assert eye.fitting_height == 1600


@given(sphere=hundredths, cylinder=st.integers(-1500, 1500).filter(bool))
def test_the_power_is_the_same_in_plus_and_in_minus_cylinder(sphere: int, cylinder: int) -> None:
    """Transposition changes how a power is written, not what it is."""
    transposed = Eye(sphere=sphere + cylinder, cylinder=-cylinder)
    if not -3000 <= sphere + cylinder <= 3000:
        return
    eyes = [
        facts(Spec(eyes=Eyes.RIGHT, right=eye)).eyes[Side.RIGHT]
        for eye in (Eye(sphere=sphere, cylinder=cylinder), transposed)
    ]
    for name in (
        "power_low",
        "power_high",
        "power_strongest",
        "power_amount",
        "spherical_equivalent",
        "cylinder_amount",
    ):
        assert getattr(eyes[0], name) == getattr(eyes[1], name)


@pytest.mark.parametrize(
    ("sphere", "cylinder", "strongest"), [(-200, -100, -300), (200, -500, -300), (300, -600, -300), (500, -100, 500)]
)
def test_the_strongest_power_carries_its_sign(sphere: int, cylinder: int, strongest: int) -> None:
    """Of two alike it is the minus one, whose edge is the thick one."""
    eye = facts(Spec(eyes=Eyes.RIGHT, right=Eye(sphere=sphere, cylinder=cylinder))).eyes[Side.RIGHT]

    assert (eye.power_strongest, eye.power_amount) == (strongest, abs(strongest))


@given(horizontal=st.integers(-2000, 2000), vertical=st.integers(-2000, 2000))
def test_the_amount_of_prism_is_never_read_too_small(horizontal: int, vertical: int) -> None:
    """It is rounded up, and by less than a hundredth."""
    spec = Spec(eyes=Eyes.LEFT, left=Eye(prism_horizontal=horizontal, prism_vertical=vertical))
    amount = facts(spec).eyes[Side.LEFT].prism

    assert amount is not None
    assert amount**2 >= horizontal**2 + vertical**2
    assert amount < math.hypot(horizontal, vertical) + 1


@given(a=st.integers(2000, 9000), b=st.integers(1000, 6000))
def test_a_circle_in_its_box_and_a_shape_that_fills_it_are_both_in_order(a: int, b: int) -> None:
    """The ED of a real shape lies between the larger side and the diagonal of its box."""
    for ed in (max(a, b), math.isqrt(a * a + b * b)):
        frame = facts(Spec(frame=Frame(a=a, b=b, ed=ed))).frame
        assert frame.ed_excess is not None
        assert frame.ed_slack is not None
        assert frame.ed_excess >= 0 >= frame.ed_slack


@given(right=hundredths, left=hundredths)
def test_what_compares_the_eyes_does_not_depend_on_which_is_which(right: int, left: int) -> None:
    """Anisometropia and opposite signs are of the pair."""
    eyes = Eye(sphere=right, cylinder=left // 2), Eye(sphere=left, cylinder=right // 2)

    assert facts(Spec(Eyes.BOTH, *eyes)).pair == facts(Spec(Eyes.BOTH, eyes[1], eyes[0])).pair


def test_a_single_lens_is_compared_with_nothing() -> None:
    """What is known of the other eye is not looked at."""
    case = facts(Spec(Eyes.RIGHT, Eye(sphere=300), Eye(sphere=-300)))

    assert list(case.eyes) == [Side.RIGHT]
    assert (case.pair.anisometropia, case.pair.opposite_spheres) == (None, None)


def test_centration_follows_from_frame_and_eye() -> None:
    """(A + DBL)/2 less the PD inwards; the height less half of B upwards; ED and twice the way, rounded up."""
    case = facts(
        Spec(Eyes.RIGHT, Eye(distance_pd=3100, near_pd=2900, fitting_height=1600), frame=Frame(5100, 4401, 2000, 5200))
    )
    eye = case.eyes[Side.RIGHT]

    assert (eye.decentration_in, eye.decentration_up, eye.decentration) == (450, -601, 751)
    assert (eye.near_inset, eye.height_clearance) == (200, 2801)
    assert eye.minimum_blank == 5200 + 1501


def test_without_a_height_the_lens_is_centred_half_way_up() -> None:
    """As the trade does with single vision."""
    eye = facts(Spec(Eyes.LEFT, left=Eye(distance_pd=3000), frame=Frame(5000, 3000, 2000, 5200))).eyes[Side.LEFT]

    assert (eye.decentration_in, eye.decentration_up, eye.decentration) == (500, None, 500)
    assert eye.minimum_blank == 6200


def test_a_trace_says_exactly_how_large_the_blank_is_and_what_the_frame_measures() -> None:
    """Where the order gives the measures too, they stand."""
    traced = Frame(dbl=2000, b=3010, traces=Traces(right=ellipse(50, 30)))
    case = facts(Spec(Eyes.RIGHT, Eye(distance_pd=3000, fitting_height=1505), frame=traced))
    eye = case.eyes[Side.RIGHT]

    assert case.frame.traced
    assert (case.frame.a, case.frame.b, case.frame.ed) == (5000, 3010, 5000)
    assert eye.minimum_blank == 6000  # the temporal end of the ellipse, 25 mm from the middle and 5 mm off it


def test_one_traced_side_stands_for_both() -> None:
    """The other lens is its mirror image, so what is measured on it is the same."""
    right, radii = Eye(distance_pd=2900, fitting_height=1700), ellipse(52, 34).radii
    lopsided = Radii(tuple(radius + (300 if number < 40 else 0) for number, radius in enumerate(radii)))
    one = facts(Spec(Eyes.BOTH, right, right, Frame(dbl=1800, traces=Traces(right=lopsided))))

    mirrored = Radii(tuple(lopsided.radii[(100 - number) % 200] for number in range(200)))
    both = facts(Spec(Eyes.BOTH, right, right, Frame(dbl=1800, traces=Traces(lopsided, mirrored))))
    assert one.minimum_blanks == both.minimum_blanks
    assert one.minimum_blanks[Side.RIGHT] == one.minimum_blanks[Side.LEFT]


def test_what_was_computed_over_a_shape_is_not_computed_again() -> None:
    """An earlier decision's geometry stands in for the shape."""
    spec = Spec(Eyes.RIGHT, Eye(distance_pd=3000), frame=Frame(dbl=2000, traces=Traces(right=ellipse(50, 30))))
    shape = Shape.of_trace(Trace(Side.RIGHT, ellipse(50, 30).radii))
    case = take(EMPTY, spec, {Side.RIGHT: Geometry(shape.a, shape.b, shape.ed, 61_234)})

    assert case.eyes[Side.RIGHT].minimum_blank == 6124
    assert case.outlines[Side.RIGHT].is_asked_for is False


@pytest.mark.parametrize(
    ("radii", "fault"),
    [
        ((2500,) * 12, "it has 12 usable points; a shape needs 24 at least"),
        ((600,) * 100, "it is 12.000 mm wide; a lens is 20.00 mm to 90.00 mm"),
        ((9000,) * 100, "it has a radius of 90.00 mm"),
    ],
)
def test_a_trace_that_is_no_shape_is_told_where_it_stands(radii: tuple[int, ...], fault: str) -> None:
    """Once, though both lenses would have been cut to it."""
    (told,) = facts(Spec(Eyes.BOTH, frame=Frame(traces=Traces(left=Radii(radii))))).faults

    assert (told.code, told.field) == ("TRACE_UNUSABLE", "frame.trace.left")
    assert told.message.startswith(f"Trace of the left lens: {fault}")
    assert told.message.endswith("; trace the frame again.")


def test_a_trace_of_another_frame_is_worth_a_look() -> None:
    """More than half a millimetre from the box that was given; half of one is what a ruler is good for."""
    traces = Traces(right=ellipse(50, 30))

    (told,) = facts(Spec(Eyes.RIGHT, frame=Frame(a=5051, b=2950, traces=traces))).faults
    assert (told.code, told.field, told.severity.name) == ("TRACE_OFF_BOX", "frame.a", "WARNING")
    assert told.message.startswith("Frame A 50.51 mm: the trace of the right lens measures 50.00 mm; ")
    assert facts(Spec(Eyes.RIGHT, frame=Frame(a=5050, b=2950, traces=traces))).faults == []


def test_what_no_measure_can_be_is_told_and_counts_as_not_given() -> None:
    """Nothing is computed from it."""
    case = facts(Spec(Eyes.LEFT, left=Eye(sphere=22_500, axis=181, add=100), frame=Frame(a=10**30)))

    assert [each.field for each in case.faults] == ["frame.a", "prescription.left.sphere", "prescription.left.axis"]
    assert case.faults[1].message == (
        "Left eye, sphere +225.00 D: there is no such sphere, it is -30.00 D to +30.00 D; check sign and decimals."
    )
    eye = case.eyes[Side.LEFT]
    assert (eye.sphere, eye.axis, eye.add, case.frame.a) == (None, None, 100, None)


def test_what_the_catalog_does_not_have_counts_as_not_chosen() -> None:
    """Of the rest, each counts once."""
    lens = facts(Spec(lens=Lens("pal", "cr39", "clear", ("hc", "hc"), ("thin",)))).lens

    assert (lens.design, lens.type, lens.material, lens.colour, lens.coatings, lens.index) == ("", "", "", "", (), None)
