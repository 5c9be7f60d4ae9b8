"""How a service and its worker talk: frames over standard input and output, each with its length before it.

The worker ends with its service: when its input ends, whatever it is busy with.
"""

import os
import sys
import threading
from typing import IO

_LENGTH = 4
_INPUT = 0


def framed(content: bytes) -> bytes:
    """Returns content with its length before it."""
    return len(content).to_bytes(_LENGTH, "big") + content


def next_frame(stream: IO[bytes]) -> bytes | None:
    """Returns the next frame; None when the other side has ended, also within one."""
    head = stream.read(_LENGTH)
    length = int.from_bytes(head, "big")
    content = stream.read(length) if len(head) == _LENGTH else b""
    return content if len(head) == _LENGTH and len(content) == length else None


def begin(niceness: int) -> bytes:
    """Returns what a worker is asked, which from now on leaves the processor to others and ends with its input."""
    os.nice(niceness)
    asked = _exactly(int.from_bytes(_exactly(_LENGTH), "big"))
    threading.Thread(target=_end_with_input, daemon=True).start()
    return asked


def tell(content: bytes) -> None:
    """Sends a frame to the service."""
    sys.stdout.buffer.write(framed(content))
    sys.stdout.buffer.flush()


def _exactly(length: int) -> bytes:
    content = b""
    while len(content) < length:
        more = os.read(_INPUT, length - len(content))
        if not more:
            raise EOFError("the service ended before it had asked")
        content += more
    return content


def _end_with_input() -> None:
    while os.read(_INPUT, 1):
        pass
    os._exit(1)
