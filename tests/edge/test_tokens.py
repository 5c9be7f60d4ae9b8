"""Nobody gets past the edge without a token that is meant for it, whichever door they take."""

import time
from collections.abc import Callable
from pathlib import Path

import grpc
import httpx
import pytest
from google.protobuf import descriptor_pb2
from lensmesh.options.v1 import options_pb2
from lensmesh.order.v1 import order_service_pb2, order_service_pb2_grpc

from gateway.settings import IMAGE
from runtime.keys import Keys
from tests.edge import envoy
from tests.edge.conftest import NewSettings, RunEdge
from tests.edge.replies import refused, refused_natively
from tests.edge.stand_in import ORDERS, StandIn
from tests.edge.tokens import Signer

PATH = "/v1/practices/seaview/orders/a1"

BAD_TOKENS: dict[str, tuple[Callable[[Signer], str], str]] = {
    "expired": (lambda signer: signer.token(expires_in=-120), "Jwt is expired."),
    "for somebody else": (lambda signer: signer.token(aud="elsewhere"), "Audiences in Jwt are not allowed."),
    "for nobody": (lambda signer: signer.token(aud=None), "Audiences in Jwt are not allowed."),
    "from somebody else": (lambda signer: signer.token(iss="elsewhere"), "Jwt issuer is not configured."),
    "without an end": (lambda signer: signer.token(exp=None), "Jwt "),
    "signed with an unknown key": (lambda _: Signer("other").token(), "Jwks doesn't have key"),
    "signed with an unknown key under a known name": (
        lambda signer: Signer(signer.key_id).token(),
        "Jwt verification fails.",
    ),
    "tampered with": (
        lambda signer: ".".join(
            (
                signer.token().split(".")[0],
                signer.token(practice="practices/other").split(".")[1],
                signer.token().split(".")[2],
            )
        ),
        "Jwt verification fails.",
    ),
    "unsigned": (
        lambda signer: f"eyJhbGciOiJub25lIn0.{signer.token().split('.')[1]}.",
        "Jwt ",
    ),
    "no token at all": (lambda _: "abc", "Jwt is not in the form of Header.Payload.Signature"),
}


@pytest.mark.parametrize("what", BAD_TOKENS)
def test_a_bad_token_is_refused_in_rest(anonymous: httpx.Client, services: StandIn, signer: Signer, what: str) -> None:
    """401 with the cause and the way out; no service is asked."""
    make, cause = BAD_TOKENS[what]
    answer = anonymous.get(PATH, headers={"authorization": f"Bearer {make(signer)}"})
    found = refused(answer)
    assert (found.status, found.code, found.reason) == (401, 16, "TOKEN_INVALID")
    assert found.message.startswith(cause)
    assert "authorization: Bearer <token>" in found.message
    assert not services.calls


def test_a_token_that_was_good_is_refused_once_it_has_expired(anonymous: httpx.Client, signer: Signer) -> None:
    """That its signature was verified before does not make it last; the edge's clock may be a minute behind."""
    headers = {"authorization": f"Bearer {signer.token(expires_in=-57)}"}
    assert anonymous.get(PATH, headers=headers).is_success
    give_up = time.monotonic() + 15
    while (answer := anonymous.get(PATH, headers=headers)).is_success:
        assert time.monotonic() < give_up, "it lasts for ever"
        time.sleep(0.2)
    assert refused(answer).message.startswith("Jwt is expired.")


@pytest.mark.parametrize("what", BAD_TOKENS)
def test_a_bad_token_is_refused_natively(native: grpc.Channel, services: StandIn, signer: Signer, what: str) -> None:
    """The same refusal in gRPC's words."""
    make, _ = BAD_TOKENS[what]
    stub = order_service_pb2_grpc.OrderServiceStub(native)
    with pytest.raises(grpc.RpcError) as error:
        stub.GetOrder(
            order_service_pb2.GetOrderRequest(), metadata=(("authorization", f"Bearer {make(signer)}"),), timeout=5
        )
    assert refused_natively(error.value) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")
    assert not services.calls


@pytest.mark.parametrize("path", [PATH, f"{PATH}:watch", "/v1/nothing", "/", f"{ORDERS}GetOrder"])
def test_without_a_token_nothing_is_told_apart(anonymous: httpx.Client, services: StandIn, path: str) -> None:
    """Also an unknown path is 401: who has not signed in does not learn what there is."""
    answer = anonymous.get(path)
    assert refused(answer).reason == "TOKEN_INVALID"
    assert answer.status_code == httpx.codes.UNAUTHORIZED
    assert answer.headers["www-authenticate"] == 'Bearer realm="lensmesh"'
    assert not services.calls


def test_without_a_token_a_native_call_is_refused(native: grpc.Channel, services: StandIn) -> None:
    """The native path is no way around the REST path's rule."""
    stub = order_service_pb2_grpc.OrderServiceStub(native)
    with pytest.raises(grpc.RpcError) as error:
        stub.GetOrder(order_service_pb2.GetOrderRequest(), timeout=5)
    assert refused_natively(error.value) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")
    assert not services.calls


def test_a_token_in_the_query_is_not_taken(anonymous: httpx.Client, services: StandIn, signer: Signer) -> None:
    """Addresses end up in logs and histories; tokens must not."""
    assert anonymous.get(PATH, params={"access_token": signer.token()}).status_code == httpx.codes.UNAUTHORIZED
    assert not services.calls


def test_the_services_get_the_token(rest: httpx.Client, services: StandIn) -> None:
    """They verify it again, and trust nothing else."""
    rest.get(PATH)
    assert services.calls[0].metadata["authorization"] == rest.headers["authorization"]


@pytest.mark.usefixtures("services")
def test_a_public_rpc_needs_no_token_and_opens_no_other(
    new_settings: NewSettings,
    run_edge: RunEdge,
    service_port: int,
    mesh_keys: Keys,
    tmp_path: Path,
) -> None:
    """`policy.public` opens one method on both ports; its neighbours under the same path stay closed."""
    image = tmp_path / "public.binpb"
    files = descriptor_pb2.FileDescriptorSet.FromString(IMAGE.read_bytes())
    for file in files.file:
        for method in (method for service in file.service for method in service.method if method.name == "GetOrder"):
            method.options.Extensions[options_pb2.policy].public = True
    image.write_bytes(files.SerializeToString())
    with run_edge(new_settings(service_port, image=image)) as edge, edge.client() as client:
        assert client.get(PATH).status_code == httpx.codes.OK
        assert client.patch(PATH, json={}).status_code == httpx.codes.UNAUTHORIZED
        assert client.get(f"{PATH}:watch").status_code == httpx.codes.UNAUTHORIZED
        with envoy.channel(edge.native, mesh_keys.ca) as channel:
            stub = order_service_pb2_grpc.OrderServiceStub(channel)
            stub.GetOrder(order_service_pb2.GetOrderRequest(), timeout=5)
            with pytest.raises(grpc.RpcError, match="UNAUTHENTICATED"):
                stub.ListOrders(order_service_pb2.ListOrdersRequest(), timeout=5)
