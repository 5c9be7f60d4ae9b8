"""Logs are bounded and read from their end."""

import subprocess
import sys
from pathlib import Path

import pytest

from runtime import logs


def test_a_large_log_is_kept_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one before the last goes."""
    monkeypatch.setattr(logs, "ROTATE_BYTES", 3)
    log = tmp_path / "order.log"
    for text in ("first", "second"):
        log.write_text(text)
        logs.rotate(log)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("order.log.1", "second")]


def test_the_tail_begins_where_this_run_began(tmp_path: Path) -> None:
    """What an earlier run said is not blamed on this one."""
    log = tmp_path / "order.log"
    log.write_text("old\nolder\n")
    start = log.stat().st_size
    with log.open("a") as file:
        file.write("new\n")
    assert logs.tail(log, 10, start) == ["new"]
    assert logs.tail(log, 2) == ["older", "new"]


def test_following_goes_on_after_a_rotation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is lost, none comes twice, and half a line waits for its other half."""
    monkeypatch.setattr(logs, "ROTATE_BYTES", 3)
    log = tmp_path / "order.log"
    log.write_text("one\ntwo\n")
    following = logs.follow(log, 1)
    assert next(following) == "two"
    with log.open("a") as file:
        file.write("three\nfo")
        file.flush()
        assert next(following) == "three"
        file.write("ur\n")
    logs.rotate(log)
    log.write_text("five\n")
    assert [next(following), next(following)] == ["four", "five"]
    following.close()


_WRITER = """
import sys
with open(sys.argv[1], "ab", buffering=0) as log:
    for number in range(int(sys.argv[2])):
        log.write(b"line %d\\n" % number)
"""


def test_a_log_is_cut_while_it_is_written_and_no_line_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was cut off, one older part after the other, and what is left are exactly what was written."""
    monkeypatch.setattr(logs, "ROTATE_BYTES", 100_000)
    log, kept, cuts = tmp_path / "order.log", b"", 0
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(log), "200000"]) as writer:
        while writer.poll() is None:
            if length := logs.cut(log):
                cuts += 1
                kept += (tmp_path / "order.log.1").read_bytes()
                assert length == (tmp_path / "order.log.1").stat().st_size
    assert kept + log.read_bytes() == b"".join(b"line %d\n" % number for number in range(200_000))
    assert cuts > 3


def test_a_file_system_that_cannot_remove_a_front_has_the_log_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bound holds as well."""
    monkeypatch.setattr(logs, "ROTATE_BYTES", 3)
    monkeypatch.setattr(logs, "_collapse", lambda _file, _length: False)
    log = tmp_path / "order.log"
    log.write_text("one\ntwo\n")
    assert logs.cut(log) == 8
    assert ((tmp_path / "order.log.1").read_text(), log.read_text()) == ("one\ntwo\n", "")


def test_following_goes_on_after_a_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is lost and none comes twice."""
    monkeypatch.setattr(logs, "ROTATE_BYTES", 10_000)
    log = tmp_path / "order.log"
    written = [f"line {number}" for number in range(2000)]
    log.write_text("\n".join(written) + "\n")
    following = logs.follow(log, 1)
    assert next(following) == "line 1999"
    with log.open("a") as file:
        file.write("more\n")
    assert next(following) == "more"
    assert logs.cut(log) > 0
    with log.open("a") as file:
        file.write("after\n")
    assert next(following) == "after"
    following.close()
