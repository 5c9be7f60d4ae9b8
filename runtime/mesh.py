"""The mesh of one machine: which processes it is made of, and the life of its supervisor.

    postgres ─┬─ lims-migrate ──┬─ lims ──┐
              └─ order-migrate ─┼─ order ─┼─ envoy ── simulator
    nats ───────────────────────┘

Services get everything by environment variables, as they do in production; none of them knows that this package exists.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from runtime import envoy, keys, nats, ports, postgres, state
from runtime.errors import MeshError
from runtime.keys import Keys
from runtime.layout import Layout
from runtime.ownership import locked, stop_leftovers
from runtime.settings import PROCESSES, PROJECT, MeshSettings
from runtime.state import MeshState, ProcessId, ProcessState
from runtime.supervisor import Process, Supervisor

_log = logging.getLogger(__name__)

_SERVICES = {"lims": "lensmesh.lims.v1.LimsService", "order": "lensmesh.order.v1.OrderService"}
"""The services, and the gRPC service whose health says that each is ready."""

_MINT_AGAIN_SECONDS = 3600.0  # service tokens live a day


@dataclass(frozen=True, slots=True)
class Mesh:
    """Everything that is decided before the first process starts."""

    settings: MeshSettings
    layout: Layout
    keys: Keys
    postgres: postgres.Server
    nats: nats.Server


# ── what it is made of ────────────────────────────────────────────────────────────────────────────────────────────────


def prepare(settings: MeshSettings, layout: Layout) -> Mesh:
    """Make what the processes need: keys, tokens, the database cluster, configuration files.

    Raises:
        MeshError: something is missing or in the way.
    """
    own_keys = keys.prepare(layout.keys, datetime.now(UTC))
    _mint_tokens(own_keys)
    return Mesh(
        settings=settings,
        layout=layout,
        keys=own_keys,
        postgres=postgres.prepare(layout.data / "postgres", layout.keys / "postgres.secret", settings.postgres_port),
        nats=nats.prepare(layout.data / "nats", layout.config / "nats.conf", settings.nats_port),
    )


def compose(mesh: Mesh) -> list[Process]:
    """The processes of the mesh, or those that the setting `only` names."""
    makers: dict[str, Callable[[], Process]] = {
        "postgres": lambda: _postgres(mesh),
        "nats": lambda: _nats(mesh),
        "lims-migrate": lambda: _migration(mesh, "lims"),
        "order-migrate": lambda: _migration(mesh, "order"),
        "lims": lambda: _service(mesh, "lims"),
        "order": lambda: _service(mesh, "order"),
        "envoy": lambda: _envoy(mesh),
        "simulator": lambda: _simulator(mesh),
    }
    wanted = set(mesh.settings.only or PROCESSES)
    if not mesh.settings.simulate:
        wanted.discard("simulator")
    chosen = [make() for name, make in makers.items() if name in wanted]
    return [replace(process, after=tuple(name for name in process.after if name in wanted)) for process in chosen]


def _postgres(mesh: Mesh) -> Process:
    async def answers_and_has_the_services_databases() -> None:
        await postgres.probe(mesh.postgres)
        for service in _SERVICES:
            await postgres.create_service_database(mesh.postgres, service)

    return Process(
        "postgres",
        mesh.postgres.command,
        ready=answers_and_has_the_services_databases,
        account=mesh.postgres.account,
        folder=mesh.postgres.data,
        port=mesh.postgres.port,
        stop_signal=signal.SIGINT,  # "fast" shutdown; SIGTERM would wait for every client to leave
        grace=30.0,
    )


def _nats(mesh: Mesh) -> Process:
    return Process("nats", mesh.nats.command, ready=lambda: nats.probe(mesh.nats), port=mesh.nats.port)


def _migration(mesh: Mesh, service: str) -> Process:
    return Process(
        f"{service}-migrate",
        (sys.executable, "-m", f"services.{service}", "migrate"),
        environment=_environment(mesh, service)
        | {"LENSMESH_OWNER_DATABASE_URL": mesh.postgres.url(service, f"{service}_owner")},
        folder=PROJECT,
        after=("postgres",),
        oneshot=True,
    )


def _service(mesh: Mesh, service: str) -> Process:
    port = mesh.settings.ports[f"{service}_port"]
    return Process(
        service,
        (sys.executable, "-m", f"services.{service}", "serve"),
        ready=lambda: _serving(port, _SERVICES[service]),
        environment=_environment(mesh, service),
        folder=PROJECT,
        after=(f"{service}-migrate", "nats"),
        port=port,
    )


def _envoy(mesh: Mesh) -> Process:
    server = envoy.prepare(mesh.settings, mesh.keys, mesh.layout.config / "envoy.json")
    return Process(
        "envoy",
        server.command,
        ready=lambda: envoy.probe(server),
        after=tuple(_SERVICES),
        port=server.http_port,
    )


def _simulator(mesh: Mesh) -> Process:
    return Process(
        "simulator",
        (sys.executable, "-m", "cli.main", "simulate", "--pace", f"{mesh.settings.simulate_pace:g}"),
        ready=lambda: asyncio.sleep(
            1
        ),  # it serves nothing: that it is still there after a second is all there is to ask
        environment=_python_environment() | {"LENSMESH_HOME": str(mesh.layout.home)},
        folder=PROJECT,
        after=("envoy",),
    )


def _environment(mesh: Mesh, service: str) -> dict[str, str]:
    """What a service reads at its start; `chassis` knows these names."""
    return _python_environment() | {
        "LENSMESH_LISTEN": f"{ports.LOOPBACK}:{mesh.settings.ports[f'{service}_port']}",
        "LENSMESH_DATABASE_URL": mesh.postgres.url(service, f"{service}_service"),
        "LENSMESH_RELAY_DATABASE_URL": mesh.postgres.url(service, f"{service}_relay"),
        "LENSMESH_NATS_URL": mesh.nats.url,
        "LENSMESH_JWKS_FILE": str(mesh.keys.jwks),
        "LENSMESH_TOKEN_FILE": str(mesh.keys.token_file(service)),
        "LENSMESH_LIMS_TARGET": f"{ports.LOOPBACK}:{mesh.settings.lims_port}",
        "LENSMESH_LOG_LEVEL": mesh.settings.log_level,
    }


def _python_environment() -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join((str(PROJECT), str(PROJECT / "gen" / "python"))), "PYTHONUNBUFFERED": "1"}


async def _serving(port: int, service: str) -> None:
    """Return when the server on `port` reports `service` as serving (grpc.health.v1); raise what it says otherwise."""
    async with grpc.aio.insecure_channel(f"{ports.LOOPBACK}:{port}") as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(service=service), timeout=2
        )
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        status = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
        raise ConnectionError(f"{service} reports {status}")


# ── its life ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def run(settings: MeshSettings) -> None:
    """Be the supervisor of the mesh at `settings.home` until SIGTERM or SIGINT.

    Raises:
        AlreadyRunningError: this home has a supervisor.
        MeshError: the mesh cannot be prepared; the state says so too, for whoever started us.
    """
    layout = Layout(settings.home)
    layout.make()
    with locked(layout):
        stop_leftovers(layout)
        settings = settings.with_ports_chosen()
        current = MeshState(home=settings.home, supervisor=ProcessId.own(), ports=settings.ports)
        state.write(current)
        try:
            mesh = prepare(settings, layout)
            processes = compose(mesh)
        except MeshError as error:
            state.write(replace(current, error=str(error)))
            raise
        await _supervise(mesh, processes, replace(current, notes=_notes(mesh)))


async def _supervise(mesh: Mesh, processes: list[Process], current: MeshState) -> None:
    def publish(states: tuple[ProcessState, ...]) -> None:
        try:
            state.write(replace(current, processes=states))
        except OSError as error:  # a full disk must not stop what still runs
            _log.warning("the state cannot be written: %s", error)

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    minting = asyncio.create_task(_keep_tokens_fresh(mesh.keys))
    try:
        await Supervisor(processes, mesh.layout.logs, publish).run(stop)
    finally:
        minting.cancel()


def _notes(mesh: Mesh) -> tuple[str, ...]:
    server, notes = mesh.postgres, []
    if not server.data.is_relative_to(mesh.layout.home):
        notes.append(
            f"PostgreSQL must not be root, and its user {server.account.name} cannot reach {mesh.layout.home}: "
            f"the database is in {server.data}."
        )
    if server.programs != postgres.programs():
        notes.append(f"PostgreSQL's programs were copied for its user to {server.programs}.")
    return tuple(notes)


def _mint_tokens(own_keys: Keys) -> None:
    for service in _SERVICES:
        keys.write_service_token(own_keys, service)
    keys.write_simulator_token(own_keys)


async def _keep_tokens_fresh(own_keys: Keys) -> None:
    while True:
        await asyncio.sleep(_MINT_AGAIN_SECONDS)
        try:
            _mint_tokens(own_keys)
        except OSError as error:  # the old ones are good for hours, and in an hour there may be room again
            _log.warning("the services' tokens cannot be written: %s", error)
