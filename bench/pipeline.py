"""What the chassis adds to a call: the same method served bare, and behind its contract, in microseconds of CPU.

Bare is grpc.aio with the message parsed and answered. Behind the contract come limits, trace, deadline, token, policy,
validation and a log line. Both are what a call costs whatever its service does.
"""

import asyncio
import statistics
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import psutil
import uvloop
from lensmesh.lims.v1 import floor_service_pb2 as floor
from lensmesh.lims.v1.floor_service_pb2_grpc import (
    FloorServiceServicer,
    FloorServiceStub,
    add_FloorServiceServicer_to_server,
)
from lensmesh.lims.v1.job_pb2 import Job

from chassis import contract, telemetry
from chassis.identity import Verifier
from chassis.interceptor import ContractInterceptor
from chassis.limits import Limits
from chassis.settings import ServiceSettings
from runtime import keys

RUNS = 7
CALLS = 6000
AT_ONCE = 8
_REQUEST = floor.ScanRequest(job="jobs/1", station="edging")


def serve(jwks: str) -> None:
    """Serves the method on a free port, whose number is the first line of standard error; bare without ``jwks``."""

    class Floor(FloorServiceServicer):
        async def Scan(self, request: floor.ScanRequest, context: object) -> Job:  # noqa: ARG002, N802 -- gRPC's
            return Job(name=request.job)

    async def run() -> None:
        server = grpc.aio.server(interceptors=[_interceptor(Path(jwks))] if jwks else [])
        add_FloorServiceServicer_to_server(Floor(), server)  # type: ignore[abstract]  # nobody asks for the others
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        print(port, file=sys.stderr, flush=True)
        await server.wait_for_termination()

    uvloop.run(run())


def _interceptor(jwks: Path) -> ContractInterceptor:
    settings = ServiceSettings(database_url="", relay_database_url="", jwks_file=jwks)
    telemetry.configure_logging(settings.log_level)
    telemetry.configure_tracing("bench", settings)
    service = floor.DESCRIPTOR.services_by_name["FloorService"]
    verifier = Verifier(jwks, issuer=settings.token_issuer, audience=settings.token_audience)
    limits = Limits(settings.max_calls, settings.max_waiting_calls, settings.max_streams)
    return ContractInterceptor(contract.read({service.full_name: service}), verifier, limits)


class Served:
    """A running server, and what its calls cost it."""

    def __init__(self, process: psutil.Process, channel: grpc.aio.Channel, token: str) -> None:
        self.process = process
        self._stub = FloorServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {token}"),)

    async def cost(self, calls: int) -> float:
        """Returns the server's CPU in microseconds per call, over so many calls."""

        async def caller() -> None:
            for _ in range(calls // AT_ONCE):
                await self._stub.Scan(_REQUEST, metadata=self._metadata, timeout=20)

        before = sum(self.process.cpu_times()[:2])
        await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
        return float(sum(self.process.cpu_times()[:2]) - before) / calls * 1e6


@asynccontextmanager
async def running(jwks: str, token: str) -> AsyncIterator[Served]:
    """Runs a server as a process of its own."""
    program = (sys.executable, "-c", f"from bench.pipeline import serve; serve({jwks!r})")
    process = await asyncio.create_subprocess_exec(*program, stdout=DEVNULL, stderr=PIPE)
    try:
        assert process.stderr is not None, "a pipe was asked for"  # noqa: S101 -- for the type checker
        port = int(await process.stderr.readline())
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Served(psutil.Process(process.pid), channel, token)
    finally:
        process.kill()
        await process.wait()


async def measure(runs: int = RUNS) -> tuple[list[float], list[float]]:
    """Returns what a call costs bare and behind its contract, in turn, a figure a run."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tokens").mkdir()
        made = keys.prepare(Path(folder), datetime.now(UTC))
        token = keys.issue_token(made, subject="users/bench", ttl=timedelta(hours=1), roles=("lab_operator",))
        async with AsyncExitStack() as stack:
            bare = await stack.enter_async_context(running("", token))
            behind = await stack.enter_async_context(running(str(made.jwks), token))
            for each in (bare, behind):
                await each.cost(CALLS // 3)
            figures = [(await bare.cost(CALLS), await behind.cost(CALLS)) for _ in range(runs)]
    return [pair[0] for pair in figures], [pair[1] for pair in figures]


def main() -> None:
    """Prints what a call costs, bare and behind its contract."""
    bare, behind = asyncio.run(measure())
    added = [ours - floor_ for ours, floor_ in zip(behind, bare, strict=True)]
    for name, figures in (("bare", bare), ("behind its contract", behind), ("the chassis adds", added)):
        print(f"{name:20} {statistics.median(figures):6.1f} µs a call ({min(figures):.1f}–{max(figures):.1f})")


if __name__ == "__main__":
    main()
