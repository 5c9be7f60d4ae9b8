r"""The grammar of a DCS file: bytes to records, and back to the same bytes.

A record is a line ``LABEL=value``. Lines end in CR, LF or CR LF, also mixed within a file. A value is cut into slots
at semicolons; a slot may be quoted, may hold comma-separated parts, may be ``?`` (unknown) or empty (absent). Labels
that begin with ``_`` or ``.`` are a vendor's own. Lines that are no records are kept and left alone.

On a wire the records travel in a packet, which is accepted in a file as well:

    FS  records  RS  [CRC=nnnnn CR]  GS        (0x1C, 0x1E, 0x1D)

The checksum is CRC-16/XMODEM over everything after FS up to and including RS, in decimal digits. Many devices leave it
out or empty; a checksum that is there has to be right.

Real files break the standard's limits of 80 characters a line and 12 a label (one vendor writes a trace into a single
line of 3042), so neither is enforced. The bounds below are there to keep the work small, not to keep files tidy.
"""

import binascii
import re
from dataclasses import dataclass

from optics.dcs.errors import CorruptedError, NotDcsError, TooLargeError, TruncatedError

MAX_BYTES = 1 << 20
"""1 MiB. A whole job with its traces takes about 10 KiB, two traces of 2048 radii about 20 more."""

MAX_LINE_BYTES = 64 << 10
"""64 KiB. A whole trace of 2048 radii in one line takes 12 KiB, a vendor's packed one less."""

MAX_LINES = 16_384
"""Two sides of 2048 radii, their heights and thicknesses, each number on a line of its own, come to 12,288."""

_FS, _GS, _RS = b"\x1c", b"\x1d", b"\x1e"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_LINE = re.compile(rb"([^\r\n]*)(\r\n|\r|\n|\Z)")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# A label of the standard has 12 characters at most; vendors were seen to exceed that, prose exceeds 32.
_RECORD = re.compile(r"[ \t]*([A-Za-z._][A-Za-z0-9._]{0,31})[ \t]*=(.*)", re.DOTALL)
_TRAILER = re.compile(rb"(?:CRC=[ \t]*([0-9]{0,5}))?")
# A quoted text (its semicolons are text), or anything up to the semicolon that ends the slot.
_SLOT = re.compile(r'[ \t]*(?:"([^"]*)"[ \t]*|([^;]*));')


@dataclass(frozen=True, slots=True)
class Line:
    """A line exactly as it stands in the file."""

    raw: bytes
    ending: bytes
    """CR, LF, CR LF, or nothing for the last line of a file that does not end one."""


@dataclass(frozen=True, slots=True)
class Record:
    """A line that reads ``LABEL=value``."""

    label: str
    value: str
    """Everything after the first ``=``, verbatim. Bytes that are not UTF-8 are read as Latin-1."""
    line: int
    """The number of its line, counted from 1."""


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
    opening, body, closing = _unwrap(data)
    _refuse_binary(body)
    _refuse_many_lines(body)
    lines = tuple(Line(match[1], match[2]) for match in _LINE.finditer(body) if match[0])
    _refuse_long_lines(lines)
    records = tuple(record for number, line in enumerate(lines, start=1) if (record := _record(line.raw, number)))
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


def is_absent(slot: str) -> bool:
    """Tell whether a slot says nothing: it is empty, or ``?`` for unknown."""
    return slot in ("", "?")


def _unwrap(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Return what stands before the records, the records, and what stands after them."""
    if not data.startswith(_FS):
        body = data.removeprefix(_BYTE_ORDER_MARK)
        return data[: len(data) - len(body)], body, b""
    end = data.find(_RS)
    close = data.find(_GS, end) if end >= 0 else -1
    if close < 0:
        mark = "RS (0x1E), the end of its records" if end < 0 else "GS (0x1D), its last byte"
        raise TruncatedError(
            f"The packet opens with FS (0x1C) but has no {mark}: a part was lost on the way. Send it again."
        )
    if data[close + 1 :].strip():
        raise NotDcsError("More bytes follow the packet's GS (0x1D). Send one packet at a time.")
    _check_crc(covered=data[1 : end + 1], trailer=data[end + 1 : close])
    return _FS, data[1:end], data[end:]


def _check_crc(covered: bytes, trailer: bytes) -> None:
    match = _TRAILER.fullmatch(trailer.strip())
    if match is None:
        raise CorruptedError("Between the packet's RS and GS stands something else than CRC=nnnnn. Send it again.")
    computed = binascii.crc_hqx(covered, 0)  # CRC-16/XMODEM
    if match[1] and int(match[1]) != computed:
        raise CorruptedError(
            f"The packet says CRC={int(match[1])} and its content gives {computed}: it was changed on the way. "
            "Send it again."
        )


def _refuse_binary(body: bytes) -> None:
    if not body.strip():
        raise NotDcsError("The file is empty. Export the job again.")
    if found := _CONTROL.search(body):
        line = 1 + len(_LINE_END.findall(body, 0, found.start()))
        raise NotDcsError(
            f"Line {line} holds the byte 0x{found[0][0]:02X}, so the file is binary and not DCS text. Export the job "
            "as DCS (OMA, VCA), with its traces as text (TRCFMT=1)."
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


def _record(raw: bytes, number: int) -> Record | None:
    match = _RECORD.fullmatch(_text(raw))
    return match and Record(label=match[1], value=match[2], line=number)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
