"""The traces of a file: which records belong to which trace, and whether they describe a shape.

A trace is announced by ``TRCFMT=format;count;mode;side;kind``. Its radii follow in R records of as many values as the
writer likes, and in mode U its angles in A records, both as integers of 1/100. Only format 1, text, is open; 2 to 4
are binary, and higher numbers mean different things to different vendors.

A trace is used whole or not at all: with one radius lost, all later ones would sit at wrong angles.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from optics.dcs.diagnostics import Notes, quoted
from optics.dcs.errors import TooLargeError
from optics.dcs.records import Record, is_absent, slots
from optics.eyes import Side
from optics.numbers import Hundredths, NumberError, format_decimal, parse_decimal
from optics.trace import MAX_RADII, Boxing, Trace, UnusableTraceError, measure, mirror_difference, outline

USUAL_RADII = 200
"""Fewest radii a device is expected to send; fewer are used with a warning."""

MAX_TRACES = 16
"""Most traces in a file. A job has two; a frame, its pattern and its demo lens in two formats a side make twelve."""

MIRROR_TOLERANCE: Hundredths = 50
"""How far a left shape may be from the mirrored right one, in 1/100 mm. Real pairs were seen to differ by 1."""

_NO_TRACE, _TEXT_TRACE = "0", "1"
_OTHER_TRACES = {"2": "an absolute binary", "3": "a differential binary", "4": "a packed binary"}


@dataclass(frozen=True, slots=True)
class LocatedTrace:
    """A trace, its measures, and the line of its TRCFMT."""

    trace: Trace
    boxing: Boxing
    line: int


@dataclass(slots=True)
class _TraceRecords:
    """A TRCFMT with the R and A records that belong to it."""

    header: Record
    radii: list[str] = field(default_factory=list)
    angles: list[str] = field(default_factory=list)


def read_traces(records: Iterable[Record], notes: Notes) -> dict[Side, LocatedTrace]:
    """Return the usable trace of each side.

    Raises:
        TooLargeError: more than `MAX_TRACES` traces, or more than `MAX_RADII` radii in one.
    """
    traces: dict[Side, LocatedTrace] = {}
    for found in _trace_records(records, notes):
        line = found.header.line
        try:
            trace = _trace(found, notes)
        except UnusableTraceError as refused:
            notes.error("TRCFMT", line, f"The trace {refused}. It is treated as absent.")
            continue
        if trace is None:
            continue
        if trace.side in traces:
            notes.warn(
                "TRCFMT",
                line,
                f"A second trace of {trace.side.words}; the one in line {traces[trace.side].line} is used.",
            )
            continue
        traces[trace.side] = LocatedTrace(trace, measure(outline(trace)), line)
    _check_mirror(traces, notes)
    return traces


def _trace_records(records: Iterable[Record], notes: Notes) -> list[_TraceRecords]:
    """Gather the records of each trace. R and A belong to the TRCFMT before them; after STHKFMT, R is of thickness."""
    found: list[_TraceRecords] = []
    owner: _TraceRecords | str | None = None
    strays: list[Record] = []
    for record in records:
        match record.label, owner:
            case "TRCFMT", _:
                owner = _TraceRecords(record)
                found.append(owner)
                if len(found) > MAX_TRACES:
                    raise TooLargeError(
                        f"Line {record.line}: the file has more than {MAX_TRACES} traces. Send one job per file."
                    )
            case "STHKFMT", _:
                owner = record.label
            case "R" | "A", None:
                strays.append(record)
            case "R", _TraceRecords(radii=values):
                _extend(values, record)
            case "A", _TraceRecords(angles=values):
                _extend(values, record)
    if strays:
        first = strays[0]
        notes.warn(
            first.label,
            first.line,
            f"{first.label} stands before any TRCFMT, {len(strays)} records in all; they belong to no trace.",
        )
    return found


def _extend(values: list[str], record: Record) -> None:
    found = slots(record.value)
    values.extend(found[:-1] if found[-1] == "" else found)  # writers end a line in a semicolon as often as not
    if len(values) > MAX_RADII:
        raise TooLargeError(
            f"Line {record.line}: the trace has more than {MAX_RADII} {record.label} values, the most a side can have. "
            "Trace with fewer points."
        )


def _trace(found: _TraceRecords, notes: Notes) -> Trace | None:
    """Return the trace, or None where there is none to read.

    Raises:
        UnusableTraceError: it is a text trace, and a broken one.
    """
    form, count, mode, side = (*slots(found.header.value), "", "", "", "")[:4]
    if form == _NO_TRACE:
        return None
    if form != _TEXT_TRACE:
        meaning = _OTHER_TRACES.get(form, "a vendor's own")
        notes.warn(
            "TRCFMT",
            found.header.line,
            f"The trace is in format {quoted(form)}, {meaning} format; it is kept and not interpreted. "
            "Ask for TRCFMT=1.",
        )
        return None
    if side not in set(Side):
        raise UnusableTraceError(f"is of side {quoted(side)}; R or L is expected")
    if mode not in ("E", "U"):
        raise UnusableTraceError(f"has the mode {quoted(mode)}; E (evenly spaced) or U (uneven) is expected")
    radii = _lattice_values(found.radii)
    if _lattice_values([count]) != (len(radii),):
        raise UnusableTraceError(
            f"announces {count or 'no'} radii and {len(radii)} follow, so its angles are not known"
        )
    trace = Trace(Side(side), radii, _lattice_values(found.angles) if mode == "U" else None)
    if len(radii) < USUAL_RADII:
        notes.warn(
            "TRCFMT", found.header.line, f"The trace has {len(radii)} radii only; {USUAL_RADII} are expected at least."
        )
    return trace


def _lattice_values(texts: Iterable[str]) -> tuple[Hundredths, ...]:
    """Return radii or angles, which are written as integers of 1/100; an unknown one is 0, as a missed point is."""
    try:
        return tuple(0 if is_absent(text) else parse_decimal(text, 0) for text in texts)
    except NumberError as refused:
        raise UnusableTraceError(f"has a value that is {refused}") from refused


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
