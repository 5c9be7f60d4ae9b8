"""The mesh of one machine: which processes it is made of, and the life of its supervisor.

    postgres ─┬─ lims-migrate ──┬─ lims ──┐
              └─ order-migrate ─┼─ order ─┼─ envoy ── simulator
    nats ───────────────────────┘
    web

A service with several replicas stands there once for each of them: `order-1`, `order-2`; its migration runs once.
Services get everything by environment variables, as they do in production; none of them knows that this package exists.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from runtime import envoy, keys, logs, nats, ports, postgres, replicas, state
from runtime.errors import MeshError
from runtime.keys import Keys
from runtime.layout import Layout
from runtime.ownership import locked, stop_leftovers
from runtime.replicas import Replica, serving
from runtime.settings import PROCESSES, PROJECT, SERVICES, MeshSettings
from runtime.state import MeshState, ProcessId, ProcessState
from runtime.supervisor import Process, Supervisor

_log = logging.getLogger(__name__)

# A replica that leaves while others stay says so, and goes on taking calls until everybody knows: Envoy asks every
# second, and a channel that lost the replica before it has found that one again within 2.4 s.
_DRAIN_DELAY_SECONDS = 3.0
_CONNECTIONS_OF_A_REPLICA = 40  # pools of 10: two roles, each with two ways to the database
_CONNECTIONS = 120  # migrations, a test run and a curious engineer

# The demo practice's customer number at the lab, as the lab files in samples/ carry it.
_DEMO_ACCOUNTS = "100200=practices/demo"

_UPKEEP_SECONDS = 3600.0  # service tokens live a day; certificates are renewed weeks before they end


@dataclass(frozen=True, slots=True)
class Mesh:
    """Everything that is decided before the first process starts."""

    settings: MeshSettings
    layout: Layout
    keys: Keys
    postgres: postgres.Server
    nats: nats.Server
    replicas: Mapping[str, tuple[Replica, ...]]
    edge: envoy.Server | None
    """`None` in a mesh that has none."""


# ── what it is made of ────────────────────────────────────────────────────────────────────────────────────────────────


def prepare(settings: MeshSettings, layout: Layout) -> Mesh:
    """Make what the processes need: keys, tokens, the database cluster, configuration files.

    Raises:
        MeshError: something is missing or in the way.
    """
    own_keys = keys.prepare(layout.keys, datetime.now(UTC))
    _mint_tokens(own_keys)
    arranged = replicas.arrange(settings)
    connections = _CONNECTIONS + _CONNECTIONS_OF_A_REPLICA * sum(map(len, arranged.values()))
    return Mesh(
        settings=settings,
        layout=layout,
        keys=own_keys,
        postgres=postgres.prepare(
            layout.data / "postgres", layout.keys / "postgres.secret", settings.postgres_port, connections
        ),
        nats=nats.prepare(layout.data / "nats", layout.config / "nats.conf", settings.nats_port),
        replicas=arranged,
        edge=_edge(settings, layout, own_keys, arranged),
    )


def _edge(
    settings: MeshSettings, layout: Layout, own_keys: Keys, arranged: Mapping[str, tuple[Replica, ...]]
) -> envoy.Server | None:
    if settings.only and "envoy" not in settings.only:
        return None
    upstreams = {service: [(ports.LOOPBACK, each.port) for each in of_it] for service, of_it in arranged.items()}
    return envoy.prepare(settings, own_keys, upstreams, layout.config / "envoy.json")


def compose(mesh: Mesh) -> list[Process]:
    """The processes of the mesh, or those that the setting `only` names."""
    makers: dict[str, Callable[[], list[Process]]] = {
        "postgres": lambda: [_postgres(mesh)],
        "nats": lambda: [_nats(mesh)],
        "lims-migrate": lambda: [_migration(mesh, "lims")],
        "order-migrate": lambda: [_migration(mesh, "order")],
        "lims": lambda: [_service(mesh, replica) for replica in mesh.replicas["lims"]],
        "order": lambda: [_service(mesh, replica) for replica in mesh.replicas["order"]],
        "web": lambda: [_web(mesh)],
        "envoy": lambda: _envoy(mesh),
        "simulator": lambda: [_simulator(mesh)],
    }
    wanted = set(mesh.settings.only or PROCESSES)
    if not mesh.settings.simulate:
        wanted.discard("simulator")
    chosen = [process for name, make in makers.items() if name in wanted for process in make()]
    names = {process.name for process in chosen}
    return [replace(process, after=tuple(name for name in process.after if name in names)) for process in chosen]


def _postgres(mesh: Mesh) -> Process:
    async def answers_and_has_the_services_databases() -> None:
        await postgres.probe(mesh.postgres)
        for service in SERVICES:
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


def _service(mesh: Mesh, replica: Replica) -> Process:
    return Process(
        replica.name,
        (sys.executable, "-m", f"services.{replica.service}", "serve"),
        ready=lambda: serving(replica.port, replicas.HEALTH[replica.service]),
        environment=_environment(mesh, replica.service)
        | {
            "LENSMESH_LISTEN": replica.address,
            "LENSMESH_DRAIN_DELAY_SECONDS": f"{_DRAIN_DELAY_SECONDS if len(mesh.replicas[replica.service]) > 1 else 0}",
        },
        folder=PROJECT,
        after=(f"{replica.service}-migrate", "nats"),
        port=replica.port,
        stop_signal=signal.SIGINT,  # the edge has gone before: nobody is left who would have to notice
        leave_signal=signal.SIGTERM,
    )


def _envoy(mesh: Mesh) -> list[Process]:
    server = mesh.edge
    if server is None:
        return []
    return [
        Process(
            "envoy",
            server.command,
            ready=lambda: envoy.probe(server),
            after=tuple(replica.name for each in mesh.replicas.values() for replica in each),
            port=server.http_port,
        )
    ]


def _web(mesh: Mesh) -> Process:
    port = mesh.settings.web_port
    return Process(
        "web",
        (sys.executable, "-m", "gateway.web"),
        ready=lambda: _listening(port),
        environment=_python_environment() | {"LENSMESH_LISTEN": f"{ports.LOOPBACK}:{port}"},
        folder=PROJECT,
        port=port,
    )


async def _listening(port: int) -> None:
    """Return when somebody listens on `port`."""
    _, writer = await asyncio.open_connection(ports.LOOPBACK, port)
    writer.close()


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
        "LENSMESH_DATABASE_URL": mesh.postgres.url(service, f"{service}_service"),
        "LENSMESH_RELAY_DATABASE_URL": mesh.postgres.url(service, f"{service}_relay"),
        "LENSMESH_NATS_URL": mesh.nats.url,
        "LENSMESH_JWKS_FILE": str(mesh.keys.jwks),
        "LENSMESH_TOKEN_FILE": str(mesh.keys.token_file(service)),
        "LENSMESH_LIMS_TARGET": replicas.target(mesh.replicas["lims"]),
        "LENSMESH_FIRST_ACCOUNTS": _DEMO_ACCOUNTS,
        "LENSMESH_SIGNING_KEY": str(mesh.keys.history),
        "LENSMESH_HEADS_FILE": str(mesh.layout.history),
        "LENSMESH_LOG_LEVEL": mesh.settings.log_level,
    }


def _python_environment() -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join((str(PROJECT), str(PROJECT / "gen" / "python"))), "PYTHONUNBUFFERED": "1"}


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
    upkeep = asyncio.create_task(_keep_up(mesh))
    try:
        await Supervisor(processes, mesh.layout.logs, publish).run(stop)
    finally:
        upkeep.cancel()


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
    for service in SERVICES:
        keys.write_service_token(own_keys, service)
    keys.write_simulator_token(own_keys)


async def _keep_up(mesh: Mesh) -> None:
    """Do every hour what a mesh that runs for years needs."""
    while True:
        await asyncio.sleep(_UPKEEP_SECONDS)
        try:
            renew(mesh, datetime.now(UTC))
        except OSError as error:  # what is there is good for hours at least, and in an hour there may be room again
            _log.warning("tokens and certificates cannot be renewed: %s", error)


def renew(mesh: Mesh, now: datetime) -> None:
    """Replace the services' tokens, and the edge's certificate when it nears its end; who reads them sees it."""
    _mint_tokens(mesh.keys)
    keys.prepare(mesh.keys.folder, now)
    if mesh.edge is not None:
        envoy.certify(mesh.edge, mesh.keys)
    logs.cut(mesh.layout.log("supervisor"))
