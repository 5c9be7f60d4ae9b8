"""What a publication makes wait: itself, the jobs that are made meanwhile, and whoever watches the catalog at the edge.

``python -m bench.publication [--publications N]``

Two catalogs take turns: one is published as a draft, the other by a roll-back. Jobs of ever new specs are made all the
while, straight at both replicas of the LIMS; pages watch the catalog over server-sent events through the edge.
"""

import argparse
import asyncio
import json
import random
import statistics
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx
from google.protobuf.json_format import ParseDict
from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.lims.v1.lims_service_pb2 import CreateJobRequest
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub

from bench import mesh
from bench.submit import ORDER
from runtime.layout import Layout

PUBLICATIONS = 60
REPLICAS = 2
WORKERS = 4
JOBS_PER_SECOND = 80
WATCHERS = 20
BETWEEN_SECONDS = 0.3
WATCH_SECONDS = 10
_REASON = "the benchmark publishes it whatever the check finds"
_CONSTRAINT = """\
constraints:
  - id: benchmark
    scope: pair
    refuse: lens.material == "trivex"
    at: lens.material
    severity: error
    says: not made while the benchmark runs.
    reason: so that there is another catalog
"""


@dataclass(slots=True)
class Waits:
    """What was measured, in seconds.

    Attributes:
        publishes: How long each publication took, as its author sees it, and when it began.
        jobs: How long each CreateJob took, and when it began.
        told: When each watcher was told of each revision.
        answered: When the author of each revision was answered.
        refused: Jobs that were not made.
        heard: Notified when a watcher was told.
    """

    publishes: list[tuple[float, float]] = field(default_factory=list)
    jobs: list[tuple[float, float]] = field(default_factory=list)
    told: dict[int, list[float]] = field(default_factory=dict)
    answered: dict[int, float] = field(default_factory=dict)
    refused: int = 0
    heard: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def tell(self, revision: int) -> None:
        """Notes that a watcher was told of a revision just now."""
        self.told.setdefault(revision, []).append(time.perf_counter())
        async with self.heard:
            self.heard.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until the watchers were told so much that the condition holds."""
        async with self.heard:
            await self.heard.wait_for(condition)


class Engineer:
    """Publishes over REST."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._draft: dict[str, Any] = {}
        self._overrides: list[dict[str, str]] = []

    async def prepare(self) -> None:
        """Has another catalog checked: the one in force with one more constraint."""
        revision = (await self._client.get("/lims/revisions", params={"pageSize": 1})).raise_for_status().json()
        name = revision["revisions"][0]["name"]
        files = (await self._client.get(f"/lims/{name}/files")).raise_for_status().json()
        files["constraints"]["constraints-benchmark.yaml"] = _CONSTRAINT
        self._draft = {"note": "of the benchmark", "files": files}
        draft = await self.draft()
        async with self._client.stream("POST", f"/lims/{draft}:check", json={"secondsEach": 0.01}) as stream:
            stream.raise_for_status()
            async for message in _messages(stream):
                if report := message.get("report"):
                    found = [each["id"] for each in report.get("findings", ())]
                    self._overrides = [{"finding": each, "reason": _REASON} for each in found]
                    return
        raise RuntimeError(f"the check of {draft} came to no end")

    async def publish(self, draft: str) -> int:
        """Publishes a draft and returns the revision's number."""
        body = {"overrides": self._overrides, "requestId": str(uuid.uuid4())}
        return await self._number(f"/lims/{draft}:publish", body)

    async def roll_back(self) -> int:
        """Publishes the content of the first revision anew and returns the new one's number."""
        return await self._number("/lims/revisions/1:rollBack", {"note": "the benchmark's turn"})

    async def draft(self) -> str:
        """Adds a draft that can be published, and returns its name."""
        draft = (await self._client.post("/lims/drafts", json=self._draft)).raise_for_status().json()
        return str(draft["name"])

    async def _number(self, path: str, body: dict[str, Any]) -> int:
        return int((await self._client.post(path, json=body)).raise_for_status().json()["number"])


async def measure(running: mesh.Mesh, publications: int) -> Waits:
    """Publishes so many revisions under load, and returns what had to wait how long."""
    waits, done = Waits(), asyncio.Event()
    async with (
        _rest(running, running.engineer) as author,
        _rest(running, running.token) as pages,
        asyncio.TaskGroup() as tasks,
    ):
        engineer = Engineer(author)
        await engineer.prepare()
        watching = [tasks.create_task(_watch(pages, waits)) for _ in range(WATCHERS)]
        working = [tasks.create_task(_make_jobs(running, waits, done, number)) for number in range(WORKERS)]
        async with asyncio.timeout(WATCH_SECONDS):
            await waits.until(lambda: sum(map(len, waits.told.values())) == WATCHERS)
        for turn in range(publications):
            await asyncio.sleep(BETWEEN_SECONDS)
            draft = "" if turn % 2 else await engineer.draft()
            began = time.perf_counter()
            number = await (engineer.publish(draft) if draft else engineer.roll_back())
            waits.answered[number] = time.perf_counter()
            waits.publishes.append((began, waits.answered[number] - began))
        async with asyncio.timeout(WATCH_SECONDS):
            await waits.until(lambda: all(len(waits.told.get(each, ())) == WATCHERS for each in waits.answered))
        done.set()
        await asyncio.gather(*working)
        for task in watching:
            task.cancel()
    return waits


@asynccontextmanager
async def _rest(running: mesh.Mesh, token: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {token}"}
    limits = httpx.Limits(max_connections=None)
    url = f"{running.http_url}/v1"
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, limits=limits, trust_env=False) as client:
        yield client


async def _watch(client: httpx.AsyncClient, waits: Waits) -> None:
    """Notes when it is told of each revision, beginning with the one in force."""
    async with client.stream("GET", "/lims/catalog:watch") as stream:
        stream.raise_for_status()
        async for message in _messages(stream):
            if update := message.get("update"):
                await waits.tell(int(update["number"]))


async def _messages(stream: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in stream.aiter_lines():
        if line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))


async def _make_jobs(running: mesh.Mesh, waits: Waits, done: asyncio.Event, number: int) -> None:
    """Makes jobs at an even pace, at one replica of the LIMS."""
    chance = random.Random(number)  # noqa: S311 -- a benchmark's
    token = (Layout(running.home).keys / "tokens" / "order.jwt").read_text().strip()
    metadata = (("authorization", f"Bearer {token}"),)
    port = running.replicas["lims"][number % REPLICAS]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        lims = LimsServiceStub(channel)
        while not done.is_set():
            request = CreateJobRequest(handoff_id=str(uuid.UUID(int=chance.getrandbits(128), version=4)))
            request.spec.CopyFrom(_spec(chance))
            began = time.perf_counter()
            try:
                await lims.CreateJob(request, metadata=metadata, timeout=10)
            except grpc.aio.AioRpcError:
                waits.refused += 1
            waits.jobs.append((began, time.perf_counter() - began))
            await asyncio.sleep(max(0.0, WORKERS / JOBS_PER_SECOND - (time.perf_counter() - began)))


def _spec(chance: random.Random) -> JobSpec:
    """Returns a pair unlike the others."""
    plain = {name: ORDER[name] for name in ("eyes", "prescription", "frame", "lens")}
    spec = ParseDict(plain, JobSpec())
    for eye in (spec.prescription.right, spec.prescription.left):
        eye.sphere = chance.randrange(-20, 9) / 4
        eye.axis = chance.randrange(1, 181)
        eye.distance_pd = chance.randrange(300, 341) / 10
    spec.prescription.left.sphere = spec.prescription.right.sphere
    return spec


def _report(running: mesh.Mesh, waits: Waits) -> list[str]:
    """Returns the figures, a line each."""
    publishing = [(began, began + took) for began, took in waits.publishes]
    beside = [took for began, took in waits.jobs if any(_meets(began, took, each) for each in publishing)]
    apart = [took for began, took in waits.jobs if not any(_meets(began, took, each) for each in publishing)]
    told = [seen - waits.answered[number] for number in waits.answered for seen in waits.told[number]]
    asked = dict(zip(waits.answered, publishing, strict=True))
    since = [seen - asked[number][0] for number in waits.answered for seen in waits.told[number]]
    fence = _fence(running)
    seconds = waits.jobs[-1][0] - waits.jobs[0][0]
    rate = len(waits.jobs) / seconds
    return [
        f"{len(waits.publishes)} publications under {rate:.0f} jobs a second, {waits.refused} of which were not made",
        _line("publish waits for the fence (server)", [each["waited_ms"] / 1000 for each in fence]),
        _line("publish holds the fence (server)", [each["held_ms"] / 1000 for each in fence]),
        _line("publish, request to answer at the edge", [took for _, took in waits.publishes]),
        _line("CreateJob beside a publication", beside),
        _line("CreateJob apart from any", apart),
        _line(f"publish request to {WATCHERS} SSE watchers", since),
        _line(f"publish answer to {WATCHERS} SSE watchers", told),
    ]


def _meets(began: float, took: float, publishing: tuple[float, float]) -> bool:
    return began < publishing[1] and began + took > publishing[0]


def _fence(running: mesh.Mesh) -> list[dict[str, float]]:
    """Returns what the replicas of the LIMS say of each publication."""
    logs = Layout(running.home).logs.glob("lims*.log")
    lines = [line for log in logs for line in log.read_text().splitlines() if '"event": "published"' in line]
    return [json.loads(line) for line in lines]


def _line(what: str, seconds: Sequence[float]) -> str:
    in_order = sorted(seconds)
    p50, p99 = statistics.median(in_order), in_order[min(len(in_order) - 1, len(in_order) * 99 // 100)]
    figures = f"p50 {p50 * 1000:7.1f} ms   p99 {p99 * 1000:7.1f} ms   most {in_order[-1] * 1000:7.1f} ms"
    return f"{what:<42} {figures}   of {len(in_order)}"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.publication", description=__doc__)
    parser.add_argument("--publications", type=int, default=PUBLICATIONS, help=f"how many ({PUBLICATIONS})")
    arguments = parser.parse_args()
    with mesh.running(f"lims={REPLICAS},order={REPLICAS}") as running:
        waits = asyncio.run(measure(running, arguments.publications))
        print("\n".join(_report(running, waits)))


if __name__ == "__main__":
    main()
