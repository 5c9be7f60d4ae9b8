"""The log files of the mesh: rotated when a process starts, read from their end."""

import os
import time
from collections import deque
from collections.abc import Generator
from pathlib import Path

ROTATE_BYTES = 5_000_000
_LOOK_AGAIN_SECONDS = 0.2


def rotate(path: Path) -> None:
    """Keep a large log as `.1`, in place of the one before, and let a new one begin."""
    if path.exists() and path.stat().st_size > ROTATE_BYTES:
        path.replace(path.with_name(f"{path.name}.1"))


def tail(path: Path, lines: int, start: int = 0) -> list[str]:
    """The last lines of a log, as far as they lie behind byte `start`; none when there is no log."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(start)
        return [_text(line) for line in deque(file, maxlen=lines)]


def follow(path: Path, lines: int) -> Generator[str, None, None]:
    """The last lines of a log, then every line as it is added, also after a rotation. Never ends by itself."""
    file = path.open("rb")
    try:
        yield from map(_text, deque(file, maxlen=lines))
        begun = b""
        while True:
            rotated = path.exists() and not os.path.samestat(path.stat(), os.fstat(file.fileno()))
            *whole, begun = (begun + file.read()).split(b"\n")  # after the look: what was written before it is in here
            yield from map(_text, whole)
            if rotated:
                file.close()
                file = path.open("rb")
            else:
                time.sleep(_LOOK_AGAIN_SECONDS)
    finally:
        file.close()


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip()


def names(folder: Path) -> list[str]:
    """The processes that have a log."""
    return sorted(path.stem for path in folder.glob("*.log"))
