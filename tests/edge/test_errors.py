"""A service's error reaches the client with all it says."""

import grpc
import httpx
import pytest
from google.protobuf import duration_pb2, message
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from lensmesh.order.v1 import order_service_pb2, order_service_pb2_grpc
from lensmesh.type.v1 import violation_pb2

from tests.edge.replies import refused
from tests.edge.stand_in import ORDERS, StandIn, refusing

PATH = "/v1/practices/seaview/orders/a1"
INFO = error_details_pb2.ErrorInfo(reason="NOT_MAKEABLE", domain="lensmesh", metadata={"state": "STATE_DRAFT"})

STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}

_field = error_details_pb2.BadRequest.FieldViolation(field="order.lab", description="no such lab", reason="PATTERN")
_precondition = error_details_pb2.PreconditionFailure.Violation(
    type="STATE", subject="orders/a1", description="shipped"
)
_violation = violation_pb2.Violation(
    code="ADD_MISSING",
    severity=violation_pb2.SEVERITY_ERROR,
    field="prescription.right.add",
    message="A progressive lens needs an add.",
    alternatives=["sv"],
    rule="add-of-progressive",
)

DETAILS: dict[str, tuple[message.Message, dict[str, object]]] = {
    "google.rpc.BadRequest": (
        error_details_pb2.BadRequest(field_violations=[_field]),
        {"fieldViolations": [{"field": "order.lab", "description": "no such lab", "reason": "PATTERN"}]},
    ),
    "google.rpc.PreconditionFailure": (
        error_details_pb2.PreconditionFailure(violations=[_precondition]),
        {"violations": [{"type": "STATE", "subject": "orders/a1", "description": "shipped"}]},
    ),
    "google.rpc.RetryInfo": (
        error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=2)),
        {"retryDelay": "2s"},
    ),
    "lensmesh.type.v1.Violations": (
        violation_pb2.Violations(violations=[_violation]),
        {
            "violations": [
                {
                    "code": "ADD_MISSING",
                    "severity": "SEVERITY_ERROR",
                    "field": "prescription.right.add",
                    "message": "A progressive lens needs an add.",
                    "alternatives": ["sv"],
                    "rule": "add-of-progressive",
                }
            ]
        },
    ),
}


@pytest.mark.parametrize("code", STATUS)
def test_every_code_has_its_http_status(rest: httpx.Client, services: StandIn, code: grpc.StatusCode) -> None:
    """Code, reason and sentence are the service's own, not the edge's."""
    services.answers[f"{ORDERS}GetOrder"] = refusing(code, "A sentence.", INFO)
    found = refused(rest.get(PATH))
    assert (found.status, found.code) == (STATUS[code], code.value[0])
    assert (found.reason, found.message) == ("NOT_MAKEABLE", "A sentence.")


@pytest.mark.parametrize("name", DETAILS)
def test_every_kind_of_detail_is_rendered(rest: httpx.Client, services: StandIn, name: str) -> None:
    """A kind that the image did not know would cost the whole error, sentence and all."""
    detail, rendered = DETAILS[name]
    services.answers[f"{ORDERS}GetOrder"] = refusing(grpc.StatusCode.FAILED_PRECONDITION, "A sentence.", INFO, detail)
    details = rest.get(PATH).json()["details"]
    assert details[0]["metadata"] == {"state": "STATE_DRAFT"}
    assert details[1] == {"@type": f"type.googleapis.com/{name}", **rendered}


def test_a_sentence_keeps_its_letters(rest: httpx.Client, services: StandIn) -> None:
    """Quotes, signs and accents survive headers and JSON."""
    sentence = 'Sphère “+2.25” is 50 % over; see "lens.design"\n(%REQ(authorization)%)'
    services.answers[f"{ORDERS}GetOrder"] = refusing(grpc.StatusCode.INVALID_ARGUMENT, sentence, INFO)
    assert refused(rest.get(PATH)).message == sentence


def test_a_long_list_of_violations_arrives_whole(rest: httpx.Client, services: StandIn) -> None:
    """Details travel in a header on the way to the edge; 40 KiB of them are no problem in REST."""
    violations = violation_pb2.Violations(violations=[violation_pb2.Violation(message="m" * 1000)] * 40)
    services.answers[f"{ORDERS}GetOrder"] = refusing(
        grpc.StatusCode.FAILED_PRECONDITION, "A sentence.", INFO, violations
    )
    assert len(rest.get(PATH).json()["details"][1]["violations"]) == 40


def test_an_error_without_details_keeps_its_shape(rest: httpx.Client, services: StandIn) -> None:
    """Whoever reads `details` finds a list."""
    services.answers[f"{ORDERS}GetOrder"] = refusing(grpc.StatusCode.NOT_FOUND, "No such order.")
    answer = rest.get(PATH)
    assert (answer.status_code, answer.json()) == (404, {"code": 5, "message": "No such order.", "details": []})


def test_a_call_that_its_service_left_can_be_asked_again(rest: httpx.Client, services: StandIn) -> None:
    """The client did not cancel it, so it is not told that it did."""
    services.answers[f"{ORDERS}GetOrder"] = refusing(grpc.StatusCode.CANCELLED, "")
    found = refused(rest.get(PATH))
    assert (found.status, found.code, found.reason) == (503, 14, "UNAVAILABLE")
    assert "repeat it with the same id" in found.message


def test_a_native_client_gets_the_details_untouched(
    native: grpc.Channel, services: StandIn, signed_in: tuple[tuple[str, str], ...]
) -> None:
    """The edge adds nothing to a service's own error."""
    details = [INFO, *(detail for detail, _ in DETAILS.values())]
    services.answers[f"{ORDERS}GetOrder"] = refusing(grpc.StatusCode.FAILED_PRECONDITION, "A sentence.", *details)
    stub = order_service_pb2_grpc.OrderServiceStub(native)
    with pytest.raises(grpc.RpcError) as error:
        stub.GetOrder(order_service_pb2.GetOrderRequest(), metadata=signed_in, timeout=5)
    status = rpc_status.from_call(error.value)
    assert status is not None
    assert status.message == "A sentence."
    assert [each.TypeName() for each in status.details] == ["google.rpc.ErrorInfo", *DETAILS]
