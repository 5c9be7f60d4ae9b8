"""The order service behind the edge, and a cable to each thing it stands on: the lab, the database, NATS."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.json_format import MessageToDict

from gateway.render import EdgeSettings, render_bootstrap
from runtime.ports import free_port
from runtime.postgres import Server
from tests.edge import envoy
from tests.edge.envoy import Edge
from tests.overload.cable import Cable, cable
from tests.support.orders import makeable
from tests.support.processes import Process

ORDERS = "/v1/practices/demo/orders"
ORDER = MessageToDict(makeable())
LIMITS = {"LENSMESH_MAX_CALLS": "16", "LENSMESH_MAX_WAITING_CALLS": "16", "LENSMESH_DATABASE_POOL": "4"}
"""So few that a test can fill them."""


@dataclass(frozen=True, slots=True)
class Behind:
    """A running order service and its edge."""

    order: Process
    edge: Edge
    authority: Path
    token: str

    def rest(self) -> httpx.AsyncClient:
        """A practice's REST client, which waits longer than any deadline of the contract."""
        return httpx.AsyncClient(
            base_url=self.edge.rest,
            headers={"authorization": f"Bearer {self.token}"},
            timeout=30,
            trust_env=False,
            limits=httpx.Limits(max_connections=None),
        )

    def native(self) -> grpc.aio.Channel:
        """A native channel through the TLS port."""
        return grpc.aio.secure_channel(self.edge.native, grpc.ssl_channel_credentials(self.authority.read_bytes()))

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What a native call carries."""
        return (("authorization", f"Bearer {self.token}"),)


Run = Callable[..., Any]


@pytest.fixture(scope="session")
def behind_edge(serve: Any, keys: Any, tmp_path_factory: pytest.TempPathFactory) -> Run:  # noqa: ANN401 -- the suite's
    """Runs the order service behind an edge of its own while a block runs; keyword arguments are its settings."""

    @contextmanager
    def run(lims_port: int, **more: str) -> Iterator[Behind]:
        local = keys.local
        with serve("order", LENSMESH_LIMS_TARGET=f"127.0.0.1:{lims_port}", **more) as order:
            settings = EdgeSettings(
                http_port=free_port(),
                grpc_port=free_port(),
                admin_port=free_port(),
                jwks=local.jwks.read_text(),
                certificate=local.certificate,
                private_key=local.private_key,
                upstreams={"order": _endpoint(order.address), "lims": ("127.0.0.1", lims_port)},
            )
            with envoy.running(settings, render_bootstrap(settings), tmp_path_factory.mktemp("envoy")) as edge:
                yield Behind(order, edge, local.ca, keys.token(roles=("optician",), practice="practices/demo"))

    return run


@dataclass(frozen=True, slots=True)
class House:
    """The order service, and the cables by which it hangs on the world."""

    behind: Behind
    lab: Cable
    database: Cable
    nats: Cable


@pytest.fixture(scope="module")
def house(serve: Any, behind_edge: Run, postgres: Server, nats_url: str) -> Iterator[House]:  # noqa: ANN401 -- the suite's
    """The house, with a real lab."""
    with ExitStack() as stack:
        lims = stack.enter_context(serve("lims"))
        lab, database, nats = (
            stack.enter_context(cable(port))
            for port in (_endpoint(lims.address)[1], postgres.port, int(nats_url.rpartition(":")[2]))
        )
        urls = {
            f"LENSMESH_{variable}": postgres.url("order", f"order_{role}").replace(
                f":{postgres.port}/", f":{database.port}/"
            )
            for variable, role in (("DATABASE_URL", "service"), ("RELAY_DATABASE_URL", "relay"))
        }
        settings = {**LIMITS, **urls, "LENSMESH_NATS_URL": f"nats://127.0.0.1:{nats.port}"}
        yield House(stack.enter_context(behind_edge(lab.port, **settings)), lab, database, nats)


@pytest.fixture
async def rest(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A practice's REST client."""
    async with house.behind.rest() as client:
        yield client


def _endpoint(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


def reason(answer: httpx.Response) -> str:
    """Returns why a request was refused."""
    return str(answer.json()["details"][0]["reason"])


def retry_seconds(answer: httpx.Response) -> float:
    """Returns when a refusal says to try again; fails when it does not."""
    (said,) = [detail["retryDelay"] for detail in answer.json()["details"] if "retryDelay" in detail]
    return float(str(said).removesuffix("s"))


def lines(process: Process, event: str) -> list[dict[str, Any]]:
    """Returns what a process logged under this event."""
    return [json.loads(line) for line in process.lines if f'"event": "{event}"' in line]
