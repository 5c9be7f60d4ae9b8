"""What the mesh is made of, and what each part is told."""

import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from runtime import account, envoy, keys, mesh, nats, postgres, replicas
from runtime.layout import Layout
from runtime.settings import PROCESSES, MeshSettings
from runtime.supervisor import Process


def _compose(layout: Layout, **chosen: object) -> dict[str, Process]:
    """The processes of a mesh whose servers were not prepared: only their descriptions are looked at."""
    settings = MeshSettings.model_validate({"home": layout.home, **chosen})
    arranged = replicas.arrange(settings)
    prepared = mesh.Mesh(
        settings=settings,
        layout=layout,
        keys=keys.prepare(layout.keys, datetime.now(UTC)),
        postgres=postgres.Server(Path("bin"), layout.data, account.current(), settings.postgres_port, b"secret"),
        nats=nats.Server(Path("nats-server"), layout.config, layout.data, settings.nats_port),
        replicas=arranged,
        edge=envoy.Server(Path("envoy"), layout.config, layout.config, settings.http_port, settings.admin_port),
    )
    return {process.name: process for process in mesh.compose(prepared)}


def test_every_process_stands_on_what_it_needs(layout: Layout) -> None:
    """The picture in the module's docstring, as data."""
    processes = _compose(layout)
    assert tuple(processes) == PROCESSES
    assert {name: process.after for name, process in processes.items()} == {
        "postgres": (),
        "nats": (),
        "lims-migrate": ("postgres",),
        "order-migrate": ("postgres",),
        "lims": ("lims-migrate", "nats"),
        "order": ("order-migrate", "nats"),
        "web": (),
        "envoy": ("lims", "order"),
        "simulator": ("envoy",),
    }


def test_a_service_is_told_everything_by_environment(layout: Layout) -> None:
    """These names are the contract with `chassis`."""
    processes = _compose(layout, order_port=7002, lims_port=7001, postgres_port=7003, nats_port=7004)
    told = dict(processes["order"].environment)
    assert told["LENSMESH_DATABASE_URL"].startswith("postgresql://order_service:")
    assert told["LENSMESH_DATABASE_URL"].endswith("@127.0.0.1:7003/order")
    assert told["LENSMESH_RELAY_DATABASE_URL"].startswith("postgresql://order_relay:")
    assert told["LENSMESH_LISTEN"] == "127.0.0.1:7002"
    assert told["LENSMESH_NATS_URL"] == "nats://127.0.0.1:7004"
    assert told["LENSMESH_LIMS_TARGET"] == "127.0.0.1:7001"
    assert told["LENSMESH_TOKEN_FILE"] == str(layout.keys / "tokens" / "order.jwt")
    assert told["LENSMESH_JWKS_FILE"] == str(layout.keys / "jwks.json")


def test_only_a_migration_may_be_the_owner(layout: Layout) -> None:
    """A service that runs cannot change its tables."""
    processes = _compose(layout)
    for service in ("lims", "order"):
        assert "LENSMESH_OWNER_DATABASE_URL" not in processes[service].environment
        owner = processes[f"{service}-migrate"].environment["LENSMESH_OWNER_DATABASE_URL"]
        assert owner.startswith(f"postgresql://{service}_owner:")


def test_a_mesh_without_a_simulated_lab(layout: Layout) -> None:
    """For a lab of flesh and blood."""
    assert "simulator" not in _compose(layout, simulate=False)


def test_a_part_of_the_mesh_does_not_wait_for_the_rest(layout: Layout) -> None:
    """A service run by hand in a debugger is nobody's dependency."""
    processes = _compose(layout, only=("postgres", "order-migrate", "order"))
    assert processes["order"].after == ("order-migrate",)


def test_a_service_stands_there_once_for_each_replica(layout: Layout) -> None:
    """Each listens on a port of its own; the migration runs once, and the edge waits for all of them."""
    processes = _compose(layout, replicas={"order": 2, "lims": 3})
    assert [name for name in processes if name.startswith("order")] == ["order-migrate", "order-1", "order-2"]
    assert processes["envoy"].after == ("lims-1", "lims-2", "lims-3", "order-1", "order-2")
    listening = [processes[name].environment["LENSMESH_LISTEN"] for name in ("order-1", "order-2")]
    assert listening == [f"127.0.0.1:{processes[name].port}" for name in ("order-1", "order-2")]
    assert len({process.port for process in processes.values() if process.port}) == 9


def test_the_order_service_is_told_of_every_replica_of_the_lims(layout: Layout) -> None:
    """As one target, which gRPC takes in turn."""
    processes = _compose(layout, lims_port=7001, replicas={"lims": 2})
    second = processes["lims-2"].port
    assert processes["order"].environment["LENSMESH_LIMS_TARGET"] == f"ipv4:127.0.0.1:7001,127.0.0.1:{second}"


def test_a_replica_gives_others_time_to_notice_that_it_leaves(layout: Layout) -> None:
    """One that is alone does not: there is nobody to take its calls."""
    processes = _compose(layout, replicas={"order": 2})
    assert float(processes["order-1"].environment["LENSMESH_DRAIN_DELAY_SECONDS"]) > 2.4
    assert float(processes["lims"].environment["LENSMESH_DRAIN_DELAY_SECONDS"]) == 0
    assert (processes["order-1"].leave_signal, processes["order-1"].stop_signal) == (signal.SIGTERM, signal.SIGINT)


@pytest.fixture
async def health_port() -> AsyncIterator[tuple[health.aio.HealthServicer, int]]:
    """A gRPC server that knows nothing but health."""
    server, servicer = grpc.aio.server(), health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield servicer, port
    await server.stop(None)


async def test_a_service_is_ready_when_its_health_says_so(
    health_port: tuple[health.aio.HealthServicer, int],
) -> None:
    """Not when its port is merely open, and not while it drains."""
    servicer, port = health_port
    with pytest.raises(grpc.aio.AioRpcError, match="NOT_FOUND"):
        await replicas.serving(port, "lensmesh.order.v1.OrderService")
    await servicer.set("lensmesh.order.v1.OrderService", health_pb2.HealthCheckResponse.NOT_SERVING)
    with pytest.raises(ConnectionError, match="NOT_SERVING"):
        await replicas.serving(port, "lensmesh.order.v1.OrderService")
    await servicer.set("lensmesh.order.v1.OrderService", health_pb2.HealthCheckResponse.SERVING)
    await replicas.serving(port, "lensmesh.order.v1.OrderService")
