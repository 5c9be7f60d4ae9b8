r"""The grammar of a DCS file: bytes to records, and back to the same bytes.

A record is a line ``LABEL=value``. Lines end in CR, LF or CR LF, also mixed within a file. A value is cut into slots
at semicolons; a slot may be quoted, may hold comma-separated parts, may be ``?`` (unknown) or empty (absent). Labels
that begin with ``_`` or ``.`` are a vendor's own. Lines that are no records are kept and left alone.

A trace or a set of heights may be announced as binary (``TRCFMT=2;400;E;R;F``; see `optics.dcs.trace_formats`). The
records of its numbers are bytes then. A sender should escape the line ends among them; where one does not, the record
ends where the announced numbers do. Outside of such records a control character makes a file something else than DCS.

Records may also come in the packet they travel in on a wire (see `optics.dcs.packets`).

Real files break the standard's limits of 80 characters a line and 12 a label (one vendor writes a trace into a single
line of 3042), so neither is enforced. The bounds below are there to keep the work small, not to keep files tidy.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from optics.dcs.errors import NotDcsError, TooLargeError
from optics.dcs.packets import FS, MAX_PACKET_BYTES, MAX_RECORD_BYTES, unwrap
from optics.dcs.trace_formats import BINARY, TraceFormat, extent
from optics.trace import MAX_RADII

MAX_BYTES = MAX_PACKET_BYTES
"""1 MiB. A whole job with its traces takes about 10 KiB, two traces of 2048 radii about 20 more."""

MAX_LINE_BYTES = MAX_RECORD_BYTES
"""64 KiB. A whole trace of 2048 radii in one line takes 12 KiB, a vendor's packed one less."""

MAX_BINARY_BYTES = 256 << 10
"""256 KiB. Sixteen binary traces of 2048 radii and their heights take 128 KiB, half of them more if much is escaped."""

MAX_LINES = 16_384
"""Two sides of 2048 radii, their heights and thicknesses, each number on a line of its own, come to 12,288."""

NUMBERED_BY = {"TRCFMT": ("R", "A"), "ZFMT": ("Z", "ZA"), "STHKFMT": ("R", "T", "A")}
"""The records that announce numbers, and the labels of those numbers."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_LINE = re.compile(rb"([^\r\n]*)(\r\n|\r|\n|\Z)")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# A label of the standard has 12 characters at most; vendors were seen to exceed that, prose exceeds 32.
_RECORD = re.compile(r"[ \t]*([A-Za-z._][A-Za-z0-9._]{0,31})[ \t]*=(.*)", re.DOTALL)
# A quoted text (its semicolons are text), or anything up to the semicolon that ends the slot.
_SLOT = re.compile(r'[ \t]*(?:"([^"]*)"[ \t]*|([^;]*));')

# A record that announces numbers: in which format, and how many. Its format may be none of the binary ones.
_HEADER = re.compile(
    rb"[ \t]*(TRCFMT|ZFMT|STHKFMT)[ \t]*=(?:[ \t]*([0-9]{1,2})[ \t]*;[ \t]*([0-9]{1,4})[ \t]*(?:;|\Z))?"
)
_NUMBERS = re.compile(rb"[ \t]*(R|A|Z|ZA)[ \t]*=")
_BINARY_HEADER = re.compile(rb"(?:TRCFMT|ZFMT)[ \t]*=[ \t]*0?[234][ \t]*;")


@dataclass(frozen=True, slots=True)
class Line:
    """A line exactly as it stands in the file."""

    raw: bytes
    ending: bytes
    """CR, LF, CR LF, or nothing for the last line of a file that does not end one."""
    binary: bool = False
    """Whether it holds the bytes of a binary trace, among them perhaps line ends."""


@dataclass(frozen=True, slots=True)
class Record:
    """A line that reads ``LABEL=value``."""

    label: str
    value: str
    """Everything after the first ``=``, verbatim. Bytes of a binary trace, or not UTF-8, are read as Latin-1."""
    line: int
    """The number of its line, counted from 1."""
    binary: bool = False
    """Whether the value is the bytes of a binary trace."""

    @property
    def data(self) -> bytes:
        """The bytes of a binary trace, as they stand in the file."""
        return self.value.encode("latin-1")


@dataclass(frozen=True, slots=True)
class DcsFile:
    """A file as `parse` found it."""

    opening: bytes
    """What stands before the first line: nothing, a byte order mark, or the FS of a packet."""
    lines: tuple[Line, ...]
    closing: bytes
    """What stands after the last line: nothing, or a packet's RS, checksum and GS."""
    records: tuple[Record, ...]
    """The lines that are records, in order."""


def parse(data: bytes) -> DcsFile:
    """Read a DCS file or packet.

    Raises:
        TooLargeError: more than `MAX_BYTES`, `MAX_LINES`, or `MAX_LINE_BYTES` in a line.
        TruncatedError: a packet without its end.
        CorruptedError: a packet with a wrong checksum.
        NotDcsError: anything else that is not DCS text.
    """
    if len(data) > MAX_BYTES:
        raise TooLargeError(
            f"The file has {len(data)} bytes; a DCS job has {MAX_BYTES} at most. Send one job per file, as text."
        )
    opening, body, closing = unwrap(data) if data.startswith(FS) else _unmarked(data)
    if not body.strip():
        raise NotDcsError("The file is empty. Export the job again.")
    _refuse_many_lines(body)
    lines = tuple(_lines(body))
    _refuse_binary(lines)
    _refuse_long_lines(lines)
    records = tuple(record for number, line in enumerate(lines, start=1) if (record := _record(line, number)))
    if not records:
        raise NotDcsError(
            "The file has no line of the form LABEL=VALUE, so it is not DCS. Export the job as DCS (OMA, VCA) text."
        )
    return DcsFile(opening, lines, closing, records)


def reassemble(file: DcsFile) -> bytes:
    """Return the bytes `file` was parsed from."""
    return b"".join((file.opening, *(part for line in file.lines for part in (line.raw, line.ending)), file.closing))


def slots(value: str) -> tuple[str, ...]:
    """Cut a record's value at its semicolons; spaces around a slot and quotes around its text are taken off.

    A semicolon inside quotes is text. A quote that is never closed is text, too.
    """
    return tuple(match[2].strip(" \t") if match[1] is None else match[1] for match in _SLOT.finditer(value + ";"))


def slot_spans(value: str) -> tuple[tuple[int, int], ...]:
    """Return where each slot's text begins and ends in `value`: with its quotes, without the spaces around it."""
    spans = []
    for match in _SLOT.finditer(value + ";"):
        if match[1] is None:
            text = match[2].strip(" \t")
            start = match.end(2) - len(match[2].lstrip(" \t"))
            spans.append((start, start + len(text)))
        else:
            spans.append((match.start(1) - 1, match.end(1) + 1))
    return tuple(spans)


def is_absent(slot: str) -> bool:
    """Tell whether a slot says nothing: it is empty, or ``?`` for unknown."""
    return slot in ("", "?")


def _unmarked(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the byte order mark, if there is one, and the records."""
    body = data.removeprefix(_BYTE_ORDER_MARK)
    return data[: len(data) - len(body)], body, b""


def _lines(body: bytes) -> Iterator[Line]:
    if not _BINARY_HEADER.search(body):
        yield from (Line(match[1], match[2]) for match in _LINE.finditer(body) if match[0])
        return
    announced: dict[bytes, _Announced] = {}
    position = binary_bytes = 0
    while position < len(body):
        numbers = _NUMBERS.match(body, position)
        owner = announced.get(numbers[1]) if numbers else None
        end = owner.end(body, numbers.end()) if numbers and owner else position
        ending = _LINE_END.search(body, end)
        stop = ending.start() if ending else len(body)
        line = Line(body[position:stop], ending[0] if ending else b"", binary=owner is not None)
        _announce(line.raw, announced)
        binary_bytes += len(line.raw) if line.binary else 0
        if binary_bytes > MAX_BINARY_BYTES:
            raise TooLargeError(
                f"The file has more than {MAX_BINARY_BYTES} bytes of binary traces. Send one job per file."
            )
        yield line
        position = stop + len(line.ending)


@dataclass(slots=True)
class _Announced:
    """Binary numbers that are to come."""

    form: TraceFormat
    count: int

    def end(self, body: bytes, start: int) -> int:
        """Return where the numbers end that begin at `start`; the rest is still to come."""
        end, found = extent(self.form, body, start, self.count, at_most=MAX_LINE_BYTES)
        self.count -= found
        return end


def _announce(line: bytes, announced: dict[bytes, _Announced]) -> None:
    """Take note of the binary numbers a line announces, or that it announces others."""
    header = _HEADER.match(line)
    if header is None:
        return
    form, count = int(header[2] or 0), int(header[3] or 0)
    for label in NUMBERED_BY[header[1].decode()]:
        announced.pop(label.encode(), None)
        if form in BINARY and header[1] != b"STHKFMT" and count <= MAX_RADII:
            announced[label.encode()] = _Announced(TraceFormat(form), count)


def _refuse_binary(lines: tuple[Line, ...]) -> None:
    for number, line in enumerate(lines, start=1):
        if not line.binary and (found := _CONTROL.search(line.raw)):
            raise NotDcsError(
                f"Line {number} holds the byte 0x{found[0][0]:02X}, so the file is binary and not DCS text. Export the "
                "job as DCS (OMA, VCA), with its traces as text (TRCFMT=1)."
            )


def _refuse_many_lines(body: bytes) -> None:
    ends = body.count(b"\r") + body.count(b"\n") - body.count(b"\r\n")
    if ends > MAX_LINES:
        raise TooLargeError(f"The file has {ends} lines; a DCS job has {MAX_LINES} at most. Send one job per file.")


def _refuse_long_lines(lines: tuple[Line, ...]) -> None:
    for number, line in enumerate(lines, start=1):
        if len(line.raw) > MAX_LINE_BYTES:
            raise TooLargeError(
                f"Line {number} has {len(line.raw)} bytes; a record has {MAX_LINE_BYTES} at most. Check that the file "
                "is DCS text with line ends."
            )


def _record(line: Line, number: int) -> Record | None:
    match = _RECORD.fullmatch(line.raw.decode("latin-1") if line.binary else _text(line.raw))
    return match and Record(label=match[1], value=match[2], line=number, binary=line.binary)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
