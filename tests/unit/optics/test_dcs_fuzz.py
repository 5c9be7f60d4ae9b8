"""Anything at all as input: whatever the bytes are, they are read or refused, in bounded time and memory."""

import random
import time
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optics.dcs.editing import Change, changed, revised
from optics.dcs.errors import DcsError, TooLargeError
from optics.dcs.interpretation import interpret
from optics.dcs.packets import Fault, PacketDecoder, packet
from optics.dcs.records import MAX_BINARY_BYTES, MAX_BYTES, MAX_LINE_BYTES, MAX_LINES, parse, reassemble, slots
from optics.dcs.trace_formats import TraceFormat
from optics.dcs.writing import CR, write

PROJECT = Path(__file__).parents[3]
FOLDERS = (PROJECT / "samples", PROJECT.parent / "shared" / "data" / "oma")  # the second is not everywhere
TEXTS = [path.read_bytes() for folder in FOLDERS if folder.is_dir() for path in sorted(folder.glob("*.oma"))]
SAMPLE = (PROJECT / "samples" / "progressive-job.oma").read_bytes()
BINARIES = [write(interpret(parse(SAMPLE)), trace_format=form, ending=CR) for form in TraceFormat]
PACKETS = [packet(data) for data in BINARIES]
SEEDS = [*TEXTS, *BINARIES, *PACKETS]

PIECES = [bytes((byte,)) for byte in b'\x00\x1b\x1c\x1d\x1e\xff=;"\r\n?'] + [b"TRCFMT=4;", b"R="]


SHORT = 4000


pieces = st.sampled_from([*PIECES, b"A=1", b"JOB=", b"400;E;R;F"])


def outcome(data: bytes) -> str:
    """Read `data` in every way there is, twice, and return what became of it: "read", or the name of the refusal."""
    try:
        file = parse(data)
        job = interpret(file)
    except DcsError as refused:
        with pytest.raises(type(refused)) as again:
            interpret(parse(data))
        assert str(again.value) == str(refused)  # noqa: PT017 - every refusal is alike
        return type(refused).__name__
    assert reassemble(file) == data
    assert interpret(parse(data)) == job
    if len(data) < SHORT:
        assert reassemble(revised(file, job)) == data
    for record in file.records:
        slots(record.value)
    return "read"


def mutated(rng: random.Random, data: bytes) -> bytes:
    """Return `data` with up to four accidents: bytes lost, changed, put in, repeated, cut off, or another file's."""
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        length = rng.choice((1, 2, 8, 200))
        match rng.randrange(7):
            case 0:
                data = data[:at] + data[at + length :]
            case 1:
                data = data[:at] + bytes((rng.randrange(256),)) + data[at + 1 :]
            case 2:
                data = data[:at] + rng.choice(PIECES) + data[at:]
            case 3:
                data = data[:at] + data[at : at + length] * rng.choice((2, 3, 40)) + data[at + length :]
            case 4:
                data = data[:at]
            case 5:
                other = rng.choice(SEEDS)
                data = data[:at] + other[rng.randrange(len(other)) :]
            case _:
                data = data[:at] + rng.randbytes(length) + data[at:]
    return data


def test_a_campaign_of_damaged_files_and_packets_is_read_or_refused() -> None:
    """Seven hundred damaged files, always the same; the counts are printed (pytest -s)."""
    rng = random.Random(20_240_607)  # noqa: S311 - reproducible accidents, no secret
    counts = Counter(outcome(mutated(rng, rng.choice(SEEDS))) for _ in range(700))
    print(f"\ndamaged files and packets: {sum(counts.values())}, {dict(counts.most_common())}")  # noqa: T201 - the counts
    assert counts.total() == 700
    assert counts["read"] > 150
    assert len(counts) > 3


def test_a_campaign_of_damaged_wires_leaves_no_packet_behind() -> None:
    """Between damaged packets stands a sound one; each sound one that no damage runs into is found."""
    rng = random.Random(8)  # noqa: S311 - as above
    sound = packet(b"REQ=INI\r")
    counts: Counter[str] = Counter()
    for _ in range(400):
        wire = mutated(rng, rng.choice(PACKETS)) + sound
        decoder = PacketDecoder()
        events = [event for at in range(0, len(wire), 1000) for event in decoder.feed(wire[at : at + 1000])]
        counts.update(type(event).__name__ for event in events)
        last = events[-1]
        assert not isinstance(last, Fault)
        assert decoder.finish() == []
        for event in events:
            if not isinstance(event, Fault):
                outcome(getattr(event, "records", b""))
    print(f"\nevents of damaged wires: {dict(counts.most_common())}")  # noqa: T201 - the counts


@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=300), st.lists(pieces).map(b"".join)))
@example(b"TRCFMT=2;1;E;R\rR=\r")
@example(b"TRCFMT=4;9;E;R\rR=\x1b")
@example(b"ZFMT=3;3;U;L\nZA=\n\n\nZ=\n=")
@example(b"TRCFMT=1;1;E;R\nSTHKFMT=1;1;E;R\nT=1\nTRCFMT=1;1;E;R\nT=1\nR=1\n")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No input makes the reader fail in another way than by its own refusal, or read differently the second time."""
    outcome(data)
    outcome(b"JOB=1\n" + data)
    outcome(b"\x1c" + data + b"\x1e\x1d")


@settings(max_examples=100)
@given(
    st.sampled_from(TEXTS),
    st.from_regex(r"\A[A-Z]{1,3}\Z"),
    st.lists(st.one_of(st.none(), st.text(max_size=6)), max_size=3).map(tuple),
    st.integers(0, 3),
)
def test_any_change_is_made_or_refused(
    data: bytes, label: str, fields: tuple[str | None, ...], occurrence: int
) -> None:
    """Of all lines but the changed one, none is touched."""
    try:
        file = changed(parse(data), [Change(label, fields, occurrence)])
    except DcsError:
        return
    before, after = data.splitlines(keepends=True), reassemble(file).splitlines(keepends=True)
    assert sum(old not in after for old in set(before)) <= 1
    assert len(after) - len(before) in (0, 1)


# -- large inputs ----------------------------------------------------------------------------------------------------

_PACKED_MARKS = b"\x00\x80" + b"\x80\x08" * (MAX_LINE_BYTES // 4)
LARGE = {
    "a line of 10 MB": b"R=" + b"1;" * 5_000_000,
    "10 MB of NUL": bytes(10_000_000),
    "NULs within the bounds": b"JOB=1\n" + bytes(MAX_BYTES - 10),
    "the longest file": (b"A=" + b"1;" * 40 + b"\n") * (MAX_BYTES // 83),
    "the most lines": b"SPH=1\n" * MAX_LINES,
    "the longest lines": (b"SPH=" + b";" * (MAX_LINE_BYTES - 4) + b"\n") * (MAX_BYTES // (MAX_LINE_BYTES + 1)),
    "quotes without end": (b'LNAM="' + b'";"' * 20_000 + b"\n") * 17,
    "announcements": b"TRCFMT=1;1;E;R;F\n" * MAX_LINES,
    "numbers": b"TRCFMT=1;2048;E;R;F\n" + b"R=1\n" * (MAX_LINES - 2),
    "drills": b"DRILLE=B;C;1;2;3\n" * MAX_LINES,
    "stray numbers": b"Z=1\n" * MAX_LINES,
    "packed marks and no number": b"TRCFMT=4;2048;E;R;F\rR=" + _PACKED_MARKS + b"\r",
    "packed marks, again and again": (b"TRCFMT=4;2048;E;R;F\rR=" + _PACKED_MARKS + b"\rJOB=1\r") * 30,
    "binary line ends": b"TRCFMT=2;2048;E;R;F\rR=" + b"\n\r" * 8000 + b"\r",
    "an open packet": b"\x1c" + b"A=1\r" * 200_000,
    "openings": b"\x1c" * MAX_BYTES,
    "closings": b"\x1cA=1\r\x1e" + b"\x1d" * 1_000_000,
    "a trailer of blanks": b"\x1cA=1\r\x1eCRC=" + b" " * 1_000_000 + b"\x1d",
}


@pytest.mark.parametrize("name", LARGE)
def test_a_large_input_takes_bounded_time(name: str) -> None:
    """Whatever it is full of; what is over a bound is refused before it is worked on."""
    started = time.process_time()
    outcome(LARGE[name])
    assert time.process_time() - started < 10


def test_a_large_input_takes_bounded_memory() -> None:
    """A file at the bounds takes some tens of megabytes, one beyond them next to nothing."""
    data = LARGE["the longest file"]
    tracemalloc.start()
    interpret(parse(data))
    _, peak = tracemalloc.get_traced_memory()
    assert peak < 64 << 20
    tracemalloc.reset_peak()
    held, _ = tracemalloc.get_traced_memory()
    for name in ("a line of 10 MB", "10 MB of NUL"):
        with pytest.raises(TooLargeError):
            parse(LARGE[name])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - held < 1 << 20


def test_twice_the_work_takes_no_more_than_a_few_times_the_time() -> None:
    """A file in lines, numbers and bytes, and the half of it: the time grows with the size, not with its square."""
    line = b"TRCFMT=3;2048;E;R;F\rR=" + b"\xc4\x09" + b"\x01\xff" * 1000 + b"\rSPH=" + b'"a";' * 500 + b"\r"
    assert len(line) * 12 < MAX_BINARY_BYTES
    times = []
    for count in (6, 12):
        started = time.process_time()
        interpret(parse(line * count))
        times.append(time.process_time() - started)
    assert times[1] < 3 * times[0] + 0.5
