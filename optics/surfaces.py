"""Curves: radii, sagittas, the tooling index, and the surfaces that make a power.

A surface has a true power, (n - 1) / r in its material. Blanks, laps and machines speak of the same radius as if it
were ground in a material of index 1.530, the tooling index; only that makes a "6.00 curve" one curve for every
material. A signed power is convex (plus) or concave (minus) as light meets the front, and hollow (minus) on the back.

    radius            r = 1000 (n - 1) / F                         mm
    sagitta           s = r - sqrt(r2 - h2), about h2 F / (2000 (n - 1))
    back vertex       F = F1 / (1 - (t/n) F1) + F2                 front vertex: the same, turned round
    equivalent        F = F1 + F2 - (t/n) F1 F2

Sources: M. Jalie, "The Principles of Ophthalmic Lenses" (surfaces, vertex powers); the curve variation factor
0.53 / (n - 1) at precision-optical.co.uk; base curves at brainscape.com (Vogel) and studylib.net (Boddy). All results
are exact to the half unit of their lattice, except where a function says otherwise.
"""

import math

from optics.numbers import Hundredths, Thousandths, format_decimal, round_half_away, round_ratio
from optics.power import SpheroCylinder

TOOLING_INDEX: Thousandths = 1530
"""The index in which tools and blanks are labelled."""

_AIR: Thousandths = 1000

# A vertex power is F1 / (1 - t F1 / n): in hundredths of a dioptre and of a millimetre and thousandths of the index,
# 1 is this many times the index.
_ONE = 10_000


def radius(power: Hundredths, index: Thousandths) -> Thousandths:
    """Return the radius of a surface in 1/1000 mm, negative where it is hollow.

    Raises:
        ValueError: the surface is plane; it has no radius.
    """
    if power == 0:
        raise ValueError("a surface of 0.00 D is plane and has no radius")
    return round_ratio((index - _AIR) * 100_000, power)


def surface_power(radius: Thousandths, index: Thousandths) -> Hundredths:
    """Return the power of a surface from its radius (1/1000 mm, negative where it is hollow).

    Raises:
        ValueError: the radius is 0.
    """
    if radius == 0:
        raise ValueError("a surface of radius 0 has no power")
    return round_ratio((index - _AIR) * 100_000, radius)


def tool_to_material(power: int, index: Thousandths) -> int:
    """Return the true power in a material of `index` of a curve labelled with `power` for tools of index 1.530.

    power (n - 1) / 0.530, on the lattice `power` is given on: hundredths give hundredths, thousandths thousandths.
    """
    return round_ratio(power * (index - _AIR), TOOLING_INDEX - _AIR)


def material_to_tool(power: int, index: Thousandths) -> int:
    """Return the label, for tools of index 1.530, of a curve with a true `power` in a material of `index`.

    power 0.530 / (n - 1), on the lattice `power` is given on.
    """
    return round_ratio(power * (TOOLING_INDEX - _AIR), index - _AIR)


def sagitta(power: Hundredths, index: Thousandths, half_chord: Thousandths) -> Thousandths:
    """Return the depth of a surface at a distance from its pole, in 1/1000 mm; negative where the power is.

    s = r - sqrt(r2 - h2), in the form that also holds for a plane. Float error 1e-9 mm.

    Raises:
        ValueError: the sphere does not reach that far.
    """
    height = half_chord / 1000
    bend = power / (100 * (index - _AIR)) * height
    if abs(bend) >= 1:
        raise ValueError(
            f"a curve of {format_decimal(power, 2)} D closes at {format_decimal(abs(radius(power, index)), 3)} mm "
            f"from its pole and has no depth at {format_decimal(half_chord, 3)} mm"
        )
    return round_half_away(1000 * bend * height / (1 + math.sqrt(1 - bend * bend)))


def sagitta_approximate(power: Hundredths, index: Thousandths, half_chord: Thousandths) -> Thousandths:
    """Return the depth of the parabola that fits the surface at its pole, h2 F / (2000 (n - 1)), in 1/1000 mm.

    The textbook's approximation. It is too small: by 2 % on a 6.00 curve at 25 mm.
    """
    return round_ratio(half_chord * half_chord * power, 200_000 * (index - _AIR))


def back_vertex_power(front: Hundredths, back: Hundredths, thickness: Hundredths, index: Thousandths) -> Thousandths:
    """Return the power of a thick lens at its back vertex, in 1/1000 D: what a prescription states.

    Args:
        front: true power of the front surface, hundredths of a dioptre.
        back: true power of the back surface.
        thickness: in the centre, hundredths of a millimetre.
        index: refractive index in thousandths.

    Raises:
        ValueError: the front surface has its focus inside the lens.
    """
    one, rest = _shape_factor(front, thickness, index)
    return round_ratio(10 * (front * one + back * rest), rest)


def front_vertex_power(front: Hundredths, back: Hundredths, thickness: Hundredths, index: Thousandths) -> Thousandths:
    """Return the power of a thick lens at its front vertex, in 1/1000 D: what is measured when an add is on the front.

    Args and errors as `back_vertex_power`, for the lens turned round.
    """
    return back_vertex_power(back, front, thickness, index)


def equivalent_power(front: Hundredths, back: Hundredths, thickness: Hundredths, index: Thousandths) -> Thousandths:
    """Return the power of a thick lens at its principal planes, F1 + F2 - (t/n) F1 F2, in 1/1000 D.

    Args as `back_vertex_power`.
    """
    one = _ONE * index
    return round_ratio(10 * ((front + back) * one - thickness * front * back), one)


def back_surface(power: Hundredths, front: Hundredths, thickness: Hundredths, index: Thousandths) -> Thousandths:
    """Return the true power, in 1/1000 D, of the back surface that gives a back vertex power with a front surface.

    F2 = F - F1 / (1 - (t/n) F1). Args and errors as `back_vertex_power`, `power` being the one wanted.
    """
    one, rest = _shape_factor(front, thickness, index)
    return round_ratio(10 * (power * rest - front * one), rest)


def _shape_factor(front: Hundredths, thickness: Hundredths, index: Thousandths) -> tuple[int, int]:
    """Return numerator and denominator of 1 / (1 - (t/n) F1)."""
    one = _ONE * index
    rest = one - thickness * front
    if rest <= 0:
        raise ValueError(
            f"a front of {format_decimal(front, 2)} D has its focus within {format_decimal(thickness, 2)} mm of "
            f"material: check curve and thickness"
        )
    return one, rest


def vogel_base(power: SpheroCylinder) -> Hundredths:
    """Return the base curve of Vogel's rule: SE + 6.00 for plus, SE/2 + 6.00 for minus powers (nominal curve)."""
    doubled = 2 * power.sphere + power.cylinder
    return 600 + (round_ratio(doubled, 2) if doubled > 0 else round_ratio(doubled, 4))


def vogel_base_of_pair(right: SpheroCylinder, left: SpheroCylinder) -> Hundredths:
    """Return one base curve for both eyes by Vogel's rule: the flatter of two minus eyes', otherwise the steeper."""
    bases = vogel_base(right), vogel_base(left)
    return min(bases) if max(bases) <= vogel_base(SpheroCylinder(0)) else max(bases)


def boddy_base(power: SpheroCylinder, add: Hundredths) -> Hundredths:
    """Return the base curve of Boddy's rule for digital progressives (nominal curve).

    4.25 + (SE + add)/2 for minus and 3.50 + add/2 + SE for plus powers. The rule is silent about a plano, and its two
    halves do not meet there: a plano counts as plus, the flatter of the two.
    """
    doubled = 2 * power.sphere + power.cylinder
    if doubled < 0:
        return 425 + round_ratio(doubled + 2 * add, 4)
    return 350 + round_ratio(add + doubled, 2)
