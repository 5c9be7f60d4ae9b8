"""What is drawn can be read back, bar by bar."""

import re
from itertools import pairwise

import pytest
from barcode.charsets.code128 import CODES, STOP
from barcode.errors import IllegalCharacterError
from hypothesis import given
from hypothesis import strategies as st

from chassis.codes import QUIET, code128, modules_of, qr

# What the values of Code 128 mean in its set B, and how it goes to set C and back.
_START_B, _START_C, _TO_C, _TO_B = 104, 105, 99, 100


def scanned(svg: str) -> str:
    """Returns what a scanner reads: the bars as widths, the values by their patterns, checked by their sum."""
    bars = [(int(x), int(wide)) for x, wide in re.findall(r"M(\d+) 0h(\d+)v1", svg)]
    assert bars[0][0] == QUIET
    modules = "".join(
        "1" * wide + "0" * (following - start - wide) for (start, wide), (following, _) in pairwise([*bars, (0, 0)])
    )
    assert modules.endswith(STOP + "11")
    modules = modules.removesuffix(STOP + "11")
    values = [CODES.index(modules[place : place + 11]) for place in range(0, len(modules), 11)]
    *data, check = values
    assert check == (data[0] + sum(place * value for place, value in enumerate(data[1:], 1))) % 103
    text, in_c = "", data[0] == _START_C
    assert data[0] in {_START_B, _START_C}
    for value in data[1:]:
        if in_c and value < _TO_C + 1:
            text += f"{value:02}"
        elif value in {_TO_B, _TO_C}:
            in_c = value == _TO_C
        else:
            text += chr(value + 32)
    return text


@pytest.mark.parametrize("text", ["jobs/1", "jobs/900001", "picking", "0123456784", "sf-cr39-400-70"])
def test_bars_say_the_text(text: str) -> None:
    """A job, a station, an optical product code, a blank."""
    assert scanned(code128(text)) == text


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789-./", min_size=1, max_size=40))
def test_bars_say_any_id(text: str) -> None:
    """Whatever an id is made of; the drawing is as wide as is said."""
    svg = code128(text)

    assert scanned(svg) == text
    assert f'viewBox="0 0 {modules_of(text)} 1"' in svg


def test_what_no_bars_can_say_is_refused() -> None:
    """Rather than left out."""
    with pytest.raises(IllegalCharacterError):
        code128("jobs/\N{CYRILLIC SMALL LETTER A}")


def test_a_qr_code_is_one_drawing_and_the_same_again() -> None:
    """A document of its own, which keeps white around it."""
    svg = qr("jobs/900001")

    assert svg.startswith("<svg ")
    assert svg == qr("jobs/900001")
    assert svg != qr("jobs/900002")
