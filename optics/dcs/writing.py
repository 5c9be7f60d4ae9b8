"""Writing a job as DCS text, strictly: what is written is read back as the same job, or it is not written.

The reader takes what real systems send; the writer sends what the standard allows. Labels of twelve characters at most,
records of eighty, ASCII without control characters, lines ended by CR LF, radii ten to a record, right before left, one
order of the labels; a binary trace is one record, as long as it is. A text that would be read as something else (two
slots, an unknown) is quoted, and where quotes do not help, refused. A number outside the range the reader takes is
refused, for the reader would ignore it.

What a job does not know is not written. A patient's name is not part of a job and so never written.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from optics.dcs.diagnostics import Notes
from optics.dcs.drilling import Drill, drill_fields, read_drills
from optics.dcs.errors import UnsayableError
from optics.dcs.interpretation import PATIENT_NUMBER
from optics.dcs.job import DcsJob, Eye
from optics.dcs.labels import LABELS, Label
from optics.dcs.profiles import Heights, Thicknesses
from optics.dcs.records import NUMBERED_BY, Record, is_absent, slots
from optics.dcs.trace_formats import TraceFormat, encode
from optics.eyes import Side
from optics.numbers import Hundredths, format_decimal, round_half_away
from optics.prism import Prism, prism_from_base_setting
from optics.trace import FULL_TURN, Trace, UnusableTraceError

CR_LF, LF, CR = b"\r\n", b"\n", b"\r"
"""The line ends: the standard's, that of files on some systems, and that of some devices' packets."""

MAX_RECORD = 80
"""Most characters of a record, its line end not counted."""

MAX_LABEL = 12
"""Most characters of a label."""

NUMBERS_PER_RECORD = 10
"""How many radii, angles, heights or thicknesses a record takes."""

_LABEL = re.compile(rf"[A-Z_.][A-Z0-9_.]{{0,{MAX_LABEL - 1}}}")
_NOT_PRINTABLE = re.compile(r"[^ -~]")
_REPEATABLE = frozenset({"XSTATUS", "DRILLE", "REM", "D"})
_SETS = frozenset({*NUMBERED_BY, *chain.from_iterable(NUMBERED_BY.values()), "DRILLE"})
_NASAL = {Side.RIGHT: 1, Side.LEFT: -1}


class TraceKind(StrEnum):
    """What was traced: the last field of TRCFMT."""

    FRAME = "F"
    PATTERN = "P"
    DEMO_LENS = "D"


@dataclass(frozen=True, slots=True)
class Entry:
    """A record to be written."""

    label: str
    fields: tuple[str, ...]
    """Its slots, unquoted. An empty one is absent."""


@dataclass(frozen=True, slots=True)
class BinaryEntry:
    """A record to be written whose value is the bytes of a binary trace, escaped."""

    label: str
    data: bytes


def write(
    job: DcsJob,
    *,
    also: Sequence[Entry] = (),
    trace_format: TraceFormat = TraceFormat.TEXT,
    trace_kind: TraceKind = TraceKind.FRAME,
    ending: bytes = CR_LF,
) -> bytes:
    """Return `job` as a DCS file.

    Args:
        job: what to say. Its diagnostics, and whether a name stood in its file, are not said.
        also: further records, a vendor's own for instance, that a job has no place for. They stand before the traces.
        trace_format: how the numbers of traces and heights are written. Thicknesses are always text.
        trace_kind: what was traced.
        ending: the line end.

    Raises:
        UnsayableError: it cannot be said; the message names the label and the way out.
    """
    said = said_records(job)
    taken = {entry.label for entry in said}
    for entry in also:
        if entry.label in _SETS:
            raise UnsayableError(
                f"{entry.label} belongs to a trace, heights, thicknesses or drills. Give the job those instead."
            )
        if entry.label in taken and entry.label not in _REPEATABLE:
            raise UnsayableError(
                f"{entry.label} is said twice. Leave it out of the further records, or out of the job."
            )
        taken.add(entry.label)
    sets: list[Entry | BinaryEntry] = []
    for eye in (job.right, job.left):
        if eye.trace is not None:
            sets += trace_entries(eye.trace, trace_format, trace_kind)
        if eye.heights is not None:
            sets += height_entries(eye.heights, trace_format, trace_kind)
        if eye.thicknesses is not None:
            sets += thickness_entries(eye.thicknesses)
    _check_sides(job)
    return compose([*said, *also, *sets, *drill_entries(job.drills)], ending=ending)


def compose(entries: Iterable[Entry | BinaryEntry], *, ending: bytes = CR_LF) -> bytes:
    """Return records as lines.

    Raises:
        UnsayableError: one of them cannot be said, or the line end is none.
    """
    if ending not in (CR_LF, LF, CR):
        raise UnsayableError(f"{ending!r} is no line end. Use CR LF, LF or CR.")
    return b"".join(record_bytes(entry) + ending for entry in entries)


def record_bytes(entry: Entry | BinaryEntry) -> bytes:
    """Return a record as its line has it, without the line end.

    Raises:
        UnsayableError: it cannot be said; the message names the label and the way out.
    """
    if not _LABEL.fullmatch(entry.label):
        raise UnsayableError(
            f"{entry.label!r} is no label: it has up to {MAX_LABEL} capital letters, digits, _ and dots, and does not "
            "begin with a digit. Rename it."
        )
    if isinstance(entry, BinaryEntry):
        return f"{entry.label}=".encode() + entry.data
    text = f"{entry.label}={';'.join(quoted_field(entry.label, each) for each in entry.fields)}"
    if slots(text.partition("=")[2]) != (entry.fields or ("",)):
        raise UnsayableError(f"{entry.label} has values that would be read as others. Leave the quotes out of them.")
    if len(text) > MAX_RECORD:
        raise UnsayableError(
            f"{entry.label} takes {len(text)} characters; a record has {MAX_RECORD} at most. Shorten its value."
        )
    return text.encode()


def quoted_field(label: str, text: str) -> str:
    """Return `text` as a slot has it: plain where that is read back the same, else in quotes.

    Raises:
        UnsayableError: neither is.
    """
    if found := _NOT_PRINTABLE.search(text):
        raise UnsayableError(
            f"{label} has the character U+{ord(found[0]):04X} at place {found.start() + 1}; DCS is printable ASCII. "
            "Spell it out, or leave it out."
        )
    for written in (text, f'"{text}"'):
        if slots(written) == (text,):
            return written
    raise UnsayableError(
        f'{label} has a quotation mark (") beside a semicolon, or around it, or spaces beside it, and cannot be quoted '
        "for that. Leave the quotation mark out."
    )


def said_records(job: DcsJob) -> tuple[Entry, ...]:
    """Return the records of what `job` says, without traces, heights, thicknesses and drills, in their order.

    Raises:
        UnsayableError: a value is outside the range its label takes, or its text means something else.
    """
    eyes = {Side.RIGHT: job.right, Side.LEFT: job.left}
    prisms = {side: _polar(side, eye.prescription.prism) for side, eye in eyes.items()}
    entries = []
    for name, label in LABELS.items():
        if name in _OF_JOB:
            values: list[int | str | None] = [_OF_JOB[name](job)]
        elif name in _POLAR:
            values = [None if polar is None else polar[_POLAR[name]] for polar in prisms.values()]
        elif name in _OF_EYE:
            values = [_OF_EYE[name](eye) for eye in eyes.values()]
        else:
            continue
        if any(value is not None for value in values):
            entries.append(Entry(name, tuple(_said(name, label, value) for value in values)))
    return tuple(entries)


def trace_entries(
    trace: Trace, form: TraceFormat = TraceFormat.TEXT, kind: TraceKind = TraceKind.FRAME
) -> list[Entry | BinaryEntry]:
    """Return the records of a trace.

    Raises:
        UnsayableError: a number that the format does not hold.
    """
    numbers = {"R": trace.radii, "A": trace.angles}
    return _set_entries("TRCFMT", (_mode(trace.angles), trace.side.value, kind.value), numbers, form)


def height_entries(
    heights: Heights, form: TraceFormat = TraceFormat.TEXT, kind: TraceKind = TraceKind.FRAME
) -> list[Entry | BinaryEntry]:
    """Return the records of a rim's heights.

    Raises:
        UnsayableError: a number that the format does not hold.
    """
    numbers = {"Z": heights.heights, "ZA": heights.angles}
    return _set_entries("ZFMT", (_mode(heights.angles), heights.side.value, kind.value), numbers, form)


def thickness_entries(thicknesses: Thicknesses) -> list[Entry | BinaryEntry]:
    """Return the records of a lens's thicknesses; as text, for no other way to write them is known."""
    numbers = {"R": thicknesses.radii, "T": thicknesses.thicknesses, "A": thicknesses.angles}
    return _set_entries("STHKFMT", (_mode(thicknesses.angles), thicknesses.side.value), numbers, TraceFormat.TEXT)


def drill_entries(drills: Iterable[Drill]) -> list[Entry]:
    """Return the records of drilled features.

    Raises:
        UnsayableError: one of them would not be read back the same.
    """
    entries = []
    for drill in drills:
        entry = Entry("DRILLE", drill_fields(drill))
        value = record_bytes(entry).decode().partition("=")[2]
        if read_drills([Record("DRILLE", value, 1)], Notes()) != (drill,):
            raise UnsayableError(
                "DRILLE has a value outside its range, or texts that end in an empty one. Give lengths up to 100 mm "
                "and a diameter up to 30 mm."
            )
        entries.append(entry)
    return entries


def _set_entries(
    header: str, said: tuple[str, ...], numbers: Mapping[str, tuple[Hundredths, ...] | None], form: TraceFormat
) -> list[Entry | BinaryEntry]:
    given = {label: values for label, values in numbers.items() if values is not None}
    count = len(next(iter(given.values())))
    entries: list[Entry | BinaryEntry] = [Entry(header, (str(form.value), str(count), *said))]
    for label, values in given.items():
        entries += _number_entries(label, values, form)
    return entries


def _number_entries(label: str, values: Sequence[Hundredths], form: TraceFormat) -> Iterator[Entry | BinaryEntry]:
    if form is TraceFormat.TEXT:
        for start in range(0, len(values), NUMBERS_PER_RECORD):
            yield Entry(label, tuple(map(str, values[start : start + NUMBERS_PER_RECORD])))
        return
    try:
        yield BinaryEntry(label, encode(form, values))
    except UnusableTraceError as refused:
        raise UnsayableError(f"{label} {refused}. Write the trace as text (format 1).") from refused


def _mode(angles: object) -> str:
    return "E" if angles is None else "U"


def _check_sides(job: DcsJob) -> None:
    for side, eye in ((Side.RIGHT, job.right), (Side.LEFT, job.left)):
        for label, measured in (("TRCFMT", eye.trace), ("ZFMT", eye.heights), ("STHKFMT", eye.thicknesses)):
            if measured is not None and measured.side is not side:
                raise UnsayableError(
                    f"{label} of {side.words} is measured on the other side. Give each eye its own, or a mirror image."
                )


def _said(name: str, label: Label, value: int | str | None) -> str:
    """Return a value as its slot has it, unquoted."""
    if value is None:
        return ""
    if isinstance(value, str):
        if is_absent(value):
            raise UnsayableError(f"{name} ({label.meaning}) is {value!r}, which is read as absent. Use None for that.")
        if name == "CLIENT" and not PATIENT_NUMBER.fullmatch(value):
            raise UnsayableError(
                "CLIENT takes the number a practice gave its patient: digits, with a prefix of three letters at most. "
                "A name is not sent."
            )
        return value
    lattice = label.lattice
    if lattice is None or not lattice.low <= value <= lattice.high:
        raise UnsayableError(
            f"{name} ({label.meaning}) is {format_decimal(value, lattice.places if lattice else 0)}, outside "
            f"{lattice}; a reader would ignore it. Correct it, or leave it out."
        )
    return format_decimal(int(value), lattice.places)


def _polar(side: Side, prism: Prism | None) -> tuple[int, int] | None:
    """Return the magnitude and the base setting, in 1/100, that are read back as exactly this prism.

    Both are rounded, so of the settings near the true one the first that gives the prism back is taken. There is one
    for every prism up to 24 prism dioptres; beyond, steps of 1/100 degree are too wide for one in six hundred.
    """
    if prism is None:
        return None
    to_the_right = _NASAL[side] * prism.horizontal
    magnitude = math.hypot(to_the_right, prism.vertical)
    setting = math.degrees(math.atan2(prism.vertical, to_the_right)) * 100
    nearest = round_half_away(magnitude)
    most = LABELS["PRVM"].lattice
    for whole in sorted(
        (nearest, nearest + 1, max(0, nearest - 1)), key=lambda each: most is not None and each > most.high
    ):
        for step in (0, 1, -1, 2, -2, 3, -3):
            turned = (round_half_away(setting) + step) % FULL_TURN
            if prism_from_base_setting(side, whole, turned) == prism:
                return whole, turned
    raise UnsayableError(
        f"PRVM and PRVA of {side.words} cannot say {format_decimal(prism.horizontal, 2)} in and "
        f"{format_decimal(prism.vertical, 2)} up exactly. Change either by 0.01 prism dioptres."
    )


_POLAR = {"PRVM": 0, "PRVA": 1}


def _fitting_height(label: str) -> Callable[[Eye], int | None]:
    def of(eye: Eye) -> int | None:
        said = eye.centration.fitting_height_label or "SEGHT"
        return eye.centration.fitting_height if said == label else None

    return of


_OF_JOB: Mapping[str, Callable[[DcsJob], int | str | None]] = {
    "JOB": lambda job: job.job_id,
    "ACCN": lambda job: job.account,
    "RXNM": lambda job: job.customer_reference,
    "CLIENT": lambda job: job.patient_number,
    "REQ": lambda job: job.request,
    "DO": lambda job: None if job.eyes_to_make is None else job.eyes_to_make.value,
    "DBL": lambda job: job.frame.dbl,
    "FTYP": lambda job: job.frame.frame_type,
    "ETYP": lambda job: job.frame.edge_type,
}

_OF_EYE: Mapping[str, Callable[[Eye], int | str | None]] = {
    "SPH": lambda eye: eye.prescription.sphere,
    "CYL": lambda eye: eye.prescription.cylinder,
    "AX": lambda eye: eye.prescription.axis,
    "ADD": lambda eye: eye.prescription.add,
    "IPD": lambda eye: eye.centration.distance_pd,
    "NPD": lambda eye: eye.centration.near_pd,
    "SEGHT": _fitting_height("SEGHT"),
    "OCHT": _fitting_height("OCHT"),
    "HBOX": lambda eye: eye.shape.a,
    "VBOX": lambda eye: eye.shape.b,
    "FED": lambda eye: eye.shape.effective_diameter,
    "CIRC": lambda eye: eye.shape.circumference,
    "FCRV": lambda eye: eye.frame_curve_raw,
    "ZTILT": lambda eye: eye.position_of_wear.wrap,
    "PANTO": lambda eye: eye.position_of_wear.pantoscopic_tilt,
    "BVD": lambda eye: eye.position_of_wear.vertex_distance,
    "LNAM": lambda eye: eye.lens.design,
    "LMATID": lambda eye: eye.lens.material,
    "LMATNAME": lambda eye: eye.lens.material_name,
    "LIND": lambda eye: eye.lens.refractive_index,
    "LTYPE": lambda eye: eye.lens.lens_type,
    "COLR": lambda eye: eye.lens.colour,
    "TINT": lambda eye: eye.lens.tint,
    "ACOAT": lambda eye: eye.lens.coating,
    "OPC": lambda eye: eye.lens.product,
}
