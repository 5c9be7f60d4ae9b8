"""Practices at work: they create, read, validate and submit orders over REST, and count what was refused them."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
from google.protobuf.json_format import MessageToDict

from tests.support.orders import makeable

ORDERS = "/v1/practices/demo/orders"
ORDER = MessageToDict(makeable())


def rest(url: str, token: str) -> httpx.AsyncClient:
    """A REST client that waits as long as the longest deadline of the contract, and repeats nothing by itself."""
    return httpx.AsyncClient(
        base_url=url,
        headers={"authorization": f"Bearer {token}"},
        timeout=30,
        trust_env=False,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
    )


@dataclass(slots=True)
class Load:
    """Requests that go on until told to stop, and how each ended."""

    client: httpx.AsyncClient
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0

    @property
    def requests(self) -> int:
        """How many were made."""
        return self.outcomes.total()

    async def run(self, practices: int, done: Callable[[], bool]) -> None:
        """Lets so many practices work at once until ``done`` says so."""
        await asyncio.gather(*(self._work(done) for _ in range(practices)))

    async def _work(self, done: Callable[[], bool]) -> None:
        while not done():
            made = await self._ask("create", lambda: self.client.post(ORDERS, json=ORDER))
            if made is None:
                continue
            order = f"/v1/{made.json()['name']}"
            for _ in range(3):
                await self._ask("get", lambda: self.client.get(order))  # noqa: B023 -- called at once
            await self._ask("validate", lambda: self.client.post(f"{order}:validate"))  # noqa: B023 -- called at once
            request = {"requestId": str(uuid.uuid4())}
            await self._ask("submit", lambda: self.client.post(f"{order}:submit", json=request))  # noqa: B023 -- as above

    async def _ask(self, what: str, ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response | None:
        """Asks once; a refusal and a broken connection are failures alike."""
        began = time.monotonic()
        try:
            answer = await ask()
        except httpx.TransportError as error:
            self.failures.append(f"{what}: {error!r}")
            answer = None
        else:
            if not answer.is_success:
                self.failures.append(f"{what}: {answer.status_code} {answer.text}")
        self.outcomes[what] += 1
        self.slowest = max(self.slowest, time.monotonic() - began)
        return answer if answer is not None and answer.is_success else None
