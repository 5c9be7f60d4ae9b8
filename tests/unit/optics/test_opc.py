import pytest
from hypothesis import given
from hypothesis import strategies as st

from optics.opc import check_digit, is_opc, is_own_numbering

payloads = st.text("0123456789", min_size=9, max_size=9)


@pytest.mark.parametrize(
    ("payload", "digit", "source"),
    [
        ("020711721", "9", "makebarcode.com/specs/opc.html"),
        ("020489713", "6", "aml.manymanuals.it, scanner M3000, user's guide"),
        ("019230188", "5", "OPC=0192301885 of a real job"),
    ],
)
def test_a_check_digit_is_as_published(payload: str, digit: str, source: str) -> None:
    """Weights 2 1 2 ... from the left, modulo 10."""
    assert check_digit(payload) == digit, source
    assert is_opc(payload + digit), source


@pytest.mark.parametrize(
    "text", ["", "63903", "0207117", "02071172199", "020711721O", "\u0660207117219", "020711721\n", " 207117219"]
)
def test_what_is_not_ten_digits_is_no_code(text: str) -> None:
    """A real job carries OPC=63903; other scripts' digits, letters and spaces are none either."""
    assert not is_opc(text)
    with pytest.raises(ValueError, match="no OPC"):
        is_own_numbering(text)
    with pytest.raises(ValueError, match="nine digits"):
        check_digit(text)


@given(payloads, st.integers(0, 9), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(payload: str, place: int, step: int) -> None:
    """Whichever it is, and whatever it became."""
    code = payload + check_digit(payload)
    wrong = str((int(code[place]) + step) % 10)
    assert is_opc(code)
    assert not is_opc(code[:place] + wrong + code[place + 1 :])


@given(payloads, st.integers(0, 8))
def test_neighbours_that_changed_places_are_noticed(payload: str, place: int) -> None:
    """Unless they are the same, or 0 and 9, which weigh alike."""
    code = payload + check_digit(payload)
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert is_opc(swapped) == (code[place] == code[place + 1] or {code[place], code[place + 1]} == {"0", "9"})


def test_a_labs_own_numbers_begin_at_99990() -> None:
    """Manufacturers 99990 to 99999 are kept for them (barcodeguide.seagullscientific.com)."""
    own, other = "999901234", "999890123"
    assert is_own_numbering(own + check_digit(own))
    assert not is_own_numbering(other + check_digit(other))
