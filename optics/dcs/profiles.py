"""What is measured around a lens besides its outline: how high the rim runs, and how thick the edge is.

Both are sets of numbers, one for each angle, as the radii of a trace are (see `optics.trace`): seen from the front,
angle 0 lies at 3 o'clock and angles grow counter-clockwise. A height (ZFMT, Z) tells how far a point of the rim lies
before or behind a plane the tracer chose; a thickness (STHKFMT, R and T) is that of the lens at a radius.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from optics.eyes import Side
from optics.numbers import Hundredths, format_decimal
from optics.trace import FULL_TURN, MAX_RADII, MAX_RADIUS, UnusableTraceError

MAX_HEIGHT: Hundredths = 60_00
"""Farthest a rim reaches before or behind its plane, in 1/100 mm."""

MAX_THICKNESS: Hundredths = 40_00
"""Thickest edge, in 1/100 mm: an uncut semi-finished blank has less."""


@dataclass(frozen=True, slots=True)
class Heights:
    """How high the rim of one lens runs.

    Raises:
        UnusableTraceError: no rim runs so.
    """

    side: Side
    heights: tuple[Hundredths, ...]
    """Hundredths of a millimetre, with a sign that is the tracer's own."""
    angles: tuple[Hundredths, ...] | None = None
    """Hundredths of a degree, one for each height, rising within one turn. None: evenly spaced from 0."""

    def __post_init__(self) -> None:
        _check("height", self.heights, -MAX_HEIGHT, MAX_HEIGHT)
        _check_angles(self.angles, len(self.heights), "heights")


@dataclass(frozen=True, slots=True)
class Thicknesses:
    """How thick one lens is at points around it.

    Raises:
        UnusableTraceError: no lens is so thick.
    """

    side: Side
    radii: tuple[Hundredths, ...]
    """Where it was measured: hundredths of a millimetre from the origin of the trace."""
    thicknesses: tuple[Hundredths, ...]
    """Hundredths of a millimetre, one for each radius."""
    angles: tuple[Hundredths, ...] | None = None
    """Hundredths of a degree, one for each radius, rising within one turn. None: evenly spaced from 0."""

    def __post_init__(self) -> None:
        _check("radius", self.radii, 0, MAX_RADIUS)
        _check("thickness", self.thicknesses, 0, MAX_THICKNESS)
        if len(self.radii) != len(self.thicknesses):
            raise UnusableTraceError(f"has {len(self.thicknesses)} thicknesses for {len(self.radii)} radii")
        _check_angles(self.angles, len(self.radii), "radii")


def _check(what: str, values: Sequence[Hundredths], low: Hundredths, high: Hundredths) -> None:
    if not 0 < len(values) <= MAX_RADII:
        raise UnusableTraceError(f"has {len(values)} values; it has 1 to {MAX_RADII}")
    for value in values:
        if not low <= value <= high:
            raise UnusableTraceError(
                f"has a {what} of {format_decimal(value, 2)} mm, outside {format_decimal(low, 2)} to "
                f"{format_decimal(high, 2)} mm"
            )


def _check_angles(angles: Sequence[Hundredths] | None, count: int, what: str) -> None:
    if angles is None:
        return
    if len(angles) != count:
        raise UnusableTraceError(f"has {len(angles)} angles for {count} {what}")
    if any(not 0 <= angle < FULL_TURN for angle in angles):
        raise UnusableTraceError("has an angle outside 0 to 359.99 degrees")
    if any(after <= before for before, after in pairwise(angles)):
        raise UnusableTraceError("has angles that do not rise from point to point")
