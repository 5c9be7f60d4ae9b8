"""The outline of a lens as arrays, about its box centre, ready to be asked many times.

`optics.trace` says what a trace is and measures it point by point. Here the same outline is held for what is computed
over the whole of it: the smallest blank, the thickness of every point of the edge, the volume. With the outline come
the places and weights by which a smooth function is integrated over its area (`Shape.nodes`).

A frame that was not traced has only its box. Its lens is taken for a superellipse in that box,

    |x / (A/2)|^p + |y / (B/2)|^p = 1

which is an ellipse for p = 2 and the box itself for p without end. Its effective diameter is known in closed form: half
of it is the norm of (A/2, B/2) of order s = 2p / (p - 2). So the exponent is chosen for the ED that is given. It is an
estimate: where a lens is cut away below the nose it says nothing.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from optics.numbers import Hundredths, Thousandths, round_half_away
from optics.trace import Trace

Floats: TypeAlias = NDArray[np.float64]

COMMON_EXPONENT = 4.0
"""The superellipse of a frame whose ED is not known. Real lenses lie between 2.6 (round) and 5 (square)."""

MAX_EXPONENT = 400.0
"""From here on a superellipse is its box to 0.1 mm at the corners."""

_ELLIPSE = 2.0
_UPRIGHT = 700.0  # the logarithm of a slope beyond which nothing is steeper, and a float ends

# Integration over a triangle from the box centre to two neighbouring points: u along the rays with weight u (Gauss and
# Jacobi, exact to the 5th power), v from ray to ray (Gauss and Legendre, exact to the 3rd; the middle, where the points
# lie so close that the way between them is all but nothing).
_U = np.array([0.21234053823915294, 0.59053313555926529, 0.91141204048729605])
_U_WEIGHTS = np.array([0.06982697990145411, 0.22924110635958625, 0.20093191373895963])
_V = (0.5 - math.sqrt(1 / 12), 0.5 + math.sqrt(1 / 12))
_CLOSE_POINTS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """Where to ask a function and how much each answer counts, to integrate it over the area of a shape.

    Exact for polynomials of third degree in x and y over the polygon; to 1e-4 where it has 200 points and more.
    """

    x: Floats
    """Millimetres from the box centre, to the viewer's right."""
    y: Floats
    """Millimetres from the box centre, upwards."""
    weight: Floats
    """Square millimetres; their sum is the area."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """The outline of one lens about its box centre, in millimetres, seen from the front. The arrays are read-only."""

    x: Floats
    """To the viewer's right, counter-clockwise from point to point."""
    y: Floats
    """Upwards."""
    a: Thousandths
    """Width of the box."""
    b: Thousandths
    """Height of the box."""
    ed: Thousandths
    """Effective diameter about the box centre."""
    nodes: Nodes

    @classmethod
    def of_trace(cls, trace: Trace) -> "Shape":
        """Return the shape a tracer measured. The points are those of `optics.trace.outline` to 1e-12 mm."""
        radii = np.array(trace.radii, dtype=np.float64)
        if trace.angles is None:
            cosines, sines = _directions(len(trace.radii))
        else:
            angles = np.radians(np.array(trace.angles, dtype=np.float64) / 100)
            cosines, sines = np.cos(angles), np.sin(angles)
        found = radii > 0
        if not found.all():
            radii, cosines, sines = radii[found], cosines[found], sines[found]
        radii /= 100
        return _about_box_centre(radii * cosines, radii * sines)

    @classmethod
    def of_box(cls, a: Hundredths, b: Hundredths, ed: Hundredths | None, points: int = 72) -> "Shape":
        """Return an estimate of the lens in a box: the superellipse whose ED is the given one.

        An ED no larger than the box (nothing is that round) gives the ellipse, one beyond its diagonal gives the box.
        Without an ED the shape is that of a common frame. The box is kept exactly, and so is an ED in between.

        Args:
            a: width of the box in hundredths of a millimetre.
            b: height of the box.
            ed: effective diameter, or None.
            points: how many, a multiple of four and 24 at least.

        Raises:
            ValueError: the box has no extent, or the number of points is another.
        """
        if a <= 0 or b <= 0:
            raise ValueError(f"a box of {a / 100:.2f} x {b / 100:.2f} mm has no extent: give A and B of the frame")
        return _of_box(a, b, ed, points)


@lru_cache(maxsize=16)
def _directions(count: int) -> tuple[Floats, Floats]:
    angles = np.arange(count) * (2 * math.pi / count)
    return np.cos(angles), np.sin(angles)


def _about_box_centre(x: Floats, y: Floats) -> Shape:
    left, right, bottom, top = float(x.min()), float(x.max()), float(y.min()), float(y.max())
    x -= (left + right) / 2
    y -= (bottom + top) / 2
    farthest = math.sqrt(float((x * x + y * y).max()))
    nodes = _nodes(x, y)
    x.setflags(write=False)
    y.setflags(write=False)
    return Shape(
        x=x,
        y=y,
        a=round_half_away((right - left) * 1000),
        b=round_half_away((top - bottom) * 1000),
        ed=round_half_away(farthest * 2000),
        nodes=nodes,
    )


def _nodes(x: Floats, y: Floats) -> Nodes:
    next_x, next_y = np.concatenate((x[1:], x[:1])), np.concatenate((y[1:], y[:1]))
    # one row for each node along the rays, one column for each node between them
    crosses = x * next_y - y * next_x
    if len(x) >= _CLOSE_POINTS:
        across_x, across_y = (x + next_x) / 2, (y + next_y) / 2
    else:
        near, far = _V
        across_x = np.concatenate((far * x + near * next_x, near * x + far * next_x))
        across_y = np.concatenate((far * y + near * next_y, near * y + far * next_y))
        crosses = np.concatenate((crosses, crosses)) / 2
    nodes = Nodes(_rows(_U, across_x), _rows(_U, across_y), _rows(_U_WEIGHTS, crosses))
    for array in (nodes.x, nodes.y, nodes.weight):
        array.setflags(write=False)
    return nodes


def _rows(factors: Floats, values: Floats) -> Floats:
    return np.multiply.outer(factors, values).ravel()


@lru_cache(maxsize=256)
def _of_box(a: Hundredths, b: Hundredths, ed: Hundredths | None, points: int) -> Shape:
    if points < 24 or points % 4:  # noqa: PLR2004 -- as documented
        raise ValueError(f"{points} points: a multiple of four and 24 at least go round a box")
    half_a, half_b = a / 200, b / 200
    exponent = COMMON_EXPONENT if ed is None else _exponent(half_a, half_b, ed / 200)
    quarter = _quarter(points // 4, _corner(half_a, half_b, exponent))
    angles = np.concatenate((quarter, math.pi - quarter[::-1], math.pi + quarter, 2 * math.pi - quarter[::-1]))
    # every quarter begins where the one before ended
    keep = np.ones(len(angles), dtype=bool)
    keep[len(quarter) :: len(quarter)] = False
    keep[-1] = False
    x, y = np.cos(angles[keep]), np.sin(angles[keep])
    wide, high = np.abs(x) / half_a, np.abs(y) / half_b
    longer = np.maximum(wide, high)
    radii = 1 / (longer * ((wide / longer) ** exponent + (high / longer) ** exponent) ** (1 / exponent))
    return _about_box_centre(radii * x, radii * y)


def _quarter(intervals: int, corner: float) -> Floats:
    """Return angles from 0 to a right angle, one of which is the corner, so that the farthest point is a point."""
    before = min(max(round(intervals * corner / (math.pi / 2)), 1), intervals - 1)
    return np.concatenate(
        (np.linspace(0, corner, before, endpoint=False), np.linspace(corner, math.pi / 2, intervals - before + 1))
    )


def _corner(half_a: float, half_b: float, exponent: float) -> float:
    """Return the angle of the farthest point; of an ellipse, which has none between the axes, the box's diagonal."""
    if exponent <= _ELLIPSE:
        return math.atan2(half_b, half_a)
    # where the gradient of x^2 + y^2 is along that of the curve: x^(2-p) a^p = y^(2-p) b^p
    steepness = math.log(half_b / half_a) * exponent / (exponent - 2)
    return math.atan(math.exp(min(steepness, _UPRIGHT)))


def _exponent(half_a: float, half_b: float, half_ed: float) -> float:
    """Return the exponent whose superellipse reaches `half_ed`, found by halving the order of the norm."""
    longer, shorter = max(half_a, half_b), min(half_a, half_b)
    wanted, ratio = half_ed / longer, shorter / longer
    low, high = 2 * MAX_EXPONENT / (MAX_EXPONENT - 2), 1000.0
    if wanted >= (1 + ratio**low) ** (1 / low):
        return MAX_EXPONENT
    if wanted <= (1 + ratio**high) ** (1 / high):
        return _ELLIPSE
    for _ in range(50):
        order = (low + high) / 2
        if (1 + ratio**order) ** (1 / order) > wanted:
            low = order
        else:
            high = order
    return 2 * low / (low - 2)
