"""What the edge adds to a validation: REST through Envoy over gRPC straight to the order service, in the same run."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import grpc
import httpx
from lensmesh.order.v1 import order_service_pb2 as rpc
from lensmesh.order.v1.order_service_pb2_grpc import OrderServiceStub

from bench import mesh
from bench.submit import Practice

RUNS = 5
CALLS = 200
WARM_UP = 50


@dataclass(slots=True)
class Latency:
    """Latencies of one way, in milliseconds: the median and the 99th percentile, a figure a run."""

    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    def add(self, seconds: list[float]) -> None:
        """Adds a run."""
        ordered = sorted(seconds)
        self.p50.append(ordered[len(ordered) // 2] * 1000)
        self.p99.append(ordered[len(ordered) * 99 // 100] * 1000)


async def measure(running: mesh.Mesh, runs: int = RUNS) -> tuple[Latency, Latency]:
    """Returns the latencies at the edge and direct, one call at a time, in turn."""
    practice = Practice(running)
    (name,) = await practice.drafts(1)
    edge, direct = Latency(), Latency()
    metadata = (("authorization", f"Bearer {running.token}"),)
    headers = {"authorization": metadata[0][1]}
    async with (
        httpx.AsyncClient(base_url=f"{running.http_url}/v1", headers=headers) as rest,
        grpc.aio.insecure_channel(f"127.0.0.1:{running.ports['order_port']}") as channel,
    ):
        stub = OrderServiceStub(channel)

        async def at_the_edge() -> None:
            (await rest.post(f"/{name}:validate", json={})).raise_for_status()

        async def straight() -> None:
            await stub.ValidateOrder(rpc.ValidateOrderRequest(name=name), metadata=metadata)

        for call in (at_the_edge, straight):
            await _times(call, WARM_UP)
        for _ in range(runs):
            edge.add(await _times(at_the_edge, CALLS))
            direct.add(await _times(straight, CALLS))
    await practice.close()
    return edge, direct


async def _times(call: Callable[[], Awaitable[None]], calls: int) -> list[float]:
    seconds = []
    for _ in range(calls):
        began = time.perf_counter()
        await call()
        seconds.append(time.perf_counter() - began)
    return seconds
