"""Waiting for a server to become ready: ask until it answers, or until time is up.

Not `stamina`: that is for calls which should succeed and sometimes do not, and every failed try is worth a log line. A
server that is just starting fails all tries but the last.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Probe = Callable[[], Awaitable[None]]
"""Returns when the server is ready to serve; raises whatever stands in the way."""

_PAUSE_SECONDS = 0.05
_PROBE_SECONDS = 5.0

_T = TypeVar("_T")


async def until_ready(probe: Probe, seconds: float, still_possible: Callable[[], bool] = lambda: True) -> None:
    """Call `probe` until it returns.

    Args:
        probe: what to ask; a single question is given up after 5 s.
        seconds: how long to go on asking.
        still_possible: false when waiting has become pointless (the process is gone).

    Raises:
        TimeoutError: time is up, or waiting became pointless; its cause is the probe's last exception.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                return await probe()
        except Exception as error:  # a probe fails in as many ways as there are servers
            if loop.time() >= deadline or not still_possible():
                raise TimeoutError(f"not ready: {error or type(error).__name__}") from error
        await asyncio.sleep(_PAUSE_SECONDS)


def blocking(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end from synchronous code, also in a thread that already runs an event loop."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
