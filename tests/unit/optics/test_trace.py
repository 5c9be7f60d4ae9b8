import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optics.eyes import Side
from optics.trace import (
    MAX_RADII,
    MIN_RADII,
    NOISE,
    Trace,
    UnusableTraceError,
    box_centre,
    measure,
    mirror_difference,
    mirrored,
    moved,
    outline,
    polar_points,
    recentred,
)

even_traces = (
    st.integers(MIN_RADII // 2, 60)
    # the roughest that a shape of so many points may be at its smallest radius
    .flatmap(
        lambda half: st.lists(
            st.integers(25_00, 25_00 + NOISE + 3 * 35_00 // half), min_size=2 * half, max_size=2 * half
        )
    )
    .map(lambda radii: Trace(Side.RIGHT, tuple(radii)))
)
uneven_traces = st.sets(st.integers(0, 359_99), max_size=60).map(
    lambda extra: Trace(
        Side.LEFT, (25_00,) * len(angles := sorted(extra | set(range(0, 360_00, 15_00)))), tuple(angles)
    )
)
offsets = st.floats(-20, 20)


def circle(points: int, radius: int = 25_00, side: Side = Side.RIGHT) -> Trace:
    """Return a round trace, 50 mm across unless told otherwise."""
    return Trace(side, (radius,) * points)


def test_a_circle_measures_as_a_circle() -> None:
    """Width, height and ED of a circle are its diameter, and its polygon has the length geometry says."""
    boxing = measure(outline(circle(400)))
    assert (boxing.a, boxing.b, boxing.ed_about_box, boxing.ed_about_origin) == (50_000,) * 4
    assert (boxing.centre_x, boxing.centre_y) == (0, 0)
    assert boxing.circumference == round(400 * 2 * 25_000 * math.sin(math.pi / 400))


def test_the_first_point_lies_at_3_oclock_and_the_next_above_it() -> None:
    """Angles start on the viewer's right and run counter-clockwise, y up."""
    first, second, *_ = outline(circle(36))
    assert first == (25.0, 0.0)
    assert second.y == pytest.approx(25 * math.sin(math.radians(10)))


def test_a_missed_point_is_skipped_with_its_angle() -> None:
    """Radii of zero or less take their angle with them; the others stay where they are."""
    points = polar_points(Trace(Side.RIGHT, (25_00, 0, -1, *(25_00,) * 33)))
    assert [point.angle for point in points[:2]] == [0, 30]
    assert len(points) == 34


def test_uneven_angles_say_where_the_radii_lie() -> None:
    """A trace with angles written out is the same shape as the evenly spaced one it spells."""
    radii = tuple(20_00 + 10 * index for index in range(36))
    spelled = Trace(Side.RIGHT, radii, tuple(range(0, 360_00, 10_00)))
    assert outline(spelled) == outline(Trace(Side.RIGHT, radii))


@pytest.mark.parametrize(
    ("radii", "angles", "reason"),
    [
        ((), None, "0 usable points"),
        ((25_00,) * (MIN_RADII - 1), None, "23 usable points"),
        ((25_00,) * (MAX_RADII + 1), None, "2049 radii"),
        ((25_00,) * 30 + (60_01,), None, "60.01 mm"),
        ((25_00,) * 30 + (0,) * 6, None, "no points over 70.0 degrees"),
        ((0,) * 36, None, "0 usable points"),
        ((-25_00,) * 36, None, "0 usable points"),
        ((1,) * 36, None, "0.01 mm; no lens is as narrow"),
        ((*(25_00,) * 30, 4_99), None, "4.99 mm; no lens is as narrow"),
        ((*(25_00,) * 399, 55_00), None, "differ by 30.00 mm; a lens has no such spike"),
        ((55_00, 0, *(25_00,) * 397), None, "differ by 30.00 mm"),
        ((*(30_00,) * 20, *(9_99,) * 20), None, "differ by 20.01 mm"),
        ((*(26_00,) * 399, 33_00), None, "differ by 7.00 mm; .* 4.12 mm is the most between points as close"),
        ((26_00, 9_00) * 200, None, "differ by 17.00 mm"),
        ((*(26_00,) * 200, *(15_00,) * 200), None, "differ by 11.00 mm"),
        ((25_00,) * 36, (0,) * 35, "35 angles for 36 radii"),
        ((25_00,) * 36, tuple(range(0, 360_00 * 2, 20_00)), "outside 0 to 359.99"),
        ((25_00,) * 36, (*range(0, 350_00, 10_00), 340_00), "do not rise"),
    ],
)
def test_radii_that_are_no_lens_shape_are_refused(
    radii: tuple[int, ...], angles: tuple[int, ...] | None, reason: str
) -> None:
    """Too few, too many, too long, too short, a spike, a hole, angles that do not go round once: each is named."""
    with pytest.raises(UnusableTraceError, match=reason):
        Trace(Side.RIGHT, radii, angles)


def test_the_sharpest_corner_of_a_lens_is_no_spike() -> None:
    """A box of 60 by 30 mm, every 15 degrees from a corner on: neighbouring radii differ by 11 mm."""
    angles = tuple(sorted((26_57 + 15_00 * index) % 360_00 for index in range(24)))
    directions = [math.radians(angle / 100) for angle in angles]
    radii = tuple(round(100 / max(abs(math.cos(each)) / 30, abs(math.sin(each)) / 15)) for each in directions)
    trace = Trace(Side.RIGHT, radii, angles)
    assert max(abs(here - there) for here, there in pairwise(trace.radii)) == 10_93


@given(even_traces, offsets, offsets)
def test_box_circumference_and_ed_do_not_depend_on_the_origin(trace: Trace, dx: float, dy: float) -> None:
    """A tracer that stood elsewhere finds the same A, B, circumference and ED about the box centre."""
    here, there = measure(outline(trace)), measure(moved(outline(trace), dx, dy))
    assert abs(here.a - there.a) <= 1
    assert abs(here.b - there.b) <= 1
    assert abs(here.ed_about_box - there.ed_about_box) <= 1
    assert abs(here.circumference - there.circumference) <= 1


@given(even_traces)
def test_a_recentred_shape_has_its_box_centre_at_the_origin(trace: Trace) -> None:
    """After recentring, both effective diameters are the same."""
    shape = recentred(outline(trace))
    assert box_centre(shape) == pytest.approx((0, 0), abs=1e-9)
    assert abs(measure(shape).ed_about_box - measure(shape).ed_about_origin) <= 1


@given(st.one_of(even_traces, uneven_traces))
def test_mirroring_twice_gives_the_trace_back(trace: Trace) -> None:
    """A mirror image has the other side, and its own mirror image is the original."""
    assert mirrored(trace).side is not trace.side
    assert mirrored(mirrored(trace)) == trace


@given(even_traces)
def test_a_mirror_image_differs_from_its_original_by_nothing(trace: Trace) -> None:
    """r_left(a) = r_right(180 - a) holds exactly, and the box only changes hands."""
    image = mirrored(trace)
    assert mirror_difference(trace, image) == 0
    assert measure(outline(image)).a == measure(outline(trace)).a
    assert abs(measure(outline(image)).centre_x + measure(outline(trace)).centre_x) <= 1


def test_a_left_trace_that_was_not_mirrored_is_noticed() -> None:
    """The difference is the largest distance between the radii, in 1/100 mm."""
    right = Trace(Side.RIGHT, (27_00, *(25_00,) * 399))
    assert mirror_difference(right, Trace(Side.LEFT, right.radii)) == 2_00


def test_traces_of_different_spacing_can_be_compared() -> None:
    """Between the points of the right trace its radius is interpolated."""
    assert mirror_difference(circle(361), circle(400, side=Side.LEFT)) == 0
    assert mirror_difference(circle(361), circle(400, 25_30, Side.LEFT)) == 30


def test_an_odd_number_of_even_radii_has_no_mirror_image_on_its_angles() -> None:
    """The mirror image of an odd trace would lie between its angles; it is refused, not approximated."""
    with pytest.raises(UnusableTraceError, match="361"):
        mirrored(circle(361))
