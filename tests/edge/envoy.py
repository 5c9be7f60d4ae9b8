"""The real Envoy, run by the tests."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx

from gateway.render import EdgeSettings
from runtime.envoy import program


@dataclass(frozen=True)
class Edge:
    """A running Envoy."""

    settings: EdgeSettings
    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def rest(self) -> str:
        """Address of the REST port."""
        return f"http://127.0.0.1:{self.settings.http_port}"

    @property
    def native(self) -> str:
        """Host and port of native gRPC."""
        return f"localhost:{self.settings.grpc_port}"

    @property
    def admin(self) -> str:
        """Address of the admin page."""
        return f"http://127.0.0.1:{self.settings.admin_port}"

    def client(self, token: str | None = None) -> httpx.Client:
        """Open a REST client, with or without a token."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.rest, headers=headers, timeout=10, trust_env=False)

    def log(self) -> list[dict[str, Any]]:
        """Read the access log so far."""
        lines = (self.folder / "stdout").read_text().splitlines()
        return [json.loads(line) for line in lines if line]


@contextmanager
def running(settings: EdgeSettings, bootstrap: dict[str, Any], folder: Path) -> Iterator[Edge]:
    """Run an Envoy with this bootstrap while the block runs."""
    config = folder / "bootstrap.json"
    config.write_text(json.dumps(bootstrap))
    options = ("--disable-hot-restart", "--concurrency", "1", "--file-flush-interval-msec", "50", "-l", "warn")
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen([program(), "-c", config, *options], stdout=out, stderr=err)
    edge = Edge(settings, process, folder)
    try:
        until(lambda: _is_ready(edge))
        yield edge
    finally:
        process.terminate()
        process.wait(10)


def validate(bootstrap: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    """Ask Envoy what it thinks of a bootstrap."""
    config = folder / "bootstrap.json"
    config.write_text(json.dumps(bootstrap))
    command = [program(), "--mode", "validate", "-c", config, "-l", "warn"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for a condition to become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still not true after {seconds} s"
        time.sleep(0.02)


def channel(address: str, authority: Path) -> grpc.Channel:
    """Open a native gRPC channel that trusts a local authority."""
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(authority.read_bytes()))


def _is_ready(edge: Edge) -> bool:
    assert edge.process.poll() is None, (edge.folder / "stderr").read_text()
    try:
        return httpx.get(f"{edge.admin}/ready", trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
