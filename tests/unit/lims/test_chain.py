"""Heads and signatures: what a history has to say to be believed, without a database."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from services.lims.rulebook import chain
from services.lims.rulebook.chain import Head, Link, Place
from services.lims.rulebook.heads import Heads, HeadsError

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
THEN = datetime(2026, 11, 24, 10, 4, 0, 731, tzinfo=UTC)


def history(length: int, key: Ed25519PrivateKey | None = KEY) -> list[Link]:
    """Returns a history of which all is true."""
    links: list[Link] = []
    for number in range(1, length + 1):
        parent = links[-1].place.head if links else ""
        place = Place(number, f"{number:064x}", parent, "users/petra", f"note {number}", THEN + timedelta(days=number))
        links.append(Link(place, place.digest, chain.signed(place, key)))
    return links


def kept(links: list[Link]) -> list[Head]:
    """Returns the heads that were published."""
    return [link.published for link in links if link.published]


def found(links: list[Link], heads: list[Head] | None = None) -> list[str]:
    """Returns the faults of a history whose heads are kept as they were published."""
    return list(chain.faults(links, kept(links) if heads is None else heads, KEY.public_key()))


def test_a_true_history_has_no_fault() -> None:
    """Whatever its length."""
    assert [found(history(length)) for length in (0, 1, 5)] == [[], [], []]


def test_a_head_is_of_what_is_said_and_not_of_how() -> None:
    """The same moment in another time zone is the same; the value is pinned, for stored heads have to stay true."""
    place = history(1)[0].place
    elsewhere = replace(place, publish_time=place.publish_time.astimezone(timezone(timedelta(hours=5))))
    assert elsewhere.head == place.head
    assert place.head == "091378673991e9eac8a32c6e1e78c19104a4af4fcf50098cb6e8ddafa2722d05"


@given(
    field=st.sampled_from(
        ["digest", "parent_head", "author", "note", "restores", "attached", "publish_time", "number"]
    ),
    place=st.integers(0, 3),
)
def test_no_field_can_change_without_its_head(field: str, place: int) -> None:
    """Each is covered."""
    links = history(4)
    before = links[place].place
    value = getattr(before, field)
    match value:
        case datetime():
            other: object = value + timedelta(microseconds=1)
        case int():
            other = value + 1
        case _:
            other = f"{value}0"
    changed = replace(before, **{field: other})
    assert changed.head != before.head
    links[place] = replace(links[place], place=changed)
    assert found(links, kept(history(4)))


def test_without_a_key_or_kept_heads_a_history_is_not_called_whole() -> None:
    """What could not be looked at is said."""
    unsigned = history(2, None)
    assert list(chain.faults(unsigned, None, None)) == [
        "no signing key is set, so that no signature could be verified",
        "no heads are kept outside the database, so that a chain rewritten whole would not be noticed",
    ]
    assert any("not signed" in fault for fault in found(unsigned))


def test_only_what_continues_the_kept_heads_may_be_kept() -> None:
    """The next one, signed, whose every byte is true."""
    links = history(3)
    public = KEY.public_key()
    assert chain.continues([], links[0], public)
    assert chain.continues(kept(links)[:2], links[2], public)
    assert not chain.continues(kept(links)[:1], links[2], public)
    assert not chain.continues(kept(history(2, Ed25519PrivateKey.generate())), history(3, None)[2], public)
    other = replace(kept(links)[1], head="0" * 64)
    assert not chain.continues([kept(links)[0], other], links[2], public)


# ── kept outside ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_heads_are_read_as_they_were_added_each_lab_its_own(tmp_path: Path) -> None:
    """Two labs may share a file; nobody but its owner may read it."""
    file = tmp_path / "deep" / "heads.jsonl"
    heads = kept(history(3))
    ours, theirs = Heads(file, "labs/main"), Heads(file, "labs/other")
    assert list(ours.read()) == []
    assert [len(ours.add(heads[:2])), len(theirs.add(heads[:1])), len(ours.add(heads))] == [2, 1, 1]
    assert (list(ours.read()), list(theirs.read())) == (heads, heads[:1])
    assert file.stat().st_mode & 0o077 == 0


def test_a_head_that_does_not_follow_is_not_added(tmp_path: Path) -> None:
    """Nothing is written then."""
    file = tmp_path / "heads.jsonl"
    heads = kept(history(3))
    with pytest.raises(HeadsError, match="ends with revision 0, so 2 cannot follow"):
        Heads(file, "labs/main").add(heads[1:])
    assert file.read_bytes() == b""


@pytest.mark.parametrize("line", ["{", "[]", '{"lab": "labs/main", "number": 1, "head": "a", "signature": "x"}'])
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    """It is not passed over: what it said is not known."""
    file = tmp_path / "heads.jsonl"
    file.write_text(f"{line}\n")
    with pytest.raises(HeadsError, match="line 1: is no head"):
        Heads(file, "labs/main").read()


def test_a_line_that_a_crash_tore_is_written_again(tmp_path: Path) -> None:
    """It was never told to be kept."""
    file = tmp_path / "heads.jsonl"
    heads = kept(history(2))
    Heads(file, "labs/main").add(heads)
    file.write_bytes(file.read_bytes()[:-20])
    assert list(Heads(file, "labs/main").read()) == heads[:1]
    assert list(Heads(file, "labs/main").add(heads)) == heads[1:]
    assert list(Heads(file, "labs/main").read()) == heads


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is written by half is no head that is kept."""
    heads, write = Heads(tmp_path / "heads.jsonl", "labs/main"), os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda descriptor, lines: write(descriptor, lines[:9]))
        with pytest.raises(OSError, match="no room"):
            heads.add(kept(history(1)))
    assert list(heads.add(kept(history(1)))) == list(heads.read())
