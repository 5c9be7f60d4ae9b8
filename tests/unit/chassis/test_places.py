"""Cursors as callers hold them, and the waves and shards in which a log is published."""

import uuid
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import CursorInvalid
from chassis.log import BEGINNING, Cursor, Entry
from chassis.relay import shard_of, waves

PARTS = st.integers(0, 2**63 - 1)
CURSORS = st.builds(Cursor, PARTS, PARTS)


@given(CURSORS)
def test_a_cursor_is_read_back_as_it_was_given_out(cursor: Cursor) -> None:
    """And fits the contract's bound."""
    assert Cursor.parse(str(cursor)) == cursor
    assert len(str(cursor)) <= 128


@given(CURSORS, CURSORS)
def test_cursors_are_ordered_by_transaction_then_position(one: Cursor, other: Cursor) -> None:
    """As the log is."""
    assert (one < other) == ((one.transaction, one.position) < (other.transaction, other.position))


def test_the_beginning_is_spelled_0() -> None:
    """As the contract says."""
    assert str(BEGINNING) == "0"
    assert Cursor.parse("0") == BEGINNING


@pytest.mark.parametrize(
    "spelled",
    [
        *(
            "",
            "hello",
            "1",
            "1-",
            "-1",
            "-1-1",
            "1--1",
            "1-2-3",
            "0x1-1",
            "1_0-1",
            " 1-1",
            "1-1\n",
            "+1-1",
            "01-1",
            "A-1",
        ),
        *("0-0", "8000000000000000-1", "1-8000000000000000", "\N{ARABIC-INDIC DIGIT ONE}-1", "\x00"),
    ],
)
def test_what_no_log_gives_out_is_no_cursor(spelled: str) -> None:
    """Also when a lenient reader could make one of it."""
    with pytest.raises(CursorInvalid, match="without a cursor"):
        Cursor.parse(spelled)


def entry(aggregate: str, position: int) -> Entry:
    """Returns an entry of an aggregate."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Entry(Cursor(1, position), uuid.UUID(int=position), "t", aggregate, position + 1, "k", 1, "", now, b"")


@given(st.lists(st.sampled_from("abcde"), max_size=40))
def test_waves_hold_each_aggregate_once_and_keep_its_order(aggregates: list[str]) -> None:
    """Nothing is lost, nothing is repeated, and there are no more waves than the busiest aggregate needs."""
    entries = [entry(aggregate, position) for position, aggregate in enumerate(aggregates)]
    made = list(waves(entries))
    for wave in made:
        assert len({each.aggregate for each in wave}) == len(wave)
        assert all(one.cursor < other.cursor for one, other in pairwise(wave))
    flat = [each for wave in made for each in wave]
    assert sorted(flat, key=lambda each: each.cursor) == entries
    for aggregate in set(aggregates):
        own = [each for each in flat if each.aggregate == aggregate]
        assert all(one.cursor < other.cursor for one, other in pairwise(own))
    assert len(made) == max((aggregates.count(aggregate) for aggregate in aggregates), default=0)


@pytest.mark.parametrize(
    ("aggregate", "shard"),
    [("practices/demo/orders/1", 1), ("practices/demo/orders/2", 3), ("jobs/1", 5), ("", 0), ("123456789", 6)],
)
def test_an_aggregate_belongs_to_its_shard_for_good(aggregate: str, shard: int) -> None:
    """These are in the world: a log published by shards must go on by the same ones."""
    assert shard_of(aggregate, 8) == shard


def test_shards_are_told_by_crc_32() -> None:
    """Its published check value (ITU-T V.42): the same in every language and for ever."""
    assert shard_of("123456789", 2**32) == 0xCBF43926


@given(st.text(), st.integers(1, 64))
def test_every_aggregate_has_a_shard(aggregate: str, shards: int) -> None:
    """One of those there are."""
    assert 0 <= shard_of(aggregate, shards) < shards
