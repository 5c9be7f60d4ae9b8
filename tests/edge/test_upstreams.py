"""Services come and go; the edge says so in the one shape and finds them again by itself."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import httpx
import pytest
from lensmesh.order.v1 import order_service_pb2, order_service_pb2_grpc

from runtime.keys import Keys
from runtime.ports import free_port
from tests.edge import envoy, stand_in
from tests.edge.conftest import NewSettings, RunEdge
from tests.edge.envoy import until
from tests.edge.replies import refused, refused_natively
from tests.edge.stand_in import ORDERS, Health, StandIn, never, paced
from tests.edge.tokens import Signer

PATH = "/v1/practices/seaview/orders/a1"
UNREACHABLE = (503, 14, "UNAVAILABLE")


def test_a_service_is_missed_and_found_again(
    new_settings: NewSettings, run_edge: RunEdge, signer: Signer, mesh_keys: Keys
) -> None:
    """Not there: 503, with when to try again. There, draining, there again: followed within about a second."""
    port = free_port()
    with run_edge(new_settings(port)) as edge, edge.client(signer.token()) as client:
        answer = client.get(PATH)
        found = refused(answer)
        assert (found.status, found.code, found.reason) == UNREACHABLE
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["details"][1] == {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}
        assert "127.0.0.1" not in found.message
        metadata = (("authorization", f"Bearer {signer.token()}"),)
        with envoy.channel(edge.native, mesh_keys.ca) as channel:
            stub = order_service_pb2_grpc.OrderServiceStub(channel)
            with pytest.raises(grpc.RpcError) as error:
                stub.GetOrder(order_service_pb2.GetOrderRequest(), metadata=metadata, timeout=5)
        assert refused_natively(error.value) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")

        with stand_in.serving(port) as services:
            until(lambda: client.get(PATH).status_code == httpx.codes.OK, seconds=2)
            services.says(Health.NOT_SERVING)
            until(lambda: client.get(PATH).status_code == httpx.codes.SERVICE_UNAVAILABLE, seconds=4)
            services.says(Health.SERVING)
            until(lambda: client.get(PATH).status_code == httpx.codes.OK, seconds=2)
        assert client.get(PATH).status_code == httpx.codes.SERVICE_UNAVAILABLE
        with stand_in.serving(port):
            until(lambda: client.get(PATH).status_code == httpx.codes.OK, seconds=2)


def test_a_service_that_does_not_answer_in_time_is_given_up(rest: httpx.Client, services: StandIn) -> None:
    """504 a little after the deadline of the contract, which a healthy service keeps itself."""
    services.answers[f"{ORDERS}GetOrder"] = never()
    answer = rest.get(PATH)
    found = refused(answer)
    assert (found.status, found.code, found.reason) == (504, 4, "DEADLINE_EXCEEDED")
    assert 2 < answer.elapsed.total_seconds() < 5


def test_a_native_call_is_given_up_as_well(
    native: grpc.Channel, services: StandIn, signed_in: tuple[tuple[str, str], ...]
) -> None:
    """A native caller without a deadline of its own gets the contract's."""
    services.answers[f"{ORDERS}GetOrder"] = never()
    stub = order_service_pb2_grpc.OrderServiceStub(native)
    with pytest.raises(grpc.RpcError) as error:
        stub.GetOrder(order_service_pb2.GetOrderRequest(), metadata=signed_in)
    assert refused_natively(error.value) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")


def test_calls_are_shared_among_the_replicas(new_settings: NewSettings, run_edge: RunEdge, signer: Signer) -> None:
    """One after the other, and the one that is left takes all."""
    first_port, second_port = free_port(), free_port()
    with (
        stand_in.serving(first_port) as first,
        stand_in.serving(second_port) as second,
        run_edge(new_settings(first_port, second_port)) as edge,
        edge.client(signer.token()) as client,
    ):
        for _ in range(10):
            assert client.get(PATH).status_code == httpx.codes.OK
        assert (len(first.calls), len(second.calls)) == (5, 5)
        second.says(Health.NOT_SERVING)
        until(lambda: _all_land_on(first, client), seconds=4)


def _all_land_on(replica: StandIn, client: httpx.Client) -> bool:
    replica.calls.clear()
    answers = [client.get(PATH) for _ in range(6)]
    return all(answer.is_success for answer in answers) and len(replica.calls) == len(answers)


def test_too_many_calls_at_once_are_refused(
    new_settings: NewSettings, run_edge: RunEdge, signer: Signer, service_port: int, services: StandIn
) -> None:
    """429 with when to try again, while what is under way goes on; watches are counted apart."""

    def narrow(bootstrap: dict[str, Any]) -> None:
        for cluster in bootstrap["static_resources"]["clusters"]:
            for threshold in cluster.get("circuit_breakers", {}).get("thresholds", []):
                threshold["max_requests"] = 1

    services.answers[f"{ORDERS}WatchOrder"] = paced([order_service_pb2.WatchOrderResponse(cursor="1")], seconds=20)
    services.answers[f"{ORDERS}GetOrder"] = never()
    with (
        run_edge(new_settings(service_port), narrow) as edge,
        edge.client(signer.token()) as client,
        client.stream("GET", f"{PATH}:watch") as stream,
        ThreadPoolExecutor(1) as aside,
    ):
        lines = stream.iter_lines()  # kept: the stream ends with it
        next(lines)
        slow = aside.submit(client.get, PATH)
        until(lambda: any(call.path.endswith("GetOrder") for call in services.calls))
        for more in (PATH, f"{PATH}:watch"):
            answer = client.get(more)
            found = refused(answer)
            assert (found.status, found.code, found.reason) == (429, 8, "OVERLOADED")
            assert answer.headers["retry-after"] == "1"
        assert slow.result().status_code == httpx.codes.GATEWAY_TIMEOUT


def test_connections_beyond_the_limit_are_closed(
    new_settings: NewSettings, run_edge: RunEdge, signer: Signer, service_port: int, services: StandIn
) -> None:
    """The edge keeps serving whom it has, and runs out of nothing."""
    with (
        run_edge(new_settings(service_port, max_connections=1)) as edge,
        edge.client(signer.token()) as client,
        edge.client(signer.token()) as late,
    ):
        assert client.get(PATH).status_code == httpx.codes.OK
        with pytest.raises(httpx.TransportError):
            late.get(PATH)
        assert client.get(PATH).status_code == httpx.codes.OK
        assert len(services.calls) == 2
