"""Sets of numbers and the records that announce them: which numbers belong to which announcement, and what they say.

    TRCFMT=format;count;mode;side;kind    R, radii, and in mode U their angles under A
    ZFMT=format;count;mode;side;kind      Z, heights, and in mode U their angles under ZA
    STHKFMT=format;count;mode;side        R, radii, T, thicknesses there, and in mode U their angles under A

Numbers belong to the announcement before them that takes their label. They follow in records of as many as the writer
likes, as integers of 1/100, or as bytes (`optics.dcs.trace_formats`). A set is used whole or not at all: with one
number lost, all later ones would sit at wrong angles.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from optics.dcs.diagnostics import Notes, quoted
from optics.dcs.errors import TooLargeError
from optics.dcs.records import NUMBERED_BY, Record, is_absent, slots
from optics.dcs.trace_formats import BINARY, TraceFormat, decode, is_escaped
from optics.eyes import Side
from optics.numbers import Hundredths, NumberError, parse_decimal
from optics.trace import MAX_RADII, UnusableTraceError

MAX_SETS = 16
"""Most sets of a kind in a file. A job has two; a frame, its pattern and its demo lens in two formats make twelve."""

EVEN, UNEVEN = "E", "U"
"""The modes: evenly spaced from 0, or at angles that are written out."""

_ANGLES = {"TRCFMT": "A", "ZFMT": "ZA", "STHKFMT": "A"}
_NOUNS = {"TRCFMT": "traces", "ZFMT": "sets of heights", "STHKFMT": "sets of thicknesses"}
_WORDS = {"R": "radii", "Z": "heights", "T": "thicknesses", "A": "angles", "ZA": "angles"}
_FORMATS = {str(form.value): form for form in TraceFormat}
_NO_SET, _VENDORS = "0", "a vendor's own"
_NUMBERS = frozenset(label for labels in NUMBERED_BY.values() for label in labels)


@dataclass(slots=True)
class Dataset:
    """An announcement and the records of its numbers."""

    header: Record
    records: dict[str, list[Record]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    """How many numbers each label has, where they are text."""

    @property
    def fields(self) -> tuple[str, str, str, str, str]:
        """The announcement's slots: format, count, mode, side and kind; empty where there is none."""
        form, count, mode, side, kind = (*slots(self.header.value), "", "", "", "", "")[:5]
        return form, count, mode, side, kind

    @property
    def side(self) -> Side | None:
        """The side it is of; None where that is neither right nor left."""
        side = self.fields[3]
        return Side(side) if side in set(Side) else None

    @property
    def lines(self) -> tuple[int, ...]:
        """The lines of the announcement and its numbers."""
        return (self.header.line, *(record.line for records in self.records.values() for record in records))

    def add(self, record: Record) -> None:
        """Take a record of numbers.

        Raises:
            TooLargeError: more numbers than a side can have.
        """
        self.records.setdefault(record.label, []).append(record)
        if not record.binary:
            size = self.sizes[record.label] = self.sizes.get(record.label, 0) + len(_texts(record))
            if size > MAX_RADII:
                raise TooLargeError(
                    f"Line {record.line}: the trace has more than {MAX_RADII} {record.label} values, the most a side "
                    "can have. Trace with fewer points."
                )


def gather(records: Iterable[Record], notes: Notes) -> list[Dataset]:
    """Return the announcements, each with its numbers, in order.

    Raises:
        TooLargeError: more than `MAX_SETS` of a kind, or more than `MAX_RADII` numbers in one.
    """
    found: list[Dataset] = []
    owners: dict[str, Dataset] = {}
    strays: list[Record] = []
    for record in records:
        if record.label in NUMBERED_BY:
            found.append(Dataset(record))
            if sum(each.header.label == record.label for each in found) > MAX_SETS:
                raise TooLargeError(
                    f"Line {record.line}: the file has more than {MAX_SETS} {_NOUNS[record.label]}. Send one job per "
                    "file."
                )
            owners.update(dict.fromkeys(NUMBERED_BY[record.label], found[-1]))
            if record.label == "TRCFMT":
                owners.pop("T", None)
        elif owner := owners.get(record.label):
            owner.add(record)
        elif record.label in _NUMBERS:
            strays.append(record)
    if strays:
        first = strays[0]
        header = next(header for header, labels in NUMBERED_BY.items() if first.label in labels)
        notes.warn(
            first.label,
            first.line,
            f"{first.label} stands before any {header}, {len(strays)} records in all; they belong to no trace.",
        )
    return found


def trace_format(dataset: Dataset, notes: Notes) -> TraceFormat | None:
    """Return the format of a set's numbers, or None where there are none, or none that can be read; it is noted why."""
    text, label = dataset.fields[0], dataset.header.label
    if is_absent(text) or text == _NO_SET:
        return None
    form = _FORMATS.get(text)
    if form is not None and not (label == "STHKFMT" and form in BINARY):
        return form
    words = _VENDORS if form is None else form.words
    notes.warn(
        label,
        dataset.header.line,
        f"The numbers of {label} are in format {quoted(text)}, {words} format; they are kept and not interpreted. "
        f"Ask for {label}=1.",
    )
    return None


def numbers(dataset: Dataset, form: TraceFormat, label: str) -> tuple[Hundredths, ...]:
    """Return the numbers under `label`, as many as are announced; an unknown radius is 0, as a missed point is.

    Raises:
        UnusableTraceError: they are not numbers, or not as many as are announced.
    """
    announced = _announced(dataset)
    records = dataset.records.get(label, [])
    found = _text_numbers(records, label) if form is TraceFormat.TEXT else _binary_numbers(records, form, announced)
    if len(found) != announced:
        raise UnusableTraceError(
            f"announces {dataset.fields[1] or 'no'} {_WORDS[label]} and {len(found)} follow, so its angles are not "
            "known"
        )
    return found


def side_and_angles(dataset: Dataset, form: TraceFormat) -> tuple[Side, tuple[Hundredths, ...] | None]:
    """Return the side of a set, and its angles if it is uneven.

    Raises:
        UnusableTraceError: it is of no side, has no mode, or its angles are no numbers.
    """
    _, _, mode, side, _ = dataset.fields
    if dataset.side is None:
        raise UnusableTraceError(f"is of side {quoted(side)}; R or L is expected")
    if mode not in (EVEN, UNEVEN):
        raise UnusableTraceError(f"has the mode {quoted(mode)}; E (evenly spaced) or U (uneven) is expected")
    if mode == EVEN:
        return dataset.side, None
    label = _ANGLES[dataset.header.label]
    records = dataset.records.get(label, [])
    if form is TraceFormat.TEXT:
        return dataset.side, _text_numbers(records, label)
    return dataset.side, tuple(angle & 0xFFFF for angle in _binary_numbers(records, form, _announced(dataset)))


def note_bare_bytes(dataset: Dataset, notes: Notes) -> None:
    """Note a binary set whose sender does not escape control characters: it was cut by its count alone."""
    for records in dataset.records.values():
        for record in records:
            if record.binary and not is_escaped(record.data):
                notes.warn(
                    record.label,
                    record.line,
                    f"{record.label} holds control characters that are not escaped; it was read by its count alone. "
                    "Ask for them to be escaped (ESC, 0x1B).",
                )
                return


def _announced(dataset: Dataset) -> int | None:
    count = dataset.fields[1]
    try:
        return parse_decimal(count, 0) if count else None
    except NumberError as refused:
        raise UnusableTraceError(f"has a count that is {refused}") from refused


def _texts(record: Record) -> tuple[str, ...]:
    found = slots(record.value)
    return found[:-1] if found[-1] == "" else found  # writers end a line in a semicolon as often as not


def _text_numbers(records: Iterable[Record], label: str) -> tuple[Hundredths, ...]:
    texts = [text for record in records for text in _texts(record)]
    unknown = "0" if label == "R" else ""
    try:
        return tuple(parse_decimal(unknown if is_absent(text) else text, 0) for text in texts)
    except NumberError as refused:
        raise UnusableTraceError(f"has a value that is {refused}") from refused


def _binary_numbers(records: Iterable[Record], form: TraceFormat, announced: int | None) -> tuple[Hundredths, ...]:
    """Return the numbers of binary records. Each record begins with a whole number; a packed run is one record."""
    runs = list(records)
    if len(runs) > 1 and form is TraceFormat.PACKED:
        raise UnusableTraceError("is cut into several records, which the packed format does not provide for")
    found: list[Hundredths] = []
    for record in runs:
        if not record.binary or announced is None:
            raise UnusableTraceError(
                f"is {form.words} and does not announce how many numbers it has, {MAX_RADII} at most"
            )
        found += decode(form, record.data, announced - len(found))
    return tuple(found)
