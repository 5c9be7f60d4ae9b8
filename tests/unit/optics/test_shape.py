import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optics.eyes import Side
from optics.shape import Shape
from optics.trace import FULL_TURN, Trace, measure, mirrored, outline, recentred


def lens(count: int, harmonics: list[tuple[int, int]], side: Side = Side.RIGHT) -> Trace:
    """Return a smooth trace: 25 mm, and for each harmonic its cosine and sine part in 1/100 mm."""
    angles = [2 * math.pi * index / count for index in range(count)]
    return Trace(
        side,
        tuple(
            2500
            + round(
                sum(
                    cosine * math.cos(order * angle) + sine * math.sin(order * angle)
                    for order, (cosine, sine) in enumerate(harmonics, start=1)
                )
            )
            for angle in angles
        ),
    )


smooth_traces = st.builds(
    lens,
    st.integers(12, 200).map(lambda half: 2 * half),
    st.lists(st.tuples(st.integers(-200, 200), st.integers(-200, 200)), max_size=4),
)
boxes = st.tuples(st.integers(30_00, 65_00), st.integers(20_00, 60_00))


@given(smooth_traces)
def test_a_shape_is_the_traces_outline_about_its_box_centre(trace: Trace) -> None:
    """Point by point what the trace draws, and the same measures."""
    shape, drawn = Shape.of_trace(trace), recentred(outline(trace))
    assert np.allclose(np.column_stack((shape.x, shape.y)), drawn, rtol=0, atol=1e-12)
    boxing = measure(outline(trace))
    assert (shape.a, shape.b, shape.ed) == (boxing.a, boxing.b, boxing.ed_about_box)


def test_missed_points_and_uneven_angles_are_followed() -> None:
    """What the tracer missed is left out together with its angle."""
    radii = tuple(0 if index in (3, 4) else 20_00 + 10 * index for index in range(36))
    even, uneven = Trace(Side.RIGHT, radii), Trace(Side.RIGHT, radii, tuple(range(0, FULL_TURN, 10_00)))
    shape = Shape.of_trace(even)
    assert len(shape.x) == 34
    assert np.allclose(shape.x, Shape.of_trace(uneven).x, atol=1e-9)
    assert np.allclose(shape.y, [point.y for point in recentred(outline(even))], atol=1e-9)


@given(smooth_traces)
def test_the_mirrored_trace_is_the_mirrored_shape(trace: Trace) -> None:
    """Same box, same ED, same area; x changes its sign."""
    shape, image = Shape.of_trace(trace), Shape.of_trace(mirrored(trace))
    assert (image.a, image.b) == (shape.a, shape.b)
    assert abs(image.ed - shape.ed) <= 1
    assert image.nodes.weight.sum() == pytest.approx(shape.nodes.weight.sum())
    assert np.allclose(np.sort(image.x), np.sort(-shape.x), rtol=0, atol=1e-9)


@given(smooth_traces)
def test_the_weights_are_the_area(trace: Trace) -> None:
    """Their sum is the area of the polygon (the surveyor's formula)."""
    shape = Shape.of_trace(trace)
    points = list(zip(shape.x.tolist(), shape.y.tolist(), strict=True))
    area = (
        sum(
            here[0] * there[1] - here[1] * there[0] for here, there in zip(points, points[1:] + points[:1], strict=True)
        )
        / 2
    )
    assert shape.nodes.weight.sum() == pytest.approx(area)


@given(smooth_traces, st.floats(0, 7), st.integers(0, 3))
def test_polynomials_of_third_degree_are_integrated_exactly(trace: Trace, direction: float, degree: int) -> None:
    """The moments of a polygon in any direction: each side adds what its triangle has, in closed form.

    From 200 points on to 1e-4.
    """
    shape = Shape.of_trace(trace)
    cosine, sine = math.cos(direction), math.sin(direction)
    here, there = cosine * shape.x + sine * shape.y, cosine * np.roll(shape.x, -1) + sine * np.roll(shape.y, -1)
    crosses = shape.x * np.roll(shape.y, -1) - shape.y * np.roll(shape.x, -1)
    sums = np.sum([here**power * there ** (degree - power) for power in range(degree + 1)], axis=0)
    exact = float(crosses @ sums) / ((degree + 1) * (degree + 2))
    nodes = cosine * shape.nodes.x + sine * shape.nodes.y
    amount = float(shape.nodes.weight @ np.abs(nodes) ** degree)
    close = 1e-9 if len(shape.x) < 200 else 1e-4
    assert abs(float(shape.nodes.weight @ nodes**degree) - exact) <= close * amount


def test_a_shape_cannot_be_written_on() -> None:
    """It is shared between whoever computes on it."""
    shape = Shape.of_box(50_00, 40_00, None)
    for array in (shape.x, shape.y, shape.nodes.x, shape.nodes.y, shape.nodes.weight):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@given(boxes, st.floats(0.01, 0.97))
def test_a_box_with_an_ed_becomes_a_shape_with_both(box: tuple[int, int], share: float) -> None:
    """Box and ED are kept to 1/1000 mm wherever an ED is one a shape in that box can have."""
    a, b = box
    least, most = max(a, b), math.hypot(a, b)
    ed = round(least + share * (most - least))
    shape = Shape.of_box(a, b, ed)
    assert (shape.a, shape.b) == (10 * a, 10 * b)
    assert abs(shape.ed - 10 * ed) <= 1
    assert len(shape.x) == 72


def test_an_ed_no_shape_has_gives_the_nearest_one() -> None:
    """An ellipse where it is too small, the box where it is too large."""
    ellipse, box = Shape.of_box(50_00, 40_00, 45_00), Shape.of_box(50_00, 40_00, 70_00)
    assert ellipse.ed == 50_000
    assert ellipse.nodes.weight.sum() == pytest.approx(math.pi * 25 * 20, rel=0.002)
    assert 63_900 <= box.ed <= round(1000 * math.hypot(50, 40))
    assert box.nodes.weight.sum() == pytest.approx(2000, rel=0.002)


def test_without_an_ed_the_shape_is_a_common_one() -> None:
    """Between the ellipse and the box, and an ED as the trade has them: 2 to 4 mm more than A."""
    shape = Shape.of_box(52_00, 38_00, None)
    assert (shape.a, shape.b) == (52_000, 38_000)
    assert 54_000 <= shape.ed <= 58_000


def test_a_round_lens_is_round() -> None:
    """Width, height and ED alike: every point lies on the circle."""
    circle = Shape.of_box(50_00, 50_00, 50_00, 400)
    assert np.hypot(circle.x, circle.y) == pytest.approx(np.full(400, 25.0))


@given(boxes, st.none() | st.integers(30_00, 90_00))
def test_an_estimated_shape_is_symmetric(box: tuple[int, int], ed: int | None) -> None:
    """Right and left, up and down: nothing is known of the nose."""
    shape = Shape.of_box(*box, ed)
    points = {(round(x, 6) + 0.0, round(y, 6) + 0.0) for x, y in zip(shape.x.tolist(), shape.y.tolist(), strict=True)}
    assert {(-x + 0.0, y) for x, y in points} == points
    assert {(x, -y + 0.0) for x, y in points} == points


@given(st.integers(1, 999_99), st.integers(1, 999_99), st.none() | st.integers(-10, 2_000_00))
def test_any_box_has_a_shape(a: int, b: int, ed: int | None) -> None:
    """Also one that no lens was ever made for: whoever asks is told so by others."""
    shape = Shape.of_box(a, b, ed)
    assert (shape.a, shape.b) == (10 * a, 10 * b)
    assert max(shape.a, shape.b) <= shape.ed <= math.hypot(shape.a, shape.b) + 1
    assert np.isfinite(shape.nodes.weight).all()


@pytest.mark.parametrize(("a", "b"), [(0, 40_00), (50_00, 0), (-1, 40_00)])
def test_a_box_without_extent_is_refused(a: int, b: int) -> None:
    """The message asks for A and B."""
    with pytest.raises(ValueError, match="no extent: give A and B"):
        Shape.of_box(a, b, None)


@pytest.mark.parametrize("points", [20, 73])
def test_a_box_is_gone_round_in_quarters(points: int) -> None:
    """A multiple of four, and enough of them."""
    with pytest.raises(ValueError, match="multiple of four and 24 at least"):
        Shape.of_box(50_00, 40_00, None, points)
