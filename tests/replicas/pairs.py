"""Two processes of the LIMS and two of the order service, over a PostgreSQL and a NATS of their own.

They are started by themselves and not as a mesh: what is killed is back as soon as it can be, at its old address.
PostgreSQL keeps the time of each commit, which tells in what order they were, whoever had which transaction id first.
"""

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from runtime import nats, ports, postgres
from runtime.postgres import Server
from tests.support import processes
from tests.support.processes import Process

REPLICAS = 2
SERVICES = ("lims", "order")


@dataclass(slots=True)
class Replica:
    """One process of a service, at an address that it keeps."""

    name: str
    service: str
    told: dict[str, str]
    running: ExitStack = field(default_factory=ExitStack)
    process: Process | None = None

    def start(self) -> None:
        """Starts it, and returns when it serves."""
        self.process = self.running.enter_context(processes.serving(self.service, self.told))

    def kill(self) -> None:
        """Ends it as a power cut would; nothing when it never started."""
        if self.process is not None:
            self.process.kill()
        self.running.close()


@dataclass(frozen=True, slots=True)
class Pairs:
    """Both services, twice each.

    Attributes:
        server: Their PostgreSQL.
        replicas: The processes.
    """

    server: Server
    replicas: Sequence[Replica]

    def target(self, service: str) -> str:
        """Where all replicas of a service are reached, in turn."""
        return _target([each.told["LENSMESH_LISTEN"] for each in self.replicas if each.service == service])

    async def query(self, service: str, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Asks a service's database, as its superuser."""
        connection = await asyncpg.connect(self.server.url(service, postgres.SUPERUSER))
        try:
            return list(await connection.fetch(statement, *arguments))
        finally:
            await connection.close()


@contextmanager
def pairs(keys: Any) -> Iterator[Pairs]:  # noqa: ANN401 -- a fixture of the suite
    """Runs both services twice while the block runs."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lensmesh-pairs-", ignore_cleanup_errors=True))
        place = Path(folder)
        place.chmod(0o755)
        server = _database(stack, place)
        more = {
            "LENSMESH_NATS_URL": stack.enter_context(nats.running(place / "nats")),
            "LENSMESH_HEARTBEAT_SECONDS": "1",
        }
        addresses = {service: [f"127.0.0.1:{ports.free_port()}" for _ in range(REPLICAS)] for service in SERVICES}
        more["LENSMESH_LIMS_TARGET"] = _target(addresses["lims"])
        replicas: list[Replica] = []
        for service in SERVICES:
            token = keys.local.token_file(service)
            told = processes.environment(server, service, keys.jwks_file, token, **more)
            server.bootstrap(service)
            processes.migrate(service, told)
            for number, address in enumerate(addresses[service], 1):
                replica = Replica(f"{service}-{number}", service, told | {"LENSMESH_LISTEN": address})
                stack.callback(replica.kill)
                replicas.append(replica)
        with ThreadPoolExecutor() as hands:
            list(hands.map(Replica.start, replicas))
        yield Pairs(server, replicas)


def _database(stack: ExitStack, place: Path) -> Server:
    server = postgres.prepare(place / "postgres", place / "postgres.secret", ports.free_port())
    with (server.data / "postgresql.auto.conf").open("a") as settings:
        settings.write("track_commit_timestamp = on\n")
    stack.enter_context(postgres.started(server, place / "postgres.log"))
    return server


def _target(addresses: Sequence[str]) -> str:
    return "ipv4:" + ",".join(addresses)
