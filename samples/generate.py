"""Write the sample jobs of this folder: ``python samples/generate.py``, where the project is installed.

Everything in them is invented. The shapes come from the formula in `_radius`; the stated boxes, effective diameters
and circumferences are measured on those shapes, so that a file agrees with itself. The same code gives the same bytes.
"""

import math
from pathlib import Path

from optics.eyes import Side
from optics.numbers import format_decimal, round_half_away, to_hundredths
from optics.trace import Trace, measure, mirrored, outline

POINTS = 400
RADII_PER_RECORD = 10


def samples() -> dict[str, bytes]:
    """Return the content of each sample by its file name."""
    return {
        "progressive-job.oma": _progressive_job(),
        "single-vision-job.oma": _single_vision_job(),
        "frame-only.oma": _frame_only(),
    }


def _progressive_job() -> bytes:
    right = _right_trace(half_width=26.0, half_height=19.2, squareness=2.6, cut=0.09)
    return _file(
        "REQ=FIL",
        "JOB=900001",
        "ACCN=100200",
        "RXNM=RX-2041",
        "CLIENT=5093",
        "DO=B",
        "SPH=-2.25;-1.75",
        "CYL=-0.75;-1.00",
        "AX=175;10",
        "ADD=2.00;2.00",
        "IPD=32.00;31.50",
        "NPD=29.75;29.25",
        "SEGHT=19.00;18.50",
        "OCHT=19.00;18.50",
        *_boxed(right),
        "DBL=18.00",
        "FTYP=1",
        "ETYP=1",
        "ZTILT=5.00;5.00",
        "PANTO=8.00;8.00",
        "BVD=13.00;13.00",
        "LNAM=COMFORT-PAL",
        "LMATID=MR8",
        "LIND=1.600",
        "LTYPE=PR",
        "COLR=CLEAR",
        "ACOAT=HC-AR",
        *_traced(right, "F"),
    )


def _single_vision_job() -> bytes:
    right = _right_trace(half_width=25.0, half_height=17.5, squareness=2.3, cut=0.06)
    return _file(
        "REQ=FIL",
        "JOB=900002",
        "ACCN=100200",
        "RXNM=RX-2042",
        "CLIENT=5177",
        "DO=B",
        "SPH=-1.50;-1.25",
        "CYL=0.00;-0.50",
        "AX=0;90",
        "IPD=31.50;32.00",
        "OCHT=18.00;18.00",
        *_boxed(right),
        "DBL=19.00",
        "FTYP=2",
        "ETYP=1",
        "ZTILT=4.00;4.00",
        "PANTO=6.00;6.00",
        "BVD=12.50;12.50",
        "LNAM=SV-ASPHERIC",
        "LMATID=CR39",
        "LIND=1.498",
        "LTYPE=SV",
        "COLR=CLEAR",
        "ACOAT=HC-AR",
        *_traced(right, "F"),
    )


def _frame_only() -> bytes:
    right = _right_trace(half_width=26.5, half_height=20.0, squareness=2.8, cut=0.10)
    return _file(
        "REQ=FRM",
        "FMFR=EXAMPLE EYEWEAR",
        "FRAM=HARBOUR 53",
        "EYESIZ=53",
        *_boxed(right),
        "DBL=17.00",
        "FTYP=1",
        "ETYP=1",
        "ZTILT=6.00",
        *_traced(right, "P"),
    )


def _right_trace(*, half_width: float, half_height: float, squareness: float, cut: float) -> Trace:
    return Trace(
        Side.RIGHT,
        tuple(
            round_half_away(100 * _radius(360 * index / POINTS, half_width, half_height, squareness, cut))
            for index in range(POINTS)
        ),
    )


def _radius(degrees: float, half_width: float, half_height: float, squareness: float, cut: float) -> float:
    """Return the radius in millimetres: a superellipse, cut away where the nose is.

    On the superellipse |x / half_width|^n + |y / half_height|^n = 1. The cut takes off a part of the radius, most
    towards 315 degrees (lower nasal on a right lens), fading as a bell of 30 degrees.
    """
    angle = math.radians(degrees)
    across = abs(math.cos(angle) / half_width) ** squareness
    upright = abs(math.sin(angle) / half_height) ** squareness
    off_the_cut = (degrees - 315 + 180) % 360 - 180
    return math.pow(across + upright, -1 / squareness) * (1 - cut * math.exp(-((off_the_cut / 30) ** 2)))


def _boxed(right: Trace) -> tuple[str, ...]:
    boxing = measure(outline(right))
    sizes = {
        "HBOX": format_decimal(to_hundredths(boxing.a), 2),
        "VBOX": format_decimal(to_hundredths(boxing.b), 2),
        "FED": format_decimal(to_hundredths(boxing.ed_about_box), 2),
        "CIRC": format_decimal(boxing.circumference, 3),
    }
    return tuple(f"{label}={size};{size}" for label, size in sizes.items())


def _traced(right: Trace, kind: str) -> tuple[str, ...]:
    return tuple(record for trace in (right, mirrored(right)) for record in _trace_records(trace, kind))


def _trace_records(trace: Trace, kind: str) -> tuple[str, ...]:
    starts = range(0, POINTS, RADII_PER_RECORD)
    rows = (trace.radii[start : start + RADII_PER_RECORD] for start in starts)
    return (f"TRCFMT=1;{POINTS};E;{trace.side};{kind}", *(f"R={';'.join(map(str, row))}" for row in rows))


def _file(*records: str) -> bytes:
    return "".join(f"{record}\n" for record in records).encode()


if __name__ == "__main__":
    for name, content in samples().items():
        (Path(__file__).parent / name).write_bytes(content)
