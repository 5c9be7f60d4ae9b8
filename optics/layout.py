"""Where the lens has to lie in its frame, and how large a blank that takes.

The prism reference point (PRP) of a lens belongs before the pupil; the box centre of the frame is somewhere else. The
distance between the two is the decentration: inwards, towards the nose, and upwards. The blank is ground about the PRP,
so it has to reach the farthest point of the lens from there.

The textbook sizes a blank as ED + 2 x decentration (+ an allowance). That is what is needed if the farthest point of
the shape happens to lie opposite the decentration, so with the decentration as a vector it is never too small, and
often some millimetres too large. Where there is an outline, the exact diameter is known.

Inwards is to the viewer's right on the right lens and to the left on the left one.
"""

import math

from optics.eyes import Side
from optics.numbers import Hundredths, Thousandths, round_half_away
from optics.shape import Shape


def decentration(a: Hundredths, dbl: Hundredths, pd: Hundredths) -> Thousandths:
    """Return how far inwards of the box centre the PRP lies: (A + DBL)/2 less the PD of that eye. Exact.

    Args:
        a: width of the box in hundredths of a millimetre.
        dbl: distance between the lenses.
        pd: monocular: from the middle of the nose to the pupil.
    """
    return 5 * (a + dbl) - 10 * pd


def vertical_decentration(b: Hundredths, height: Hundredths) -> Thousandths:
    """Return how far above the box centre a point lies that is `height` above the lowest point of the lens. Exact.

    Args:
        b: height of the box in hundredths of a millimetre.
        height: of the point, from the lower edge of the box.
    """
    return 10 * height - 5 * b


def reference_point(side: Side, dec_in: Thousandths, dec_up: Thousandths) -> tuple[float, float]:
    """Return the place of the PRP in millimetres from the box centre, to the viewer's right and upwards."""
    return (dec_in if side is Side.RIGHT else -dec_in) / 1000, dec_up / 1000


def minimum_blank(shape: Shape, side: Side, dec_in: Thousandths, dec_up: Thousandths) -> Thousandths:
    """Return the diameter of the smallest blank about the PRP that covers `shape`, without any allowance.

    Twice the distance from the PRP to the farthest point of the outline, to the nearest 1/1000 mm (float error 1e-12).
    """
    x, y = reference_point(side, dec_in, dec_up)
    to_the_right, up = shape.x - x, shape.y - y
    return round_half_away(2000 * math.sqrt(float((to_the_right * to_the_right + up * up).max())))


def minimum_blank_by_formula(ed: Thousandths, dec_in: Thousandths, dec_up: Thousandths) -> Thousandths:
    """Return the blank that covers any shape of an effective diameter: ED + 2 x decentration, without any allowance.

    The decentration counts as a vector; with `dec_up` 0 it is the textbook's formula. Rounded up to 1/1000 mm, exactly.

    Args:
        ed: effective diameter about the box centre, in thousandths of a millimetre.
        dec_in: decentration inwards.
        dec_up: decentration upwards.
    """
    square = 4 * (dec_in * dec_in + dec_up * dec_up)
    root = math.isqrt(square)
    return ed + root + (root * root < square)
