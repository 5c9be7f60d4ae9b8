"""The ways in which the numbers of a trace are written: as text, or as one of three binary runs.

    1  text           integers of 1/100, cut by semicolons
    2  absolute       each number as 16 bits, low byte first
    3  differential   a 16-bit number, then 8-bit differences; 0x80 announces that a 16-bit number follows again
    4  packed         three widths, high half of a byte first, and a mark in each to change to another:
                      16 bits, a number itself, low byte first    0x8000 -> 8 bits
                       8 bits, a difference                       0x80 -> 4 bits, 0x81 -> 16 bits
                       4 bits, the difference of two differences  0x8 -> 8 bits
                      It begins at 16 bits; a last half byte that is left over is 0.

Higher format numbers mean different things to different vendors, and have no place here.

A binary run stands in a record and travels in a packet, whose own control characters must not occur in it. So each of
them is written as ESC (0x1B) and the character with its bit 7 set; whoever reads clears that bit again. A run that has
been escaped holds no line end. Senders who do not escape exist: `extent` finds the end of such a run by counting.

Numbers are 16 bits wide throughout and differences wrap around in them, so an angle of 350 degrees (35,000 of 1/100)
can be said as well as a negative height: it is up to the reader to take the 16 bits with or without a sign.

The standard's text is not public. Formats 2 and 3 and the escape are as two devices' programs have them; format 4 as a
device maker has it after the standard's example (ISO 16284, annex B), confirmed by a tracer's upload of 512 radii that
a user of it published in the standard's forum (forums.thevisioncouncil.org, topic 5182): decoded in this way, its 261
bytes give 512 radii to the last half byte, and the last radius meets the first.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from optics.trace import UnusableTraceError


class TraceFormat(IntEnum):
    """How the numbers of a trace are written: the first field of TRCFMT, ZFMT and STHKFMT."""

    TEXT = 1
    ABSOLUTE = 2
    DIFFERENTIAL = 3
    PACKED = 4

    @property
    def words(self) -> str:
        """The format in a sentence."""
        return _WORDS[self]


_WORDS = {
    TraceFormat.TEXT: "text",
    TraceFormat.ABSOLUTE: "absolute binary",
    TraceFormat.DIFFERENTIAL: "differential binary",
    TraceFormat.PACKED: "packed binary",
}

BINARY = frozenset({TraceFormat.ABSOLUTE, TraceFormat.DIFFERENTIAL, TraceFormat.PACKED})
"""The formats whose numbers are bytes."""

_ESC = 0x1B
_LINE_ENDS = frozenset(b"\r\n")
# ACK, LF, CR, XON, XOFF, NAK, SUB, ESC, FS, GS, RS: what means something on the wire.
_RESERVED = frozenset(b"\x06\x0a\x0d\x11\x13\x15\x1a\x1b\x1c\x1d\x1e")
_BIT_7 = 0x80

_WORD, _BYTE, _HALF = 16, 8, 4
"""The widths, in bits."""

_TO_BYTES_IN_WORDS, _TO_HALVES_IN_BYTES, _TO_WORDS_IN_BYTES, _TO_BYTES_IN_HALVES = 0x8000, 0x80, 0x81, 0x8
"""The marks of the packed format: to which width, written at which one."""

_LEAST_PACKED_BYTE, _LEAST_HALF = -126, -7
"""The smallest differences that are no marks."""

# A line end that cannot be one of a run's bytes, for the next record or nothing follows it.
_RECORD_END = re.compile(rb"[\r\n]{1,8}(?:\Z|[A-Z_.][A-Z0-9_.]{0,11}=)")

# By format and width, the marks that change the width.
_MARKS: Mapping[TraceFormat, Mapping[int, Mapping[int, int]]] = {
    TraceFormat.ABSOLUTE: {_WORD: {}},
    TraceFormat.DIFFERENTIAL: {_WORD: {}, _BYTE: {0x80: _WORD}},
    TraceFormat.PACKED: {
        _WORD: {_TO_BYTES_IN_WORDS: _BYTE},
        _BYTE: {_TO_HALVES_IN_BYTES: _HALF, _TO_WORDS_IN_BYTES: _WORD},
        _HALF: {_TO_BYTES_IN_HALVES: _BYTE},
    },
}


def encode(form: TraceFormat, values: Iterable[int]) -> bytes:
    """Return the binary run, escaped, that says `values` in one of the `BINARY` formats.

    Raises:
        UnusableTraceError: a value that has more than 16 bits, or is the mark of the format.
    """
    numbers = list(values)
    for value in numbers:
        if not -(1 << 15) <= value < 1 << 16:
            raise UnusableTraceError(f"has the value {value}; a binary format holds 16 bits")
    match form:
        case TraceFormat.ABSOLUTE:
            halves = [digit for value in numbers for digit in _digits(value, _WORD)]
        case TraceFormat.DIFFERENTIAL:
            halves = list(_differential_digits(numbers))
        case _:
            halves = list(_packed_digits(numbers))
    halves += [0] * (len(halves) % 2)
    return escape(bytes(high << 4 | low for high, low in zip(halves[::2], halves[1::2], strict=True)))


def decode(form: TraceFormat, run: bytes, count: int) -> tuple[int, ...]:
    """Return the numbers, signed, that an escaped binary `run` says: `count` of them, or fewer where it is too short.

    Raises:
        UnusableTraceError: the run is escaped wrongly, ends within a number, or goes on after `count` of them.
    """
    unpacking = _Unpacking(form, count)
    for byte in unescape(run):
        unpacking.take(byte)
    if unpacking.surplus:
        raise UnusableTraceError(f"goes on after the {count} numbers it announces")
    if unpacking.unfinished:
        raise UnusableTraceError("ends in the middle of a number")
    return tuple(unpacking.values)


def extent(form: TraceFormat, data: bytes, start: int, count: int, *, at_most: int) -> tuple[int, int]:
    """Return where the binary run that begins at `start` ends in `data`, and how many of the `count` numbers it has.

    It ends when it has said `count` numbers, or at a line end that is followed by a record or by nothing. Any other
    line end before that is one of its bytes: the sender did not escape them. At most `at_most` bytes are looked at.
    """
    unpacking = _Unpacking(form, count)
    position, stop = start, min(len(data), start + at_most)
    while position < stop and len(unpacking.values) < count:
        byte = data[position]
        if byte in _LINE_ENDS and _RECORD_END.match(data, position):
            break
        position += 1
        if byte == _ESC and position < len(data):
            byte = data[position] & ~_BIT_7
            position += 1
        unpacking.take(byte)
    return position, len(unpacking.values)


def escape(plain: bytes) -> bytes:
    """Return `plain` with each character that means something on the wire as ESC and itself with bit 7 set."""
    return b"".join(bytes((_ESC, byte | _BIT_7)) if byte in _RESERVED else bytes((byte,)) for byte in plain)


def unescape(run: bytes) -> bytes:
    """Return what `run` says.

    Raises:
        UnusableTraceError: an ESC that escapes nothing, or a run with both escaped and bare control characters. Its
            sender does not escape, or bytes were lost; either way, what each byte means cannot be told.
    """
    plain = bytearray()
    bare = False
    position = 0
    while position < len(run):
        byte = run[position]
        position += 1
        if byte == _ESC:
            if position == len(run) or not run[position] & _BIT_7:
                raise UnusableTraceError("has an ESC (0x1B) that escapes nothing")
            byte = run[position] & ~_BIT_7
            position += 1
        else:
            bare = bare or byte in _RESERVED
        plain.append(byte)
    if bare and _ESC in run:
        raise UnusableTraceError("has control characters both escaped and bare")
    return bytes(plain)


def is_escaped(run: bytes) -> bool:
    """Tell whether `run` is free of bare control characters, as the standard asks."""
    return all(byte not in _RESERVED or byte == _ESC for byte in run)


@dataclass(slots=True)
class _Unpacking:
    """What a binary run says, half byte by half byte."""

    form: TraceFormat
    count: int
    values: list[int] = field(default_factory=list)
    surplus: bool = False
    _width: int = _WORD
    _digits: list[int] = field(default_factory=list)
    _last: int = 0
    _step: int = 0

    def take(self, byte: int) -> None:
        if len(self.values) == self.count:
            self.surplus = True
            return
        self._take_half(byte >> 4)
        if len(self.values) < self.count:
            self._take_half(byte & 0xF)
        elif byte & 0xF:
            self.surplus = True  # what is left over of the last byte is 0

    @property
    def unfinished(self) -> bool:
        padded = self.form is TraceFormat.PACKED and self._digits == [0]
        return len(self.values) < self.count and bool(self._digits) and not padded

    def _take_half(self, digit: int) -> None:
        self._digits.append(digit)
        if len(self._digits) * _HALF < self._width:
            return
        word = _joined(self._digits)
        self._digits.clear()
        if (width := _MARKS[self.form][self._width].get(word)) is not None:
            self._width = width
            return
        value = _signed(word, self._width)
        if self._width < _WORD:
            value += self._last
        if self._width < _BYTE:
            value += self._step
        value = _signed(value, _WORD)
        self._step = _signed(value - self._last, _WORD)
        self._last = value
        self.values.append(value)
        if self.form is TraceFormat.DIFFERENTIAL:
            self._width = _BYTE


def _differential_digits(values: Sequence[int]) -> Iterable[int]:
    last: int | None = None
    for value in values:
        difference = None if last is None else _signed(value - last, _WORD)
        if difference is None:
            yield from _digits(value, _WORD)
        elif abs(difference) < 1 << _BYTE - 1:
            yield from _digits(difference, _BYTE)
        else:
            yield from (*_digits(0x80, _BYTE), *_digits(value, _WORD))
        last = value


def _packed_digits(values: Sequence[int]) -> Iterable[int]:
    """Yield half bytes as devices do: a wide number, then a difference, then differences of differences."""
    width, last, last_step = _WORD, 0, 0
    for value in values:
        step = _signed(value - last, _WORD)
        bend = _signed(step - last_step, _WORD)
        byte = _LEAST_PACKED_BYTE <= step <= 0x7F  # noqa: PLR2004 - the largest signed byte
        half = byte and _LEAST_HALF <= bend <= -_LEAST_HALF
        # Out of a width the number does not fit, into one it does; between 16 bits and 4 it goes by way of 8.
        if width == _HALF and not half:
            yield _TO_BYTES_IN_HALVES
            width = _BYTE
        elif width == _BYTE and half:
            yield from _digits(_TO_HALVES_IN_BYTES, _BYTE)
            width = _HALF
        elif width == _WORD and byte:
            yield from _digits(_TO_BYTES_IN_WORDS, _WORD)
            width = _BYTE
        if width == _BYTE and not byte:
            yield from _digits(_TO_WORDS_IN_BYTES, _BYTE)
            width = _WORD
        if width == _WORD and _signed(value - _TO_BYTES_IN_WORDS, _WORD) == 0:
            raise UnusableTraceError(f"has the value {value}, the mark of the packed format")
        yield from _digits({_WORD: value, _BYTE: step, _HALF: bend}[width], width)
        last, last_step = value, step


def _digits(value: int, width: int) -> tuple[int, ...]:
    """Return the half bytes of a number: low byte first, and of a byte the high half first."""
    low = (value >> 4 & 0xF, value & 0xF)
    if width == _WORD:
        return *low, value >> 12 & 0xF, value >> 8 & 0xF
    return low if width == _BYTE else low[1:]


def _joined(digits: Sequence[int]) -> int:
    """Return the number whose half bytes are `digits`, without a sign."""
    word = 0
    for digit in (*digits[2:], *digits[:2]):
        word = word << 4 | digit
    return word


def _signed(number: int, width: int) -> int:
    """Return the lowest `width` bits of `number` as a signed number."""
    half = 1 << width - 1
    return (number + half) % (2 * half) - half
