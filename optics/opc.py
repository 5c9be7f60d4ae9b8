"""The Optical Product Code: ten digits on the box of every lens blank in North America.

Five digits name the manufacturer (99990 to 99999 are kept for a company's own numbering), four the item, and the last
one checks the others: modulo 10, weights 2 1 2 ... from the left, two-digit products summed digit by digit.

Sources: opccouncil.org; barcodeguide.seagullscientific.com (layout); makebarcode.com/specs/opc.html (check digit).
"""

import re

_PAYLOAD = re.compile(r"[0-9]{9}")
_CODE = re.compile(r"[0-9]{10}")

_FIRST_OF_OWN_NUMBERING = "99990"


def check_digit(payload: str) -> str:
    """Return the digit that belongs behind the nine digits of manufacturer and item.

    Raises:
        ValueError: these are not nine digits.
    """
    if not _PAYLOAD.fullmatch(payload):
        raise ValueError(f"{payload[:20]!r} is not the nine digits of manufacturer and item")
    weighted = (int(digit) * (2 - place % 2) for place, digit in enumerate(payload))
    return str(-sum(product // 10 + product % 10 for product in weighted) % 10)


def is_opc(code: str) -> bool:
    """Tell whether `code` is ten digits, the last of which checks. One wrong digit is always noticed.

    So are two neighbours that changed places, unless they are 0 and 9.
    """
    return bool(_CODE.fullmatch(code)) and check_digit(code[:-1]) == code[-1]


def is_own_numbering(code: str) -> bool:
    """Tell whether `code` lies in the range that no manufacturer has: every lab may number its own blanks there.

    Raises:
        ValueError: `code` is no OPC.
    """
    if not is_opc(code):
        raise ValueError(f"{code[:20]!r} is no OPC: ten digits, the last of which checks the others")
    return code >= _FIRST_OF_OWN_NUMBERING
