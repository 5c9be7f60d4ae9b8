"""200 submits at once while whoever leads is killed, or paused: one job each, nothing stuck, nothing twice."""

import asyncio
import os
import signal
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable

import httpx
import nats
import pytest
from lensmesh.events.v1.envelope_pb2 import Envelope

from tests.replicas import leaders
from tests.replicas.house import House, until
from tests.replicas.load import ORDER, ORDERS, rest

pytestmark = pytest.mark.timeout(300)

ORDERS_AT_ONCE = 200
SUBMIT_SECONDS = 60
HAND_OVER_SECONDS = 15
AGAIN_SECONDS = 0.5


class Rush:
    """Drafts that are all submitted at once; each author repeats a submit that failed, under the same request id."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.names: list[str] = []
        self.answered = 0
        self.refusals: Counter[str] = Counter()

    async def draft(self) -> None:
        """Adds the drafts, a few at a time."""
        turns = asyncio.Semaphore(10)

        async def one() -> None:
            async with turns:
                answer = await self._client.post(ORDERS, json=ORDER)
                self.names.append(answer.raise_for_status().json()["name"])

        await asyncio.gather(*(one() for _ in range(ORDERS_AT_ONCE)))

    async def submit(self) -> None:
        """Submits them all, and returns when every author has an answer."""
        await asyncio.gather(*(self._submit(name) for name in self.names))

    async def _submit(self, name: str) -> None:
        request, give_up = {"requestId": str(uuid.uuid4())}, time.monotonic() + SUBMIT_SECONDS
        while refused := await self._refused(f"/v1/{name}:submit", request):
            assert time.monotonic() < give_up, f"{name} could not be submitted: {refused}"
            self.refusals[refused] += 1
            await asyncio.sleep(AGAIN_SECONDS)
        self.answered += 1

    async def _refused(self, path: str, request: dict[str, str]) -> str:
        """Submits, and returns why it has to be done again; nothing when it need not."""
        try:
            answer = await self._client.post(path, json=request)
        except httpx.TransportError as error:
            return type(error).__name__
        if answer.is_success:
            return ""
        assert answer.status_code in {429, 500, 503, 504}, answer.text
        return f"{answer.status_code} {answer.json()['message']}"

    async def settled(self, seconds: float) -> dict[str, str]:
        """Waits until no order is on its way any more; returns each one's job."""
        give_up = time.monotonic() + seconds
        jobs: dict[str, str] = {}
        while len(jobs) < len(self.names):
            assert time.monotonic() < give_up, f"{len(self.names) - len(jobs)} orders are on their way for ever"
            for name in set(self.names) - set(jobs):
                order = (await self._client.get(f"/v1/{name}")).raise_for_status().json()
                if order["state"] == "STATE_SENT_TO_LAB":
                    jobs[name] = order["job"]
            await asyncio.sleep(0.1)
        return jobs


async def _killed(house: House, pids: dict[str, int], handed_over: Callable[[], Awaitable[None]]) -> None:
    """The leaders end, and the supervisor starts others in their place."""
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)
    await handed_over()
    await until(lambda: house.state.ready, 60, "what was killed did not come back")


async def _paused(_house: House, pids: dict[str, int], handed_over: Callable[[], Awaitable[None]]) -> None:
    """The leaders stand still, and go on, believing to lead, when others have led for a while."""
    for pid in pids.values():
        os.kill(pid, signal.SIGSTOP)
    try:
        await handed_over()
    finally:
        for pid in pids.values():
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("lost", [_killed, _paused])
async def test_two_hundred_submits_make_two_hundred_jobs_whatever_happens_to_the_leaders(
    house: House, lost: Callable[..., Awaitable[None]], capsys: pytest.CaptureFixture[str]
) -> None:
    """The leader of every led work is lost while all are under way; others lead within seconds."""
    terms = await leaders.gathered(house)
    before = await _jobs(house)
    took: dict[leaders.Led, float] = {}
    async with rest(house.state.http_url, house.token("optician", "--practice", "demo")) as client:
        rush = Rush(client)
        await rush.draft()
        submitting, began = asyncio.create_task(rush.submit()), time.monotonic()
        await until(lambda: rush.answered >= 1, 20, "no submit was answered")
        answered, since = rush.answered, leaders.now()

        async def handed_over() -> None:
            took.update(await leaders.handed_over(house, terms, since, HAND_OVER_SECONDS))
            await submitting

        await lost(house, {each.replica: house.pid(each.replica) for each in terms.values()}, handed_over)
        submitted = time.monotonic() - began
        jobs = await rush.settled(SUBMIT_SECONDS)
        settled = time.monotonic() - began
    made = await _jobs(house) - before
    with capsys.disabled():
        print(  # noqa: T201 -- what was done is part of the result
            f"\n  {lost.__name__[1:]} after {answered} of {ORDERS_AT_ONCE} answers: {len(made)} jobs, "
            f"{rush.refusals.total()} submits repeated, all answered after {submitted:.1f} s, "
            f"settled after {settled:.1f} s; handed over: {leaders.told(took)}",
        )
    assert made == set(jobs.values())
    assert len(made) == ORDERS_AT_ONCE
    assert await house.query("order", "select from handoff where outcome is null") == []
    await _every_event_is_published_in_its_order(house, rush.names)


async def _jobs(house: House) -> set[str]:
    """The lab's jobs."""
    return {f"jobs/{row['number']}" for row in await house.query("lims", "select number from job")}


async def _every_event_is_published_in_its_order(house: House, names: list[str]) -> None:
    """What the relays published of these orders, old leader and new one together, has no gap and overtakes nothing."""
    logged = {
        row["aggregate"]: row["count"]
        for row in await house.query("order", "select aggregate, count(*) from log group by aggregate")
    }
    give_up = time.monotonic() + 30
    while True:
        published = await _published(house)
        if all(published[name] == list(range(1, logged[name] + 1)) for name in names):
            return
        assert time.monotonic() < give_up, {name: published[name] for name in names if len(published[name]) < 3}
        await asyncio.sleep(0.2)


async def _published(house: House) -> dict[str, list[int]]:
    """The sequences of each aggregate's events in JetStream, in the order in which they stand there."""
    sequences: dict[str, list[int]] = defaultdict(list)
    client = await nats.connect(f"nats://127.0.0.1:{house.state.ports['nats_port']}")
    try:
        told = await client.jetstream().subscribe("lensmesh.order.>", stream="LENSMESH", ordered_consumer=True)
        pending = 1
        while pending:
            message = await told.next_msg(timeout=10)
            event, pending = Envelope.FromString(message.data), message.metadata.num_pending
            sequences[event.aggregate].append(event.sequence)
    finally:
        await client.close()
    return sequences
