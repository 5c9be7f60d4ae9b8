"""How long a call may still take, as the work done for it sees it."""

import asyncio
import contextvars
import math
import time

from hypothesis import given
from hypothesis import strategies as st

from chassis import deadline


def within(given_seconds: float | None, wanted: float) -> float:
    """Returns how long a wait may take in a call that was given so long."""

    def ask() -> float:
        deadline.begin(given_seconds)
        return deadline.within(wanted)

    return contextvars.copy_context().run(ask)


def test_work_that_nobody_waits_for_has_no_deadline() -> None:
    """It waits as long as it wants to."""
    assert deadline.left() == math.inf
    assert deadline.within(5) == 5
    assert within(None, 5) == 5


@given(st.floats(0.001, 3600), st.floats(0.001, 3600))
def test_a_wait_is_never_longer_than_wanted_and_ends_before_its_call(call: float, wanted: float) -> None:
    """There is time left to tell that it was in vain, but never more than a quarter of a second."""
    may_take = within(call, wanted)
    assert may_take <= wanted
    assert may_take < call
    assert may_take >= min(wanted, call - 0.25, call * 0.9) - 0.05, "the wait is not cut for nothing"


def test_a_call_that_is_over_leaves_no_time_to_wait() -> None:
    """Neither does it leave less than none."""
    assert within(-1, 5) == 0


async def test_what_is_begun_for_a_call_has_its_deadline_and_other_calls_have_theirs() -> None:
    """It travels by itself, and no further."""
    seen: dict[float, float] = {}

    async def call(seconds: float) -> None:
        deadline.begin(seconds)
        await asyncio.create_task(neighbour(seconds))

    async def neighbour(seconds: float) -> None:
        seen[seconds] = deadline.left()

    began = time.monotonic()
    await asyncio.gather(call(10), call(20))
    passed = time.monotonic() - began
    for seconds, left in seen.items():
        assert seconds - passed <= left <= seconds
    assert deadline.left() == math.inf
