"""Puts the edge together: settings and contracts in, Envoy's bootstrap out.

Two listeners. REST and server-sent events over HTTP/1.1 and h2c (8080), for browsers and curl; native gRPC over TLS
(8443), for programs. Both ask for a token before anything else, refuse what is not in the contracts, and speak the one
error shape. Services verify the token once more and trust no header the edge could set.
"""

from typing import Any

from gateway.clusters import cluster, endpoints, web_cluster
from gateway.contract import ContractError, Rpc, read_image, read_rpcs
from gateway.extensions import extension
from gateway.listeners import address, native_listener, rest_listener
from gateway.listeners import secret as render_secret
from gateway.routes import WEB
from gateway.settings import LOOPBACK, EdgeSettings

__all__ = ["EdgeSettings", "render_bootstrap", "render_secret"]

_ADMIN_PAGES = ("ready", "server_info", "clusters", "listeners", "certs", "stats", "stats/prometheus")
_STATS = ("cluster.", "http.", "listener.", "server.", "overload.")


def render_bootstrap(settings: EdgeSettings) -> dict[str, Any]:
    """Render Envoy's bootstrap, ready to be dumped as JSON and given to `envoy -c`.

    Raises:
        ContractError: the image is not fit to be served, or a service in it has no upstream.
        OSError: the image cannot be read.
    """
    files = read_image(settings.image.read_bytes())
    rpcs = read_rpcs(files)
    return {
        "node": {"id": "edge", "cluster": "lensmesh"},  # asked for by whatever is read from a file that may change
        "admin": {
            "address": address(LOOPBACK, settings.admin_port),
            # Readable only: a page in the developer's browser could post to it, too, and shut the edge down.
            "allow_paths": [{"safe_regex": {"regex": rf"/({'|'.join(_ADMIN_PAGES)})(\?.*)?"}}],
        },
        "static_resources": {
            "listeners": [rest_listener(settings, files, rpcs), native_listener(settings, rpcs)],
            "clusters": [*_clusters(settings, rpcs), *([web_cluster(WEB, settings.web)] if settings.web else [])],
        },
        "overload_manager": _overload_manager(settings),
        "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": [{"prefix": p} for p in _STATS]}}},
    }


def _clusters(settings: EdgeSettings, rpcs: tuple[Rpc, ...]) -> list[dict[str, Any]]:
    services = {rpc.service: rpc.upstream for rpc in rpcs if rpc.bindings or rpc.policy.admits_people}
    missing = sorted(set(services.values()) - settings.upstreams.keys())
    if missing:
        raise ContractError(f"the contracts name services without an upstream: {', '.join(missing)}")
    return [cluster(service, endpoints(settings.upstreams[upstream])) for service, upstream in services.items()]


def _overload_manager(settings: EdgeSettings) -> dict[str, Any]:
    connections = extension(
        "envoy.resource_monitors.global_downstream_max_connections",
        "resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        max_active_downstream_connections=settings.max_connections,
    )
    return {"resource_monitors": [connections]}
