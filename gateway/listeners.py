"""The two doors: REST and server-sent events over HTTP/1.1 and h2c, native gRPC over TLS."""

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import descriptor_pb2

from gateway import filters, refusals
from gateway.contract import Rpc
from gateway.extensions import extension, typed
from gateway.routes import native_routes, rest_routes, web_matches, web_routes
from gateway.settings import KIB, EdgeSettings
from gateway.strict import Strictness

_SECRET = "edge"  # noqa: S105 - its name

HeaderMatch = Mapping[str, str]
# They mean something inside the mesh, so they are never taken from outside.
_INSIDE_ONLY: tuple[HeaderMatch, ...] = ({"prefix": "x-lensmesh-"}, {"prefix": "x-envoy-"})
# Only gRPC reads these, and a call with one that it cannot read is refused in no shape that can be transcoded. REST has
# no use for any but the deadline.
_ONLY_GRPC: tuple[HeaderMatch, ...] = (
    {"suffix": "-bin"},
    *(
        {"prefix": f"grpc-{begins}"}
        for begins in ("accept", "encoding", "internal", "message", "previous", "status", "tags")
    ),
)


def rest_listener(
    settings: EdgeSettings, files: descriptor_pb2.FileDescriptorSet, rpcs: tuple[Rpc, ...]
) -> dict[str, Any]:
    """Render the port of REST and server-sent events."""
    strictness = Strictness(files)
    readings = {binding: strictness.reading(rpc, binding) for rpc in rpcs for binding in rpc.bindings}
    manager = _connection_manager(
        "rest",
        codec_type="AUTO",
        routes=[
            *(web_routes(filters.TRANSCODER) if settings.web else ()),
            *rest_routes(rpcs, readings, filters.TRANSCODER),
        ],
        dropped=_INSIDE_ONLY + _ONLY_GRPC,
        passes=[
            filters.jwt(settings, [*(web_matches() if settings.web else ()), *filters.public_rest(rpcs)]),
            strictness.lua_filter(rpcs),
            filters.transcoder(settings, files, rpcs),
            filters.router(),
        ],
    )
    return _listener(settings, "rest", settings.http_port, {"filters": [manager]})


def native_listener(settings: EdgeSettings, rpcs: tuple[Rpc, ...]) -> dict[str, Any]:
    """Render the port of native gRPC, which is always TLS."""
    manager = _connection_manager(
        "native",
        codec_type="HTTP2",
        routes=native_routes(rpcs),
        dropped=_INSIDE_ONLY,
        passes=[filters.jwt(settings, filters.public_native(rpcs)), filters.router()],
    )
    chain = {"filters": [manager], "transport_socket": _tls(settings)}
    return _listener(settings, "native", settings.grpc_port, chain)


def _listener(settings: EdgeSettings, name: str, port: int, chain: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "address": address(settings.listen_address, port),
        "filter_chains": [chain],
        # Bodies are held whole until they are transcoded, so the buffer is the body limit; beyond it Envoy says 413.
        "per_connection_buffer_limit_bytes": settings.max_body_bytes,
    }


def _connection_manager(
    name: str,
    *,
    codec_type: str,
    routes: list[dict[str, Any]],
    dropped: Sequence[HeaderMatch],
    passes: list[dict[str, Any]],
) -> dict[str, Any]:
    return extension(
        "envoy.filters.network.http_connection_manager",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name,
        codec_type=codec_type,
        route_config={"name": name, "virtual_hosts": [_virtual_host(name, routes)]},
        http_filters=passes,
        local_reply_config=refusals.local_reply_config(),
        access_log=[_access_log(name)],
        early_header_mutation_extensions=[_early_headers(dropped)],
        **_hygiene(),
    )


def _virtual_host(name: str, routes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": name,
        "domains": ["*"],
        "routes": routes,
        "response_headers_to_add": [
            # Orders are health data: no cache keeps them. The static server's pages say otherwise themselves.
            {"header": {"key": "cache-control", "value": "no-store"}, "append_action": "ADD_IF_ABSENT"},
            {"header": {"key": "x-content-type-options", "value": "nosniff"}},
        ],
    }


def _hygiene() -> dict[str, Any]:
    """What no listener that faces the world goes without."""
    return {
        # The peer is a client and no trusted proxy: its address is that of the connection.
        "use_remote_address": True,
        "server_header_transformation": "PASS_THROUGH",
        # People quote it; the access log and the services have it.
        "always_set_request_id_in_response": True,
        # One path, one spelling, so that what is matched here is what the service sees.
        "normalize_path": True,
        "merge_slashes": True,
        # No resource name has an escaped slash: it only serves to slip one segment past a rule as another.
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "common_http_protocol_options": {
            "idle_timeout": "3600s",
            "max_headers_count": 64,
            # `x_practice` and `x-practice` are one header to some servers and two to others.
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 64 * KIB,
            "initial_connection_window_size": 1024 * KIB,
        },
        "max_request_headers_kb": 32,
        # A client that dribbles its request holds memory: it gets this long for the headers, and for the whole.
        "request_headers_timeout": "10s",
        "request_timeout": "30s",
        "stream_idle_timeout": "60s",
    }


def _early_headers(dropped: Sequence[HeaderMatch]) -> dict[str, Any]:
    """Drop headers before anything looks at them."""
    return extension(
        "envoy.http.early_header_mutation.header_mutation",
        "http.early_header_mutation.header_mutation.v3.HeaderMutation",
        mutations=[{"remove_on_match": {"key_matcher": {**match, "ignore_case": True}}} for match in dropped],
    )


def secret(certificate: str, private_key: str) -> dict[str, Any]:
    """Render the certificate and its key, PEM, as the file that Envoy watches: one file, so that they always fit."""
    resource = typed(
        "envoy.extensions.transport_sockets.tls.v3.Secret",
        name=_SECRET,
        tls_certificate={
            "certificate_chain": {"inline_string": certificate},
            "private_key": {"inline_string": private_key},
        },
    )
    return {"resources": [resource]}


def _certificate(settings: EdgeSettings) -> dict[str, Any]:
    if settings.secret is not None:
        watched = {"path_config_source": {"path": str(settings.secret)}}
        return {"tls_certificate_sds_secret_configs": [{"name": _SECRET, "sds_config": watched}]}
    certificate = {
        "certificate_chain": {"filename": str(settings.certificate)},
        "private_key": {"filename": str(settings.private_key)},
    }
    return {"tls_certificates": [certificate]}


def _tls(settings: EdgeSettings) -> dict[str, Any]:
    return extension(
        "envoy.transport_sockets.tls",
        "transport_sockets.tls.v3.DownstreamTlsContext",
        common_tls_context={
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
            "alpn_protocols": ["h2"],
            **_certificate(settings),
        },
    )


def _access_log(listener: str) -> dict[str, Any]:
    """One JSON line for each request. No query, no header that could hold a token, no body."""
    line = {
        "time": "%START_TIME%",
        "listener": listener,
        "method": "%REQ(X-ENVOY-ORIGINAL-METHOD?:METHOD)%",
        "path": "%PATH(NQ:ORIG_OR_PATH)%",
        "protocol": "%PROTOCOL%",
        "route": "%ROUTE_NAME%",
        "status": "%RESPONSE_CODE%",
        "grpc_status": "%GRPC_STATUS_NUMBER%",
        "flags": "%RESPONSE_FLAGS%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "duration_ms": "%DURATION%",
        "bytes_in": "%BYTES_RECEIVED%",
        "bytes_out": "%BYTES_SENT%",
        "request_id": "%REQ(X-REQUEST-ID)%",
        "trace_parent": "%REQ(TRACEPARENT)%",
    }
    return extension(
        "envoy.access_loggers.stdout", "access_loggers.stream.v3.StdoutAccessLog", log_format={"json_format": line}
    )


def address(host: str, port: int) -> dict[str, Any]:
    """Render a host and port."""
    return {"socket_address": {"address": host, "port_value": port}}
