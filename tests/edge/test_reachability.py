"""What is reachable, and what is not: generated over every RPC of the contracts."""

import re

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.contract import Binding, Rpc
from tests.edge.envoy import Edge
from tests.edge.replies import Refused, refused, refused_natively
from tests.edge.stand_in import RPCS, StandIn, message_class

BINDINGS = [(rpc, binding) for rpc in RPCS for binding in rpc.bindings]
NOT_IN_REST = [rpc for rpc in RPCS if not rpc.bindings]
FOR_PEOPLE = [rpc for rpc in RPCS if rpc.policy.admits_people]
FOR_SERVICES = [rpc for rpc in RPCS if not rpc.policy.admits_people]

_VARIABLE = re.compile(r"\{(?P<field>[\w.]+)=(?P<pattern>[^}]+)\}")

Metadata = tuple[tuple[str, str], ...]


def name(value: object) -> str | None:
    """Name a case by its RPC."""
    match value:
        case Rpc():
            return value.path
        case Binding():
            return value.verb
        case _:
            return None


def concrete(binding: Binding) -> tuple[str, dict[str, str]]:
    """Fill a path template: the path, and the request fields it stands for."""
    fields = {found["field"]: found["pattern"].replace("*", "a1") for found in _VARIABLE.finditer(binding.template)}
    return _VARIABLE.sub(lambda found: fields[found["field"]], binding.template), fields


def call(channel: grpc.Channel, rpc: Rpc, metadata: Metadata) -> None:
    """Call an RPC natively with an empty request, and read what comes."""
    kind = channel.unary_stream if rpc.server_streaming else channel.unary_unary
    method = kind(
        rpc.path,
        request_serializer=message_class(rpc.request).SerializeToString,
        response_deserializer=message_class(rpc.response).FromString,
    )
    answer = method(message_class(rpc.request)(), metadata=metadata, timeout=5)
    if rpc.server_streaming:
        list(answer)


@pytest.mark.parametrize(("rpc", "binding"), BINDINGS, ids=name)
def test_every_annotated_rpc_is_reachable_by_its_rest_path(
    rest: httpx.Client, services: StandIn, rpc: Rpc, binding: Binding
) -> None:
    """The RPC is called, and the path's variables arrive in its request."""
    path, fields = concrete(binding)
    answer = rest.request(binding.verb, path, content="{}" if binding.body else None)
    assert answer.status_code == httpx.codes.OK, answer.text
    assert [seen.path for seen in services.calls] == [rpc.path]
    for field, value in fields.items():
        found = services.calls[0].request
        for step in field.split("."):
            found = getattr(found, step)
        assert found == value


@pytest.mark.parametrize("rpc", RPCS, ids=name)
def test_no_rpc_is_reachable_natively_on_the_rest_port(
    edge: Edge, services: StandIn, signed_in: Metadata, rpc: Rpc
) -> None:
    """A gRPC client that calls 8080 is told so in gRPC; no service is asked."""
    with grpc.insecure_channel(f"127.0.0.1:{edge.settings.http_port}") as plain, pytest.raises(grpc.RpcError) as error:
        call(plain, rpc, signed_in)
    assert refused_natively(error.value) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_ROUTE")
    assert not services.calls


@pytest.mark.parametrize("rpc", RPCS, ids=name)
def test_no_rpc_is_reachable_by_json_to_its_grpc_path(rest: httpx.Client, services: StandIn, rpc: Rpc) -> None:
    """The transcoder's own path for every method stays closed."""
    answer = rest.post(rpc.path, json={})
    assert refused(answer).reason == "UNKNOWN_ROUTE"
    assert answer.status_code == httpx.codes.NOT_FOUND
    assert not services.calls


@pytest.mark.parametrize("content_type", ["application/grpc", "application/grpc+json", "application/grpc-web"])
def test_a_native_call_to_a_rest_path_reaches_no_service(
    rest: httpx.Client, services: StandIn, content_type: str
) -> None:
    """The transcoder lets gRPC pass untouched; the edge does not."""
    rest.post("/v1/practices/seaview/orders", content=b"\0\0\0\0\0", headers={"content-type": content_type})
    assert not services.calls


@pytest.mark.parametrize("rpc", FOR_PEOPLE, ids=name)
def test_every_rpc_for_people_is_reachable_natively(
    native: grpc.Channel, services: StandIn, signed_in: Metadata, rpc: Rpc
) -> None:
    """The TLS port serves it, whether or not it has a REST path."""
    call(native, rpc, signed_in)
    assert [seen.path for seen in services.calls] == [rpc.path]


@pytest.mark.parametrize("rpc", FOR_SERVICES, ids=name)
def test_no_rpc_for_services_only_is_reachable_from_outside(
    native: grpc.Channel, services: StandIn, signed_in: Metadata, rpc: Rpc
) -> None:
    """CreateJob and its like do not exist at the edge, not even with a token."""
    with pytest.raises(grpc.RpcError) as error:
        call(native, rpc, signed_in)
    assert refused_natively(error.value) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_ROUTE")
    assert not services.calls


def test_health_of_the_services_is_not_served_outside(native: grpc.Channel, signed_in: Metadata) -> None:
    """Infrastructure RPCs are in no contract, so they are nowhere."""
    with pytest.raises(grpc.RpcError) as error:
        health_pb2_grpc.HealthStub(native).Check(health_pb2.HealthCheckRequest(), metadata=signed_in, timeout=5)
    assert refused_natively(error.value) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_ROUTE")


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/nothing", "/v1/practices/p/orders/o:nope", "/v1/practices/p/orders/"]
)
def test_an_unknown_path_is_refused(rest: httpx.Client, services: StandIn, path: str) -> None:
    """Whatever is not in the contracts is 404, in the one shape."""
    assert refused(rest.get(path)) == Refused(
        404, 5, "UNKNOWN_ROUTE", "Nothing is served at this path; check it in the API reference."
    )
    assert not services.calls


@pytest.mark.parametrize("verb", ["DELETE", "PUT", "POST", "OPTIONS", "TRACE"])
def test_a_wrong_verb_is_refused_with_the_right_ones(rest: httpx.Client, services: StandIn, verb: str) -> None:
    """405 says in `allow` and in words what the path takes."""
    answer = rest.request(verb, "/v1/practices/seaview/orders/a1")
    assert refused(answer) == Refused(405, 3, "UNKNOWN_ROUTE", "This path takes GET, PATCH only.")
    assert answer.headers["allow"] == "GET, PATCH"
    assert not services.calls


def test_head_is_refused_like_any_other_verb(rest: httpx.Client) -> None:
    """HEAD has no body to tell it in, but the status and `allow` do."""
    answer = rest.head("/v1/practices/seaview/orders/a1")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, PATCH")
