"""How long the call being served may still take, known to everything that is done for it.

A caller who gives a call 300 ms gives them to all of it: to the service, to the services it asks in turn and to the
waits for a database. The interceptor notes when the call has to end (`begin`); whoever waits on its behalf asks how
long that may take (`within`), and so the deadline travels from the edge to the last neighbour by itself.

Work that nobody waits for, such as a relay's, has no deadline.
"""

import math
import time
from contextvars import ContextVar

# What waited in vain still has to be told: a wait ends this much before the call does.
_ANSWER_SHARE = 0.1
_ANSWER_SECONDS = 0.25

_end: ContextVar[float] = ContextVar("deadline", default=math.inf)


def begin(seconds: float | None) -> None:
    """Gives the rest of this context's work so long; None lifts the bound."""
    _end.set(math.inf if seconds is None else time.monotonic() + seconds)


def left() -> float:
    """Returns the seconds until the call ends: infinite without a deadline, never negative."""
    return max(0.0, _end.get() - time.monotonic())


def within(seconds: float) -> float:
    """Returns how long a wait of up to ``seconds`` may take, so that its failure can still be told to the caller."""
    return min(seconds, with_time_to_answer(left()))


def with_time_to_answer(seconds: float) -> float:
    """Returns the part of ``seconds`` that work may take, when an answer has to be there at their end."""
    return seconds - min(_ANSWER_SECONDS, seconds * _ANSWER_SHARE)
