"""Practices at work, far more than the mesh can serve: drafts and submits over REST, from a process of its own.

It shares two cores with the mesh, so it is as little of a client as will do: HTTP/1.1 on raw protocols, answers read by
what they must contain. Told what to do on standard input as JSON, it prints what came of it.
"""

import asyncio
import json
import re
import statistics
import sys
import time
import uuid
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, cast

import uvloop

_TICK_SECONDS = 0.005
_NAME = re.compile(rb'"name": ?"(practices/[^"]+)"')
_JOB = re.compile(rb'"job": ?"(jobs/[0-9]+)"')
_REASON = re.compile(rb'"reason": ?"([A-Z_]+)"')


@dataclass(frozen=True, slots=True)
class Told:
    """What the generator is told.

    Attributes:
        port: The REST edge's port on loopback.
        token: An optician's token.
        order: A draft's content.
        workers: How many practices work when each waits for its answer.
        times: How many times what they get done is offered at once.
        seconds: How long to warm up, to look before, to overload and to look after.
        connections: How many may be open.
        most_per_second: No more is offered, whatever was found.
    """

    port: int
    token: str
    order: dict[str, Any]
    workers: int
    times: float
    seconds: dict[str, float]
    connections: int
    most_per_second: float


@dataclass(slots=True)
class Phase:
    """What came of the requests of one phase."""

    name: str
    began: float
    seconds: float = 0.0
    offered: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    held_back: int = 0
    answered: list[tuple[float, float]] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """Returns what is told of it."""
        windows: dict[int, list[float]] = {}
        for ended, latency in self.answered:
            windows.setdefault(int(ended - self.began), []).append(latency)
        return {
            "name": self.name,
            "began": self.began,
            "seconds": self.seconds,
            "offered_per_second": self.offered / self.seconds,
            "done_per_second": len(self.answered) / self.seconds,
            "done_ms": _percentiles([latency for _, latency in self.answered]),
            "refused_ms": _percentiles(self.refused),
            "outcomes": dict(self.outcomes),
            "held_back": self.held_back,
            "windows": [
                {"done": len(windows.get(second, [])), "done_ms": _percentiles(windows.get(second, []))}
                for second in range(int(self.seconds))
            ],
        }


def _percentiles(latencies: list[float]) -> dict[str, float]:
    if len(latencies) < 2:
        return {"p50": 0.0, "p99": 0.0}
    cuts = statistics.quantiles(latencies, n=100)
    return {"p50": round(cuts[49] * 1000, 1), "p99": round(cuts[98] * 1000, 1)}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request under way.

    Attributes:
        order: The order that is submitted; empty where one is drafted.
        began: When it was sent.
        phase: The phase it belongs to.
    """

    order: str
    began: float
    phase: Phase


class Connection(asyncio.Protocol):
    """One request at a time over HTTP/1.1; tells the load what came back."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._asked: Asked | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Is ready."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its ancestry

    def ask(self, asked: "Asked", request: bytes) -> None:
        """Sends a request."""
        assert self._transport is not None
        self._asked = asked
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Takes an answer, or a part of one."""
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not separator or len(body) < int(length or b"0") or self._asked is None:
            return
        asked, self._asked, self._received = self._asked, None, b""
        self._load.done(self, asked, int(head[9:12]), body)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's own
        """Is of no use any more; an answer that was due is not known."""
        self._load.lost(self, self._asked)


class Load:
    """All requests, and what came of them."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._free: deque[Connection] = deque()
        self._open = 0
        self._drafts: deque[str] = deque()
        self._turn = 0
        self._closed_loop = False
        self._phase = Phase("none", time.monotonic())
        self._head = (
            f"HTTP/1.1\r\nhost: edge\r\nauthorization: Bearer {told.token}\r\ncontent-type: application/json\r\n"
        )
        self._body = json.dumps(told.order)
        self.created: list[str] = []
        self.submitted: dict[str, str] = {}

    async def run(self) -> list[dict[str, Any]]:
        """Runs every phase and returns the figures of each."""
        seconds = self._told.seconds
        await self._work("warm up", seconds["warm_up"])
        before = await self._work("before", seconds["before"])
        rate = min(self._told.times * before["done_per_second"], self._told.most_per_second)
        during = await self._offer("during", seconds["during"], rate)
        after = await self._work("after", seconds["after"])
        return [before, during, after]

    async def _work(self, name: str, seconds: float) -> dict[str, Any]:
        """Lets some practices work, each as quickly as it is answered."""
        phase = self._begin(name)
        self._closed_loop = True
        for _ in range(self._told.workers):
            self._next()
        await asyncio.sleep(seconds)
        self._closed_loop = False
        phase.seconds = time.monotonic() - phase.began
        return phase.figures()

    async def _offer(self, name: str, seconds: float, rate: float) -> dict[str, Any]:
        """Sends so many requests a second, whatever becomes of them."""
        phase = self._begin(name)
        sent = 0
        while (passed := time.monotonic() - phase.began) < seconds:
            while sent < passed * rate:
                self._next()
                sent += 1
            await asyncio.sleep(_TICK_SECONDS)
        phase.seconds = time.monotonic() - phase.began
        return phase.figures()

    def _begin(self, name: str) -> Phase:
        self._phase = Phase(name, time.monotonic())
        return self._phase

    def _next(self) -> None:
        """Sends the next request: a draft, or the submit of one, in turn."""
        self._phase.offered += 1
        if not self._free:
            if self._open >= self._told.connections and not self._closed_loop:
                self._phase.held_back += 1
                return
            self._open += 1
            asyncio.ensure_future(self._connect())  # noqa: RUF006 -- ends by itself
            return
        self._ask(self._free.popleft())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(lambda: Connection(self), "127.0.0.1", self._told.port)
        except OSError:
            self._open -= 1
            self._phase.outcomes["not connected"] += 1
            return
        self._ask(connection)

    def _ask(self, connection: Connection) -> None:
        self._turn += 1
        order = self._drafts.popleft() if self._turn % 2 and self._drafts else ""
        asked = Asked(order, time.monotonic(), self._phase)
        if order:
            connection.ask(asked, self._post(f"/v1/{order}:submit", "{}"))
        else:
            connection.ask(asked, self._post(f"/v1/practices/demo/orders?requestId={uuid.uuid4()}", self._body))

    def _post(self, path: str, body: str) -> bytes:
        return f"POST {path} {self._head}content-length: {len(body)}\r\n\r\n{body}".encode()

    def done(self, connection: Connection, asked: Asked, status: int, body: bytes) -> None:
        """Notes an answer, for the phase in which it was asked for."""
        latency = time.monotonic() - asked.began
        if status == 200:
            asked.phase.outcomes["submit done" if asked.order else "create done"] += 1
            asked.phase.answered.append((asked.began + latency, latency))
            self._keep(asked.order, body)
        else:
            asked.phase.outcomes[_spoken(status, body)] += 1
            asked.phase.refused.append(latency)
            if asked.order:
                self._drafts.append(asked.order)
        self._free.append(connection)
        self._go_on(asked)

    def _go_on(self, asked: Asked) -> None:
        """Sends the next one of a practice that waits for its answers."""
        if self._closed_loop and asked.phase is self._phase:
            self._next()

    def _keep(self, order: str, body: bytes) -> None:
        if order:
            job = _JOB.search(body)
            self.submitted[order] = job[1].decode() if job else ""
        elif name := _NAME.search(body):
            self.created.append(name[1].decode())
            self._drafts.append(name[1].decode())

    def lost(self, connection: Connection, asked: Asked | None) -> None:
        """Notes a connection that broke."""
        self._open -= 1
        if connection in self._free:
            self._free.remove(connection)
        if asked is not None:
            asked.phase.outcomes["broken"] += 1
            self._go_on(asked)


def _spoken(status: int, body: bytes) -> str:
    """Returns how a request was refused, and whether it was told when to try again."""
    reason = _REASON.search(body)
    again = " with RetryInfo" if b"google.rpc.RetryInfo" in body else ""
    return f"{status} {reason[1].decode() if reason else '?'}{again}"


async def _main() -> None:
    load = Load(Told(**json.load(sys.stdin)))
    phases = await load.run()
    json.dump({"phases": phases, "created": load.created, "submitted": load.submitted}, sys.stdout)


if __name__ == "__main__":
    uvloop.run(_main())
