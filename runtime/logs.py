"""The log files of the mesh: bounded, also while their process goes on writing, and read from their end.

A process opens its log once, to append, and holds on to the file for as long as it lives: a log that is renamed goes on
growing under its new name. So between two starts a large log is renamed (`rotate`), and while its process runs its
front is cut off (`cut`). Either way the older part is NAME.log.1, and a process never has more than twice the limit.
"""

import ctypes
import os
import shutil
import time
from collections import deque
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

ROTATE_BYTES = 5_000_000
_LOOK_AGAIN_SECONDS = 0.2
_COLLAPSE_RANGE = 0x08  # FALLOC_FL_COLLAPSE_RANGE of linux/falloc.h


def rotate(path: Path) -> None:
    """Keep a large log as `.1`, in place of the one before, and let a new one begin."""
    if path.exists() and path.stat().st_size > ROTATE_BYTES:
        path.replace(_older(path))


def cut(path: Path) -> int:
    """Move the older part of a large log to `.1` while its process goes on writing; gives the bytes it is shorter by.

    Whole blocks of the file system are copied and then removed from the front in one step, which no writer notices and
    in which no byte is lost: read one after the other, the two files are what was written. So the first line of a log
    that was cut may be the second half of one. File systems that cannot remove a file's front (others than ext4 and
    XFS) have it emptied after the copy, and what is written between the two, a few milliseconds, is lost.
    """
    if not path.exists() or path.stat().st_size <= ROTATE_BYTES:
        return 0
    with path.open("r+b") as file:
        block = os.fstatvfs(file.fileno()).f_bsize
        length = (os.fstat(file.fileno()).st_size - 1) // block * block
        _copy_front(file, length, _older(path))
        if not _collapse(file, length):
            length = os.fstat(file.fileno()).st_size
            _copy_front(file, length, _older(path))
            file.truncate(0)
        return length


def _older(path: Path) -> Path:
    return path.with_name(f"{path.name}.1")


def _copy_front(file: BinaryIO, length: int, target: Path) -> None:
    partial = target.with_name(f".{target.name}")
    with partial.open("wb") as copy:
        file.seek(0)
        while copy.tell() < length:
            copy.write(file.read(min(length - copy.tell(), 1 << 20)))
    shutil.copymode(file.name, partial)
    partial.replace(target)


def _collapse(file: BinaryIO, length: int) -> bool:
    """Remove so many bytes from the front of a file; false where that cannot be done."""
    try:
        fallocate = ctypes.CDLL(None, use_errno=True).fallocate
    except AttributeError:  # not Linux
        return False
    fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return bool(fallocate(file.fileno(), _COLLAPSE_RANGE, 0, length) == 0)


def tail(path: Path, lines: int, start: int = 0) -> list[str]:
    """The last lines of a log, as far as they lie behind byte `start`; none when there is no log."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(start)
        return [_text(line) for line in deque(file, maxlen=lines)]


def follow(path: Path, lines: int) -> Generator[str, None, None]:
    """The last lines of a log, then every line as it is added, also when it is rotated or cut. Never ends by itself."""
    file = path.open("rb")
    try:
        yield from map(_text, deque(file, maxlen=lines))
        begun = b""
        while True:
            rotated = path.exists() and not os.path.samestat(path.stat(), os.fstat(file.fileno()))
            if (
                os.fstat(file.fileno()).st_size < file.tell()
            ):  # its front is in the older part now, all of which we have
                file.seek(max(0, file.tell() - _older(path).stat().st_size))
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
