"""Prescribed prism: a magnitude with a base setting, or its horizontal and vertical parts.

Machines and job files give prism in polar form: a magnitude and the direction of the base, 0 to 360 degrees counted
counter-clockwise from 3 o'clock, as somebody looking at the wearer sees it. Practices write base in, out, up and down.
The two differ by side: seen from the front the nose lies at 3 o'clock of a right lens and at 9 o'clock of a left one,
so the same setting of 0 degrees is base in for the right eye and base out for the left.
"""

import math
from dataclasses import dataclass

from optics.eyes import Side
from optics.numbers import Hundredths, round_half_away

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
