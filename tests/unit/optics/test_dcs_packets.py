import time
import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optics.dcs.errors import CorruptedError, NotDcsError, TooLargeError, TruncatedError, UnsayableError
from optics.dcs.packets import (
    MAX_PACKET_BYTES,
    MAX_TRAILER_BYTES,
    Confirmation,
    Fault,
    Packet,
    PacketDecoder,
    Status,
    checksum,
    packet,
    unwrap,
    with_checksum,
)
from optics.dcs.records import parse

GREETING = b"\x1cREQ=INI\r\x1eCRC=13402\r\x1d"

bodies = st.lists(
    st.binary(max_size=12).map(lambda raw: bytes(b for b in raw if b >= 0x20 and b != 0x7F)), max_size=5
).map(lambda lines: b"".join(line + b"\r" for line in (b"JOB=1", *lines)))
wires = st.one_of(
    bodies.map(packet),
    bodies.map(lambda body: packet(body, checked=False)),
    bodies.map(lambda body: packet(body)[:-3]),
    bodies.map(lambda body: packet(body).replace(b"JOB", b"JOG")),
    st.sampled_from([b"\x06", b"\x15", b"\x1c", b"\x1d", b"\x1e", b"\r\n", b"noise"]),
    st.binary(max_size=20),
)


def kinds(decoder: PacketDecoder, *portions: bytes) -> list[object]:
    """Return what comes out of the portions: packets and confirmations, and of a fault the kind."""
    events = [event for portion in portions for event in decoder.feed(portion)]
    return [type(event.error) if isinstance(event, Fault) else event for event in (*events, *decoder.finish())]


# -- the checksum ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("covered", "expected"),
    [
        (b"123456789", 0x31C3),
        (b"REQ=INI\r\x1e", 13402),
        (b"REQ=INI\r\n\x1e", 4255),
        (b"ANS=INI\r\nSTATUS=0\r\n\x1e", 57654),
        (b"ANS=INI\rSTATUS=0\r\x1e", 23424),
    ],
)
def test_the_checksum_is_crc_16_xmodem(covered: bytes, expected: int) -> None:
    """The check value of the CRC's catalogue, and a device's own example with its variants."""
    assert checksum(covered) == expected


# -- packets ---------------------------------------------------------------------------------------------------------


def test_a_packet_is_framed() -> None:
    """FS, the records, RS, the checksum and its CR, GS; with CR or CR LF, the checksum padded, or none."""
    assert packet(b"REQ=INI\r") == GREETING
    assert packet(b"REQ=INI\r\n") == b"\x1cREQ=INI\r\n\x1eCRC=4255\r\x1d"
    assert packet(b"REQ=INI\r\n", padded=True) == b"\x1cREQ=INI\r\n\x1eCRC=04255\r\x1d"
    assert packet(b"REQ=INI\r", checked=False) == b"\x1cREQ=INI\r\x1e\x1d"


@pytest.mark.parametrize("records", [b"A=\x1c\r", b"A=\x1d\r", b"A=\x1e\r", b"A=\x06\r", b"A=\x15\r", b"A=1", b""])
def test_records_that_would_break_out_of_a_packet_are_refused(records: bytes) -> None:
    """What frames a packet must not stand within, and the last record is ended."""
    with pytest.raises(UnsayableError):
        packet(records)


@given(bodies, st.booleans(), st.booleans())
def test_a_packet_that_was_made_is_read(body: bytes, checked: bool, padded: bool) -> None:  # noqa: FBT001 - drawn
    """By the decoder and by the reader of files, to the same records."""
    data = packet(body, checked=checked, padded=padded)
    assert kinds(PacketDecoder(), data) == [Packet(body, checked)]
    assert unwrap(data)[1] == body
    assert parse(data).records[0].label == "JOB"


def test_a_changed_packet_gets_a_checksum_of_its_own_width() -> None:
    """A padded one stays padded, one that is empty or missing stays so."""
    assert with_checksum(b"REQ=INI\r\n", b"\x1eCRC=12345\r\n\x1d") == b"\x1eCRC=04255\r\n\x1d"
    assert with_checksum(b"REQ=INI\r\n", b"\x1eCRC=1\r\x1d") == b"\x1eCRC=4255\r\x1d"
    assert with_checksum(b"REQ=INI\r", b"\x1eCRC=\r\x1d") == b"\x1eCRC=\r\x1d"
    assert with_checksum(b"REQ=INI\r", b"\x1e\x1d") == b"\x1e\x1d"


def test_every_status_has_words() -> None:
    """The codes run from 0 to 19."""
    assert [status.value for status in Status] == list(range(20))
    assert len({status.words for status in Status}) == 20
    assert Status(1).words == "the job is not known"


# -- the decoder -----------------------------------------------------------------------------------------------------


def test_packets_and_confirmations_come_out_in_order() -> None:
    """What stands between packets and says nothing is skipped: blanks, line ends, flow control."""
    wire = b"\x06\r\n\x11" + GREETING + b"\r\n\x15" + b"\x1cJOB=1\r\x1e\x1d" + b"\x13"
    assert kinds(PacketDecoder(), wire) == [
        Confirmation.ACK,
        Packet(b"REQ=INI\r", checked=True),
        Confirmation.NAK,
        Packet(b"JOB=1\r", checked=False),
    ]


@settings(max_examples=150)
@given(st.lists(wires, max_size=6), st.lists(st.integers(0, 60), max_size=12))
@example([b"\x1c" + b"x" * 90, GREETING], [7])
@example([b"\x1c\x1e" + b"x" * (MAX_TRAILER_BYTES + 9), GREETING], [30, 1, 40])
@example([b"a", b" ", b"b", GREETING], [1, 1, 1])
def test_what_comes_out_does_not_depend_on_the_portions(parts: list[bytes], cuts: list[int]) -> None:
    """The same wire in one piece, cut anywhere, and byte by byte; bounds included."""
    wire, portions = b"".join(parts), []
    rest = wire
    for cut in cuts:
        portions.append(rest[:cut])
        rest = rest[cut:]
    runs = []
    for run in ([wire], [*portions, rest], [bytes((byte,)) for byte in wire]):
        decoder = PacketDecoder(packet_bytes=80, record_bytes=30)
        events = [event for portion in run for event in decoder.feed(portion)] + decoder.finish()
        runs.append([(str(e.error), e.dropped) if isinstance(e, Fault) else e for e in events])
        assert decoder.held == 0
    assert runs[0] == runs[1] == runs[2]


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_a_packet_is_found_behind_anything(before: bytes, cut: bytes) -> None:
    """Garbage, and packets that were cut, cost no more than themselves."""
    assert Packet(b"REQ=INI\r", checked=True) in PacketDecoder().feed(before + b"\x1c" + cut + GREETING)


@pytest.mark.parametrize(
    ("wire", "kind"),
    [
        (b"\x1cREQ=INI\r\x1eCRC=13403\r\x1d", CorruptedError),
        (b"\x1cREQ=INO\r\x1eCRC=13402\r\x1d", CorruptedError),
        (b"\x1cREQ=INI\r\x1eCRC=99999\r\x1d", CorruptedError),
        (b"\x1cREQ=INI\r\x1eJOB=1\r\x1d", CorruptedError),
        (b"\x1cREQ=INI\r\x1e" + b"x" * 65 + b"\x1d", CorruptedError),
        (b"\x1cREQ=INI\r\x1d", TruncatedError),
        (b"\x1cREQ=INI\r", TruncatedError),
        (b"\x1cREQ=INI\r\x1eCRC=1", TruncatedError),
        (b"REQ=INI\r", NotDcsError),
        (b"\x1d", NotDcsError),
        (b"\x1c" + b"A=1\r" * 30 + b"\x1e\x1d", TooLargeError),
        (b"\x1c" + b"A" * 41 + b"\r\x1e\x1d", TooLargeError),
    ],
)
def test_what_is_no_packet_is_a_fault_and_the_next_packet_is_read(wire: bytes, kind: type[Exception]) -> None:
    """Each says what is wrong; the decoder goes on."""
    decoder = PacketDecoder(packet_bytes=100, record_bytes=40)
    events = decoder.feed(wire + GREETING)
    faults = [event for event in events if isinstance(event, Fault)]
    assert isinstance(faults[0].error, kind)
    assert events[-1] == Packet(b"REQ=INI\r", checked=True)
    assert len(wire) - wire.count(b"\r") <= sum(fault.dropped for fault in faults) <= len(wire)


def test_a_packet_that_is_given_up_confirms_nothing() -> None:
    """A byte within it that looks like ACK is a byte of it."""
    decoder = PacketDecoder(packet_bytes=10)
    assert kinds(decoder, b"\x1c" + b"x" * 11 + b"\x06\x15\x1d\x06") == [
        TooLargeError,
        NotDcsError,
        Confirmation.ACK,
    ]


def test_an_escaped_trace_travels_in_a_packet() -> None:
    """Its bytes frame nothing, for they are escaped (0x1C as ESC, 0x9C)."""
    body = b"TRCFMT=2;1;E;R;F\rR=\xc4\x1b\x9c\rJOB=1\r"
    assert kinds(PacketDecoder(), packet(body)) == [Packet(body, checked=True)]
    assert [record.label for record in parse(packet(body)).records] == ["TRCFMT", "R", "JOB"]


@pytest.mark.parametrize("endless", [b"x" * 65_536, b"A=1\r" * 16_384, b"\r" * 65_536, b"\x1c" * 4096, b"\x06" * 4096])
@pytest.mark.parametrize("opening", [b"", b"\x1c", b"\x1cA=1\r\x1e"])
def test_an_endless_wire_takes_bounded_time(opening: bytes, endless: bytes) -> None:
    """Megabytes without an end, in a packet or not: each byte is looked at a few times, and one packet is held."""
    decoder = PacketDecoder()
    decoder.feed(opening)
    started = time.process_time()
    for _ in range(20):
        decoder.feed(endless)
        assert decoder.held <= MAX_PACKET_BYTES + 1
    assert time.process_time() - started < 5


def test_an_endless_wire_takes_bounded_memory() -> None:
    """Ten megabytes of one packet that never ends: what it holds goes up to its bound and is given up."""
    decoder = PacketDecoder()
    portion = b"x" * 65_536 + b"\r"
    tracemalloc.start()
    decoder.feed(b"\x1c")
    for _ in range(160):
        decoder.feed(portion)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20
    assert decoder.held == 0
