"""A mesh of the benchmark's own: started by the command, on free ports, without the simulated lab."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
_FREE_PORTS = ("HTTP", "GRPC", "ADMIN", "POSTGRES", "NATS", "LIMS", "ORDER", "WEB")


@dataclass(frozen=True, slots=True)
class Mesh:
    """A running mesh.

    Attributes:
        home: Where it lives.
        http_url: Its REST edge.
        ports: Its ports by setting name.
        processes: Its processes, by name.
        supervisor: What started them all.
        replicas: The ports of each service's processes, by its name.
        token: An optician's token.
        engineer: The principal engineer's.
    """

    home: Path
    http_url: str
    ports: dict[str, int]
    processes: dict[str, psutil.Process]
    supervisor: psutil.Process
    replicas: dict[str, list[int]]
    token: str
    engineer: str

    def cpu(self) -> dict[str, float]:
        """Returns the CPU seconds each process has spent so far, with those of its children."""
        spent = {name: _cpu(_family(process)) for name, process in self.processes.items()}
        return spent | {"supervisor": _cpu([self.supervisor])}

    def memory(self) -> dict[str, int]:
        """Returns the bytes each process holds for itself and its share of what is shared (PSS)."""
        held = {name: _pss(_family(process)) for name, process in self.processes.items()}
        return held | {"supervisor": _pss([self.supervisor])}


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _cpu(processes: list[psutil.Process]) -> float:
    return sum(sum(each.cpu_times()[:2]) for each in processes)


def _pss(processes: list[psutil.Process]) -> int:
    return sum(each.memory_full_info().pss for each in processes)


@contextmanager
def running(replicas: str = "") -> Iterator[Mesh]:
    """Runs a mesh while the block runs; ``replicas`` as in LENSMESH_REPLICAS."""
    with tempfile.TemporaryDirectory(prefix="lensmesh-bench-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        environment = {
            **os.environ,
            **{f"LENSMESH_{name}_PORT": "0" for name in _FREE_PORTS},
            "LENSMESH_HOME": home,
            "LENSMESH_SIMULATE": "false",
            "LENSMESH_LOG_LEVEL": os.environ.get("LENSMESH_LOG_LEVEL", "INFO"),
            **({"LENSMESH_REPLICAS": replicas} if replicas else {}),
        }

        def command(*words: str) -> str:
            done = subprocess.run(
                [str(ROOT / "bin" / "lensmesh"), *words],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
                timeout=180,
            )
            return done.stdout

        command("up")
        try:
            status = json.loads(command("status", "--json"))
            yield Mesh(
                home=Path(home),
                http_url=status["http_url"],
                ports=status["ports"],
                processes={
                    each["name"]: psutil.Process(each["pid"]) for each in status["processes"] if each.get("pid")
                },
                supervisor=psutil.Process(status["supervisor"]["pid"]),
                replicas={
                    service: [
                        each["port"]
                        for each in status["processes"]
                        if each["name"].partition("-")[0] == service and each.get("port")
                    ]
                    for service in ("order", "lims")
                },
                token=command("token", "--role", "optician", "--practice", "demo").strip(),
                engineer=command("token", "--role", "principal_engineer").strip(),
            )
        finally:
            command("down")
