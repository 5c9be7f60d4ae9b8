"""Who watches over server-sent events misses nothing and is told nothing twice, whichever replica dies under them."""

import asyncio
import json
import os
import signal
from collections import defaultdict
from dataclasses import dataclass, field

import httpx
import pytest

from tests.replicas.house import House, until
from tests.replicas.load import ORDERS, Load, rest

pytestmark = pytest.mark.timeout(180)

WATCHERS = 4
REQUESTS_AFTER = 100


@dataclass(slots=True)
class Watcher:
    """One open page: the stream of a practice's orders, resumed by the last cursor whenever it is cut."""

    client: httpx.AsyncClient
    cursor: str = ""
    told: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    cuts: int = 0

    async def watch(self) -> None:
        """Watches until cancelled."""
        while True:
            try:
                async with self.client.stream("GET", f"{ORDERS}:watch", params={"cursor": self.cursor}) as stream:
                    if stream.is_success:
                        await self._read(stream)
            except httpx.TransportError:
                pass
            self.cuts += 1
            await asyncio.sleep(0.1)

    async def _read(self, stream: httpx.Response) -> None:
        async for line in stream.aiter_lines():
            if not line.startswith("data:"):
                continue
            message = json.loads(line.removeprefix("data:"))
            if "error" in message:
                return
            self.cursor = message["cursor"]
            if update := message.get("update"):
                self.told[update["order"]].append(int(update["sequence"]))


async def test_a_watch_resumes_by_its_cursor_at_another_replica(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both replicas of the order service are killed, one after the other, while orders are made and submitted."""
    async with rest(house.state.http_url, house.token("optician", "--practice", "demo")) as client:
        before = set(await _sequences(house))
        watchers = [Watcher(client) for _ in range(WATCHERS)]
        watching = [asyncio.create_task(watcher.watch()) for watcher in watchers]
        await until(lambda: all(watcher.cursor for watcher in watchers), 20, "a watch did not begin")
        load, stop = Load(client), asyncio.Event()
        working = asyncio.create_task(load.run(4, stop.is_set))
        for replica in ("order-1", "order-2"):
            seen = load.requests
            await until(lambda seen=seen: load.requests > seen + REQUESTS_AFTER, 60, "nobody works")  # type: ignore[misc]
            os.kill(house.pid(replica), signal.SIGKILL)
            await until(lambda: house.state.ready, 60, f"{replica} did not come back")
        stop.set()
        await working
        made = {order: told for order, told in (await _sequences(house)).items() if order not in before}
        await until(lambda: all(_complete(each, made) for each in watchers), 30, "a watch missed something")
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
    with capsys.disabled():
        print(  # noqa: T201 -- what was done is part of the result
            f"\n  {len(made)} orders watched by {WATCHERS}, cut {[watcher.cuts for watcher in watchers]} times"
        )
    assert sum(watcher.cuts for watcher in watchers) >= WATCHERS, "every stream was at one of the two"
    assert len(made) > 10


async def _sequences(house: House) -> dict[str, list[int]]:
    """The sequences of each order's events, as the log has them."""
    rows = await house.query("order", "select aggregate, count(*) from log group by aggregate")
    return {row["aggregate"]: list(range(1, row["count"] + 1)) for row in rows}


def _complete(watcher: Watcher, made: dict[str, list[int]]) -> bool:
    """Whether the watcher was told every event of every order: each once, in order, without a gap."""
    told = {order: watcher.told[order] for order in made}
    assert all(told[order] == made[order][: len(told[order])] for order in made), "twice, or out of order"
    return told == made
