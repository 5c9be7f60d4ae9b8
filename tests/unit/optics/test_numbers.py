from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optics.numbers import (
    NotANumberError,
    NumberError,
    OffLatticeError,
    format_decimal,
    parse_decimal,
    parse_hundredths,
    round_half_away,
    round_ratio,
    to_hundredths,
)


@pytest.mark.parametrize(
    ("text", "hundredths"),
    [
        ("1", 100),
        ("-1.25", -125),
        ("+2.5", 250),
        (".5", 50),
        ("5.", 500),
        ("-0.00", 0),
        ("0.1", 10),
        ("62.000", 6200),
        (" 31.50\t", 3150),
        ("-00.07", -7),
    ],
)
def test_decimal_text_is_read_exactly(text: str, hundredths: int) -> None:
    """Signs, bare points, trailing zeros and surrounding spaces do not change the value."""
    assert parse_hundredths(text) == hundredths


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", ".", "-", "abc", "nan", "NaN", "inf", "-Infinity", "1e3", "1,25", "1.2.3", "--1", "1 2", "1_0"),
        *("0x1F", "\u0661\u0662", "1\n", "9" * 10, "9" * 100_000),
    ],
)
def test_text_that_is_no_plain_decimal_is_refused(text: str) -> None:
    """NaN, infinities, exponents, commas, other scripts' digits and endless digits are not numbers here."""
    with pytest.raises(NotANumberError):
        parse_hundredths(text)


@pytest.mark.parametrize(("text", "places"), [("1.125", 2), ("-0.001", 2), ("150.7591", 3), ("90.5", 0)])
def test_a_number_finer_than_its_lattice_is_refused(text: str, places: int) -> None:
    """Nothing is rounded silently."""
    with pytest.raises(OffLatticeError):
        parse_decimal(text, places)


@given(st.integers(-999_999_999, 999_999_999), st.integers(0, 4))
def test_formatting_and_parsing_are_inverse(value: int, places: int) -> None:
    """What is written as decimal text is read back as the same integer."""
    assert parse_decimal(format_decimal(value, places), places) == value


@given(st.text(max_size=40), st.integers(0, 4))
def test_any_text_gives_an_integer_or_a_number_error(text: str, places: int) -> None:
    """No text makes the parser fail in another way."""
    with suppress(NumberError):
        assert isinstance(parse_decimal(text, places), int)


def test_halves_are_rounded_away_from_zero() -> None:
    """A value and its mirror image round to the same magnitude."""
    assert [round_half_away(value) for value in (0.5, -0.5, 1.5, -2.5, 2.4, -2.4)] == [1, -1, 2, -3, 2, -2]
    assert (to_hundredths(51_005), to_hundredths(-51_005), to_hundredths(51_004)) == (5101, -5101, 5100)


@pytest.mark.parametrize(
    ("numerator", "denominator", "nearest"),
    [(1, 2, 1), (-1, 2, -1), (1, -2, -1), (-1, -2, 1), (3, 2, 2), (-5, 2, -3), (7, 3, 2), (8, 3, 3), (0, -7, 0)],
)
def test_a_ratio_is_rounded_halves_away_from_zero(numerator: int, denominator: int, nearest: int) -> None:
    """Whichever of the two carries the sign."""
    assert round_ratio(numerator, denominator) == nearest


@given(st.integers(-(10**30), 10**30), st.integers(-(10**20), 10**20).filter(bool))
def test_a_ratio_of_any_size_is_rounded_exactly(numerator: int, denominator: int) -> None:
    """Never more than half away, where a float would have lost its digits."""
    assert abs(2 * (round_ratio(numerator, denominator) * denominator - numerator)) <= abs(denominator)
