"""The whole mesh, started as a newcomer starts it, on free ports and in a home of its own."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtime import state

ROOT = Path(__file__).resolve().parents[2]
FREE_PORTS = ("HTTP", "GRPC", "ADMIN", "POSTGRES", "NATS", "LIMS", "ORDER", "WEB")


@dataclass(frozen=True, slots=True)
class Mesh:
    """A running mesh and its command line."""

    home: Path
    environment: dict[str, str]

    def run(self, *words: str, code: int = 0, seconds: float = 90) -> str:
        """Runs ``bin/lensmesh`` as a user types it; returns what it says on standard output and error together."""
        done = subprocess.run(
            [str(ROOT / "bin" / "lensmesh"), *words],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def documents(self, *words: str, code: int = 0) -> list[dict[str, Any]]:
        """Runs a command with ``--json`` and returns the documents it prints."""
        return [json.loads(line) for line in self.run(*words, "--json", code=code).splitlines() if line.strip()]

    def _status(self) -> str:
        """The status page, which is told also while something is down."""
        done = subprocess.run(
            [str(ROOT / "bin" / "lensmesh"), "status", "--json"],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.stdout

    def process(self, name: str) -> dict[str, Any]:
        """What the status page says of one process."""
        status = json.loads(self._status())
        (found,) = [each for each in status["processes"] if each["name"] == name]
        return dict(found)

    def until_back(self, name: str, killed: int, seconds: float = 60) -> None:
        """Waits until a killed process runs again, under another pid, and the whole mesh is ready."""
        give_up = time.monotonic() + seconds
        while self.process(name)["pid"] == killed or not json.loads(self._status())["ready"]:
            assert time.monotonic() < give_up, f"{name} did not come back"

    def rest(self, role: str = "optician", practice: str = "demo") -> httpx.Client:
        """A REST client with a token; without a practice, for the lab's people."""
        of = ("--practice", practice) if practice else ()
        token = self.run("token", "--role", role, *of).strip()
        running = state.read(self.home)
        assert running is not None
        return httpx.Client(base_url=f"{running.http_url}/v1", headers={"authorization": f"Bearer {token}"})


@contextmanager
def running(**settings: str) -> Iterator[Mesh]:
    """Runs a mesh with settings of its own while a block runs."""
    with tempfile.TemporaryDirectory(prefix="lensmesh-flow-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        free = {f"LENSMESH_{which}_PORT": "0" for which in FREE_PORTS}
        environment = {**os.environ, **free, "LENSMESH_HOME": folder, "COLUMNS": "100", "NO_COLOR": "1", **settings}
        started = Mesh(Path(folder), environment)
        started.run("up", seconds=180)
        try:
            yield started
        finally:
            started.run("down", seconds=60)


@pytest.fixture(scope="session")
def mesh() -> Iterator[Mesh]:
    """The mesh, up, with a simulated lab in a hurry."""
    with running(LENSMESH_SIMULATE_PACE="0.1") as started:
        yield started
