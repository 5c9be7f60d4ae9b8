"""A practice at work, as tests of its contract write it."""

import time
from typing import Any

from lensmesh.order.v1 import order_pb2
from lensmesh.order.v1 import order_service_pb2 as rpc

from tests.support.calls import bearer
from tests.support.orders import makeable

DEMO = "practices/demo"
Stub = Any


class Practice:
    """An optician at work: the calls, with the token sent along."""

    def __init__(self, stub: Stub, token: str, parent: str = DEMO) -> None:
        self.stub = stub
        self.token = token
        self.parent = parent

    def call(self, method: str, request: Any) -> Any:  # noqa: ANN401 -- messages of any RPC
        """Calls and returns the answer."""
        return getattr(self.stub, method)(request, metadata=bearer(self.token), timeout=20)

    def create(self, **changes: Any) -> order_pb2.Order:  # noqa: ANN401 -- fields of an order
        """Creates a makeable draft."""
        answer: order_pb2.Order = self.call(
            "CreateOrder",
            rpc.CreateOrderRequest(parent=self.parent, order=makeable(**changes)),
        )
        return answer

    def get(self, name: str) -> order_pb2.Order:
        """Reads an order."""
        answer: order_pb2.Order = self.call("GetOrder", rpc.GetOrderRequest(name=name))
        return answer

    def submit(self, name: str, request_id: str = "") -> order_pb2.Order:
        """Submits an order."""
        answer: order_pb2.Order = self.call("SubmitOrder", rpc.SubmitOrderRequest(name=name, request_id=request_id))
        return answer

    def until(self, name: str, state: int, seconds: float = 15) -> order_pb2.Order:
        """Reads an order until it is in a state."""
        give_up = time.monotonic() + seconds
        while (order := self.get(name)).state != state:
            assert time.monotonic() < give_up, f"still {order_pb2.Order.State.Name(order.state)}"
        return order
