"""Watches are server-sent events that arrive as they happen and stay open while somebody listens."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import pytest
from google.rpc import error_details_pb2, status_pb2
from lensmesh.lims.v1 import catalog_pb2, lims_service_pb2
from lensmesh.order.v1 import order_pb2, order_service_pb2, order_service_pb2_grpc
from lensmesh.type.v1 import stream_pb2

from tests.edge.conftest import NewSettings, RunEdge
from tests.edge.envoy import until
from tests.edge.replies import events, refused
from tests.edge.stand_in import ORDERS, StandIn, paced, refusing
from tests.edge.tokens import Signer

PATH = "/v1/practices/seaview/orders/a1:watch"
WATCH = f"{ORDERS}WatchOrder"
INFO = error_details_pb2.ErrorInfo(reason="CURSOR_EXPIRED", domain="lensmesh")

Response = order_service_pb2.WatchOrderResponse
UPDATE = Response(cursor="1", update=order_pb2.OrderUpdate(order="o", sequence=1, state=order_pb2.Order.STATE_DRAFT))
HEARTBEAT = Response(cursor="1", heartbeat=stream_pb2.Heartbeat())
END = Response(cursor="1", end=stream_pb2.End(reason=stream_pb2.End.REASON_COMPLETE))


def test_an_event_arrives_while_the_stream_stays_open(rest: httpx.Client, services: StandIn) -> None:
    """Nothing between service and browser holds an event back."""
    second = threading.Event()

    def answer(_request: object, _context: object) -> Iterator[Any]:
        yield UPDATE
        assert second.wait(10)
        yield END

    services.answers[WATCH] = answer
    begun = time.monotonic()
    with rest.stream("GET", PATH) as stream:
        lines = stream.iter_lines()
        first = next(lines)
        assert time.monotonic() - begun < 1
        assert stream.headers["content-type"] == "text/event-stream"
        assert stream.headers["cache-control"] == "no-store"
        assert first.startswith("data: ")
        assert json.loads(first.removeprefix("data: "))["update"]["state"] == "STATE_DRAFT"
        second.set()
        assert [json.loads(line.removeprefix("data: ")) for line in lines if line] == [
            {"cursor": "1", "end": {"reason": "REASON_COMPLETE"}}
        ]


@pytest.mark.parametrize(
    ("query", "cursor"), [("cursor=17", "17"), ("cursor=a%2Bb%3D", "a+b="), ("cursor=a+b", "a b"), ("", "")]
)
def test_the_cursor_of_the_query_reaches_the_service(
    rest: httpx.Client, services: StandIn, query: str, cursor: str
) -> None:
    """Resuming is a query parameter: a browser's fetch cannot do better, and EventSource neither."""
    assert rest.get(f"{PATH}?{query}").status_code == httpx.codes.OK
    assert services.calls[0].request.cursor == cursor


def test_the_catalog_is_watched_as_orders_are(rest: httpx.Client, services: StandIn) -> None:
    """Each revision is an event, and its cursor resumes after it."""
    revision = catalog_pb2.CatalogRevision(number=7, digest="ab")
    told = lims_service_pb2.WatchCatalogResponse(cursor="3f-7", update=revision)
    services.answers["/lensmesh.lims.v1.LimsService/WatchCatalog"] = lambda _request, _context: iter([told])
    answer = rest.get("/v1/lims/catalog:watch?cursor=3f-6")
    assert answer.headers["content-type"] == "text/event-stream"
    assert events(answer.text) == [{"cursor": "3f-7", "update": {"number": "7", "digest": "ab"}}]
    assert services.calls[0].request.cursor == "3f-6"


def test_a_watch_that_is_refused_is_an_ordinary_error(rest: httpx.Client, services: StandIn) -> None:
    """Before the first event there is still a status to say it with."""
    services.answers[WATCH] = refusing(grpc.StatusCode.OUT_OF_RANGE, "Watch without a cursor.", INFO)
    found = refused(rest.get(PATH))
    assert (found.status, found.code, found.reason) == (400, 11, "CURSOR_EXPIRED")


def test_an_error_in_the_stream_is_an_event_with_its_details(rest: httpx.Client, services: StandIn) -> None:
    """After the first event the status is gone, so the contract carries the error itself."""
    error = status_pb2.Status(code=14, message="The lab cannot be reached.")
    error.details.add().Pack(INFO)
    services.answers[WATCH] = lambda _request, _context: iter([UPDATE, Response(error=error)])
    answer = rest.get(PATH)
    assert answer.status_code == httpx.codes.OK
    last = events(answer.text)[-1]["error"]
    assert (last["code"], last["message"]) == (14, "The lab cannot be reached.")
    assert last["details"][0]["reason"] == "CURSOR_EXPIRED"


def test_a_failure_after_the_first_event_only_stops_the_stream(rest: httpx.Client, services: StandIn) -> None:
    """Why the contract has `end` and `error`: a stream without either was cut, whatever its status says."""

    def answer(_request: object, context: grpc.ServicerContext) -> Iterator[Any]:
        yield UPDATE
        context.abort(grpc.StatusCode.UNAVAILABLE, "gone")

    services.answers[WATCH] = answer
    received = rest.get(PATH)
    assert received.status_code == httpx.codes.OK
    assert [set(event) for event in events(received.text)] == [{"cursor", "update"}]


def test_a_client_that_leaves_ends_the_stream_at_the_service(rest: httpx.Client, services: StandIn) -> None:
    """A closed tab does not leave a watch behind."""
    gone = threading.Event()

    def answer(_request: object, context: grpc.ServicerContext) -> Iterator[Any]:
        context.add_callback(gone.set)
        yield UPDATE
        gone.wait(20)

    services.answers[WATCH] = answer
    with rest.stream("GET", PATH) as stream:
        next(stream.iter_lines())
    assert gone.wait(5)


def test_a_native_watch_streams_as_well(
    native: grpc.Channel, services: StandIn, signed_in: tuple[tuple[str, str], ...]
) -> None:
    """The TLS port carries streams as they are."""
    services.answers[WATCH] = lambda _request, _context: iter([UPDATE, END])
    stub = order_service_pb2_grpc.OrderServiceStub(native)
    received = list(stub.WatchOrder(order_service_pb2.WatchOrderRequest(), metadata=signed_in, timeout=5))
    assert received == [UPDATE, END]


def test_a_quiet_stream_outlives_every_timeout_of_unary_calls(rest: httpx.Client, services: StandIn) -> None:
    """20 s of heartbeats: Envoy would cut a stream at 15 s, unless told otherwise."""
    services.answers[WATCH] = paced([HEARTBEAT] * 4, seconds=5)
    received = events(rest.get(PATH, timeout=30).text)
    assert len(received) == 4


def test_a_stream_without_heartbeats_is_cut_visibly(
    new_settings: NewSettings, run_edge: RunEdge, signer: Signer, service_port: int, services: StandIn
) -> None:
    """A dead service does not hold a browser forever; the cut is no clean end."""

    def hasten(bootstrap: dict[str, Any]) -> None:
        for listener in bootstrap["static_resources"]["listeners"]:
            manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
            for route in manager["route_config"]["virtual_hosts"][0]["routes"]:
                if "idle_timeout" in route.get("route", {}):
                    route["route"]["idle_timeout"] = "0.5s"

    services.answers[WATCH] = paced([UPDATE], seconds=20)
    with run_edge(new_settings(service_port), hasten) as edge, edge.client(signer.token()) as client:
        with client.stream("GET", PATH) as stream, pytest.raises(httpx.RemoteProtocolError):
            list(stream.iter_lines())
        until(lambda: any(line["flags"] == "SI" for line in edge.log()))
