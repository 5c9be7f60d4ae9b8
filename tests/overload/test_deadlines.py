"""A caller's deadline is everybody's: it goes from the edge to the order service to the lab."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx
import pytest
from lensmesh.order.v1.order_service_pb2 import ValidateOrderRequest
from lensmesh.order.v1.order_service_pb2_grpc import OrderServiceStub

from runtime.ports import free_port
from tests.chassis.housing import eventually
from tests.edge import stand_in
from tests.edge.stand_in import StandIn, refusing
from tests.overload.conftest import ORDER, ORDERS, Behind, Run, lines, reason, retry_seconds

LIMS = "/lensmesh.lims.v1.LimsService/"


@dataclass(slots=True)
class SlowLab:
    """A lab that notes how long each call was given, and answers none."""

    given: list[float] = field(default_factory=list)
    left: int = 0

    def __call__(self, _request: object, context: grpc.ServicerContext) -> None:
        """Notes, and waits until its caller goes away."""
        seconds = context.time_remaining()
        assert seconds is not None, "a service never calls without a deadline"
        self.given.append(seconds)
        gone = threading.Event()
        context.add_callback(gone.set)
        self.left += gone.wait(30)
        context.abort(grpc.StatusCode.CANCELLED, "nobody waits any longer")


@pytest.fixture(scope="module")
def lab() -> Iterator[tuple[int, StandIn]]:
    """A stand-in for the lab, and its port."""
    port = free_port()
    with stand_in.serving(port) as services:
        yield port, services


@pytest.fixture(scope="module")
def behind(behind_edge: Run, lab: tuple[int, StandIn]) -> Iterator[Behind]:
    """The order service between the edge and that lab."""
    with behind_edge(lab[0]) as running:
        yield running


@pytest.fixture
def slow(lab: tuple[int, StandIn]) -> Iterator[SlowLab]:
    """The lab, which answers nothing now."""
    _, services = lab
    services.forget()
    answering = SlowLab()
    services.answers[f"{LIMS}ValidateJob"] = answering
    services.answers[f"{LIMS}CreateJob"] = refusing(grpc.StatusCode.UNAVAILABLE, "not now")
    yield answering
    services.forget()


async def draft(client: httpx.AsyncClient) -> str:
    """Creates a draft and returns its name."""
    return str((await client.post(ORDERS, json=ORDER)).raise_for_status().json()["name"])


async def natively(behind: Behind, name: str, seconds: float) -> grpc.aio.AioRpcError:
    """Validates an order with a deadline, through the native port, and returns how it failed."""
    async with behind.native() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await OrderServiceStub(channel).ValidateOrder(
                ValidateOrderRequest(name=name), metadata=behind.metadata, timeout=seconds
            )
        return error.value


async def test_a_native_callers_deadline_arrives_at_the_lab(behind: Behind, slow: SlowLab) -> None:
    """300 ms through Envoy and the order service are no more than 300 ms at the lab, and some are left of them."""
    async with behind.rest() as client:
        name = await draft(client)
    await natively(behind, name, 2)  # the first call opens the connections on the way
    slow.given.clear()
    began = time.monotonic()
    error = await natively(behind, name, 0.3)
    assert error.code() in {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE}
    assert time.monotonic() - began < 1
    (given,) = slow.given
    assert 0 < given <= 0.3


async def test_a_rest_callers_deadline_arrives_at_the_lab_as_well(behind: Behind, slow: SlowLab) -> None:
    """As gRPC spells it, in a header of the same name."""
    async with behind.rest() as client:
        name = await draft(client)
        began = time.monotonic()
        answer = await client.post(f"/v1/{name}:validate", headers={"grpc-timeout": "600m"})
        assert time.monotonic() - began < 1.2
    assert answer.status_code in {503, 504}
    (given,) = slow.given
    assert 0 < given <= 0.6


async def test_a_caller_without_a_deadline_has_the_contracts(behind: Behind, slow: SlowLab) -> None:
    """ValidateJob may take 2 s, ValidateOrder 5 s: a slow lab is a clear answer, and the edge never has to give up."""
    async with behind.rest() as client:
        name = await draft(client)
        began = time.monotonic()
        answer = await client.post(f"/v1/{name}:validate")
        assert 1.5 < time.monotonic() - began < 4
    assert (answer.status_code, reason(answer)) == (503, "UNAVAILABLE")
    assert "lab" in answer.json()["message"]
    assert retry_seconds(answer) > 0
    assert slow.given
    # gRPC writes a deadline with three digits, rounded up
    assert all(0 < given <= 2.02 for given in slow.given), "retries have what is left, not as much again"


async def test_a_client_that_goes_away_ends_the_work_on_both_sides(behind: Behind, slow: SlowLab) -> None:
    """The edge tells the order service, and that tells the lab."""

    def validations(outcome: str) -> list[dict[str, Any]]:
        said = lines(behind.order, "call")
        return [line for line in said if line["method"].endswith("ValidateOrder") and line["outcome"] == outcome]

    before = len(validations("CANCELLED"))
    async with behind.rest() as client:
        name = await draft(client)
        with pytest.raises(httpx.ReadTimeout):
            await client.post(f"/v1/{name}:validate", timeout=0.5)
    await eventually(lambda: slow.left == 1, 3)
    await eventually(lambda: len(validations("CANCELLED")) == before + 1, 3)
