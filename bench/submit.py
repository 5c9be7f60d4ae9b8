"""What a submitted order costs: the CPU of every process of the mesh, in echoes, and orders a second."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from bench import echo, mesh

RUNS = 5
ORDERS = 300
WARM_UP = 150
AT_ONCE = 8
ECHOES = 8000

_EYE = {
    "sphere": -1.25,
    "cylinder": -0.5,
    "axis": 90,
    "add": 2,
    "distancePd": 32,
    "nearPd": 30,
    "fittingHeight": 19,
}
ORDER = {
    "customerReference": "BENCH",
    "eyes": "EYES_BOTH",
    "prescription": {"right": _EYE, "left": _EYE},
    "frame": {"a": 52, "b": 38, "dbl": 18, "ed": 54, "edgeType": "EDGE_TYPE_BEVEL"},
    "lens": {"design": "comfort-pal", "material": "mr8", "colour": "clear", "coatings": ["hc-ar"]},
}


@dataclass(slots=True)
class Cost:
    """The runs of the benchmark.

    Attributes:
        echoes: Echoes per submitted order, a figure a run.
        by_process: The share of each process in it, in echoes, a figure a run.
        echo_microseconds: What one echo cost, a figure a run.
        per_second: Submitted orders a second, a figure a run.
    """

    echoes: list[float] = field(default_factory=list)
    by_process: dict[str, list[float]] = field(default_factory=dict)
    echo_microseconds: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)


class Practice:
    """A practice's software that drafts and submits over REST."""

    def __init__(self, running: mesh.Mesh) -> None:
        self._client = httpx.AsyncClient(
            base_url=f"{running.http_url}/v1",
            headers={"authorization": f"Bearer {running.token}"},
            timeout=30,
            limits=httpx.Limits(max_connections=AT_ONCE),
        )

    async def close(self) -> None:
        """Closes its connections."""
        await self._client.aclose()

    async def drafts(self, count: int) -> list[str]:
        """Creates drafts and returns their names."""

        async def draft() -> str:
            answer = await self._client.post("/practices/demo/orders", json=ORDER)
            return str(answer.raise_for_status().json()["name"])

        return await _spread(count, lambda _: draft())

    async def submit(self, names: list[str]) -> None:
        """Submits every order; each must have a job."""

        async def one(name: str) -> None:
            answer = await self._client.post(f"/{name}:submit", json={})
            if not answer.raise_for_status().json()["job"]:
                raise RuntimeError(f"{name} has no job")

        await _spread(len(names), lambda index: one(names[index]))


async def _spread(count: int, make: Callable[[int], Any]) -> list[Any]:
    """Runs ``count`` calls, some at once, and returns their results."""
    left = iter(range(count))
    done: list[Any] = []

    async def worker() -> None:
        for index in left:
            done.append(await make(index))  # noqa: PERF401 -- shared by all workers

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return done


async def measure(running: mesh.Mesh, runs: int = RUNS) -> Cost:
    """Returns what submits cost, echo and mesh in turn."""
    cost, practice = Cost(), Practice(running)
    async with echo.running() as floor:
        await practice.submit(await practice.drafts(WARM_UP))
        await floor.cost(ECHOES)
        for _ in range(runs):
            unit = await floor.cost(ECHOES)
            names = await practice.drafts(ORDERS)
            await asyncio.sleep(1)  # what drafting left to do is not the submit's
            before, began = running.cpu(), time.perf_counter()
            await practice.submit(names)
            elapsed = time.perf_counter() - began
            await asyncio.sleep(0.5)  # what submitting leaves to do is
            spent = {name: (cpu - before[name]) / ORDERS / unit for name, cpu in running.cpu().items()}
            cost.echo_microseconds.append(unit * 1e6)
            cost.per_second.append(ORDERS / elapsed)
            cost.echoes.append(sum(spent.values()))
            for name, share in spent.items():
                cost.by_process.setdefault(name, []).append(share)
    await practice.close()
    return cost
