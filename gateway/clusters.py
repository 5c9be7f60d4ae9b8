"""How Envoy reaches the services."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.extensions import typed

Endpoint = tuple[str, int]
"""Host (a name or an address) and port."""

_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def endpoints(upstream: Endpoint | Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """List an upstream's endpoints: one pair stands for itself."""
    match upstream:
        case (str(host), int(port)):
            return ((host, port),)
        case _:
            return tuple((str(host), int(port)) for host, port in upstream)


def cluster(service: str, served_at: Sequence[Endpoint]) -> dict[str, Any]:
    """Render the cluster of one gRPC service: its health is its own, also where a process serves several."""
    return {
        "name": service,
        "type": "STATIC" if all(_is_address(host) for host, _ in served_at) else "STRICT_DNS",
        "lb_policy": "ROUND_ROBIN",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": service,
            "endpoints": [{"lb_endpoints": [_lb_endpoint(host, port) for host, port in served_at]}],
        },
        "typed_extension_protocol_options": {
            _HTTP_OPTIONS: typed(_HTTP_OPTIONS, explicit_http_config={"http2_protocol_options": {}})
        },
        "health_checks": [_health_check(service)],
        # A service that says it does not serve gets nothing: without this Envoy would fall back to asking everybody.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        # An endpoint that left the list gets no new call, whatever its last check said.
        "ignore_health_on_host_removal": True,
        "circuit_breakers": {"thresholds": [_calls(len(served_at)), dict(_WATCHES)]},
        # A dead peer is noticed in about a minute. HTTP/2 pings would be quicker, but gRPC servers take frequent
        # ones for an attack and hang up.
        "upstream_connection_options": {
            "tcp_keepalive": {"keepalive_time": 30, "keepalive_interval": 10, "keepalive_probes": 3}
        },
    }


def web_cluster(name: str, endpoint: Endpoint) -> dict[str, Any]:
    """Render the cluster of the static server, which speaks HTTP/1.1 and has no health of its own."""
    return {
        "name": name,
        "type": "STATIC" if _is_address(endpoint[0]) else "STRICT_DNS",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [_lb_endpoint(*endpoint)]}]},
    }


# Each call takes a place at a replica; as many as one works on and lets wait (`LENSMESH_MAX_CALLS` and
# `LENSMESH_MAX_WAITING_CALLS` by default). What is more is refused here, which costs next to nothing: a Python server
# takes in its calls one by one, and those it has not taken in yet it can neither count nor refuse.
CALLS_PER_REPLICA = 128
_CONNECTIONS = {"max_connections": 1024, "max_pending_requests": 1024}
# What may be tried again stands in `routes`; as much of it at a time as a replica that dies leaves behind.
_RETRIES = {"max_retries": 256}
# Every open watch is a request under way, so this is what browsers may keep open. Watches have the other of Envoy's two
# priorities: they are counted apart from calls, and have connections of their own.
WATCHING = "HIGH"
_WATCHES: Mapping[str, Any] = {"priority": WATCHING, "max_requests": 8192, **_CONNECTIONS, **_RETRIES}


def _calls(replicas: int) -> dict[str, Any]:
    return {"priority": "DEFAULT", "max_requests": CALLS_PER_REPLICA * replicas, **_CONNECTIONS, **_RETRIES}


def _health_check(service: str) -> dict[str, Any]:
    return {
        "grpc_health_check": {"service_name": service},
        "timeout": "1s",
        "interval": "1s",
        # Without traffic Envoy would look once a minute only.
        "no_traffic_interval": "1s",
        "no_traffic_healthy_interval": "1s",
        # A restarted service is found within half a second.
        "unhealthy_interval": "0.5s",
        "unhealthy_edge_interval": "0.5s",
        # One missed check is a hiccup, two are an outage.
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
    }


def _lb_endpoint(host: str, port: int) -> dict[str, Any]:
    return {"endpoint": {"address": {"socket_address": {"address": host, "port_value": port}}}}


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
