"""The floor: a bare grpc.aio server that returns what it was sent."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import psutil
import uvloop

_PAYLOAD = b"x" * 1024
_METHOD = "/echo/Echo"


def serve() -> None:
    """Serves echoes on a free port, whose number is written to standard output."""

    async def run() -> None:
        async def echo(request: bytes, _context: object) -> bytes:
            return request

        server = grpc.aio.server()
        handlers: dict[str, Any] = {"Echo": grpc.unary_unary_rpc_method_handler(echo)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("echo", handlers),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        print(port, flush=True)
        await server.wait_for_termination()

    uvloop.run(run())


class Echo:
    """A running echo server, and what its calls cost it."""

    def __init__(self, process: psutil.Process, channel: grpc.aio.Channel) -> None:
        self._process = process
        self._call: Any = channel.unary_unary(_METHOD)

    async def cost(self, calls: int, *, at_once: int = 8) -> float:
        """Returns the server's CPU seconds per call, over so many calls."""

        async def caller(count: int) -> None:
            for _ in range(count):
                await self._call(_PAYLOAD)

        before = sum(self._process.cpu_times()[:2])
        await asyncio.gather(*(caller(calls // at_once) for _ in range(at_once)))
        return float(sum(self._process.cpu_times()[:2]) - before) / calls


@asynccontextmanager
async def running() -> AsyncIterator[Echo]:
    """Runs an echo server as a process of its own."""
    program = (sys.executable, "-c", "from bench.echo import serve; serve()")
    process = await asyncio.create_subprocess_exec(*program, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None, "a pipe was asked for"  # noqa: S101 -- for the type checker
        port = int(await process.stdout.readline())
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Echo(psutil.Process(process.pid), channel)
    finally:
        process.kill()
        await process.wait()
