"""How much is taken on at once; what is beyond is refused at once.

A service that takes on all it is offered serves nobody: each call waits for all others until every deadline has passed,
and what was done for it was for nothing. So a `Gate` lets in as many as the process can work on, lets a few more wait
for a moment, so that a burst is no refusal, and refuses the rest before anything is spent on them.

A gate is also a bulkhead: in front of a neighbour it keeps one that hangs from taking all the calls there are.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from chassis import deadline
from chassis.errors import MeshError, Overloaded

_PATIENCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a process takes on at once.

    Attributes:
        calls: Unary calls in work.
        waiting: Unary calls that wait to be; each a second at most.
        streams: Streams, which are open for long and cost little.
    """

    calls: int
    waiting: int
    streams: int


def _overloaded() -> MeshError:
    return Overloaded("the service has as much to do as it can; nothing was done, try again in a moment")


class Gate:
    """Lets so many in at once and so many more wait for their turn, first come first served.

    Used as an asynchronous context manager around what is bounded. What is refused raises what ``refusal`` makes.
    """

    def __init__(
        self,
        at_once: int,
        *,
        waiting: int = 0,
        patience_seconds: float = _PATIENCE_SECONDS,
        refusal: Callable[[], Exception] = _overloaded,
    ) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._room = at_once + waiting
        self._inside = 0
        self._patience_seconds = patience_seconds
        self._refusal = refusal

    @property
    def full(self) -> bool:
        """Whether whoever comes now is refused."""
        return self._inside >= self._room

    async def __aenter__(self) -> None:
        """Enters, at once or when it is one's turn.

        Raises:
            Overloaded: There is no room to wait, or the turn does not come soon; or whatever the refusal is.
        """
        if self.full:
            raise self._refusal()
        self._inside += 1
        try:
            await self._turn()
        except BaseException:
            self._inside -= 1
            raise

    async def _turn(self) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(deadline.within(self._patience_seconds)):
                await self._places.acquire()
        except TimeoutError as error:
            raise self._refusal() from error

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._inside -= 1
        self._places.release()
