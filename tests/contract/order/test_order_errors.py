"""Each RPC's error table: what is refused, with which code, reason and field."""

import uuid
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from lensmesh.order.v1 import order_pb2
from lensmesh.order.v1 import order_service_pb2 as rpc

from tests.support.calls import bearer, refusal
from tests.support.orders import eye, makeable

DEMO = "practices/demo"
NOBODYS = f"{DEMO}/orders/{uuid.UUID(int=7)}"

Stub = Any


@pytest.fixture(scope="module")
def draft(grpc_stub: Stub, optician: str) -> order_pb2.Order:
    """A draft of the demo practice."""
    answer: order_pb2.Order = grpc_stub.CreateOrder(
        rpc.CreateOrderRequest(parent=DEMO, order=makeable()),
        metadata=bearer(optician),
    )
    return answer


def requests_on(name: str) -> list[tuple[str, Any]]:
    """Returns one well-formed request for each RPC on an order."""
    return [
        ("GetOrder", rpc.GetOrderRequest(name=name)),
        ("UpdateOrder", rpc.UpdateOrderRequest(order=order_pb2.Order(name=name, customer_reference="x"))),
        ("AddNote", rpc.AddNoteRequest(name=name, text="hello")),
        ("ValidateOrder", rpc.ValidateOrderRequest(name=name)),
        ("SubmitOrder", rpc.SubmitOrderRequest(name=name)),
        ("CancelOrder", rpc.CancelOrderRequest(name=name)),
        ("WatchOrder", rpc.WatchOrderRequest(name=name)),
    ]


def requests_on_practice(parent: str) -> list[tuple[str, Any]]:
    """Returns one well-formed request for each RPC on a practice's orders."""
    return [
        ("CreateOrder", rpc.CreateOrderRequest(parent=parent, order=makeable())),
        ("ImportOrder", rpc.ImportOrderRequest(parent=parent, file={"data": b"JOB=1\nSPH=1.00\n"})),
        ("ListOrders", rpc.ListOrdersRequest(parent=parent)),
        ("WatchOrders", rpc.WatchOrdersRequest(parent=parent)),
    ]


ALL = requests_on(NOBODYS) + requests_on_practice(DEMO)


def test_the_table_knows_every_rpc() -> None:
    """A new RPC cannot be forgotten here."""
    service = rpc.DESCRIPTOR.services_by_name["OrderService"]
    assert {method for method, _ in ALL} == {method.name for method in service.methods}


@pytest.mark.parametrize(("method", "request_"), ALL)
def test_without_a_token_nothing_is_done(grpc_stub: Stub, method: str, request_: Any) -> None:  # noqa: ANN401
    """Every RPC asks who calls."""
    refused = refusal(getattr(grpc_stub, method), request_, None)
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")
    assert "authorization" in refused.message


@pytest.mark.parametrize(("method", "request_"), ALL)
def test_an_expired_token_is_no_token(grpc_stub: Stub, keys: Any, method: str, request_: Any) -> None:  # noqa: ANN401
    """Every RPC refuses yesterday's token and says that it has expired."""
    expired = keys.token(roles=("optician",), practice=DEMO, ttl=timedelta(seconds=-5))
    refused = refusal(getattr(grpc_stub, method), request_, expired)
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")
    assert "expired" in refused.message


@pytest.mark.parametrize(("method", "request_"), ALL)
def test_the_labs_people_may_not(grpc_stub: Stub, operator: str, method: str, request_: Any) -> None:  # noqa: ANN401
    """Orders are the practice's."""
    refused = refusal(getattr(grpc_stub, method), request_, operator)
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED")


@pytest.mark.parametrize(("method", "request_"), ALL)
def test_no_service_may(grpc_stub: Stub, keys: Any, method: str, request_: Any) -> None:  # noqa: ANN401
    """Orders are made by people."""
    refused = refusal(getattr(grpc_stub, method), request_, keys.token(service="lims"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED")


@pytest.mark.parametrize("index", range(7))
def test_another_practices_order_does_not_exist(
    grpc_stub: Stub,
    stranger: str,
    draft: order_pb2.Order,
    index: int,
) -> None:
    """It is refused like one that never was, by every RPC on an order."""
    method, request = requests_on(draft.name)[index]
    refused = refusal(getattr(grpc_stub, method), request, stranger)
    assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")


@pytest.mark.parametrize("index", range(4))
def test_another_practice_does_not_exist(grpc_stub: Stub, stranger: str, index: int) -> None:
    """Nothing is created, imported, listed or watched for a foreign practice."""
    method, request = requests_on_practice(DEMO)[index]
    refused = refusal(getattr(grpc_stub, method), request, stranger)
    assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")


def test_naming_a_foreign_order_under_ones_own_practice_finds_nothing(
    grpc_stub: Stub,
    stranger: str,
    draft: order_pb2.Order,
) -> None:
    """The id of a foreign order does not help."""
    name = draft.name.replace("practices/demo", "practices/other")
    refused = refusal(grpc_stub.GetOrder, rpc.GetOrderRequest(name=name), stranger)
    assert refused.code == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(("method", "request_"), requests_on(NOBODYS))
def test_an_order_that_never_was_is_not_found(
    grpc_stub: Stub,
    optician: str,
    method: str,
    request_: Any,  # noqa: ANN401
) -> None:
    """Every RPC on an order says so."""
    refused = refusal(getattr(grpc_stub, method), request_, optician)
    assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")


INVALID = [
    ("CreateOrder", rpc.CreateOrderRequest(parent=DEMO), "order"),
    (
        "CreateOrder",
        rpc.CreateOrderRequest(parent=DEMO, order=makeable(prescription={"right": eye(axis=190)})),
        "order.prescription.right.axis",
    ),
    (
        "CreateOrder",
        rpc.CreateOrderRequest(parent=DEMO, order=makeable(prescription={"left": eye(sphere=1.005)})),
        "order.prescription.left.sphere",
    ),
    (
        "CreateOrder",
        rpc.CreateOrderRequest(parent=DEMO, order=makeable(prescription={"left": eye(sphere=float("nan"))})),
        "order.prescription.left.sphere",
    ),
    (
        "CreateOrder",
        rpc.CreateOrderRequest(parent=DEMO, order=makeable(frame={"a": float("inf")})),
        "order.frame.a",
    ),
    (
        "CreateOrder",
        rpc.CreateOrderRequest(parent=DEMO, order=makeable(frame={"trace": {"right": {"radii": [2500] * 5}}})),
        "order.frame.trace.right.radii",
    ),
    ("CreateOrder", rpc.CreateOrderRequest(parent=DEMO, order=makeable(), request_id="seven"), "request_id"),
    ("ListOrders", rpc.ListOrdersRequest(parent=DEMO, page_size=-1), "page_size"),
    ("ListOrders", rpc.ListOrdersRequest(parent=DEMO, states=[0]), "states[0]"),
    ("AddNote", rpc.AddNoteRequest(name=NOBODYS), "text"),
    ("AddNote", rpc.AddNoteRequest(name=NOBODYS, text="x" * 2001), "text"),
    ("AddNote", rpc.AddNoteRequest(name=NOBODYS, text="a\0b"), "text"),
    (
        "CreateOrder",
        rpc.CreateOrderRequest(parent=DEMO, order=makeable(customer_reference="T\0")),
        "order.customer_reference",
    ),
    ("GetOrder", rpc.GetOrderRequest(name=f"{DEMO}/orders/1"), "name"),
    ("WatchOrders", rpc.WatchOrdersRequest(parent=DEMO, cursor="x" * 200), "cursor"),
]


@pytest.mark.parametrize(("method", "request_", "field"), INVALID)
def test_a_field_that_breaks_its_contract_is_named(
    grpc_stub: Stub,
    optician: str,
    method: str,
    request_: Any,  # noqa: ANN401
    field: str,
) -> None:
    """Bounds, lattice, NaN, infinity, lengths, patterns: refused at the field."""
    refused = refusal(getattr(grpc_stub, method), request_, optician)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    assert field in refused.fields
    assert field in refused.message


def test_a_mask_that_names_the_services_fields_is_refused(
    grpc_stub: Stub,
    optician: str,
    draft: order_pb2.Order,
) -> None:
    """Nobody ships an order by a patch."""
    request = rpc.UpdateOrderRequest(
        order=order_pb2.Order(name=draft.name, state=order_pb2.Order.STATE_SHIPPED),
        update_mask=FieldMask(paths=["state"]),
    )
    refused = refusal(grpc_stub.UpdateOrder, request, optician)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")


def test_a_lab_the_mesh_does_not_know_is_refused(grpc_stub: Stub, optician: str) -> None:
    """An order names its lab, and the lab must be there."""
    request = rpc.CreateOrderRequest(parent=DEMO, order=makeable(lab="labs/nowhere"))
    refused = refusal(grpc_stub.CreateOrder, request, optician)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "LAB_UNKNOWN")


@pytest.mark.parametrize("method", ["UpdateOrder", "SubmitOrder", "CancelOrder"])
def test_an_old_etag_is_refused(grpc_stub: Stub, optician: str, draft: order_pb2.Order, method: str) -> None:
    """Somebody else's change is not lost."""
    requests = {
        "UpdateOrder": rpc.UpdateOrderRequest(order=order_pb2.Order(name=draft.name, etag="v0")),
        "SubmitOrder": rpc.SubmitOrderRequest(name=draft.name, etag="v0"),
        "CancelOrder": rpc.CancelOrderRequest(name=draft.name, etag="v0"),
    }
    refused = refusal(getattr(grpc_stub, method), requests[method], optician)
    assert (refused.code, refused.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")


def test_a_request_id_belongs_to_one_body(grpc_stub: Stub, optician: str) -> None:
    """The same id with another body is refused, and nothing is made."""
    identifier = str(uuid.uuid4())
    first = rpc.CreateOrderRequest(parent=DEMO, order=makeable(), request_id=identifier)
    grpc_stub.CreateOrder(first, metadata=bearer(optician))
    other = rpc.CreateOrderRequest(parent=DEMO, order=makeable(customer_reference="other"), request_id=identifier)
    refused = refusal(grpc_stub.CreateOrder, other, optician)
    assert (refused.code, refused.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")


def test_a_page_token_fits_only_its_own_list(grpc_stub: Stub, optician: str, draft: order_pb2.Order) -> None:
    """A token of another filter, or an invented one, is refused."""
    assert draft.name
    grpc_stub.CreateOrder(rpc.CreateOrderRequest(parent=DEMO, order=makeable()), metadata=bearer(optician))
    page = grpc_stub.ListOrders(rpc.ListOrdersRequest(parent=DEMO, page_size=1), metadata=bearer(optician))
    assert page.next_page_token
    for request in (
        rpc.ListOrdersRequest(parent=DEMO, page_token=page.next_page_token, states=[order_pb2.Order.STATE_DRAFT]),
        rpc.ListOrdersRequest(parent=DEMO, page_token="invented"),
        rpc.ListOrdersRequest(parent=DEMO, page_token="🙂"),
    ):
        refused = refusal(grpc_stub.ListOrders, request, optician)
        assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


@pytest.mark.parametrize(
    ("cursor", "code", "reason"),
    [
        ("hello", grpc.StatusCode.INVALID_ARGUMENT, "CURSOR_INVALID"),
        ("12", grpc.StatusCode.INVALID_ARGUMENT, "CURSOR_INVALID"),
        ("-5-3", grpc.StatusCode.INVALID_ARGUMENT, "CURSOR_INVALID"),
        ("7fffffffffff-1", grpc.StatusCode.OUT_OF_RANGE, "CURSOR_EXPIRED"),
    ],
)
def test_a_cursor_we_never_gave_out_is_refused(
    grpc_stub: Stub,
    optician: str,
    draft: order_pb2.Order,
    cursor: str,
    code: grpc.StatusCode,
    reason: str,
) -> None:
    """By both watches, before their first message."""
    for method, request in (
        (grpc_stub.WatchOrder, rpc.WatchOrderRequest(name=draft.name, cursor=cursor)),
        (grpc_stub.WatchOrders, rpc.WatchOrdersRequest(parent=DEMO, cursor=cursor)),
    ):
        refused = refusal(method, request, optician)
        assert (refused.code, refused.reason) == (code, reason)


@pytest.mark.parametrize("data", [b"", b"\0" * 64, b"\x89PNG\r\n", b"A" * 200_000, b"\x1cREQ=FIL\r\n"])
def test_a_file_that_is_no_lab_file_is_refused(grpc_stub: Stub, optician: str, data: bytes) -> None:
    """Empty, NUL, binary, one endless line, a truncated packet: a sentence, and no order."""
    request = rpc.ImportOrderRequest(parent=DEMO, file={"data": data, "content_type": "application/octet-stream"})
    refused = refusal(grpc_stub.ImportOrder, request, optician)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FILE_UNREADABLE")


def test_a_frame_record_is_refused_by_what_it_lacks(grpc_stub: Stub, optician: str) -> None:
    """The sentence names the missing label."""
    request = rpc.ImportOrderRequest(parent=DEMO, file={"data": b"REQ=FRM\nHBOX=52.00;52.00\nDBL=18.00\n"})
    refused = refusal(grpc_stub.ImportOrder, request, optician)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FILE_INCOMPLETE")
    assert "SPH" in refused.message


def test_a_choice_that_is_not_in_the_catalog_is_refused(grpc_stub: Stub, optician: str) -> None:
    """With the nearest entries."""
    request = rpc.ImportOrderRequest(parent=DEMO, file={"data": b"JOB=1\nSPH=-1.00;-1.00\n"}, design="confort-pal")
    refused = refusal(grpc_stub.ImportOrder, request, optician)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "CATALOG_ENTRY_UNKNOWN")
    assert "comfort-pal" in refused.message
