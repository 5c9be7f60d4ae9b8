"""Logs are bounded and read from their end."""

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
