import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optics.dcs.diagnostics import Severity
from optics.dcs.errors import NotDcsError, TooLargeError
from optics.dcs.interpretation import interpret
from optics.dcs.job import DcsJob
from optics.dcs.records import MAX_BINARY_BYTES, MAX_LINE_BYTES, parse, reassemble
from optics.dcs.trace_formats import BINARY, TraceFormat, decode, encode, escape, extent, unescape
from optics.eyes import Side
from optics.trace import MAX_RADII, Trace, UnusableTraceError

ABSOLUTE, DIFFERENTIAL, PACKED = TraceFormat.ABSOLUTE, TraceFormat.DIFFERENTIAL, TraceFormat.PACKED

# What a tracer sent first of a trace of 512 radii, published in the standard's forum (topic 5182): the value of R=.
UPLOADED = bytes.fromhex(
    "5d 09 00 80 09 80 1f f1 01 ff 2f 01 e1 f1 00 0f 1f 00 f0 f0 0f 00 ff 00 e0 e0 f0 0f fe 0f 00 ff"
)

forms = st.sampled_from(sorted(BINARY))
numbers = st.one_of(st.integers(-(1 << 15), (1 << 15) - 1), st.integers(-140, 140), st.integers(2490, 2510))


def evenly(count: int = 400) -> tuple[int, ...]:
    """Return radii of a shape like a lens: 22 to 28 mm, with a corner."""
    return tuple(2500 + (index * 7919 % 23) - 11 + (300 if index % 100 < 3 else 0) for index in range(count))


def job_of(form: TraceFormat, run: bytes, count: int, *, after: bytes = b"JOB=1\r\n") -> DcsJob:
    """Return the job of a file whose right trace is a binary run."""
    return interpret(parse(b"TRCFMT=%d;%d;E;R;F\r\nR=" % (form, count) + run + b"\r\n" + after))


# -- each format by hand ---------------------------------------------------------------------------------------------


def test_absolute_numbers_are_16_bits_low_byte_first() -> None:
    """2500 is 0x09C4, 2561 is 0x0A01, whose high byte is LF and so escaped (ESC, 0x8A); -1 is 0xFFFF."""
    run = bytes.fromhex("c409 01 1b8a ffff")
    assert decode(ABSOLUTE, run, 3) == (2500, 2561, -1)
    assert encode(ABSOLUTE, (2500, 2561, -1)) == run


def test_differential_numbers_are_a_number_and_its_changes() -> None:
    """2500; +10 (LF, escaped); -5; +200 does not fit 8 bits: 0x80 and 2705 (0x0A91); -127 is the smallest change."""
    run = bytes.fromhex("c409 1b8a fb 80911b8a 81")
    assert decode(DIFFERENTIAL, run, 5) == (2500, 2510, 2505, 2705, 2578)
    assert encode(DIFFERENTIAL, (2500, 2510, 2505, 2705, 2578)) == run


def test_packed_numbers_change_their_width() -> None:
    """Each width and each mark, the last number across half bytes.

    2500 in 16 bits (C4 09). The next changes by 9: 0x8000 (00 80) to 8 bits, 09. Then by 10, one more than before: 0x80
    to 4 bits, 1. Then by 9, one less: F. Then by 72, 63 more: 8 to 8 bits, 48. Then by 300: 81 to 16 bits, and 2900,
    which is 0x0B54: low byte 54, high byte 0B. From the F on, in half bytes: F 8 4 8 8 1 5 4 0 B, and a 0 left over.
    The byte 15 that comes of it is NAK, and so escaped.
    """
    run = bytes.fromhex("c409 0080 09 80 1f 84 88 1b95 40 b0")
    values = (2500, 2509, 2519, 2528, 2600, 2900)
    assert decode(PACKED, run, 6) == values
    assert encode(PACKED, values) == run


def test_a_packed_run_that_stays_at_16_bits_has_no_mark() -> None:
    """Changes that do not fit 8 bits are numbers themselves."""
    assert encode(PACKED, (2500, 2900, 2500)) == bytes.fromhex("c409 540b c409")


def test_a_packed_run_of_a_tracer_is_read() -> None:
    """2397; +9; then changes that are 1 more, 1 less, 1 less, 1 more, the same, 1 more, and so on: a smooth rise."""
    values = decode(PACKED, UPLOADED, 2 + 2 * len(UPLOADED[6:]))
    assert values[:20] == (
        *(2397, 2406, 2416, 2425, 2433, 2442, 2451, 2461, 2470, 2478),
        *(2488, 2497, 2506, 2516, 2524, 2533, 2541, 2550, 2559, 2568),
    )
    assert encode(PACKED, values) == UPLOADED


@pytest.mark.parametrize("plain", [b"\x06", b"\x0a", b"\x0d", b"\x11", b"\x13", b"\x15", b"\x1a", b"\x1b", b"\x1c"])
def test_what_means_something_on_the_wire_is_escaped(plain: bytes) -> None:
    """ESC, and the character with its bit 7 set; the reader clears it."""
    assert escape(plain) == bytes((0x1B, plain[0] | 0x80))
    assert unescape(escape(plain)) == plain


def test_what_means_nothing_on_the_wire_is_not_escaped() -> None:
    """Other control characters, text and bytes above 0x7F stand for themselves, also escaped characters' images."""
    plain = bytes(sorted(set(range(256)) - set(b"\x06\x0a\x0d\x11\x13\x15\x1a\x1b\x1c\x1d\x1e")))
    assert escape(plain) == plain
    assert unescape(escape(bytes(range(256)))) == bytes(range(256))


# -- all of them -----------------------------------------------------------------------------------------------------


@given(forms, st.lists(numbers, max_size=80))
@example(PACKED, [-126, 0, 127, 0, -127, 1, -128, 0])
@example(DIFFERENTIAL, [-127, 0, 127, 0, -128, 0, 128])
@example(PACKED, [5])
def test_what_is_encoded_is_decoded(form: TraceFormat, values: list[int]) -> None:
    """Any numbers of 16 bits, but the one that is the mark of the packed format."""
    if form is PACKED and -(1 << 15) in values:
        values = [max(value, 1 - (1 << 15)) for value in values]
    run = encode(form, values)
    assert decode(form, run, len(values)) == tuple(values)
    assert not set(run) & set(b"\r\n\x1c\x1d\x1e")
    behind = run + b"\r\nJOB=1\r\n"
    assert extent(form, behind, 0, len(values), at_most=len(behind)) == (len(run), len(values))


@settings(max_examples=200)
@given(forms, st.binary(max_size=60), st.integers(0, 80))
def test_any_bytes_are_decoded_or_refused(form: TraceFormat, run: bytes, count: int) -> None:
    """No run makes the decoder fail in another way, or gives more numbers than were announced."""
    try:
        values = decode(form, run, count)
    except UnusableTraceError:
        return
    assert len(values) <= count
    assert all(-(1 << 15) <= value < 1 << 15 for value in values)


@pytest.mark.parametrize(
    ("form", "run", "count", "reason"),
    [
        (ABSOLUTE, "c409c409", 1, "goes on after the 1"),
        (ABSOLUTE, "c409c4", 2, "middle of a number"),
        (DIFFERENTIAL, "c40980c4", 2, "middle of a number"),
        (PACKED, "c409540b00", 2, "goes on after the 2"),
        (PACKED, "c4090080098011", 3, "goes on after the 3"),
        (ABSOLUTE, "c41b", 1, "ESC"),
        (ABSOLUTE, "1b09", 1, "ESC"),
        (ABSOLUTE, "1b8a0a", 1, "both escaped and bare"),
    ],
)
def test_a_run_that_is_not_what_it_announces_is_refused(form: TraceFormat, run: str, count: int, reason: str) -> None:
    """Bytes too many or too few, and escapes that cannot be: what each byte means is not known."""
    with pytest.raises(UnusableTraceError, match=reason):
        decode(form, bytes.fromhex(run), count)


def test_numbers_that_a_format_does_not_hold_are_refused() -> None:
    """More than 16 bits, and the one number that is a mark."""
    for form in BINARY:
        with pytest.raises(UnusableTraceError, match="65536"):
            encode(form, (65536,))
    with pytest.raises(UnusableTraceError, match="the mark"):
        encode(PACKED, (-32768,))


# -- in a file -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", sorted(BINARY))
def test_a_binary_trace_is_read_like_a_text_one(form: TraceFormat) -> None:
    """The trace is used, the records after it are found, and the bytes are kept."""
    run = encode(form, evenly())
    job = job_of(form, run, 400)
    assert job.right.trace == Trace(Side.RIGHT, evenly())
    assert job.job_id == "1"
    assert {note.severity for note in job.diagnostics} == {Severity.INFO}


@pytest.mark.parametrize("form", sorted(BINARY))
def test_a_binary_trace_with_bare_line_ends_is_cut_by_its_count(form: TraceFormat) -> None:
    """The sender does not escape: its LF (in 2570 = 0x0A0A) is a byte like any other. It is read, with a warning."""
    radii = (2570, 2560, *evenly(398))
    bare = unescape(encode(form, radii))
    assert b"\n" in bare
    assert b"\x1b" not in bare
    data = b"TRCFMT=%d;400;E;R;F\r\nR=" % form + bare + b"\r\nJOB=1\r\n"
    job = interpret(parse(data))
    assert reassemble(parse(data)) == data
    assert job.right.trace == Trace(Side.RIGHT, radii)
    assert job.job_id == "1"
    assert [(note.label, note.line) for note in job.diagnostics if note.severity is Severity.WARNING] == [("R", 2)]


def test_a_binary_trace_may_go_on_in_further_records() -> None:
    """Absolute and differential runs may be cut; each part begins with a whole number."""
    for form in (ABSOLUTE, DIFFERENTIAL):
        head, tail = encode(form, evenly()[:150]), encode(form, evenly()[150:])
        assert job_of(form, head + b"\r\nR=" + tail, 400).right.trace == Trace(Side.RIGHT, evenly())
    head, tail = encode(PACKED, evenly()[:150]), encode(PACKED, evenly()[150:])
    job = job_of(PACKED, head + b"\r\nR=" + tail, 400)
    assert job.right.trace is None
    assert "several records" in job.diagnostics[0].message


def test_an_uneven_binary_trace_has_binary_angles() -> None:
    """Angles reach 359.99 degrees, 35999 of 1/100, and so are 16 bits without a sign."""
    angles = tuple(range(0, 360_00, 90))
    for form in sorted(BINARY):
        data = b"TRCFMT=%d;400;U;L;F\rR=%b\rA=%b\rJOB=1\r" % (form, encode(form, evenly()), encode(form, angles))
        job = interpret(parse(data))
        assert job.left.trace == Trace(Side.LEFT, evenly(), angles)
        assert job.job_id == "1"


def test_heights_may_be_binary_too() -> None:
    """They have a sign."""
    heights = tuple(range(-200, 200))
    for form in sorted(BINARY):
        data = b"ZFMT=%d;400;E;R;F\rZ=%b\rJOB=1\r" % (form, encode(form, heights))
        job = interpret(parse(data))
        assert job.right.heights is not None
        assert job.right.heights.heights == heights


@pytest.mark.parametrize("form", sorted(BINARY))
def test_a_binary_trace_that_was_cut_is_not_used(form: TraceFormat) -> None:
    """The rest of the job is read; the numbers found are counted."""
    run = encode(form, evenly()[:-1])
    job = job_of(form, run, 400)
    assert (job.right.trace, job.job_id) == (None, "1")
    assert [(note.severity, note.label, note.line) for note in job.diagnostics] == [(Severity.ERROR, "TRCFMT", 1)]
    assert "announces 400 radii and 399 follow" in job.diagnostics[0].message


@pytest.mark.parametrize("form", sorted(BINARY))
def test_a_binary_trace_that_goes_on_is_not_used(form: TraceFormat) -> None:
    """A longer run than announced is another trace than announced."""
    job = job_of(form, encode(form, evenly()), 398)
    assert (job.right.trace, job.job_id) == (None, "1")
    assert "goes on after the 398" in job.diagnostics[0].message


def test_a_binary_trace_is_the_last_thing_in_a_file_or_a_packet() -> None:
    """It ends where the bytes end, with or without a line end."""
    run = encode(PACKED, evenly())
    for after in (b"", b"\r", b"\r\n", b"\r\n\r\n"):
        file = parse(b"TRCFMT=4;400;E;R;F\r\nR=" + run + after)
        assert interpret(file).right.trace == Trace(Side.RIGHT, evenly())
        packed = parse(b"\x1cTRCFMT=4;400;E;R;F\r\nR=" + run + after + b"\x1eCRC=\r\x1d")
        assert interpret(packed).right.trace == Trace(Side.RIGHT, evenly())


def test_a_header_as_devices_write_it_is_understood() -> None:
    """Spaces within, and more than one line end after it."""
    data = b"TRCFMT=  4;400 ;E; R;F\r\n\n\rR=" + encode(PACKED, evenly()) + b"\r\n\r\n\n"
    assert interpret(parse(data)).right.trace == Trace(Side.RIGHT, evenly())


def test_text_under_a_binary_header_does_not_swallow_the_file() -> None:
    """A line end before a record ends the numbers, whatever was announced."""
    job = interpret(parse(b"TRCFMT=2;400;E;R;F\nR=2500;2500;2500\nR=2500\nJOB=1\n"))
    assert (job.right.trace, job.job_id) == (None, "1")
    assert [note.severity for note in job.diagnostics] == [Severity.ERROR]


def test_a_text_trace_after_a_binary_one_is_text() -> None:
    """Each announcement says anew how its numbers are written."""
    left = b"TRCFMT=1;400;E;L;F\r\n" + b"R=2500;2500;2500;2500\r\n" * 100
    job = job_of(ABSOLUTE, encode(ABSOLUTE, evenly()), 400, after=left)
    assert job.right.trace == Trace(Side.RIGHT, evenly())
    assert job.left.trace == Trace(Side.LEFT, (2500,) * 400)


def test_a_binary_trace_has_the_bounds_of_a_text_one() -> None:
    """As many radii as a side can have, a record of bounded length, and few enough traces to work on."""
    most = encode(ABSOLUTE, (2500,) * MAX_RADII)
    assert job_of(ABSOLUTE, most, MAX_RADII).right.trace is not None
    with pytest.raises(NotDcsError):
        job_of(ABSOLUTE, most + b"\xc4\x09\x00", MAX_RADII + 1)
    endless = b"\x00\x80" + b"\x80\x08" * MAX_LINE_BYTES
    with pytest.raises(TooLargeError, match="Line 2"):
        job_of(PACKED, endless[: MAX_LINE_BYTES + 10], 400)
    many = (b"TRCFMT=2;%d;E;R;F\r\nR=" % MAX_RADII + most + b"\r\n") * (MAX_BINARY_BYTES // len(most) + 1)
    with pytest.raises(TooLargeError, match="binary"):
        parse(many)
