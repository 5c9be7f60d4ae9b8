"""Draws codes that scanners read, as SVG documents: Code 128 for lasers, QR for cameras.

One unit of a drawing is one module, the narrowest bar or the smallest square, and the quiet zone that a code needs to
be found is part of it: whoever places it chooses how wide a module is printed, and stretches bars only upwards.
"""

import io
from itertools import groupby

import segno
from barcode.codex import Code128

QUIET = 10
"""Modules of white that Code 128 wants on both sides."""
_QUIET_AROUND = 4
"""Modules of white that a QR code wants all around."""


def code128(text: str) -> str:
    """Returns printable ASCII as bars one unit high; without its text, which belongs to who places it.

    Raises:
        barcode.errors.IllegalCharacterError: Code 128 has no such character.
    """
    (modules,) = Code128(text).build()
    bars, place = [], QUIET
    for module, run in groupby(modules):
        wide = len(list(run))
        if module == "1":
            bars.append(f"M{place} 0h{wide}v1h-{wide}z")
        place += wide
    view = f'viewBox="0 0 {place + QUIET} 1" preserveAspectRatio="none"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {view}><path d="{"".join(bars)}"/></svg>'


def modules_of(text: str) -> int:
    """Returns how many modules wide a text is in Code 128, the quiet zone on both sides included."""
    (modules,) = Code128(text).build()
    return len(modules) + 2 * QUIET


def qr(text: str) -> str:
    """Returns a text as a QR code that a quarter of may be dirty."""
    drawn = io.BytesIO()
    segno.make_qr(text, error="q").save(
        drawn, kind="svg", xmldecl=False, svgclass=None, lineclass=None, border=_QUIET_AROUND
    )
    return drawn.getvalue().decode()
