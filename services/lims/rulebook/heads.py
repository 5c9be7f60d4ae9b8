"""The heads of the chain that are kept outside the database: a file to which lines are only ever added.

It belongs where whoever administers the database cannot write: another volume, another account, a store that only
appends. A line is JSON: ``{"lab", "number", "head", "signature"}``, the signature in hex. Several replicas may
share it.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from services.lims.rulebook.chain import Head


class HeadsError(Exception):
    """The file does not hold what it should; the message names the line."""


class Heads:
    """The kept heads of one lab."""

    def __init__(self, file: Path, lab: str) -> None:
        """Takes the file, which need not be there yet."""
        self._file = file
        self._lab = lab

    def read(self) -> Sequence[Head]:
        """Returns the heads that are kept, by number.

        Raises:
            HeadsError: A line is damaged, or out of order.
            OSError: The file cannot be read.
        """
        if not self._file.exists():
            return ()
        content = self._file.read_bytes()
        return self._parsed(content[: content.rfind(b"\n") + 1].decode())

    def add(self, heads: Sequence[Head]) -> Sequence[Head]:
        """Adds those heads that follow what is kept, and returns them once they are on disk.

        Raises:
            HeadsError: A line is damaged, or out of order.
            OSError: The file cannot be written.
        """
        with self._locked() as descriptor:
            kept = self._parsed(self._file.read_text(encoding="utf-8"))
            last = kept[-1].number if kept else 0
            new = [each for each in heads if each.number > last]
            if [each.number for each in new] != list(range(last + 1, last + 1 + len(new))):
                raise HeadsError(f"{self._file}: ends with revision {last}, so {new[0].number} cannot follow")
            lines = "".join(f"{json.dumps(self._line(each))}\n" for each in new).encode()
            whole = os.fstat(descriptor).st_size
            if lines and os.write(descriptor, lines) != len(lines):
                os.ftruncate(descriptor, whole)
                raise OSError(f"{self._file}: there is no room for another line")
            os.fsync(descriptor)
            return new

    @contextmanager
    def _locked(self) -> Iterator[int]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            content = self._file.read_bytes()
            if content and not content.endswith(b"\n"):  # torn by a crash: nobody was told that it is kept
                os.ftruncate(descriptor, content.rfind(b"\n") + 1)
            yield descriptor
        finally:
            os.close(descriptor)

    def _line(self, head: Head) -> dict[str, object]:
        return {"lab": self._lab, "number": head.number, "head": head.head, "signature": head.signature.hex()}

    def _parsed(self, text: str) -> Sequence[Head]:
        kept: list[Head] = []
        for number, line in enumerate(text.splitlines(), start=1):
            try:
                plain = json.loads(line)
                head = Head(int(plain["number"]), str(plain["head"]), bytes.fromhex(plain["signature"]))
                lab = plain["lab"]
            except (ValueError, KeyError, TypeError) as error:
                raise HeadsError(f"{self._file}: line {number}: is no head") from error
            if lab != self._lab:
                continue
            if head.number != len(kept) + 1:
                raise HeadsError(f"{self._file}: line {number}: revision {head.number} does not follow {len(kept)}")
            kept.append(head)
        return kept
