"""Prescribed prism: a magnitude with a base setting, or its horizontal and vertical parts.

Machines and job files give prism in polar form: a magnitude and the direction of the base, 0 to 360 degrees counted
counter-clockwise from 3 o'clock, as somebody looking at the wearer sees it. Practices write base in, out, up and down.
The two differ by side: seen from the front the nose lies at 3 o'clock of a right lens and at 9 o'clock of a left one,
so the same setting of 0 degrees is base in for the right eye and base out for the left.

Any lens with a power is a prism away from its optical centre. Prentice's rule says how strong: a lens of F dioptres,
looked through c centimetres off the centre, has c F prism dioptres. For a cylinder it takes the power matrix, and the
prism need not point where the lens was moved.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from optics.eyes import Side
from optics.numbers import Hundredths, Thousandths, round_half_away, round_ratio
from optics.power import SpheroCylinder, power_matrix

# +1 where the nose lies towards 3 o'clock.
_NASAL = {Side.RIGHT: 1, Side.LEFT: -1}

# Decimals at which a product of float trigonometry is taken as exact. A tie (half a hundredth) needs a rational cosine,
# and at rational degrees only 0, 1/2 and 1 are rational (Niven): such a tie is missed by the float by 1e-12 at most
# and restored here. Every other product up to 30 prism dioptres stays 7e-9 and more away from a tie.
_EXACT = 10


@dataclass(frozen=True, slots=True)
class Prism:
    """Prism of one lens, in hundredths of a prism dioptre."""

    horizontal: Hundredths
    """Base in is positive, base out negative."""
    vertical: Hundredths
    """Base up is positive, base down negative."""


class BaseSetting(NamedTuple):
    """A prism in polar form."""

    magnitude: Hundredths
    """Hundredths of a prism dioptre, not negative."""
    direction: Hundredths
    """Where its base lies: hundredths of a degree, 0 to 359.99, counter-clockwise from 3 o'clock, from the front."""


class BaseVector(NamedTuple):
    """A prism as the viewer sees it, in thousandths of a prism dioptre."""

    right: Thousandths
    """Base to the viewer's right."""
    up: Thousandths
    """Base up."""


NO_PRISM = Prism(0, 0)
"""No prism at all."""


def prism_from_base_setting(side: Side, magnitude: Hundredths, base_setting: Hundredths) -> Prism:
    """Return the horizontal and vertical parts of a prism, each rounded to the nearest 1/100 prism dioptre.

    horizontal = +-m cos(setting), + for the right and - for the left lens; vertical = m sin(setting).

    Args:
        side: the lens the prism belongs to.
        magnitude: hundredths of a prism dioptre, not negative.
        base_setting: hundredths of a degree, counter-clockwise from 3 o'clock as seen from the front.
    """
    angle = math.radians(base_setting / 100)
    to_the_right, up = magnitude * math.cos(angle), magnitude * math.sin(angle)
    return Prism(
        horizontal=_NASAL[side] * round_half_away(round(to_the_right, _EXACT)),
        vertical=round_half_away(round(up, _EXACT)),
    )


def base_setting(side: Side, prism: Prism) -> BaseSetting:
    """Return the polar form of a prism, magnitude and direction each rounded to the nearest 1/100.

    The direction of no prism is 0. Putting the rounded form back together gives the parts to 1/100 prism dioptre, as
    long as the magnitude is less than 50.
    """
    to_the_right = _NASAL[side] * prism.horizontal
    angle = math.degrees(math.atan2(prism.vertical, to_the_right)) % 360
    return BaseSetting(
        magnitude=round_half_away(round(math.hypot(to_the_right, prism.vertical), _EXACT)),
        direction=round_half_away(round(100 * angle, _EXACT)) % 360_00,
    )


def sum_of_prisms(*prisms: Prism) -> Prism:
    """Return what several prisms in the same lens make together. Exact."""
    return Prism(sum(prism.horizontal for prism in prisms), sum(prism.vertical for prism in prisms))


def prentice(power: SpheroCylinder, right: Thousandths, up: Thousandths) -> BaseVector:
    """Return the prism at a point when the optical centre lies away from it: Prentice's rule, power matrix times way.

    A plus lens moved to the right has its base to the right, a minus lens moved to the right its base to the left.

    Each part is rounded to the nearest 1/1000 prism dioptre (float error 1e-9).

    Args:
        power: of the lens.
        right: where the optical centre lies from the point looked through, to the viewer's right, in 1/1000 mm.
        up: the same upwards.
    """
    matrix = power_matrix(power)
    return BaseVector(
        round_half_away(round((matrix.xx * right + matrix.xy * up) / 10, _EXACT)),
        round_half_away(round((matrix.xy * right + matrix.yy * up) / 10, _EXACT)),
    )


def magnitude(vector: BaseVector) -> Thousandths:
    """Return the amount of a prism, to the nearest 1/1000 prism dioptre."""
    return round_half_away(round(math.hypot(*vector), _EXACT))


def as_prism(side: Side, vector: BaseVector) -> Prism:
    """Return a prism as it is prescribed for one eye, base in and base up, each to the nearest 1/100."""
    return Prism(_NASAL[side] * round_ratio(vector.right, 10), round_ratio(vector.up, 10))


def prism_thinning(add: Hundredths) -> Prism:
    """Return the prism that evens out the upper and the lower edge of a progressive: two thirds of the add, base down.

    It is ground into both lenses alike, so the eyes notice nothing. Rounded to the nearest 1/100 prism dioptre.
    """
    return Prism(0, -round_ratio(2 * add, 3))
