"""The real Envoy in front of a stand-in for the services, once for all edge tests."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

import grpc
import httpx
import pytest

from gateway.render import EdgeSettings, render_bootstrap
from runtime.keys import Keys, prepare
from runtime.ports import free_port
from tests.edge import envoy, stand_in
from tests.edge.envoy import Edge
from tests.edge.stand_in import RPCS, StandIn
from tests.edge.tokens import Signer

Change = Callable[[dict[str, Any]], None]


class RunEdge(Protocol):
    """Runs an edge of a test's own while a block runs."""

    def __call__(self, settings: EdgeSettings, change: Change = ...) -> AbstractContextManager[Edge]:
        """Run it with these settings; `change` may turn what was rendered."""


class NewSettings(Protocol):
    """Makes settings of an edge on free ports."""

    def __call__(self, *service_ports: int, **changes: object) -> EdgeSettings:
        """Make them for services on these ports."""


@pytest.fixture(scope="session")
def mesh_keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """The keys the edge trusts."""
    return prepare(tmp_path_factory.mktemp("keys"), datetime.now(UTC))


@pytest.fixture(scope="session")
def signer(mesh_keys: Keys) -> Signer:
    """The identity provider the edge trusts."""
    return Signer(json.loads(mesh_keys.jwks.read_text())["keys"][0]["kid"], mesh_keys.signing)


@pytest.fixture(scope="session")
def new_settings(mesh_keys: Keys) -> NewSettings:
    """Makes settings of an edge on free ports."""

    def make(*service_ports: int, **changes: object) -> EdgeSettings:
        endpoints = [("127.0.0.1", port) for port in service_ports]
        usual: dict[str, Any] = {
            "http_port": free_port(),
            "grpc_port": free_port(),
            "admin_port": free_port(),
            "jwks": mesh_keys.jwks.read_text(),
            "certificate": mesh_keys.certificate,
            "private_key": mesh_keys.private_key,
            "upstreams": {rpc.upstream: endpoints for rpc in RPCS},
        }
        return EdgeSettings(**(usual | changes))

    return make


@pytest.fixture(scope="session")
def run_edge(tmp_path_factory: pytest.TempPathFactory) -> RunEdge:
    """Runs an edge of a test's own."""

    @contextmanager
    def run(settings: EdgeSettings, change: Change = lambda _: None) -> Iterator[Edge]:
        bootstrap = render_bootstrap(settings)
        change(bootstrap)
        with envoy.running(settings, bootstrap, tmp_path_factory.mktemp("envoy")) as edge:
            yield edge

    return run


@pytest.fixture(scope="session")
def service_port() -> int:
    """Where the services listen."""
    return free_port()


@pytest.fixture(scope="session")
def _serving(service_port: int) -> Iterator[StandIn]:
    with stand_in.serving(service_port) as services:
        yield services


@pytest.fixture
def services(_serving: StandIn) -> Iterator[StandIn]:
    """The services behind the edge, without memory of other tests."""
    _serving.forget()
    yield _serving
    _serving.forget()


@pytest.fixture(scope="session")
def edge(new_settings: NewSettings, run_edge: RunEdge, service_port: int, _serving: StandIn) -> Iterator[Edge]:
    """The edge under test, exactly as it is rendered."""
    with run_edge(new_settings(service_port)) as edge:
        yield edge


@pytest.fixture
def rest(edge: Edge, signer: Signer) -> Iterator[httpx.Client]:
    """An optician's REST client."""
    with edge.client(signer.token()) as client:
        yield client


@pytest.fixture
def anonymous(edge: Edge) -> Iterator[httpx.Client]:
    """A REST client that has not signed in."""
    with edge.client() as client:
        yield client


@pytest.fixture(scope="session")
def native(edge: Edge, mesh_keys: Keys) -> Iterator[grpc.Channel]:
    """A native gRPC channel to the TLS port."""
    with envoy.channel(edge.native, mesh_keys.ca) as channel:
        yield channel


@pytest.fixture
def signed_in(signer: Signer) -> tuple[tuple[str, str], ...]:
    """The metadata of a signed-in optician's native call."""
    return (("authorization", f"Bearer {signer.token()}"),)
