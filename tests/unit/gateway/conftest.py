"""The contracts as they are, for the renderer's unit tests."""

from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from gateway.contract import Rpc, read_image, read_rpcs
from gateway.settings import IMAGE, EdgeSettings


@pytest.fixture(scope="session")
def files() -> descriptor_pb2.FileDescriptorSet:
    """The files of the image."""
    return read_image(IMAGE.read_bytes())


@pytest.fixture(scope="session")
def rpcs(files: descriptor_pb2.FileDescriptorSet) -> tuple[Rpc, ...]:
    """Every RPC of the image."""
    return read_rpcs(files)


@pytest.fixture
def settings(rpcs: tuple[Rpc, ...]) -> EdgeSettings:
    """Settings of an edge that is rendered and never run."""
    return EdgeSettings(
        http_port=8080,
        grpc_port=8443,
        admin_port=9901,
        jwks='{"keys": []}',
        certificate=Path("edge.pem"),
        private_key=Path("edge.key"),
        upstreams={rpc.upstream: ("127.0.0.1", 50051) for rpc in rpcs},
    )
