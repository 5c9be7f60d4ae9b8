"""The power of a lens: sphere, cylinder and axis, and what follows from them.

A sphero-cylinder has two principal powers, S along its axis and S + C across it. It can be written in two ways, with a
minus and with a plus cylinder; both are the same lens, and everything here gives the same answer for both.

    power along a meridian    F(a) = S + C sin2(a - A)
    power vector              M = S + C/2, J0 = -C/2 cos 2A, J45 = -C/2 sin 2A
    power matrix              ((S + C sin2 A, -C sin A cos A), (-C sin A cos A, S + C cos2 A))

Sphero-cylinders do not add, power vectors and matrices do. Those two are floats in dioptres, because they stand in the
middle of a calculation; everything else that leaves this module lies on a lattice. Axes and meridians are whole degrees
counter-clockwise from 3 o'clock, as somebody looking at the wearer sees them (ISO 8429).

Sources: W. F. Long, "A matrix formalism for decentration problems", 1976 (the matrix); Thibos, Wheeler and Horner,
"Power vectors", 1997 (the vector); the worked examples that the tests name.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from optics.numbers import Hundredths, Thousandths, format_decimal, round_half_away, round_ratio

HALF_TURN = 180
"""Degrees after which an axis is the same axis again."""

_RIGHT_ANGLE = 90

# Decimals of a dioptre at which float trigonometry is taken as exact: its noise is below 1e-12 at 100 D, and an exact
# tie on the lattice (half a hundredth) must not be decided by it.
_EXACT = 10


@dataclass(frozen=True, slots=True)
class SpheroCylinder:
    """A power, as it is written on a prescription: hundredths of a dioptre, and the axis in whole degrees.

    Raises:
        ValueError: the axis is not 1 to 180.
    """

    sphere: Hundredths
    cylinder: Hundredths = 0
    axis: int = HALF_TURN
    """1 to 180. Without a cylinder it means nothing and is 180, so that equal powers are equal."""

    def __post_init__(self) -> None:
        if self.cylinder == 0:
            object.__setattr__(self, "axis", HALF_TURN)
        elif not 1 <= self.axis <= HALF_TURN:
            raise ValueError(f"the axis is {self.axis}; an axis is a whole degree from 1 to 180 (write 0 as 180)")


class Meridian(NamedTuple):
    """A principal power and the meridian along which it acts."""

    power: Hundredths
    meridian: int
    """Degrees, 1 to 180."""


class PowerVector(NamedTuple):
    """A power as three numbers that add, in dioptres."""

    m: float
    """The spherical equivalent."""
    j0: float
    """A Jackson cross cylinder at 180 and 90."""
    j45: float
    """A Jackson cross cylinder at 45 and 135."""


class PowerMatrix(NamedTuple):
    """The symmetric matrix that turns a place on the lens into the prism there, in dioptres."""

    xx: float
    xy: float
    yy: float


class Toric(NamedTuple):
    """A sphere on one surface and a toric surface on the other (toric transposition); hundredths of a dioptre."""

    sphere: Hundredths
    """Power of the spherical surface."""
    base: Hundredths
    """The weaker curve of the toric surface, written as a cylinder: it acts across its axis."""
    base_axis: int
    cross: Hundredths
    """The stronger curve of the toric surface, written as a cylinder."""
    cross_axis: int


class Tilted(NamedTuple):
    """What a tilted sphere acts like, in 1/1000 D; the axis of the cylinder is the axis the lens is turned about."""

    sphere: Thousandths
    cylinder: Thousandths


def transposed(power: SpheroCylinder) -> SpheroCylinder:
    """Return the same power written with the other sign of cylinder: S + C, -C, A +- 90. Exact."""
    axis = power.axis + (_RIGHT_ANGLE if power.axis <= _RIGHT_ANGLE else -_RIGHT_ANGLE)
    return SpheroCylinder(power.sphere + power.cylinder, -power.cylinder, axis)


def minus_form(power: SpheroCylinder) -> SpheroCylinder:
    """Return the same power with a minus cylinder, or none."""
    return transposed(power) if power.cylinder > 0 else power


def plus_form(power: SpheroCylinder) -> SpheroCylinder:
    """Return the same power with a plus cylinder, or none."""
    return transposed(power) if power.cylinder < 0 else power


def spherical_equivalent(power: SpheroCylinder) -> Thousandths:
    """Return S + C/2, exactly."""
    return 10 * power.sphere + 5 * power.cylinder


def principal_powers(power: SpheroCylinder) -> tuple[Meridian, Meridian]:
    """Return the lower and the higher principal power with their meridians. Exact, and the same in either form."""
    plus = plus_form(power)
    across = plus.axis + (_RIGHT_ANGLE if plus.axis <= _RIGHT_ANGLE else -_RIGHT_ANGLE)
    return Meridian(plus.sphere, plus.axis), Meridian(plus.sphere + plus.cylinder, across)


def strongest(power: SpheroCylinder) -> Hundredths:
    """Return the amount of the stronger principal power, not negative: what tolerances and thicknesses go by."""
    return max(abs(power.sphere), abs(power.sphere + power.cylinder))


def power_at(power: SpheroCylinder, meridian: int) -> Thousandths:
    """Return the power along a meridian (whole degrees), S + C sin2(meridian - A), to the nearest 1/1000 D."""
    sine = math.sin(math.radians(meridian - power.axis))
    return round_half_away(round(10 * (power.sphere + power.cylinder * sine * sine), _EXACT))


def power_vector(power: SpheroCylinder) -> PowerVector:
    """Return the power vector in dioptres, to 1e-12 D."""
    half, angle = power.cylinder / 200, math.radians(2 * power.axis)
    return PowerVector(power.sphere / 100 + half, -half * math.cos(angle), -half * math.sin(angle))


def minus_cylinder(vector: PowerVector) -> tuple[float, float, float]:
    """Return sphere and minus cylinder in dioptres and the axis in degrees (above 0, up to 180), not rounded."""
    cross = math.hypot(vector.j0, vector.j45)
    axis = math.degrees(math.atan2(vector.j45, vector.j0)) / 2 % HALF_TURN
    return vector.m + cross, -2 * cross, axis or float(HALF_TURN)


def from_vector(vector: PowerVector) -> SpheroCylinder:
    """Return the sphero-cylinder of a vector in minus form: 1/100 D and whole degrees, each rounded to the nearest.

    The sphere is that of the rounded principal powers, so a power that lies on the lattice comes back as it was.
    """
    sphere, cylinder, axis = minus_cylinder(vector)
    high = round_half_away(round(100 * sphere, _EXACT))
    low = round_half_away(round(100 * (sphere + cylinder), _EXACT))
    return SpheroCylinder(high, low - high, round_half_away(round(axis, _EXACT)) or HALF_TURN)


def combined(first: SpheroCylinder, second: SpheroCylinder) -> SpheroCylinder:
    """Return the power of two thin lenses in contact, in minus form; principal powers to the nearest 1/100 D."""
    one, other = power_vector(first), power_vector(second)
    return from_vector(PowerVector(one.m + other.m, one.j0 + other.j0, one.j45 + other.j45))


def power_matrix(power: SpheroCylinder) -> PowerMatrix:
    """Return the power matrix in dioptres, to 1e-12 D; x to the viewer's right and y up."""
    angle = math.radians(power.axis)
    sine, cosine = math.sin(angle), math.cos(angle)
    sphere, cylinder = power.sphere / 100, power.cylinder / 100
    return PowerMatrix(sphere + cylinder * sine * sine, -cylinder * sine * cosine, sphere + cylinder * cosine * cosine)


def toric(power: SpheroCylinder, base: Hundredths) -> Toric:
    """Return the surfaces of `power` as a thin lens whose toric surface has `base` as its weaker curve. Exact.

    A plus base curve takes a plus cylinder on top of it and a minus one a minus cylinder.

    Raises:
        ValueError: the base is 0; a toric surface has a sign.
    """
    if base == 0:
        raise ValueError("the base curve is 0.00 D: give it the sign of the surface that is to be toric")
    written = plus_form(power) if base > 0 else minus_form(power)
    return Toric(
        sphere=written.sphere - base,
        base=base,
        base_axis=written.axis + (_RIGHT_ANGLE if written.axis <= _RIGHT_ANGLE else -_RIGHT_ANGLE),
        cross=base + written.cylinder,
        cross_axis=written.axis,
    )


def vertex_power(power: Hundredths, was: Hundredths, becomes: Hundredths) -> Thousandths:
    """Return what `power` at one vertex distance must be at another, F / (1 - d F), to the nearest 1/1000 D. Exact.

    d, in metres, is how much closer to the eye the lens comes: a plus lens moved closer must be stronger, a minus lens
    weaker (0 is the plane of a contact lens).

    Args:
        power: hundredths of a dioptre.
        was: vertex distance the power was found at, in hundredths of a millimetre.
        becomes: vertex distance it will be worn at.

    Raises:
        ValueError: the focus lies at or before the new plane; no lens there does the same.
    """
    whole = 10_000_000  # hundredths of a dioptre times hundredths of a millimetre that make 1
    rest = whole - power * (was - becomes)
    if rest <= 0:
        raise ValueError(
            f"{format_decimal(power, 2)} D has its focus within {format_decimal(was - becomes, 2)} mm: "
            f"check power and vertex distances"
        )
    return round_ratio(10 * power * whole, rest)


def at_vertex(power: SpheroCylinder, was: Hundredths, becomes: Hundredths) -> SpheroCylinder:
    """Return the power that does the same at another vertex distance, each principal power to the nearest 1/100 D.

    Args and errors as `vertex_power`. The form of the cylinder is kept.
    """
    along = round_ratio(vertex_power(power.sphere, was, becomes), 10)
    across = round_ratio(vertex_power(power.sphere + power.cylinder, was, becomes), 10)
    return SpheroCylinder(along, across - along, power.axis)


def tilted(sphere: Hundredths, tilt: Hundredths, index: Thousandths) -> Tilted:
    """Return what a sphere acts like when it is tilted (Martin's formula), to the nearest 1/1000 D.

    S' = S (1 + sin2 t / 2n) and C' = S tan2 t about the axis of tilt: 180 for a pantoscopic tilt, 90 for a wrap. It
    holds for the power on the axis of a spherical lens; a cylinder under tilt needs its power matrix traced.

    Args:
        sphere: hundredths of a dioptre.
        tilt: hundredths of a degree, less than a right angle.
        index: refractive index in thousandths.
    """
    angle = math.radians(tilt / 100)
    gain = 1 + math.sin(angle) ** 2 / (2 * index / 1000)
    return Tilted(
        round_half_away(round(10 * sphere * gain, _EXACT)),
        round_half_away(round(10 * sphere * math.tan(angle) ** 2, _EXACT)),
    )
