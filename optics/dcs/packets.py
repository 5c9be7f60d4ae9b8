"""The packets in which records travel between a device and a host, and what is answered.

    FS  records  RS  [CRC=nnnnn CR]  GS        (0x1C, 0x1E, 0x1D)

The checksum is CRC-16/XMODEM (polynomial 0x1021, beginning at 0) over everything after FS up to and including RS, in
decimal digits; some vendors pad it with zeros to five. Many leave it out or empty: such a packet is read, and says
that nobody checked it. A checksum that is there has to be right. Whoever gets a packet answers ACK (0x06) or, to have
it sent again, NAK (0x15).

Control characters within a binary trace are escaped, so FS, RS and GS mean what they mean wherever they stand.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum

from optics.dcs.errors import CorruptedError, DcsError, NotDcsError, TooLargeError, TruncatedError, UnsayableError

FS, GS, RS = b"\x1c", b"\x1d", b"\x1e"
"""What opens a packet, what closes it, and what ends its records."""

MAX_PACKET_BYTES = 1 << 20
"""1 MiB. A whole job with its traces takes about 10 KiB, two traces of 2048 radii about 20 more."""

MAX_RECORD_BYTES = 64 << 10
"""64 KiB. A whole trace of 2048 radii in one record takes 12 KiB, a vendor's packed one less."""

MAX_TRAILER_BYTES = 64
"""What may stand between RS and GS: CRC=nnnnn and a line end take 11."""

_TRAILER = re.compile(rb"(?:CRC=[ \t]*([0-9]{0,5}))?")
_LINE_END = re.compile(rb"[\r\n]")
_FRAMING = re.compile(rb"[\x06\x15\x1c\x1d\x1e]")
_IDLE = b" \t\r\n\x11\x13"  # between packets: blanks, line ends, and the wire's own flow control


class Confirmation(Enum):
    """How a packet is answered."""

    ACK = b"\x06"
    """It arrived."""
    NAK = b"\x15"
    """It did not arrive whole; send it again."""


class Status(IntEnum):
    """The result of a request (STATUS); the standard's own codes."""

    OK = 0
    JOB_NOT_FOUND = 1
    JOB_PROTECTED = 2
    GENERAL_ERROR = 3
    CANNOT_PROCESS_JOB = 4
    NEED_INITIALISATION = 5
    INVALID_JOB_ID = 6
    MISSING_RECORD = 7
    HOST_ERROR = 8
    INCOMPATIBLE = 9
    OUT_OF_RANGE = 10
    BUSY = 11
    OUT_OF_SYNC = 12
    INVALID_INITIALISATION = 13
    AUTOFORMAT_NOT_SUPPORTED = 14
    INITIALISATION_NOT_SUPPORTED = 15
    INVALID_REQUEST = 16
    UNSUPPORTED_TRACE_FORMAT = 17
    FORMAT_ERROR = 18
    PROCESS_FAILED = 19

    @property
    def words(self) -> str:
        """The result in a sentence."""
        return _STATUS_WORDS[self]


_STATUS_WORDS = {
    Status.OK: "done",
    Status.JOB_NOT_FOUND: "the job is not known",
    Status.JOB_PROTECTED: "the job is protected",
    Status.GENERAL_ERROR: "it failed, for no reason that has a code",
    Status.CANNOT_PROCESS_JOB: "the job cannot be processed",
    Status.NEED_INITIALISATION: "the device has to introduce itself first",
    Status.INVALID_JOB_ID: "the job number is not valid",
    Status.MISSING_RECORD: "a record is missing",
    Status.HOST_ERROR: "the host failed",
    Status.INCOMPATIBLE: "device and host do not fit each other",
    Status.OUT_OF_RANGE: "a value is out of range",
    Status.BUSY: "the host is busy",
    Status.OUT_OF_SYNC: "the session is out of step",
    Status.INVALID_INITIALISATION: "the introduction is not valid",
    Status.AUTOFORMAT_NOT_SUPPORTED: "the host does not let devices choose their records",
    Status.INITIALISATION_NOT_SUPPORTED: "the host takes no introduction",
    Status.INVALID_REQUEST: "the request is not valid",
    Status.UNSUPPORTED_TRACE_FORMAT: "the trace format is not supported",
    Status.FORMAT_ERROR: "a record is malformed",
    Status.PROCESS_FAILED: "the process failed",
}


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet that arrived whole."""

    records: bytes
    """What stood between FS and RS: lines of LABEL=value."""
    checked: bool
    """Whether it had a checksum, and so is known to be what was sent."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Bytes that arrived and are no packet."""

    error: DcsError
    """What is wrong with them, and what to do."""
    dropped: int
    """How many bytes were thrown away."""


def checksum(covered: bytes) -> int:
    """Return the CRC-16/XMODEM of `covered`: 0x31C3 for ``123456789``."""
    return binascii.crc_hqx(covered, 0)


def packet(records: bytes, *, checked: bool = True, padded: bool = False) -> bytes:
    """Return `records` as a packet, ready to be sent.

    Args:
        records: whole lines, each ended by CR or CR LF.
        checked: whether to add the checksum.
        padded: whether to pad it with zeros to five digits, as some vendors expect it.

    Raises:
        UnsayableError: the records would break out of the packet, or their last line is not ended.
    """
    if found := _FRAMING.search(records):
        raise UnsayableError(
            f"The records hold the byte 0x{found[0][0]:02X}, which means something between devices. Write binary "
            "traces escaped, and texts without control characters."
        )
    if not records.endswith((b"\r", b"\r\n")):
        raise UnsayableError("The last record is not ended by CR or CR LF, as a packet's records are. Add it.")
    covered = records + RS
    crc = f"CRC={checksum(covered):0{5 if padded else 1}d}\r".encode() if checked else b""
    return FS + covered + crc + GS


def unwrap(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the parts of one packet: FS, its records, and what stands from RS to the end.

    Raises:
        TruncatedError: it does not end.
        CorruptedError: its checksum is wrong.
        NotDcsError: something follows it.
    """
    end = data.find(RS)
    close = data.find(GS, end) if end >= 0 else -1
    if close < 0:
        mark = "RS (0x1E), the end of its records" if end < 0 else "GS (0x1D), its last byte"
        raise TruncatedError(
            f"The packet opens with FS (0x1C) but has no {mark}: a part was lost on the way. Send it again."
        )
    if data[close + 1 :].strip():
        raise NotDcsError("More bytes follow the packet's GS (0x1D). Send one packet at a time.")
    is_checked(covered=data[1 : end + 1], trailer=data[end + 1 : close])
    return FS, data[1:end], data[end:]


def is_checked(covered: bytes, trailer: bytes) -> bool:
    """Tell whether a packet has a checksum; if it has one, it is right.

    Args:
        covered: everything after FS up to and including RS.
        trailer: what stands between RS and GS.

    Raises:
        CorruptedError: the checksum is wrong, or something else stands in its place.
    """
    match = _TRAILER.fullmatch(trailer.strip())
    if match is None:
        raise CorruptedError("Between the packet's RS and GS stands something else than CRC=nnnnn. Send it again.")
    if not match[1]:
        return False
    computed = checksum(covered)
    if int(match[1]) != computed:
        raise CorruptedError(
            f"The packet says CRC={int(match[1])} and its content gives {computed}: it was changed on the way. "
            "Send it again."
        )
    return True


def with_checksum(records: bytes, closing: bytes) -> bytes:
    """Return a packet's `closing` (RS to the end) with the checksum of `records`, if it has one; its width is kept."""
    match = _TRAILER.match(closing, 1)
    if match is None or not match[1]:
        return closing
    crc = f"{checksum(records + RS):0{len(match[1])}d}".encode()
    return closing[: match.start(1)] + crc + closing[match.end(1) :]


class PacketDecoder:
    """Packets, confirmations and faults out of the bytes of a wire, in whatever portions they come.

    What comes out does not depend on the portions. After bytes that are no packet the decoder goes on with the next FS.
    It holds one packet at most, and never more than its bounds allow.
    """

    def __init__(self, *, packet_bytes: int = MAX_PACKET_BYTES, record_bytes: int = MAX_RECORD_BYTES) -> None:
        """Begin between packets.

        Args:
            packet_bytes: most bytes of a packet's records.
            record_bytes: most bytes of one record.
        """
        self._packet_bytes = packet_bytes
        self._record_bytes = record_bytes
        self._body: bytearray | None = None
        """The records so far, RS included once it came; None between packets."""
        self._trailer: bytearray | None = None
        """What came after RS."""
        self._record = 0
        """How long the last, unfinished record is."""
        self._given_up = False
        """Whether what comes is the rest of a packet that was given up."""
        self._garbage = 0
        """How many bytes that belong to no packet came since the last thing that was told."""

    def feed(self, data: bytes) -> list[Packet | Confirmation | Fault]:
        """Take the next bytes of the wire, and return what they complete, in order."""
        return list(self._events(data))

    def finish(self) -> list[Fault]:
        """Say what is left over when the wire is closed, and begin anew."""
        left = [*self._truncated(), *self._end_of_garbage()]
        self._between_packets()
        return left

    @property
    def held(self) -> int:
        """How many bytes the decoder holds."""
        return len(self._body or b"") + len(self._trailer or b"")

    def _events(self, data: bytes) -> Iterator[Packet | Confirmation | Fault]:
        position = 0
        for mark in _FRAMING.finditer(data):
            yield from self._plain(data[position : mark.start()])
            position = mark.end()
            yield from self._mark(mark[0])
        yield from self._plain(data[position:])

    def _mark(self, mark: bytes) -> Iterator[Packet | Confirmation | Fault]:
        """Take a byte that means something between devices."""
        if mark == FS:
            yield from self._truncated()
            yield from self._end_of_garbage()
            self._between_packets()
            self._body = bytearray()
        elif self._body is not None:
            yield from self._mark_in_packet(mark, self._body)
        elif not self._given_up and mark in (Confirmation.ACK.value, Confirmation.NAK.value):
            yield from self._end_of_garbage()
            yield Confirmation(mark)
        else:
            self._garbage += 1
            self._given_up = self._given_up and mark != GS

    def _mark_in_packet(self, mark: bytes, body: bytearray) -> Iterator[Packet | Fault]:
        if mark == GS:
            yield self._whole(bytes(body))
            self._between_packets()
        elif mark == RS and self._trailer is None:
            body += RS
            self._trailer = bytearray()
        else:
            yield from self._plain(mark)

    def _plain(self, data: bytes) -> Iterator[Fault]:
        """Take bytes that frame nothing."""
        if self._body is None:
            self._garbage += len(data) - sum(map(data.count, _IDLE))
            return
        if self._trailer is not None:
            held, fitting = self._trailer, MAX_TRAILER_BYTES - len(self._trailer)
            error: DcsError = CorruptedError(
                "Between the packet's RS and GS stands more than a checksum. Send it again."
            )
        else:
            held, (fitting, error) = self._body, self._fitting(data, self._packet_bytes - len(self._body))
        held += data[: fitting + 1]
        if len(data) > fitting:
            yield Fault(error, len(FS) + self.held)
            self._between_packets()
            self._given_up = True
            yield from self._plain(data[fitting + 1 :])

    def _fitting(self, data: bytes, room: int) -> tuple[int, DcsError]:
        """Return how many bytes of `data` the packet has room for, and what to say of one more."""
        position = 0
        for index, part in enumerate(_LINE_END.split(data)):
            self._record = len(part) + (0 if index else self._record)
            position += len(part)
            fitting = position - (self._record - self._record_bytes)
            if self._record > self._record_bytes and fitting < room:
                return fitting, TooLargeError(
                    f"A record of the packet has more than {self._record_bytes} bytes. Check that its records are "
                    "ended by CR."
                )
            position += 1
        return room, TooLargeError(
            f"The packet has more than {self._packet_bytes} bytes. Send one job per packet, with two traces at most."
        )

    def _whole(self, body: bytes) -> Packet | Fault:
        """Return the packet that GS closed, if it is one."""
        try:
            if self._trailer is None:
                raise TruncatedError("The packet has no RS (0x1E), the end of its records. Send it again.")
            checked = is_checked(body, bytes(self._trailer))
        except DcsError as error:
            return Fault(error, len(FS) + self.held + len(GS))
        return Packet(body.removesuffix(RS), checked)

    def _truncated(self) -> Iterator[Fault]:
        if self._body is not None:
            yield Fault(
                TruncatedError("A packet began and did not end before the next one, or at all. Send it again."),
                len(FS) + self.held,
            )

    def _end_of_garbage(self) -> Iterator[Fault]:
        if self._garbage:
            yield Fault(
                NotDcsError(f"{self._garbage} bytes arrived that belong to no packet. Check the line and its speed."),
                self._garbage,
            )
            self._garbage = 0

    def _between_packets(self) -> None:
        self._body, self._trailer, self._record, self._given_up = None, None, 0, False
