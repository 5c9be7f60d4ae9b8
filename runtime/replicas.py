"""The services of a mesh, and the processes that run each: one replica is one process on a port of its own.

Replicas share nothing but their database. Whoever calls a service is given all of its addresses and takes them in turn:
the edge does so for the world outside, `chassis.channels` inside. (Processes that share one port do not share its load:
a connection stays with whoever took it.)
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from runtime import ports
from runtime.settings import SERVICES, MeshSettings

HEALTH: Mapping[str, str] = {"lims": "lensmesh.lims.v1.LimsService", "order": "lensmesh.order.v1.OrderService"}
"""The gRPC service whose health says that a replica of each service is ready."""


@dataclass(frozen=True, slots=True)
class Replica:
    """One process of a service."""

    service: str
    name: str
    """The service's own name while there is one replica; `order-1`, `order-2` when there are more."""
    port: int

    @property
    def address(self) -> str:
        """Where it serves gRPC."""
        return f"{ports.LOOPBACK}:{self.port}"


def arrange(settings: MeshSettings) -> dict[str, tuple[Replica, ...]]:
    """Name the replicas of every service: the first has the port that was chosen for the service, others a free one."""
    taken = set(settings.ports.values())
    arranged = {}
    for service in SERVICES:
        count = settings.replicas.get(service, 1)
        chosen = [settings.ports[f"{service}_port"]]
        while len(chosen) < count:
            chosen.append(ports.free_port(taken=frozenset(taken)))
            taken.add(chosen[-1])
        names = [service] if count == 1 else [f"{service}-{number}" for number in range(1, count + 1)]
        arranged[service] = tuple(Replica(service, name, port) for name, port in zip(names, chosen, strict=True))
    return arranged


def target(replicas: tuple[Replica, ...]) -> str:
    """The gRPC target that names all of them, for a channel that takes them in turn."""
    addresses = ",".join(replica.address for replica in replicas)
    return f"ipv4:{addresses}" if len(replicas) > 1 else addresses


def named(name: str, processes: Iterable[str]) -> tuple[str, ...]:
    """The processes that a name means: the one that is called so, or all replicas of the service that is."""
    return tuple(each for each in processes if each == name or re.fullmatch(rf"{re.escape(name)}-\d+", each))


async def serving(port: int, service: str) -> None:
    """Return when the replica on `port` reports `service` as serving (grpc.health.v1); raise what it says otherwise.

    Raises:
        ConnectionError: it says something else.
        grpc.aio.AioRpcError: it says nothing.
    """
    async with grpc.aio.insecure_channel(f"{ports.LOOPBACK}:{port}") as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(service=service), timeout=2
        )
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        status = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
        raise ConnectionError(f"{service} reports {status}")
