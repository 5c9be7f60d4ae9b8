"""The edge serves what the contracts say, and nothing that they do not say enough about."""

from datetime import timedelta

import pytest
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2
from lensmesh.options.v1 import options_pb2

from gateway.contract import Binding, ContractError, Rpc, read_image, read_rpcs


def image_of(
    *, policy: options_pb2.Policy | None, path: str = "", package: str = "lensmesh.x.v1", **streaming: bool
) -> descriptor_pb2.FileDescriptorSet:
    """Describe one service with one method."""
    method = descriptor_pb2.MethodDescriptorProto(
        name="Do", input_type=f".{package}.DoRequest", output_type=f".{package}.DoResponse", **streaming
    )
    if policy is not None:
        method.options.Extensions[options_pb2.policy].CopyFrom(policy)
    if path:
        method.options.Extensions[annotations_pb2.http].get = path
    service = descriptor_pb2.ServiceDescriptorProto(name="XService", method=[method])
    return descriptor_pb2.FileDescriptorSet(
        file=[descriptor_pb2.FileDescriptorProto(name="x.proto", package=package, service=[service])]
    )


def policy(**said: object) -> options_pb2.Policy:
    """Say a policy."""
    return options_pb2.Policy(**said)  # type: ignore[arg-type]


def test_an_rpc_is_read_with_everything_the_edge_needs(rpcs: tuple[Rpc, ...]) -> None:
    """Service, path, REST binding, deadline: all from the image."""
    rpc = next(rpc for rpc in rpcs if rpc.method == "SubmitOrder")
    assert rpc.path == "/lensmesh.order.v1.OrderService/SubmitOrder"
    assert rpc.upstream == "order"
    assert rpc.bindings == (Binding("POST", "/v1/{name=practices/*/orders/*}:submit", "*"),)
    assert rpc.policy.deadline == timedelta(seconds=10)
    assert rpc.policy.roles == ("ROLE_OPTICIAN", "ROLE_PRACTICE_MANAGER")
    assert rpc.policy.admits_people


def test_an_rpc_for_services_admits_nobody(rpcs: tuple[Rpc, ...]) -> None:
    """CreateJob is between services."""
    rpc = next(rpc for rpc in rpcs if rpc.method == "CreateJob")
    assert rpc.policy.callers == ("order",)
    assert not rpc.policy.admits_people


def test_every_binding_of_an_rpc_is_read() -> None:
    """Additional bindings and custom verbs count as well."""
    files = image_of(policy=policy(public=True, deadline={"seconds": 1}), path="/v1/a")
    rule = files.file[0].service[0].method[0].options.Extensions[annotations_pb2.http]
    rule.additional_bindings.add(post="/v1/b", body="*")
    rule.additional_bindings.add(custom={"kind": "PURGE", "path": "/v1/c"})
    assert [(each.verb, each.template, each.body) for each in read_rpcs(files)[0].bindings] == [
        ("GET", "/v1/a", ""),
        ("POST", "/v1/b", "*"),
        ("PURGE", "/v1/c", ""),
    ]


def test_comments_are_left_out_of_the_image(files: descriptor_pb2.FileDescriptorSet) -> None:
    """Envoy reads none, and they are most of the bytes."""
    assert not any(file.HasField("source_code_info") for file in files.file)
    assert not read_image(b"").file


def test_services_of_others_are_not_ours_to_serve() -> None:
    """A third party's service in the image is no door."""
    assert read_rpcs(image_of(policy=None, package="grpc.health.v1")) == ()


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        (image_of(policy=None), r"XService/Do has no \(lensmesh.options.v1.policy\)"),
        (image_of(policy=policy(public=True)), "is unary and has no policy.deadline"),
        (
            image_of(policy=policy(deadline={"seconds": 1}), path="/v1/a", client_streaming=True),
            "a client cannot stream in REST",
        ),
    ],
    ids=["no policy", "no deadline", "client streams"],
)
def test_an_rpc_that_says_too_little_stops_the_build(files: descriptor_pb2.FileDescriptorSet, complaint: str) -> None:
    """What is forgotten in a contract never opens a door; the message says where."""
    with pytest.raises(ContractError, match=complaint):
        read_rpcs(files)
