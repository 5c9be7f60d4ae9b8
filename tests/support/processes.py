"""Services as they really run: a process of their own over a real database, killed or stopped like any other."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue

from runtime.postgres import Server

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0
STOP_SECONDS = 20.0


@dataclass(slots=True)
class Process:
    """A service process and every line it wrote."""

    name: str
    popen: subprocess.Popen[str]
    address: str = ""
    lines: list[str] = field(default_factory=list)
    _new: Queue[str | None] = field(default_factory=Queue)
    _reader: threading.Thread | None = None

    def follow(self) -> None:
        """Collects the process's output in the background, so that it never blocks on a full pipe."""

        def read() -> None:
            assert self.popen.stdout is not None
            with self.popen.stdout as output:
                for line in output:
                    self.lines.append(line.rstrip())
                    self._new.put(line)
            self._new.put(None)

        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()

    def wait_for(self, event: str, seconds: float = START_SECONDS) -> dict[str, object]:
        """Returns the first new log line with this event; fails with the whole output when it does not come."""
        while True:
            try:
                line = self._new.get(timeout=seconds)
            except Empty:
                line = None
            if line is None:
                raise AssertionError(f"{self.name} never said {event!r}:\n" + "\n".join(self.lines[-40:]))
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if isinstance(said, dict) and said.get("event") == event:
                return said

    def collect(self) -> None:
        """Waits until everything the ended process wrote is in ``lines``."""
        if self._reader is not None:
            self._reader.join(STOP_SECONDS)

    def kill(self) -> None:
        """Ends the process as a power cut would."""
        self.popen.kill()
        self.popen.wait(STOP_SECONDS)

    def stop(self) -> int:
        """Asks the process to drain and returns its exit code."""
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(STOP_SECONDS)


def environment(server: Server, service: str, jwks: Path, token: Path | None, **more: str) -> dict[str, str]:
    """Returns the environment a service is started with."""
    told = {
        "LENSMESH_LISTEN": "127.0.0.1:0",
        "LENSMESH_DATABASE_URL": server.url(service, f"{service}_service"),
        "LENSMESH_RELAY_DATABASE_URL": server.url(service, f"{service}_relay"),
        "LENSMESH_OWNER_DATABASE_URL": server.url(service, f"{service}_owner"),
        "LENSMESH_JWKS_FILE": str(jwks),
        **({"LENSMESH_TOKEN_FILE": str(token)} if token else {}),
        **more,
    }
    return {**os.environ, **told}


def migrate(service: str, told: Mapping[str, str]) -> None:
    """Runs the service's migrate verb."""
    done = subprocess.run(
        [sys.executable, "-m", f"services.{service}", "migrate"],
        cwd=ROOT,
        env=dict(told),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def serving(service: str, told: Mapping[str, str], command: tuple[str, ...] = ()) -> Iterator[Process]:
    """Runs the service while the block runs; ``command`` replaces the one that starts it."""
    popen = subprocess.Popen(
        command or (sys.executable, "-m", f"services.{service}"),
        cwd=ROOT,
        env=dict(told),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    process = Process(service, popen)
    process.follow()
    try:
        process.address = str(process.wait_for("serving")["address"])
        yield process
    finally:
        if popen.poll() is None:
            process.stop()
        process.collect()
