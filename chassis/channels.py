"""Outgoing calls: one channel per neighbour, and what travels with every call.

Channels carry no retry policy: retries live in one place, the neighbour's client.
"""

import json

import grpc

from chassis import telemetry
from chassis.identity import TokenFile

_OPTIONS = [
    ("grpc.enable_retries", 0),
    # an error's details travel in metadata, and a refusal of everything in an order is longer than gRPC's 8 KiB
    ("grpc.max_metadata_size", 64 * 1024),
    ("grpc.absolute_max_metadata_size", 128 * 1024),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
]


def connect(target: str, service: str) -> grpc.aio.Channel:
    """Returns a channel to a neighbour inside the mesh, which takes its replicas in turn.

    ``service`` is the gRPC service that is called there: a replica whose health says that it does not serve it, as one
    that drains, is asked nothing more from that moment on. One that knows nothing of health is asked.
    """
    policy = {"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": service}}
    return grpc.aio.insecure_channel(target, options=[*_OPTIONS, ("grpc.service_config", json.dumps(policy))])


class Credentials:
    """What a service says of itself with every call: its token, and the trace the call belongs to."""

    def __init__(self, token: TokenFile) -> None:
        self._token = token

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Returns the metadata to send with a call made now."""
        token = ("authorization", f"Bearer {self._token.read()}")
        parent = telemetry.traceparent()
        return (token, ("traceparent", parent)) if parent else (token,)
