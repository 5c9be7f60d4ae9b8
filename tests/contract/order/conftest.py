"""The real order service over a real LIMS, through pytest-grpc's fixtures.

Its own server is synchronous and its own address leaks a socket, so both are overridden by what really runs.
"""

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from lensmesh.lims.v1.floor_service_pb2_grpc import FloorServiceStub
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from lensmesh.order.v1.order_service_pb2_grpc import OrderServiceStub

from tests.contract.order.practice import Practice
from tests.support.processes import Process


@pytest.fixture(scope="module")
def lims(serve: Any) -> Iterator[Process]:  # noqa: ANN401 -- a fixture of the suite
    """The LIMS the orders go to."""
    with serve("lims") as process:
        yield process


@pytest.fixture(scope="module")
def grpc_server(serve: Any, lims: Process) -> Iterator[Process]:  # noqa: ANN401 -- a fixture of the suite
    """The order service, as a process."""
    with serve("order", LENSMESH_LIMS_TARGET=lims.address, LENSMESH_HEARTBEAT_SECONDS="0.5") as process:
        yield process


@pytest.fixture(scope="module")
def grpc_addr(grpc_server: Process) -> str:
    """Where it really listens."""
    return grpc_server.address


@pytest.fixture(scope="module")
def grpc_create_channel(grpc_addr: str) -> Callable[..., grpc.Channel]:
    """A channel to the process."""

    def create(_credentials: object = None, options: Any = None) -> grpc.Channel:  # noqa: ANN401 -- grpc's own
        return grpc.insecure_channel(grpc_addr, options)

    return create


@pytest.fixture(scope="module")
def grpc_stub_cls() -> type[OrderServiceStub]:
    """The contract under test."""
    return OrderServiceStub


@pytest.fixture(scope="module")
def lims_channel(lims: Process) -> Iterator[grpc.Channel]:
    """A channel to the LIMS."""
    with grpc.insecure_channel(lims.address) as channel:
        yield channel


@pytest.fixture(scope="module")
def lims_stub(lims_channel: grpc.Channel) -> LimsServiceStub:
    """The LIMS, to see what it made."""
    return LimsServiceStub(lims_channel)


@pytest.fixture(scope="module")
def floor_stub(lims_channel: grpc.Channel) -> FloorServiceStub:
    """The floor, to move jobs on."""
    return FloorServiceStub(lims_channel)


@pytest.fixture(scope="module")
def optician(keys: Any) -> str:  # noqa: ANN401 -- a fixture of the suite
    """An optician of the demo practice."""
    return str(keys.token(roles=("optician",), practice="practices/demo"))


@pytest.fixture(scope="module")
def stranger(keys: Any) -> str:  # noqa: ANN401 -- a fixture of the suite
    """An optician of another practice."""
    return str(keys.token(roles=("optician",), practice="practices/other"))


@pytest.fixture(scope="module")
def operator(keys: Any) -> str:  # noqa: ANN401 -- a fixture of the suite
    """Somebody on the lab's floor."""
    return str(keys.token(roles=("lab_operator",)))


@pytest.fixture(scope="module")
def practice(grpc_stub: OrderServiceStub, optician: str) -> Practice:
    """An optician of the demo practice."""
    return Practice(grpc_stub, optician)
