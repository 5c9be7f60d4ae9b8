"""The shape of a lens as a tracer measures it, and the measures the trade takes from it.

A trace is a list of radii around an origin. Seen from the front, angle 0 lies at 3 o'clock and angles grow
counter-clockwise; the left lens is traced as it sits in the frame, so its radii are the mirror image of the right
ones: r_left(a) = r_right(180 - a).

    A, B      width and height of the smallest upright box around the shape (boxing system, ISO 8624)
    ED        effective diameter: twice the distance from a centre to the farthest point of the shape
    C         circumference: the length of the polygon through the points

The origin is where the tracer stood and *not necessarily the box centre*; real traces are off by 0.1 mm and more. A, B
and C do not care. ED does: it is given about both centres, and it is the one about the box centre that a blank is
chosen by.

A radius of zero or less marks a point the tracer missed. It is skipped together with its angle.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import sub
from typing import NamedTuple, TypeAlias

from optics.eyes import Side
from optics.numbers import Hundredths, Thousandths, format_decimal, round_half_away

MAX_RADII = 2048
"""Most radii a side may have. The trade's own limit for a trace; devices reserve room for no more."""

MIN_RADII = 24
"""Fewest points that still give a shape: one every 15 degrees, which finds A and B of a common frame to about 1 mm."""

MAX_RADIUS: Hundredths = 60_00
"""Longest radius of a lens, in 1/100 mm: an ED of 90 mm is a large one, and the origin may lie off the centre."""

MIN_RADIUS: Hundredths = 5_00
"""Shortest radius of a lens, in 1/100 mm: the lowest half-eye is 15 mm high, and a tracer stands near its middle."""

MAX_JUMP: Hundredths = 20_00
"""Most that neighbouring radii differ by, in 1/100 mm, however far apart they stand. At the corner of a box of 60 by
30 mm, traced every 15 degrees, it is 11 mm; a digit lost from a radius, or one too many, makes more than 20."""

STEEPEST = 7.0
"""Steepest slope of a shape against the circle through its point, as a ratio: 82 degrees. A corner of a box three times
as wide as high has 3; real traces stay below 0.5."""

NOISE: Hundredths = 50
"""How much a tracer may stray from the shape, on top of the slope, in 1/100 mm."""

MAX_GAP = 30.0
"""Widest gap between neighbouring points, in degrees. Wider, and the chord across it hides a part of the shape."""

FULL_TURN: Hundredths = 360_00
"""A full turn in hundredths of a degree."""


class UnusableTraceError(ValueError):
    """The radii do not describe a lens shape; the message says which bound they miss."""


@dataclass(frozen=True, slots=True)
class Trace:
    """The traced shape of one lens, as the tracer gave it: about the tracer's origin, missed points included.

    Raises:
        UnusableTraceError: no lens has this shape (too few or too many points, a gap, a radius too long or too short, a
            spike, angles that do not go round once).
    """

    side: Side
    radii: tuple[Hundredths, ...]
    """Hundredths of a millimetre; zero or less is a point the tracer missed."""
    angles: tuple[Hundredths, ...] | None = None
    """Hundredths of a degree, one for each radius, rising within one turn. None: the radii are spaced evenly from 0."""

    def __post_init__(self) -> None:
        if len(self.radii) > MAX_RADII:
            raise UnusableTraceError(f"has {len(self.radii)} radii; a trace has {MAX_RADII} at most")
        if (longest := max(self.radii, default=0)) > MAX_RADIUS:
            raise UnusableTraceError(
                f"has a radius of {format_decimal(longest, 2)} mm; no lens reaches beyond "
                f"{format_decimal(MAX_RADIUS, 2)} mm"
            )
        if self.angles is not None:
            _check_angles(self.angles, len(self.radii))
        found = [radius for radius in self.radii if radius > 0]
        if len(found) < MIN_RADII:
            raise UnusableTraceError(f"has {len(found)} usable points; a shape needs {MIN_RADII} at least")
        even = self.angles is None and len(found) == len(self.radii)
        step = 2 * math.pi / len(found)
        _check_radii(found, MAX_JUMP if not even else min(MAX_JUMP, NOISE + int(STEEPEST * step * longest)))
        if not even:  # else they are as close as they are many
            _check_gaps([angle for angle, radius in zip(_degrees(self), self.radii, strict=True) if radius > 0])


class PolarPoint(NamedTuple):
    """A point of a trace: degrees counter-clockwise from 3 o'clock, and its distance from the origin."""

    angle: float
    radius: Hundredths


class Point(NamedTuple):
    """A point of an outline in millimetres, x to the viewer's right and y up, seen from the front."""

    x: float
    y: float


Outline: TypeAlias = tuple[Point, ...]
"""A closed polygon, counter-clockwise; the last point is joined to the first."""


@dataclass(frozen=True, slots=True)
class Boxing:
    """What is measured on an outline, each rounded to the nearest 1/1000 mm (the arithmetic is good to 1e-9 mm)."""

    a: Thousandths
    """Width of the box."""
    b: Thousandths
    """Height of the box."""
    centre_x: Thousandths
    """Where the box centre lies from the origin, to the viewer's right."""
    centre_y: Thousandths
    """Where the box centre lies from the origin, upwards."""
    ed_about_box: Thousandths
    """Effective diameter about the box centre: twice the distance to the farthest point."""
    ed_about_origin: Thousandths
    """The same about the tracer's origin."""
    circumference: Thousandths
    """Length of the polygon through the points. The curve through them is longer, by about 0.002 mm at 400."""


def polar_points(trace: Trace) -> tuple[PolarPoint, ...]:
    """Return the points the tracer found, with their angles, in the order of the trace."""
    return tuple(
        PolarPoint(angle, radius) for angle, radius in zip(_degrees(trace), trace.radii, strict=True) if radius > 0
    )


def outline(trace: Trace) -> Outline:
    """Return the shape of `trace` in millimetres about the tracer's origin, to float precision: it is a drawing."""
    return tuple(
        Point(radius * math.cos(angle) / 100, radius * math.sin(angle) / 100)
        for angle, radius in ((math.radians(point.angle), point.radius) for point in polar_points(trace))
    )


def box_centre(shape: Outline) -> Point:
    """Return the centre of the box around `shape`, in millimetres from the origin."""
    xs, ys = [point.x for point in shape], [point.y for point in shape]
    return Point((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)


def moved(shape: Outline, dx: float, dy: float) -> Outline:
    """Return `shape` moved by `dx` millimetres to the viewer's right and `dy` upwards."""
    return tuple(Point(point.x + dx, point.y + dy) for point in shape)


def recentred(shape: Outline) -> Outline:
    """Return `shape` about its own box centre, the origin from which decentration and blanks are reckoned."""
    centre = box_centre(shape)
    return moved(shape, -centre.x, -centre.y)


def measure(shape: Outline) -> Boxing:
    """Return the boxed measures of `shape`, which has at least one point."""
    xs, ys = [point.x for point in shape], [point.y for point in shape]
    centre = box_centre(shape)
    return Boxing(
        a=_thousandths(max(xs) - min(xs)),
        b=_thousandths(max(ys) - min(ys)),
        centre_x=_thousandths(centre.x),
        centre_y=_thousandths(centre.y),
        ed_about_box=_thousandths(2 * max(math.dist(point, centre) for point in shape)),
        ed_about_origin=_thousandths(2 * max(math.hypot(*point) for point in shape)),
        circumference=_thousandths(sum(math.dist(here, there) for here, there in pairwise((*shape, shape[0])))),
    )


def mirrored(trace: Trace) -> Trace:
    """Return the trace of the other side's lens: the same shape, seen in a mirror.

    Raises:
        UnusableTraceError: an odd number of evenly spaced radii. The mirror image of such a trace lies halfway between
            its own angles.
    """
    other = Side.LEFT if trace.side is Side.RIGHT else Side.RIGHT
    count = len(trace.radii)
    if trace.angles is not None:
        points = sorted(
            ((FULL_TURN // 2 - angle) % FULL_TURN, radius)
            for angle, radius in zip(trace.angles, trace.radii, strict=True)
        )
        return Trace(other, tuple(radius for _, radius in points), tuple(angle for angle, _ in points))
    if count % 2:
        raise UnusableTraceError(f"has {count} evenly spaced radii; a mirror image needs an even number")
    half = count // 2  # the mirror image of the radius at 180 degrees is the first
    return Trace(other, trace.radii[half::-1] + trace.radii[:half:-1])


def mirror_difference(right: Trace, left: Trace) -> Hundredths:
    """Return the largest difference between the left radii and the mirrored right ones, in 1/100 mm.

    Where the right trace has no point at the mirrored angle, its neighbours are joined linearly in angle; traces with
    the same even number of evenly spaced points are compared point by point, which is exact.
    """
    reference = polar_points(right)
    angles = [point.angle for point in reference]
    return round_half_away(
        max(abs(radius - _radius_at(reference, angles, 180 - angle)) for angle, radius in polar_points(left))
    )


def _thousandths(millimetres: float) -> Thousandths:
    return round_half_away(millimetres * 1000)


def _degrees(trace: Trace) -> list[float]:
    if trace.angles is not None:
        return [angle / 100 for angle in trace.angles]
    count = len(trace.radii)
    return [360 * index / count for index in range(count)]


def _check_angles(angles: tuple[Hundredths, ...], radii: int) -> None:
    if len(angles) != radii:
        raise UnusableTraceError(f"has {len(angles)} angles for {radii} radii")
    if any(not 0 <= angle < FULL_TURN for angle in angles):
        raise UnusableTraceError("has an angle outside 0 to 359.99 degrees")
    if any(after <= before for before, after in pairwise(angles)):
        raise UnusableTraceError("has angles that do not rise from point to point")


def _check_radii(found: Sequence[Hundredths], most: Hundredths) -> None:
    if (shortest := min(found)) < MIN_RADIUS:
        raise UnusableTraceError(
            f"has a radius of {format_decimal(shortest, 2)} mm; no lens is as narrow as that, "
            f"{format_decimal(MIN_RADIUS, 2)} mm is the least"
        )
    jump = max(map(abs, map(sub, found, (*found[1:], found[0]))))
    if jump > most:
        raise UnusableTraceError(
            f"has neighbouring radii that differ by {format_decimal(jump, 2)} mm; a lens has no such spike, "
            f"{format_decimal(most, 2)} mm is the most between points as close as these"
        )


def _check_gaps(angles: Sequence[float]) -> None:
    widest = max(after - before for before, after in pairwise((*angles, angles[0] + 360)))
    if widest > MAX_GAP:
        raise UnusableTraceError(f"has no points over {widest:.1f} degrees; {MAX_GAP:.0f} at most can be bridged")


def _radius_at(points: tuple[PolarPoint, ...], angles: list[float], angle: float) -> float:
    """Return the radius at `angle`, between the `points`, whose `angles` are given beside them for the search."""
    turned = angle % 360
    following = bisect_right(angles, turned)
    before, after = points[following - 1], points[following % len(points)]
    span = (after.angle - before.angle) % 360
    return before.radius + (after.radius - before.radius) * ((turned - before.angle) % 360) / span
