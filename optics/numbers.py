"""Exact numbers: decimal text to integers on a lattice, and back.

A dioptre step, a millimetre of height and a prism limit are decimal by definition. Held as binary floats they would
drift off the values the trade writes, and a limit such as "up to -8.00" would be a matter of luck. Held as integers of
1/100 they are exact, they compare exactly, and there is neither a NaN nor a minus zero.

This is the one place where decimal text becomes such an integer. What is refused:

    ValueError
    └── NumberError
        ├── NotANumberError   "abc", "", "nan", "inf", "1e3", "1,25", or more digits than any measure has
        └── OffLatticeError   "1.125" where hundredths are asked for: a number, but rounding it would be a guess
"""

import math
import re
from typing import TypeAlias

Hundredths: TypeAlias = int
"""An integer of 1/100 of the unit named beside it: -125 is -1.25 D, 5100 is 51.00 mm, 9000 is 90.00 degrees."""

Thousandths: TypeAlias = int
"""An integer of 1/1000 of the unit named beside it: 150759 is 150.759 mm."""

# Nine digits hold any measure of an optical lab in any unit; the bound keeps the work per number constant.
_DECIMAL = re.compile(r"([+-]?)(?=\.?[0-9])([0-9]{0,9})(?:\.([0-9]{0,9}))?")


class NumberError(ValueError):
    """The text does not give a number that can be used as it stands."""


class NotANumberError(NumberError):
    """The text is not a plain decimal number."""


class OffLatticeError(NumberError):
    """The text is a number, but finer than the lattice it has to lie on."""


def parse_decimal(text: str, places: int) -> int:
    """Return the decimal `text` as an integer of 10**-places, exactly.

    Spaces around the number, a leading plus and trailing zeros are accepted: ``" +1.250"`` is 125 at two places.

    Raises:
        NotANumberError: the text is not a plain decimal number.
        OffLatticeError: it has a non-zero digit beyond `places`.
    """
    match = _DECIMAL.fullmatch(text.strip(" \t"))
    if match is None:
        raise NotANumberError("not a plain decimal number")
    sign, whole, fraction = match[1], match[2], match[3] or ""
    if fraction[places:].strip("0"):
        raise OffLatticeError(f"finer than {places} decimals" if places else "not a whole number")
    magnitude = int(f"0{whole}{fraction[:places]:0<{places}}")
    return -magnitude if sign == "-" else magnitude


def parse_hundredths(text: str) -> Hundredths:
    """Return the decimal `text` in hundredths, exactly: ``"-1.25"`` is -125.

    Raises:
        NumberError: as `parse_decimal`.
    """
    return parse_decimal(text, 2)


def format_decimal(value: int, places: int) -> str:
    """Return an integer of 10**-places as decimal text: -125 at two places is ``"-1.25"``."""
    if places == 0:
        return str(value)
    whole, fraction = divmod(abs(value), 10**places)
    return f"{'-' if value < 0 else ''}{whole}.{fraction:0{places}d}"


def round_half_away(value: float) -> int:
    """Return the nearest integer, halves away from zero: what a hand calculation and a lens meter do.

    The direction does not depend on parity, so a prism and its mirror image round to the same magnitude.
    """
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def round_ratio(numerator: int, denominator: int) -> int:
    """Return numerator / denominator as the nearest integer, halves away from zero, exactly: no float is involved.

    Raises:
        ZeroDivisionError: the denominator is zero.
    """
    magnitude = (2 * abs(numerator) + abs(denominator)) // (2 * abs(denominator))
    return magnitude if (numerator < 0) == (denominator < 0) else -magnitude


def to_hundredths(value: Thousandths) -> Hundredths:
    """Return `value` rounded to the nearest 1/100, halves away from zero."""
    return round_half_away(value / 10)
