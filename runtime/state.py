"""What runs now, as the supervisor writes it and everybody else reads it.

`run/state.json` is the only interface between the supervisor and the command line. A process is recorded by pid *and*
creation time: a pid alone may belong to a stranger by the time somebody acts on it.
"""

import os
import signal
import time
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import psutil
from pydantic import TypeAdapter, ValidationError

from runtime.errors import HomeUnusableError
from runtime.files import write_atomically
from runtime.layout import Layout

# Creation times are computed from the boot time, which moves a little when the clock is adjusted.
_SAME_PROCESS_SECONDS = 2.0
_LOOK_AGAIN_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class ProcessId:
    """One process of this machine, for good: pid and creation time (seconds since the epoch)."""

    pid: int
    created: float

    @classmethod
    def own(cls) -> "ProcessId":
        """The process that asks."""
        return cls(os.getpid(), psutil.Process().create_time())

    @classmethod
    def of(cls, pid: int) -> "ProcessId | None":
        """The process that has this pid now, if any."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    def find(self) -> psutil.Process | None:
        """The process, if it still runs."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < _SAME_PROCESS_SECONDS
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def wait(self, seconds: float) -> bool:
        """Wait until the process has ended; false when time is up.

        A zombie has ended: in a container whose first process adopts without reaping, it stays one for ever.
        """
        deadline = time.monotonic() + seconds
        while self.find() is not None:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_LOOK_AGAIN_SECONDS)
        return True


class Status(StrEnum):
    """Where a process of the mesh stands."""

    WAITING = "waiting"
    """Not started: what it stands on is not ready yet."""
    STARTING = "starting"
    READY = "ready"
    DONE = "done"
    """Ran once, as it should, and succeeded."""
    RESTARTING = "restarting"
    """Died; will be started again after a pause."""
    FAILED = "failed"
    """Could not be started, several times in a row; left alone."""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One process of the mesh."""

    name: str
    status: Status
    since: float
    """When it came into this status, in seconds since the epoch."""
    id: ProcessId | None = None
    restarts: int = 0
    port: int | None = None
    detail: str = ""
    """Why it is not ready, in one sentence; empty when there is nothing to say."""
    stop_signal: int = signal.SIGTERM
    leave_signal: int = signal.SIGTERM
    """Asks it to leave while others still rely on it, as in a rolling restart."""

    @property
    def well(self) -> bool:
        """Whether it is as it should be in a mesh that is up."""
        return self.status in (Status.READY, Status.DONE)


@dataclass(frozen=True, slots=True)
class MeshState:
    """The mesh of one home: its supervisor, its ports and its processes in the order in which they start."""

    home: Path
    supervisor: ProcessId
    ports: dict[str, int]
    """Every port by the name of its setting, without zeros: `{"http_port": 8080, …}`."""
    processes: tuple[ProcessState, ...] = ()
    notes: tuple[str, ...] = ()
    """What a user should know about this run, e.g. that data lies elsewhere."""
    error: str = ""
    """Why the supervisor gave up before it started anything."""
    started: float = field(default_factory=time.time)

    @property
    def running(self) -> bool:
        """Whether its supervisor is alive."""
        return self.supervisor.find() is not None

    @property
    def ready(self) -> bool:
        """Whether every process is as it should be."""
        return bool(self.processes) and all(process.well for process in self.processes)

    @property
    def failed(self) -> tuple[ProcessState, ...]:
        """The processes that were given up."""
        return tuple(process for process in self.processes if process.status is Status.FAILED)

    @property
    def http_url(self) -> str:
        """The base URL of the REST interface."""
        return f"http://localhost:{self.ports['http_port']}"

    @property
    def grpc_target(self) -> str:
        """The target of a gRPC channel with TLS, to be verified against `ca`."""
        return f"localhost:{self.ports['grpc_port']}"

    @property
    def ca(self) -> Path:
        """The certificate authority that vouches for the edge."""
        return Layout(self.home).keys / "ca.pem"

    @property
    def alive(self) -> tuple[tuple[ProcessState, ProcessId], ...]:
        """The recorded processes that still run, in start order, each with its id."""
        return tuple((process, process.id) for process in self.processes if process.id and process.id.find())


_JSON = TypeAdapter(MeshState)


def write(state: MeshState) -> None:
    """Make `state` what everybody reads."""
    write_atomically(Layout(state.home).state, _JSON.dump_json(state, indent=2), mode=0o644)


def read(home: Path) -> MeshState | None:
    """The state last written for this home; `None` when no mesh ever ran here. It may have ended since: see `running`.

    Raises:
        HomeUnusableError: the file was written by another version of Lensmesh.
    """
    path = Layout(home).state
    try:
        return _JSON.validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise HomeUnusableError(
            f"{path} was written by another version of Lensmesh. Stop that mesh with the version that started it; "
            "if it does not run any more, delete the file."
        ) from error
