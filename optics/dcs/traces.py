"""The traces of a file, the heights of the rim and the thicknesses of the edge: whether they are what they announce.

A trace may come as text or in a binary format (`optics.dcs.trace_formats`); higher format numbers mean different things
to different vendors and are kept raw. Which numbers belong to which announcement, `optics.dcs.datasets` knows.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from optics.dcs.datasets import MAX_SETS, Dataset, gather, note_bare_bytes, numbers, side_and_angles, trace_format
from optics.dcs.diagnostics import Notes
from optics.dcs.profiles import Heights, Thicknesses
from optics.dcs.records import Record
from optics.dcs.trace_formats import TraceFormat
from optics.eyes import Side
from optics.numbers import Hundredths, format_decimal
from optics.trace import Boxing, Trace, UnusableTraceError, measure, mirror_difference, outline

USUAL_RADII = 200
"""Fewest radii a device is expected to send; fewer are used with a warning."""

MAX_TRACES = MAX_SETS
"""Most traces in a file."""

MIRROR_TOLERANCE: Hundredths = 50
"""How far a left shape may be from the mirrored right one, in 1/100 mm. Real pairs were seen to differ by 1."""

_T = TypeVar("_T", Trace, Heights, Thicknesses)


@dataclass(frozen=True, slots=True)
class LocatedTrace:
    """A trace, its measures, and the line of its TRCFMT."""

    trace: Trace
    boxing: Boxing
    line: int


@dataclass(frozen=True, slots=True)
class Traced:
    """What a file's sets of numbers say, by side."""

    traces: Mapping[Side, LocatedTrace]
    heights: Mapping[Side, Heights]
    thicknesses: Mapping[Side, Thicknesses]


def read_traces(records: Iterable[Record], notes: Notes) -> Traced:
    """Return the usable sets of each side.

    Raises:
        TooLargeError: more than `MAX_TRACES` traces, or more than `MAX_RADII` radii in one.
    """
    datasets = gather(records, notes)
    traces = _by_side("TRCFMT", "trace", datasets, _trace, notes)
    heights = _by_side("ZFMT", "set of heights", datasets, _heights, notes)
    thicknesses = _by_side("STHKFMT", "set of thicknesses", datasets, _thicknesses, notes)
    traced = Traced(
        {side: LocatedTrace(trace, measure(outline(trace)), line) for side, (trace, line) in traces.items()},
        {side: found for side, (found, _) in heights.items()},
        {side: found for side, (found, _) in thicknesses.items()},
    )
    _check_mirror(traced.traces, notes)
    return traced


def _by_side(
    label: str,
    noun: str,
    datasets: Iterable[Dataset],
    read: Callable[[Dataset, TraceFormat, Notes], _T],
    notes: Notes,
) -> dict[Side, tuple[_T, int]]:
    """Return the first usable set of each side, with its line."""
    found: dict[Side, tuple[_T, int]] = {}
    for dataset in datasets:
        line = dataset.header.line
        if dataset.header.label != label or (form := trace_format(dataset, notes)) is None:
            continue
        try:
            one = read(dataset, form, notes)
        except UnusableTraceError as refused:
            notes.error(label, line, f"The {noun} {refused}. It is treated as absent.")
            continue
        note_bare_bytes(dataset, notes)
        if one.side in found:
            notes.warn(
                label, line, f"A second {noun} of {one.side.words}; the one in line {found[one.side][1]} is used."
            )
            continue
        found[one.side] = one, line
    return found


def _trace(dataset: Dataset, form: TraceFormat, notes: Notes) -> Trace:
    side, angles = side_and_angles(dataset, form)
    radii = numbers(dataset, form, "R")
    trace = Trace(side, radii, angles)
    if len(radii) < USUAL_RADII:
        notes.warn(
            "TRCFMT",
            dataset.header.line,
            f"The trace has {len(radii)} radii only; {USUAL_RADII} are expected at least.",
        )
    return trace


def _heights(dataset: Dataset, form: TraceFormat, _: Notes) -> Heights:
    side, angles = side_and_angles(dataset, form)
    return Heights(side, numbers(dataset, form, "Z"), angles)


def _thicknesses(dataset: Dataset, form: TraceFormat, _: Notes) -> Thicknesses:
    side, angles = side_and_angles(dataset, form)
    return Thicknesses(side, numbers(dataset, form, "R"), numbers(dataset, form, "T"), angles)


def _check_mirror(traces: Mapping[Side, LocatedTrace], notes: Notes) -> None:
    if len(traces) < len(Side):
        return
    difference = mirror_difference(traces[Side.RIGHT].trace, traces[Side.LEFT].trace)
    if difference > MIRROR_TOLERANCE:
        notes.warn(
            "TRCFMT",
            traces[Side.LEFT].line,
            f"The left trace differs from the mirrored right one by up to {format_decimal(difference, 2)} mm. Check "
            "that it was traced on the left, seen from the front.",
        )
