"""The units of the trade's measures, as rules write them, check them and say them.

Every measure is an integer of 1/100 of its unit (`optics.numbers`). The unit is what keeps a limit in dioptres from
being held against a width in millimetres; it is known where a rule is checked and gone where it is decided.

    unit            in an expression    in a given or a table    in a sentence
    dioptre         D(-8.00)            -8.00 D                  -8.00 D, +1.25 D
    prism dioptre   prism(10.00)        10.00 prism              10.00 prism dioptres
    millimetre      mm(52.00)           52.00 mm                 52.00 mm
    degree          deg(5.00)           5.00 deg                 5.00 degrees
    gram            g(25.00)            25.00 g                  25.00 g

A dioptre is two units here: a power carries its sign in a sentence, an amount (of cylinder, of a difference between the
eyes) does not. They are one dimension: a power and an amount can be compared and added.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from optics.numbers import Hundredths, NotANumberError, format_decimal, parse_decimal


class Unit(Enum):
    """The unit of a measure, which is held in 1/100 of it."""

    DIOPTRE = ("D", " D", "+", "dioptres")
    DIOPTRE_AMOUNT = ("D", " D", "", "dioptres")
    PRISM = ("prism", " prism dioptres", "", "prism dioptres")
    MILLIMETRE = ("mm", " mm", "", "millimetres")
    DEGREE = ("deg", " degrees", "", "degrees")
    GRAM = ("g", " g", "", "grams")

    def __init__(self, symbol: str, suffix: str, plus: str, words: str) -> None:
        self.symbol = symbol
        """How rules write it: the name of its function in an expression, the word behind a number elsewhere."""
        self.suffix = suffix
        """What stands behind a number in a sentence."""
        self.plus = plus
        """What stands before a number above zero in a sentence."""
        self.words = words
        """The unit's name in a sentence."""
        self.scale = 100
        """How many steps of the lattice make one of it."""

    @property
    def dimension(self) -> "Unit":
        """What it is a unit of: two units of one dimension can be compared and added."""
        return UNITS_BY_SYMBOL[self.symbol]


UNITS_BY_SYMBOL: Mapping[str, Unit] = {unit.symbol: unit for unit in Unit if unit is not Unit.DIOPTRE_AMOUNT}
"""The unit each symbol stands for; D is the power, which carries its sign."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number with its unit: hundredths of it, or a plain whole number where there is none."""

    value: int
    unit: Unit | None = None


def spoken(value: Hundredths, unit: Unit) -> str:
    """Return a value as the trade writes it: ``+1.25 D``, ``31.00 mm``. A power always carries its sign."""
    return f"{unit.plus if value > 0 else ''}{format_decimal(value, 2)}{unit.suffix}"


def written(value: int, unit: Unit | None) -> str:
    """Return a value as an expression writes it: ``D(-8.00)``, or ``90`` where it has no unit."""
    return str(value) if unit is None else f"{unit.symbol}({format_decimal(value, 2)})"


def parse_measure(text: str) -> Measure:
    """Return the measure a text gives: ``"-8.00 D"`` is -800 in dioptres, ``"90"`` is 90 without a unit.

    Raises:
        NumberError: the number is no plain decimal, or lies off the lattice (1/100; whole numbers without a unit).
        NotANumberError: nobody knows the unit; the message lists those there are.
    """
    number, _, symbol = text.strip().partition(" ")
    symbol = symbol.strip()
    if not symbol:
        return Measure(parse_decimal(number, 0))
    unit = UNITS_BY_SYMBOL.get(symbol)
    if unit is None:
        raise NotANumberError(f"there is no unit {symbol!r}; it can be: {', '.join(sorted(UNITS_BY_SYMBOL))}")
    return Measure(parse_decimal(number, 2), unit)
