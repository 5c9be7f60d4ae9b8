"""A running mesh of replicas, as tests look at it: its command, its processes, its logs and its databases."""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from runtime import state
from runtime.account import current
from runtime.postgres import Server
from runtime.settings import MeshSettings, variable
from runtime.state import MeshState

ROOT = Path(__file__).resolve().parents[2]


def environment(home: Path) -> dict[str, str]:
    """What a mesh of a test's own is started with: free ports, no simulated lab, a home of its own."""
    free = {variable(name): "0" for name in MeshSettings.model_fields if name.endswith("_port")}
    return {**os.environ, **free, "LENSMESH_HOME": str(home), "LENSMESH_SIMULATE": "false", "NO_COLOR": "1"}


@dataclass(frozen=True, slots=True)
class House:
    """A mesh that runs in ``home``."""

    home: Path
    environment: Mapping[str, str]

    def lensmesh(self, *words: str, seconds: float = 90, code: int = 0) -> str:
        """Runs ``bin/lensmesh``, which must end with ``code``, and returns what it says."""
        done = subprocess.run(
            [str(ROOT / "bin" / "lensmesh"), *words],
            env=dict(self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    async def typed(self, *words: str, seconds: float = 120) -> str:
        """The same, beside whatever else the test is doing."""
        return await asyncio.to_thread(self.lensmesh, *words, seconds=seconds)

    @property
    def state(self) -> MeshState:
        """What the supervisor last wrote."""
        written = state.read(self.home)
        assert written is not None
        return written

    def pid(self, name: str) -> int:
        """The pid of a process, which runs."""
        (identity,) = [process.id for process in self.state.processes if process.name == name]
        assert identity is not None
        return identity.pid

    def token(self, role: str, *more: str) -> str:
        """A token of a person of this mesh."""
        return self.lensmesh("token", "--role", role, *more).strip()

    def events(self, name: str, event: str) -> list[dict[str, Any]]:
        """What a replica logged under this event, oldest first."""
        lines = (self.home / "log" / f"{name}.log").read_text().splitlines()
        said = (json.loads(line) for line in lines if f'"event": "{event}"' in line)
        return [each | {"time": datetime.fromisoformat(each["timestamp"])} for each in said]

    async def query(self, service: str, statement: str) -> list[asyncpg.Record]:
        """Asks a service's database, as its owner."""
        secret = (self.home / "keys" / "postgres.secret").read_bytes()
        server = Server(Path(), Path(), current(), self.state.ports["postgres_port"], secret)
        connection = await asyncpg.connect(server.url(service, "postgres"))
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()


async def until(condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
    """Waits until the condition holds; fails saying ``otherwise`` when it does not in time."""
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, otherwise
        await asyncio.sleep(0.05)
