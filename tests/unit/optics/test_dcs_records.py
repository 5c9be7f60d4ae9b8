import random
import time
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optics.dcs.errors import CorruptedError, DcsError, NotDcsError, TooLargeError, TruncatedError
from optics.dcs.records import MAX_BYTES, MAX_LINE_BYTES, MAX_LINES, parse, reassemble, slots

line_ends = st.sampled_from([b"\r", b"\n", b"\r\n", b"\n\n", b"\r\n\r\n"])
text_bytes = st.binary(max_size=60).map(lambda raw: bytes(byte for byte in raw if byte >= 0x20 and byte != 0x7F))
lines = st.one_of(
    text_bytes,
    st.tuples(st.from_regex(rb"[A-Z_.][A-Z0-9_]{0,11}", fullmatch=True), text_bytes).map(b"=".join),
)
bodies = st.lists(st.tuples(lines, line_ends).map(b"".join), max_size=30).map(b"".join)


def labels(data: bytes) -> list[str]:
    """Return the labels of the records, in order."""
    return [record.label for record in parse(data).records]


@pytest.mark.parametrize("ending", [b"\r", b"\n", b"\r\n"])
def test_lines_may_end_in_cr_lf_or_both(ending: bytes) -> None:
    """The three line ends of the trade give the same records."""
    records = parse(ending.join([b"JOB=1", b"SPH=-1.25;-1.50", b""])).records
    assert [(record.label, record.value, record.line) for record in records] == [
        ("JOB", "1", 1),
        ("SPH", "-1.25;-1.50", 2),
    ]


def test_line_ends_may_be_mixed_and_the_last_may_be_absent() -> None:
    """A file put together by several systems is read, and put together again as it was."""
    data = b"JOB=1\rSPH=1\r\n\nCYL=2\n\rAX=3"
    assert labels(data) == ["JOB", "SPH", "CYL", "AX"]
    assert reassemble(parse(data)) == data


def test_everything_is_kept_in_order() -> None:
    """Unknown, private, dotted and repeated labels, blank lines and lines that are no records stay where they are."""
    data = b"_ENGPNT=R;1,2,3\n.IFT=x\nFOO=1\n\nno record\nFOO=2\n_ENGPNT=L;4,5,6\n"
    assert labels(data) == ["_ENGPNT", ".IFT", "FOO", "FOO", "_ENGPNT"]
    assert [record.line for record in parse(data).records] == [1, 2, 3, 6, 7]
    assert reassemble(parse(data)) == data


@given(st.sampled_from([b"", b"\xef\xbb\xbf"]), bodies)
def test_reassembling_gives_the_very_same_bytes(opening: bytes, body: bytes) -> None:
    """Whatever is read loses nothing."""
    data = opening + b"JOB=1\n" + body
    assert reassemble(parse(data)) == data


@given(bodies, st.sampled_from([b"", b"CRC=\r", b"\r\n"]), st.sampled_from([b"", b"\r\n"]))
def test_reassembling_a_packet_gives_the_very_same_bytes(body: bytes, trailer: bytes, after: bytes) -> None:
    """A packet's frame is kept as well."""
    data = b"\x1cJOB=1\r" + body + b"\x1e" + trailer + b"\x1d" + after
    assert reassemble(parse(data)) == data


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=400), bodies))
@example(b"")
@example(b"\x1c")
@example(b"\x1c\x1e")
@example(b"\x1d\x1e\x1c")
@example(b"\xef\xbb\xbf")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No input makes the parser fail in another way than by its own refusal."""
    with suppress(DcsError):
        assert reassemble(parse(data)) == data


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", ("",)),
        ("1", ("1",)),
        ("1;2", ("1", "2")),
        ("33;", ("33", "")),
        ("?;", ("?", "")),
        (" 1 ; 2 ", ("1", "2")),
        ('"1471"', ("1471",)),
        ('"A;B";C', ("A;B", "C")),
        (' "A" ; "B" ', ("A", "B")),
        ('"open;2', ('"open', "2")),
        ('5" x 3";2', ('5" x 3"', "2")),
        ("0.02,7.79;-0.02,7.75", ("0.02,7.79", "-0.02,7.75")),
        ("a=b;c", ("a=b", "c")),
    ],
)
def test_a_value_is_cut_at_its_semicolons(value: str, expected: tuple[str, ...]) -> None:
    """Quotes protect a semicolon, empty slots and unknowns are kept, commas are left to whoever reads them."""
    assert slots(value) == expected


def test_text_that_is_not_utf_8_is_read_as_latin_1() -> None:
    """Neither encoding of an umlaut is lost."""
    assert parse("REM=grün".encode()).records[0].value == "grün"
    assert parse("REM=grün".encode("latin-1")).records[0].value == "grün"


def test_a_byte_order_mark_does_not_hide_the_first_record() -> None:
    """A file saved by a text editor is read like any other."""
    assert labels(b"\xef\xbb\xbfJOB=1\n") == ["JOB"]


@pytest.mark.parametrize("line", [b"=1", b"JOB", b"two words=1", b"A" * 33 + b"=1", b"1ST=1", b"-=1"])
def test_a_line_without_a_label_is_no_record(line: bytes) -> None:
    """It is kept as a line, and nothing is made of it."""
    assert labels(b"JOB=1\n" + line) == ["JOB"]


def test_a_packet_is_read_without_its_frame() -> None:
    """FS, RS, checksum and GS are no records (checksum oracle: REQ=INI gives 13402)."""
    assert labels(b"\x1cREQ=INI\r\x1eCRC=13402\r\x1d") == ["REQ"]
    assert labels(b"\x1cREQ=INI\r\n\x1eCRC=04255\r\n\x1d\r\n") == ["REQ"]


@pytest.mark.parametrize("trailer", [b"", b"CRC=\r", b"\r\n"])
def test_a_packet_without_a_checksum_is_accepted(trailer: bytes) -> None:
    """Devices leave the checksum out or empty."""
    assert labels(b"\x1cREQ=INI\r\x1e" + trailer + b"\x1d") == ["REQ"]


@pytest.mark.parametrize("trailer", [b"CRC=13403\r", b"CRC=0\r", b"CRC=x\r", b"JOB=1\r", b"CRC=123456\r"])
def test_a_packet_with_a_wrong_checksum_is_refused(trailer: bytes) -> None:
    """What was changed on the way is not believed."""
    with pytest.raises(CorruptedError):
        parse(b"\x1cREQ=INI\r\x1e" + trailer + b"\x1d")


@pytest.mark.parametrize(
    "cut", [1, 5, len(b"\x1cREQ=INI\r"), len(b"\x1cREQ=INI\r\x1e"), len(b"\x1cREQ=INI\r\x1eCRC=1")]
)
def test_a_truncated_packet_is_refused(cut: int) -> None:
    """A packet that opened and did not close says so, wherever it was cut."""
    with pytest.raises(TruncatedError, match="Send it again"):
        parse(b"\x1cREQ=INI\r\x1eCRC=13402\r\x1d"[:cut])


def test_two_packets_in_one_are_refused() -> None:
    """Which of the two is the job cannot be told."""
    packet = b"\x1cREQ=INI\r\x1e\x1d"
    with pytest.raises(NotDcsError, match="one packet at a time"):
        parse(packet + packet)


@pytest.mark.parametrize("data", [b"", b" \r\n\t\n", b"\xef\xbb\xbf", b"\x1c\x1e\x1d"])
def test_an_empty_file_is_refused(data: bytes) -> None:
    """There is nothing in it to read."""
    with pytest.raises(NotDcsError, match="empty"):
        parse(data)


def test_a_file_without_a_record_is_refused() -> None:
    """Prose is not DCS."""
    with pytest.raises(NotDcsError, match="LABEL=VALUE"):
        parse(b"Dear lab,\nplease make the usual.\n")


def test_a_nul_byte_is_refused_with_its_line() -> None:
    """The sentence names the byte and the line it stands on, whatever the line ends."""
    with pytest.raises(NotDcsError, match=r"Line 4 holds the byte 0x00"):
        parse(b"JOB=1\r\nSPH=1\rCYL=2\nAX=\x00\n")


def test_an_audio_file_that_shares_the_extension_is_refused() -> None:
    """Sony's ATRAC recordings are called .oma, too: a header, then noise."""
    noise = random.Random(1).randbytes(20_000)  # noqa: S311 - a reproducible noise, no secret
    with pytest.raises(NotDcsError, match="binary"):
        parse(b"ea3\x03\x00\x00\x00\x00\x17\x76" + noise)


@pytest.mark.parametrize("header", [b"TRCFMT=1;2;E;R;F", b"TRCFMT=2;9999;E;R;F", b"STHKFMT=2;2;E;R", b"TRCFMT=2"])
def test_a_binary_trace_that_is_not_announced_is_refused_with_the_way_out(header: bytes) -> None:
    """Without a binary format and a count its end cannot be told; the sender learns which format to choose."""
    with pytest.raises(NotDcsError, match=r"Line 3 holds the byte 0x01.*TRCFMT=1"):
        parse(b"JOB=1\r\n" + header + b"\r\nR=\xc4\x09\x01\x1b\x8a\r\n")


def test_a_line_of_ten_megabytes_is_refused_at_once() -> None:
    """The size is looked at before anything else."""
    with pytest.raises(TooLargeError, match=str(MAX_BYTES)):
        parse(b"R=" + b"1;" * 5_000_000)


def test_a_line_over_the_bound_is_refused_with_its_number() -> None:
    """A file within the size but without line ends is no list of records."""
    assert parse(b"JOB=1\n" + b"X" * MAX_LINE_BYTES)
    with pytest.raises(TooLargeError, match="Line 2"):
        parse(b"JOB=1\n" + b"X" * (MAX_LINE_BYTES + 1))


@pytest.mark.parametrize("ending", [b"\r", b"\n", b"\r\n"])
def test_more_lines_than_a_job_has_are_refused(ending: bytes) -> None:
    """A file within the size but of endless short lines is refused."""
    assert parse((b"A=1" + ending) * MAX_LINES)
    with pytest.raises(TooLargeError, match="lines"):
        parse((b"A=1" + ending) * (MAX_LINES + 1))


def test_the_worst_file_within_the_bounds_is_read_in_reasonable_time() -> None:
    """Quotes, semicolons and spaces that tempt a backtracking pattern cost no more than others."""
    worst = [b'"' * 60_000, b'";' * 30_000, b'" ' * 30_000, b" " * 60_000 + b"x", b'";;' * 20_000, b"\t" * 60_000]
    started = time.perf_counter()
    for text in worst:
        for record in parse(b"A=" + text).records:
            slots(record.value)
        parse(b"A=1\n" + text + b"=")
    with pytest.raises(CorruptedError):
        parse(b"\x1cA=1\r\x1eCRC=" + b" " * 1_000_000 + b"x\x1d")
    assert time.perf_counter() - started < 5
