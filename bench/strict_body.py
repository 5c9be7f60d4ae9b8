"""What it costs the edge to read bodies strictly: Envoy with the filter, and without it, before the same stand-in.

    python -m bench.strict_body [--json]

Both run side by side, one worker each, and are asked in turn, in many short pairs: whatever else the machine does falls
on both sides of a pair. Two ratios come of it, medians over the pairs: requests per second as a client sees them, and
Envoy's own CPU per request, which no client and no service behind it can hide.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import grpc
import httpx
import psutil
import uvloop
from grpc_health.v1 import health_pb2

from gateway.contract import read_image, read_rpcs
from gateway.render import EdgeSettings, render_bootstrap
from gateway.settings import IMAGE
from gateway.strict import FILTER
from runtime import keys
from runtime.envoy import program
from runtime.ports import free_port
from runtime.waiting import until_ready

TARGET = 0.85
"""Least ratio of throughput that was asked for: the filter may cost 15 %."""

_ROUNDS = 31
_CONNECTIONS = 16
_REQUESTS = 800  # one measurement: half a second, so that what else happens falls on both sides of a pair
_WARM_UP = 1600

_EYE = {
    "sphere": -12.25,
    "cylinder": -10.75,
    "axis": 175,
    "add": 2.25,
    "prismHorizontal": 10.25,
    "prismVertical": -10.25,
    "distancePd": 31.55,
    "nearPd": 29.35,
    "fittingHeight": 19.05,
}
ORDER = json.dumps(
    {
        "lab": "labs/main",
        "customerReference": "RX-2041, second pair, tray 17",
        "patientReference": "5093-2026-11-24-0042",
        "eyes": "EYES_BOTH",
        "prescription": {"right": _EYE, "left": _EYE},
        "frame": {
            "a": 51.82,
            "b": 38.31,
            "dbl": 18.25,
            "ed": 52.49,
            "material": "FRAME_MATERIAL_PLASTIC",
            "edgeType": "EDGE_TYPE_BEVEL",
            "wrap": 5.25,
            "panto": 8.25,
            "vertex": 13.25,
        },
        "lens": {
            "design": "comfort-pal",
            "material": "mr8",
            "colour": "clear",
            "coatings": ["hc-ar", "blue-light-filter", "hydrophobic"],
            "options": ["thickness-optimised", "engraved-initials", "polished-edge"],
        },
    },
    indent=1,
).encode()
"""An order of about 1 KB, with every field a person fills in."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A running Envoy and what is asked of it."""

    process: psutil.Process
    port: int
    request: bytes

    async def measure(self, requests: int) -> tuple[float, float]:
        """Returns requests per second, and Envoy's CPU microseconds per request, over so many requests."""
        loop = asyncio.get_running_loop()
        cpu, began = sum(self.process.cpu_times()[:2]), loop.time()
        clients = [Client(self.request, requests // _CONNECTIONS) for _ in range(_CONNECTIONS)]
        for client in clients:
            await loop.create_connection(lambda client=client: client, "127.0.0.1", self.port)  # type: ignore[misc]
        async with asyncio.timeout(60):
            await asyncio.gather(*(client.done for client in clients))
        done = requests // _CONNECTIONS * _CONNECTIONS
        return done / (loop.time() - began), (sum(self.process.cpu_times()[:2]) - cpu) / done * 1e6


class Client(asyncio.Protocol):
    """Sends one request after another over one connection: as little of a client as will do."""

    def __init__(self, request: bytes, times: int) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self._request = request
        self._left = times
        self._transport: asyncio.Transport | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its ancestry
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Takes an answer, or a part of one, and asks again."""
        self._received += data
        head, _, body = self._received.partition(b"\r\n\r\n")
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not length or len(body) < int(length) or self._transport is None:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self._end(ConnectionError(self._received.decode(errors="replace")))
            return
        self._received = b""
        self._left -= 1
        if self._left:
            self._transport.write(self._request)
        else:
            self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends early, if it was not over."""
        self._end(exc or ConnectionError("Envoy hung up"))

    def _end(self, error: Exception | None) -> None:
        if self._transport is not None:
            self._transport.close()
        if not self.done.done():
            self.done.set_exception(error) if error else self.done.set_result(None)


def serve_stand_in(port: int) -> None:
    """Serves every method with an empty answer and reads nothing: as cheap a service as Python makes."""
    serving = health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)
    healthy = bytes(serving.SerializeToString())

    async def answer(_request: bytes, _context: object) -> bytes:
        return b""

    async def check(_request: bytes, _context: object) -> bytes:
        return healthy

    class EmptyAnswers(grpc.GenericRpcHandler):
        _answer: Any = grpc.unary_unary_rpc_method_handler(answer)
        _check: Any = grpc.unary_unary_rpc_method_handler(check)

        def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:  # noqa: ANN401 -- grpc's own
            return self._check if handler_call_details.method.startswith("/grpc.health.") else self._answer

    async def run() -> None:
        server = grpc.aio.server(handlers=(EmptyAnswers(),))
        server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        await server.wait_for_termination()

    uvloop.run(run())


def without_strictness(bootstrap: dict[str, Any]) -> dict[str, Any]:
    """Returns the bootstrap as it would be without the strict filter."""
    rest = bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    rest["http_filters"] = [each for each in rest["http_filters"] if each["name"] != FILTER]
    return bootstrap


@contextmanager
def _running(command: list[str]) -> Iterator[psutil.Process]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def _edges() -> Iterator[dict[str, Edge]]:
    """Runs the stand-in and both edges while the block runs."""
    with tempfile.TemporaryDirectory(prefix="lensmesh-bench-") as folder, ExitStack() as stack:
        (Path(folder) / "tokens").mkdir()
        made = keys.prepare(Path(folder), datetime.now(UTC))
        token = keys.issue_token(
            made, subject="users/bench", ttl=timedelta(hours=1), roles=("optician",), practice="practices/demo"
        )
        service_port = free_port()
        serving = f"from bench.strict_body import serve_stand_in; serve_stand_in({service_port})"
        stack.enter_context(_running([sys.executable, "-c", serving]))
        upstreams = {rpc.upstream for rpc in read_rpcs(read_image(IMAGE.read_bytes()))}
        edges = {}
        for name, change in (("without", without_strictness), ("with", lambda bootstrap: bootstrap)):
            settings = EdgeSettings(
                http_port=free_port(),
                grpc_port=free_port(),
                admin_port=free_port(),
                jwks=made.jwks.read_text(),
                certificate=made.certificate,
                private_key=made.private_key,
                upstreams=dict.fromkeys(upstreams, ("127.0.0.1", service_port)),
            )
            config = Path(folder) / f"{name}.json"
            config.write_text(json.dumps(change(render_bootstrap(settings))))
            command = [str(program()), "-c", str(config), "--disable-hot-restart", "--concurrency", "1", "-l", "error"]
            process = stack.enter_context(_running(command))
            edges[name] = Edge(process, settings.http_port, _request(token))
        yield edges


def _request(token: str) -> bytes:
    head = (
        "POST /v1/practices/demo/orders HTTP/1.1\r\nhost: edge\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {token}\r\ncontent-length: {len(ORDER)}\r\n\r\n"
    )
    return head.encode() + ORDER


async def _answers(edge: Edge) -> None:
    head, _, body = edge.request.partition(b"\r\n\r\n")
    token = head.partition(b"authorization: ")[2].partition(b"\r\n")[0].decode()
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"http://127.0.0.1:{edge.port}/v1/practices/demo/orders"
        (await client.post(url, content=body, headers={"authorization": token})).raise_for_status()


async def _measure(edges: dict[str, Edge]) -> dict[str, list[tuple[float, float]]]:
    for edge in edges.values():
        await until_ready(lambda edge=edge: _answers(edge), 15)  # type: ignore[misc]
        await edge.measure(_WARM_UP)
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in edges}
    for round_ in range(_ROUNDS):
        # Neither always goes first: what the one before leaves behind falls on both.
        for name in sorted(edges, reverse=bool(round_ % 2)):
            figures[name].append(await edges[name].measure(_REQUESTS))
    return figures


def _summary(values: list[float], digits: int = 1) -> dict[str, float]:
    """Returns the median and the spread: the quartiles, which one disturbed round does not move."""
    low, median, high = statistics.quantiles(values, n=4)
    return {"median": round(median, digits), "low": round(low, digits), "high": round(high, digits)}


def run() -> dict[str, Any]:
    """Returns what was measured: each side's figures, and the filter's cost as medians over the pairs."""
    with _edges() as edges:
        figures = uvloop.run(_measure(edges))
    sides = {
        name: {
            "requests_per_second": _summary([throughput for throughput, _ in rounds]),
            "envoy_cpu_us_per_request": _summary([cpu for _, cpu in rounds]),
        }
        for name, rounds in figures.items()
    }
    pairs = list(zip(figures["with"], figures["without"], strict=True))
    return {
        "name": "strict_body",
        "body_bytes": len(ORDER),
        "rounds": _ROUNDS,
        "requests_per_round": _REQUESTS,
        "sides": sides,
        "throughput_ratio": _summary([ours[0] / theirs[0] for ours, theirs in pairs], 3),
        "target_throughput_ratio": TARGET,
        "envoy_cpu_ratio": _summary([ours[1] / theirs[1] for ours, theirs in pairs], 3),
        "filter_cpu_us": _summary([ours[1] - theirs[1] for ours, theirs in pairs]),
    }


def _page(result: dict[str, Any]) -> str:
    """Returns the result for people."""
    lines = [
        f"strict bodies: an order of {result['body_bytes']} bytes, medians (quartiles) of {result['rounds']} pairs"
    ]
    for name, side in result["sides"].items():
        cells = [
            f"{figure['median']:8.1f} {unit} ({figure['low']:.1f} to {figure['high']:.1f})"
            for unit, figure in (
                ("requests/s", side["requests_per_second"]),
                ("µs of Envoy's CPU", side["envoy_cpu_us_per_request"]),
            )
        ]
        lines.append(f"  {name:8} {'  '.join(cells)}")
    ratio, cpu, grown = result["throughput_ratio"], result["filter_cpu_us"], result["envoy_cpu_ratio"]
    lines.append(
        f"  throughput with over without {ratio['median']:.3f} ({ratio['low']:.3f} to {ratio['high']:.3f}; asked: at "
        f"least {TARGET}); the filter takes {cpu['median']:.0f} µs of Envoy's CPU, which grows by "
        f"{(grown['median'] - 1) * 100:.0f} %"
    )
    return "\n".join(lines)


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="The cost of strict bodies.")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    as_json = parser.parse_args().json
    result = run()
    print(json.dumps(result, indent=2) if as_json else _page(result))
    return 0 if result["throughput_ratio"]["median"] >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
