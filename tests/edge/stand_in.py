"""Stands in for every service of the contracts, so that a test decides what the services answer."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import grpc
from google.protobuf import message, message_factory, symbol_database
from google.rpc import status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from gateway.contract import Rpc, read_image, read_rpcs
from gateway.settings import IMAGE

_FILES = read_image(IMAGE.read_bytes())
RPCS = read_rpcs(_FILES)
for _file in _FILES.file:
    if _file.service and _file.package.startswith("lensmesh."):
        import_module(_file.name.replace("/", ".").removesuffix(".proto") + "_pb2")  # registers its messages by name
ORDERS = "/lensmesh.order.v1.OrderService/"

Answer = Callable[[Any, grpc.ServicerContext], Any]
Health = health_pb2.HealthCheckResponse


@dataclass(frozen=True)
class Call:
    """A call as the service saw it."""

    path: str
    request: Any
    metadata: Mapping[str, str]


@dataclass
class StandIn(grpc.GenericRpcHandler):
    """Serves every RPC: with empty answers, unless a test gives others.

    Synchronous, on threads of its own: a test may block in a client while the services go on serving.
    """

    calls: list[Call] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    checks: health.HealthServicer = field(default_factory=health.HealthServicer)
    _rpcs: Mapping[str, Rpc] = field(default_factory=lambda: {rpc.path: rpc for rpc in RPCS})

    def forget(self) -> None:
        """Be as new."""
        self.calls.clear()
        self.answers.clear()

    def says(self, status: "Health.ServingStatus.ValueType") -> None:
        """Report this health from now on, for every service."""
        for rpc in self._rpcs.values():
            self.checks.set(rpc.service, status)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Find the RPC that was called."""
        rpc = self._rpcs.get(handler_call_details.method)
        if rpc is None:
            return None
        kind = grpc.unary_stream_rpc_method_handler if rpc.server_streaming else grpc.unary_unary_rpc_method_handler
        return kind(
            lambda request, context: self._answer(rpc, request, context),
            request_deserializer=message_class(rpc.request).FromString,
            response_serializer=message_class(rpc.response).SerializeToString,
        )

    def _answer(self, rpc: Rpc, request: message.Message, context: grpc.ServicerContext) -> object:
        self.calls.append(Call(rpc.path, request, dict(context.invocation_metadata())))
        if rpc.path in self.answers:
            return self.answers[rpc.path](request, context)
        return iter(()) if rpc.server_streaming else message_class(rpc.response)()


@contextmanager
def serving(port: int) -> Iterator[StandIn]:
    """Serve on a port of loopback while the block runs."""
    stand_in = StandIn()
    stand_in.says(Health.SERVING)
    server = grpc.server(ThreadPoolExecutor(32), handlers=(stand_in,))
    health_pb2_grpc.add_HealthServicer_to_server(stand_in.checks, server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield stand_in
    finally:
        server.stop(None).wait()


def message_class(name: str) -> type[message.Message]:
    """Find the generated class of a message."""
    return message_factory.GetMessageClass(symbol_database.Default().pool.FindMessageTypeByName(name))


def refusing(code: grpc.StatusCode, sentence: str, *details: message.Message) -> Answer:
    """Answer with an error and its details, as the services do."""
    status = status_pb2.Status(code=code.value[0], message=sentence)
    for detail in details:
        status.details.add().Pack(detail)

    def answer(_request: object, context: grpc.ServicerContext) -> None:
        context.abort_with_status(rpc_status.to_status(status))

    return answer


def never() -> Answer:
    """Do not answer before the caller gives up."""

    def answer(_request: object, context: grpc.ServicerContext) -> None:
        gone = threading.Event()
        context.add_callback(gone.set)
        gone.wait(30)
        context.abort(grpc.StatusCode.CANCELLED, "nobody waits any longer")

    return answer


def paced(messages: list[Any], seconds: float) -> Answer:
    """Stream the messages with a pause after each."""

    def answer(_request: object, context: grpc.ServicerContext) -> Iterator[Any]:
        gone = threading.Event()
        context.add_callback(gone.set)
        for each in messages:
            yield each
            if gone.wait(seconds):
                return

    return answer
