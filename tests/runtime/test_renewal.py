"""A mesh that runs for years: its edge is certified anew while it serves."""

import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from runtime import account, envoy, keys, mesh, nats, postgres, replicas
from runtime.layout import Layout
from runtime.settings import MeshSettings
from runtime.waiting import blocking, until_ready


def _prepared(layout: Layout) -> mesh.Mesh:
    """A mesh of which only the edge will run."""
    settings = MeshSettings.model_validate(
        {"home": layout.home} | {name: 0 for name in MeshSettings.model_fields if name.endswith("_port")}
    ).with_ports_chosen()
    own_keys, arranged = keys.prepare(layout.keys, datetime.now(UTC)), replicas.arrange(settings)
    return mesh.Mesh(
        settings=settings,
        layout=layout,
        keys=own_keys,
        postgres=postgres.Server(layout.data, layout.data, account.current(), settings.postgres_port, b"secret"),
        nats=nats.Server(layout.data, layout.config, layout.data, settings.nats_port),
        replicas=arranged,
        edge=mesh._edge(settings, layout, own_keys, arranged),
    )


@contextmanager
def _running(edge: envoy.Server, layout: Layout) -> Iterator[None]:
    with layout.log("envoy").open("ab") as log:
        process = subprocess.Popen(edge.command, stdout=log, stderr=log)
    try:
        blocking(until_ready(lambda: envoy.probe(edge), 30, still_possible=lambda: process.poll() is None))
        yield
    finally:
        process.terminate()
        process.wait(20)


def _shown(port: int) -> x509.Certificate:
    return x509.load_pem_x509_certificate(ssl.get_server_certificate(("127.0.0.1", port), timeout=5).encode())


def _until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < give_up, "it did not come true within 10 s"


_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")
"""The preface of HTTP/2 and empty settings: a server answers with its own."""


def test_the_edge_shows_a_renewed_certificate_without_a_restart(layout: Layout) -> None:
    """Who is connected stays so; the next handshake sees the new one, which lasts for another year."""
    prepared = _prepared(layout)
    assert prepared.edge is not None
    later = datetime.now(UTC) + timedelta(days=350)
    port = prepared.settings.grpc_port
    trust = ssl.create_default_context(cafile=str(prepared.keys.ca))
    trust.set_alpn_protocols(["h2"])
    with _running(prepared.edge, layout):
        first = _shown(port)
        with (
            socket.create_connection(("127.0.0.1", port), 5) as plain,
            trust.wrap_socket(plain, server_hostname="localhost") as connected,
        ):
            mesh.renew(prepared, later)
            _until(lambda: _shown(port) != first)
            connected.sendall(_HELLO)
            assert connected.recv(9)
        assert _shown(port).not_valid_after_utc > later + timedelta(days=300)


def test_a_certificate_that_lasts_is_left_alone(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """The edge is not made to read what it knows."""
    prepared = _prepared(layout)
    monkeypatch.setattr(envoy, "write_atomically", lambda *_: pytest.fail("it was written again"))
    mesh.renew(prepared, datetime.now(UTC) + timedelta(days=30))
