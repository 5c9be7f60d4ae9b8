"""What the edge keeps from the services, from the log and from the network."""

import socket
import ssl
from pathlib import Path
from typing import Any

import grpc
import httpx
import psutil
import pytest
from lensmesh.order.v1 import order_service_pb2, order_service_pb2_grpc

from gateway.render import render_bootstrap
from runtime.keys import Keys
from tests.edge.conftest import NewSettings
from tests.edge.envoy import Edge, until, validate
from tests.edge.replies import refused
from tests.edge.stand_in import RPCS, StandIn

PATH = "/v1/practices/seaview/orders/a1"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"listen_address": "0.0.0.0"},
        {"upstreams": {rpc.upstream: ("services.example.internal", 50051) for rpc in RPCS}},
        {"upstreams": {rpc.upstream: [("10.0.0.1", 1), ("10.0.0.2", 2)] for rpc in RPCS}},
        {"issuer": "https://issuer.example/", "audience": "api", "max_body_bytes": 65_536},
    ],
    ids=["as it is", "open to the network", "by name", "replicas", "other limits"],
)
def test_envoy_accepts_what_is_rendered(new_settings: NewSettings, changes: dict[str, Any], tmp_path: Path) -> None:
    """Every option is one that this Envoy knows, without a warning."""
    verdict = validate(render_bootstrap(new_settings(1, **changes)), tmp_path)
    assert verdict.returncode == 0, verdict.stderr
    assert not verdict.stderr


def test_headers_that_mean_something_inside_do_not_come_from_outside(rest: httpx.Client, services: StandIn) -> None:
    """Neither the mesh's own headers nor Envoy's, in no spelling; the request id is the edge's."""
    smuggled = {
        "x-lensmesh-practice": "practices/other",
        "X-Lensmesh-Service": "order",
        "x-envoy-original-path": "/elsewhere",
        "x-envoy-retry-on": "5xx",
        "x-envoy-upstream-rq-timeout-ms": "1",
        "x-request-id": "mine",
    }
    answer = rest.get(PATH, headers=smuggled)
    assert answer.status_code == httpx.codes.OK
    metadata = services.calls[0].metadata
    assert not {name for name in metadata if name.startswith("x-lensmesh-")}
    assert metadata["x-envoy-original-path"] == PATH
    assert not smuggled.items() & metadata.items()
    assert metadata["x-request-id"] == answer.headers["x-request-id"]


def test_a_header_that_only_grpc_can_read_does_not_reach_it(rest: httpx.Client, services: StandIn) -> None:
    """What is no base64 would be refused by the service's library, in no shape of ours."""
    binary = {"x-anything-bin": "no base64!", "grpc-trace-BIN": "%%%"}
    unreadable = {"grpc-encoding": "foo", "grpc-previous-rpc-attempts": "x", "grpc-accept-encoding": "foo"}
    answer = rest.get(PATH, headers=binary | unreadable)
    assert answer.status_code == httpx.codes.OK
    received = services.calls[0].metadata
    assert not {name for name in received if name.endswith("-bin")}
    assert "foo" not in {received.get(name) for name in unreadable}


def test_an_upgrade_is_refused_for_what_it_is(rest: httpx.Client) -> None:
    """It was once told as a bad token."""
    found = refused(rest.get(PATH, headers={"upgrade": "websocket", "connection": "Upgrade"}))
    assert (found.status, found.reason) == (400, "REQUEST_MALFORMED")
    assert "without an Upgrade header" in found.message


def test_a_content_type_beside_grpcs_changes_no_refusal(rest: httpx.Client) -> None:
    """What Envoy does not take for gRPC is refused as JSON."""
    found = refused(
        rest.post(
            PATH.rpartition("/")[0], content=b'{"prizm": 1}', headers={"content-type": "application/grpc-web+proto"}
        )
    )
    assert (found.status, found.reason, found.field) == (400, "UNKNOWN_FIELD", "prizm")


@pytest.mark.parametrize("timeout", ["", "soon", "5", "-5S", "5s", "123456789S", "1.5S", "5S,5S", "0S"])
def test_a_deadline_that_cannot_be_read_is_refused_in_the_one_shape(
    rest: httpx.Client, services: StandIn, timeout: str
) -> None:
    """And the way out is said; one that can is kept."""
    assert rest.get(PATH, headers={"grpc-timeout": "5S"}).status_code == httpx.codes.OK
    found = refused(rest.get(PATH, headers={"grpc-timeout": timeout}))
    assert (found.status, found.reason) == (400, "REQUEST_MALFORMED")
    assert "grpc-timeout takes up to eight digits" in found.message
    assert len(services.calls) == 1


def test_headers_are_stripped_from_native_calls_as_well(
    native: grpc.Channel, services: StandIn, signed_in: tuple[tuple[str, str], ...]
) -> None:
    """The TLS port is no way around it."""
    stub = order_service_pb2_grpc.OrderServiceStub(native)
    metadata = (*signed_in, ("x-lensmesh-service", "order"), ("x-envoy-original-path", "/elsewhere"))
    stub.GetOrder(order_service_pb2.GetOrderRequest(), metadata=metadata, timeout=5)
    assert not {name for name in services.calls[0].metadata if name.startswith(("x-lensmesh-", "x-envoy-original"))}


def test_a_trace_goes_on_through_the_edge(rest: httpx.Client, services: StandIn, edge: Edge) -> None:
    """W3C trace context passes, and the log names it."""
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    rest.get(PATH, headers={"traceparent": parent})
    assert services.calls[0].metadata["traceparent"] == parent
    until(lambda: any(line["trace_parent"] == parent for line in edge.log()))


def test_the_log_tells_what_happened_and_nothing_secret(rest: httpx.Client, services: StandIn, edge: Edge) -> None:
    """One line of JSON a request: no token, no query, no body."""
    answer = rest.get(f"{PATH}:watch", params={"cursor": "s3cret-cursor"})
    assert services.calls
    request_id = answer.headers["x-request-id"]
    until(lambda: any(line["request_id"] == request_id for line in edge.log()))
    line = next(line for line in edge.log() if line["request_id"] == request_id)
    assert (line["method"], line["path"], line["status"]) == ("GET", f"{PATH}:watch", 200)
    assert line["route"] == "/lensmesh.order.v1.OrderService/WatchOrder"
    written = (edge.folder / "stdout").read_text()
    assert "s3cret-cursor" not in written
    assert rest.headers["authorization"].removeprefix("Bearer ") not in written


def test_answers_are_kept_in_no_cache(rest: httpx.Client, anonymous: httpx.Client, services: StandIn) -> None:
    """Orders are health data; refusals are of the moment."""
    assert services is not None
    for answer in (rest.get(PATH), rest.get("/v1/nothing"), anonymous.get(PATH)):
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers
        assert not [name for name in answer.headers if name.startswith("x-envoy-")]


def test_the_admin_page_is_on_loopback_and_only_to_be_read(new_settings: NewSettings, edge: Edge) -> None:
    """Wherever the listeners are; and a page in the operator's browser cannot shut the edge down."""
    listening = psutil.Process(edge.process.pid).net_connections("tcp")
    assert {c.laddr.ip for c in listening if c.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
    open_edge = render_bootstrap(new_settings(1, listen_address="0.0.0.0"))
    assert open_edge["admin"]["address"]["socket_address"]["address"] == "127.0.0.1"
    assert httpx.get(f"{edge.admin}/ready", trust_env=False).status_code == httpx.codes.OK
    for page in ("/quitquitquit", "/drain_listeners", "/config_dump", "/healthcheck/fail"):
        assert httpx.post(f"{edge.admin}{page}", trust_env=False).status_code == httpx.codes.FORBIDDEN


def test_native_calls_are_tls_with_http2(edge: Edge, mesh_keys: Keys) -> None:
    """Plain text gets no answer; a client that trusts the local authority gets HTTP/2."""
    context = ssl.create_default_context(cafile=str(mesh_keys.ca))
    context.set_alpn_protocols(["http/1.1", "h2"])
    with (
        socket.create_connection(("127.0.0.1", edge.settings.grpc_port), timeout=5) as connection,
        context.wrap_socket(connection, server_hostname="localhost") as secure,
    ):
        assert secure.selected_alpn_protocol() == "h2"
        assert secure.version() == "TLSv1.3"
    with socket.create_connection(("127.0.0.1", edge.settings.grpc_port), timeout=5) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nhost: edge\r\n\r\n")
        assert plain.recv(4096) == b""
