"""Units: how a measure is written in a rule, and how it is said."""

import pytest

from optics.numbers import NotANumberError, NumberError, OffLatticeError
from rules.units import UNITS_BY_SYMBOL, Measure, Unit, parse_measure, spoken, written


@pytest.mark.parametrize(
    ("value", "unit", "said", "in_a_rule"),
    [
        (125, Unit.DIOPTRE, "+1.25 D", "D(1.25)"),
        (-800, Unit.DIOPTRE, "-8.00 D", "D(-8.00)"),
        (0, Unit.DIOPTRE, "0.00 D", "D(0.00)"),
        (125, Unit.DIOPTRE_AMOUNT, "1.25 D", "D(1.25)"),
        (350, Unit.PRISM, "3.50 prism dioptres", "prism(3.50)"),
        (3105, Unit.MILLIMETRE, "31.05 mm", "mm(31.05)"),
        (-50, Unit.DEGREE, "-0.50 degrees", "deg(-0.50)"),
        (1200, Unit.GRAM, "12.00 g", "g(12.00)"),
    ],
)
def test_a_measure_is_said_as_the_trade_does_and_written_as_rules_do(
    value: int, unit: Unit, said: str, in_a_rule: str
) -> None:
    """A power carries its sign, an amount does not."""
    assert (spoken(value, unit), written(value, unit)) == (said, in_a_rule)


def test_a_plain_number_is_written_as_it_is() -> None:
    """It has no unit."""
    assert written(90, None) == "90"


@pytest.mark.parametrize(
    ("text", "measure"),
    [
        ("-8.00 D", Measure(-800, Unit.DIOPTRE)),
        ("+8 D", Measure(800, Unit.DIOPTRE)),
        (" 52.5  mm ", Measure(5250, Unit.MILLIMETRE)),
        ("10 prism", Measure(1000, Unit.PRISM)),
        ("5 deg", Measure(500, Unit.DEGREE)),
        ("25.00 g", Measure(2500, Unit.GRAM)),
        ("90", Measure(90)),
    ],
)
def test_a_measure_is_read_with_its_unit(text: str, measure: Measure) -> None:
    """Hundredths of it, or a whole number without one."""
    assert parse_measure(text) == measure


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("8.005 D", OffLatticeError, "finer than 2 decimals"),
        ("8.5", OffLatticeError, "not a whole number"),
        ("eight D", NotANumberError, "not a plain decimal"),
        ("", NotANumberError, "not a plain decimal"),
        ("8.00 dpt", NotANumberError, "there is no unit 'dpt'; it can be: D, deg, g, mm, prism"),
    ],
)
def test_a_measure_that_cannot_be_read_is_refused(text: str, error: type[NumberError], message: str) -> None:
    """It is never guessed."""
    with pytest.raises(error, match=message):
        parse_measure(text)


def test_a_power_and_an_amount_are_one_dimension() -> None:
    """Their symbol stands for the power; every other unit is its own."""
    assert Unit.DIOPTRE_AMOUNT.dimension is Unit.DIOPTRE
    assert all(unit.dimension is unit for unit in UNITS_BY_SYMBOL.values())
    assert set(UNITS_BY_SYMBOL.values()) == set(Unit) - {Unit.DIOPTRE_AMOUNT}
