"""A channel inside the mesh shares its calls among the replicas that serve, and learns at once of one that does not."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from lensmesh.lims.v1 import lims_service_pb2 as rpc
from lensmesh.lims.v1.lims_service_pb2_grpc import (
    LimsServiceServicer,
    LimsServiceStub,
    add_LimsServiceServicer_to_server,
)

from chassis import channels

SERVICE = rpc.DESCRIPTOR.services_by_name["LimsService"].full_name
Status = health_pb2.HealthCheckResponse.ServingStatus


class _Lims(LimsServiceServicer):
    """Counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def DescribeLims(self, request: object, context: object) -> rpc.DescribeLimsResponse:  # noqa: N802, ARG002
        self.asked += 1
        return rpc.DescribeLimsResponse()


@dataclass(slots=True)
class Replica:
    """A LIMS of the test's own; without ``health`` it is one that never heard of it."""

    knows_health: bool = True
    lims: _Lims = field(default_factory=_Lims)
    checks: health.aio.HealthServicer = field(default_factory=health.aio.HealthServicer)
    server: grpc.aio.Server = field(init=False)
    port: int = 0

    async def start(self) -> None:
        """Serves on the port it had before, or on a free one."""
        self.server = grpc.aio.server()
        add_LimsServiceServicer_to_server(self.lims, self.server)
        if self.knows_health:
            health_pb2_grpc.add_HealthServicer_to_server(self.checks, self.server)
            await self.checks.set(SERVICE, Status.SERVING)
        self.port = self.server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self.server.start()


@asynccontextmanager
async def _connected(*replicas: Replica) -> AsyncIterator[LimsServiceStub]:
    async with AsyncExitStack() as stack:
        for replica in replicas:
            await replica.start()
            stack.push_async_callback(lambda replica=replica: replica.server.stop(None))
        target = "ipv4:" + ",".join(f"127.0.0.1:{replica.port}" for replica in replicas)
        channel = await stack.enter_async_context(channels.connect(target, SERVICE))
        stub = LimsServiceStub(channel)
        while not all(replica.lims.asked for replica in replicas):  # until each connection stands
            await _ask(stub, 1)
        yield stub


async def _ask(stub: LimsServiceStub, times: int) -> None:
    for _ in range(times):
        await stub.DescribeLims(rpc.DescribeLimsRequest(), timeout=5, wait_for_ready=True)


async def _shares(stub: LimsServiceStub, replicas: Sequence[Replica], times: int = 20) -> list[int]:
    """How many of so many calls each replica was asked; none may fail."""
    for replica in replicas:
        replica.lims.asked = 0
    await _ask(stub, times)
    return [replica.lims.asked for replica in replicas]


async def _until_shared(stub: LimsServiceStub, replicas: Sequence[Replica], wanted: list[int]) -> None:
    async with asyncio.timeout(10):
        while await _shares(stub, replicas, sum(wanted)) != wanted:
            continue


async def test_replicas_are_asked_in_turn() -> None:
    """Each as often as the other."""
    replicas = (Replica(), Replica())
    async with _connected(*replicas) as stub:
        assert await _shares(stub, replicas) == [10, 10]


async def test_a_replica_that_drains_is_left_before_it_stops() -> None:
    """It says so, and from then on nothing can be refused by it; when it serves again it is asked again."""
    replicas = (Replica(), Replica())
    async with _connected(*replicas) as stub:
        await replicas[0].checks.set(SERVICE, Status.NOT_SERVING)
        await _until_shared(stub, replicas, [0, 2])
        assert await _shares(stub, replicas) == [0, 20]
        await replicas[0].checks.set(SERVICE, Status.SERVING)
        await _until_shared(stub, replicas, [1, 1])


async def test_a_replica_that_died_is_skipped_and_found_again() -> None:
    """It takes with it what was on its way there; then its port refuses, and the others take its share."""
    replicas = (Replica(), Replica())
    async with _connected(*replicas) as stub:
        await replicas[0].server.stop(None)
        with suppress(grpc.aio.AioRpcError):
            await _ask(stub, 2)
        assert await _shares(stub, replicas) == [0, 20]
        await replicas[0].start()
        await _until_shared(stub, replicas, [1, 1])


async def test_a_lims_that_knows_nothing_of_health_is_asked() -> None:
    """The health service is no part of the LIMS's contract."""
    replicas = (Replica(knows_health=False),)
    async with _connected(*replicas) as stub:
        assert await _shares(stub, replicas) == [20]
