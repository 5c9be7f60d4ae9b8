"""Runs a service: from its settings to a drained exit.

A service's ``__main__`` says what it is and hands over::

    run(Service(name="order", settings=OrderSettings, migrations=MIGRATIONS, compose=compose))

``python -m services.order`` serves; ``python -m services.order migrate`` brings the schema up to date. SIGTERM drains
it; SIGINT, or a second SIGTERM, does so without waiting for load balancers to notice.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import grpc
import structlog
import uvloop
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from pydantic import ValidationError

from chassis import contract, election, relay, telemetry
from chassis.database import Database
from chassis.driver import Driver
from chassis.identity import Verifier
from chassis.interceptor import ContractInterceptor
from chassis.limits import Limits
from chassis.migrate import SchemaError, migrate, require_current
from chassis.routine import Routine
from chassis.settings import MigrationSettings, ServiceSettings
from chassis.streams import Pace
from chassis.tail import Tail

_LOG = structlog.get_logger("service")
_CANCEL_AGAIN_SECONDS = 0.5
_MAX_REQUEST_BYTES = 1024 * 1024 + 64 * 1024  # a lab file of 1 MiB and what stands around it
_MAX_MESSAGE_BYTES = 4 * 1024 * 1024

S = TypeVar("S", bound=ServiceSettings)


@dataclass(frozen=True, slots=True)
class Servicer:
    """One gRPC service to serve.

    Attributes:
        descriptor: Its contract.
        add: The generated function that registers it.
        implementation: The object with its methods.
    """

    descriptor: ServiceDescriptor
    add: Callable[[Any, grpc.aio.Server], None]
    implementation: object


@dataclass(frozen=True, slots=True)
class House(Generic[S]):
    """What a service is given to stand on.

    Attributes:
        settings: Its settings.
        database: Its database.
        driver: The same database, for statements on the hot path.
        tail: The end of its log.
        pace: How its watches behave.
    """

    settings: S
    database: Database
    driver: Driver
    tail: Tail
    pace: Pace


@dataclass(frozen=True, slots=True)
class Composition:
    """What a service is made of, once composed.

    Attributes:
        servicers: What it serves.
        led: Work one replica at a time does, by name: followers, reconcilers.
    """

    servicers: Sequence[Servicer]
    led: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Service(Generic[S]):
    """A service as its ``__main__`` declares it.

    Attributes:
        name: Its name, also its database's.
        settings: Its settings class.
        migrations: The folder of its schema versions.
        compose: Makes its servicers and background work out of what it is given.
        routines: What its stores call in the database.
    """

    name: str
    settings: type[S]
    migrations: Path
    compose: Callable[[House[S]], AbstractAsyncContextManager[Composition]]
    routines: Sequence[Routine] = ()


def run(service: Service[Any]) -> None:
    """Runs the verb on the command line: ``serve`` (the default) or ``migrate``. Does not return."""
    verb = sys.argv[1] if len(sys.argv) > 1 else "serve"
    verbs: dict[str, Callable[[Service[Any]], Coroutine[Any, Any, None]]] = {"serve": _serve, "migrate": _migrate}
    if verb not in verbs:
        sys.exit(f"unknown verb {verb!r}; one of: {', '.join(verbs)}")
    try:
        uvloop.run(verbs[verb](service))
    except (SchemaError, contract.ContractError) as error:
        sys.exit(f"{service.name}: {error}")
    except ValidationError as error:
        sys.exit(f"{service.name}: {_spoken(error)}")


def _spoken(error: ValidationError) -> str:
    """Returns what is wrong with the settings, by the names of their variables."""
    faults = [f"LENSMESH_{'_'.join(map(str, each['loc'])).upper()}: {each['msg']}" for each in error.errors()]
    return "its settings are incomplete or wrong:\n  " + "\n  ".join(faults)


async def _migrate(service: Service[Any]) -> None:
    settings = MigrationSettings()
    telemetry.configure_logging(settings.log_level)
    await migrate(service.name, service.migrations, settings, service.routines)


async def _serve(service: Service[Any]) -> None:
    settings = service.settings()
    telemetry.configure_logging(settings.log_level)
    stop, hurry = asyncio.Event(), asyncio.Event()

    def told(number: signal.Signals) -> None:
        if number is signal.SIGINT or stop.is_set():
            hurry.set()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told, number)
    async with serving(service, settings, hurry) as address:
        _LOG.info("serving", service=service.name, address=address)
        await stop.wait()
        _LOG.info("draining", service=service.name)


@asynccontextmanager
async def serving(service: Service[S], settings: S, hurry: asyncio.Event | None = None) -> AsyncIterator[str]:
    """Serves while the block runs, then drains; yields the address it listens on.

    Draining, in this order: health turns NOT_SERVING; calls are still taken for ``drain_delay_seconds``, since whoever
    balances the load learns of it by asking, and until then would be refused (``hurry`` ends this wait: nobody is left
    to learn it); watches end SERVER_DRAINING, and are resumed elsewhere; calls in flight get ``drain_seconds`` to
    finish.
    """
    provider = telemetry.configure_tracing(service.name, settings)
    database = Database(settings.database_url, settings.relay_database_url, pool=settings.database_pool)
    driver = Driver(settings.database_url, settings.relay_database_url, pool=settings.database_pool)
    try:
        await require_current(database, service.migrations, service.routines)
        house = House(
            settings=settings,
            database=database,
            driver=driver,
            tail=Tail(driver),
            pace=Pace(settings.heartbeat_seconds, asyncio.Event()),
        )
        async with service.compose(house) as composition, _background(service.name, house, composition):
            server, checks, names = await _server(composition, settings)
            address = await _listen(server, settings.listen)
            for name in names:
                await checks.set(name, health_pb2.HealthCheckResponse.SERVING)
            try:
                yield address
            finally:
                await checks.enter_graceful_shutdown()
                with suppress(TimeoutError):
                    await asyncio.wait_for((hurry or asyncio.Event()).wait(), settings.drain_delay_seconds)
                house.pace.draining.set()
                await server.stop(settings.drain_seconds)
    finally:
        await driver.close()
        await database.close()
        provider.shutdown()


async def _server(
    composition: Composition,
    settings: ServiceSettings,
) -> tuple[grpc.aio.Server, health.aio.HealthServicer, list[str]]:
    contracts = contract.read({each.descriptor.full_name: each.descriptor for each in composition.servicers})
    verifier = Verifier(settings.jwks_file, issuer=settings.token_issuer, audience=settings.token_audience)
    limits = Limits(settings.max_calls, settings.max_waiting_calls, settings.max_streams)
    server = grpc.aio.server(
        interceptors=[ContractInterceptor(contracts, verifier, limits)],
        options=[
            ("grpc.so_reuseport", 0),  # two servers on one port would not share its load
            ("grpc.max_receive_message_length", _MAX_REQUEST_BYTES),
            ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
            # a token, a trace and what a browser adds; gRPC would begin to refuse at 8 KiB, at random
            ("grpc.max_metadata_size", 64 * 1024),
            ("grpc.absolute_max_metadata_size", 64 * 1024),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
            ("grpc.keepalive_permit_without_calls", 1),
        ],
    )
    for each in composition.servicers:
        each.add(each.implementation, server)
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    names = [each.descriptor.full_name for each in composition.servicers]
    reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    return server, checks, ["", *names]


async def _listen(server: grpc.aio.Server, listen: str) -> str:
    host, _, _ = listen.rpartition(":")
    try:
        port = server.add_insecure_port(listen)
    except RuntimeError as error:
        raise SystemExit(f"cannot listen on {listen}: {error}") from error
    await server.start()
    return f"{host}:{port}"


@asynccontextmanager
async def _background(service: str, house: House[Any], composition: Composition) -> AsyncIterator[None]:
    """Runs the tail, the relay and the service's led work beside the server."""
    led = dict(composition.led)
    if url := house.settings.nats_url:
        # connects within: callers do not wait for NATS, only what is published does
        led[relay.name_of(0, 1)] = lambda: relay.publish(url, service, house.database, house.driver, house.tail)
    tasks = [
        asyncio.create_task(house.tail.run(), name="tail"),
        *(asyncio.create_task(election.lead(house.database, name, work), name=name) for name, work in led.items()),
    ]
    try:
        yield
    finally:
        await _end(tasks)


async def _end(tasks: Sequence["asyncio.Task[None]"]) -> None:
    """Cancels tasks until all have ended: what they wait for, a library's connecting for one, may swallow it once."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_CANCEL_AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
