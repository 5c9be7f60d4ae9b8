"""What stands between the wire and a servicer, the same for every RPC of every service.

In this order, outermost first: telemetry → error mapping → deadline → identity → policy → validation. So every refusal
is traced and has the one error shape. All of it is driven by the contract; a servicer holds business only.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, NoReturn, TypeAlias

import grpc
import structlog
from google.protobuf.message import Message

from chassis import database, identity, telemetry
from chassis.contract import MethodContract
from chassis.errors import DeadlineExceeded, Internal, MeshError, Unavailable
from chassis.identity import Verifier
from chassis.validation import validate

_LOG = structlog.get_logger("call")
_INFRASTRUCTURE = ("/grpc.health.", "/grpc.reflection.")

Context = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Unary = Callable[[Any, Context], Awaitable[Any]]
Stream = Callable[[Any, Context], AsyncIterator[Any]]


class ContractInterceptor(grpc.aio.ServerInterceptor):
    """Enforces the contracts of the methods it is given; what has no contract is not served."""

    def __init__(self, contracts: Mapping[str, MethodContract], verifier: Verifier) -> None:
        self._contracts = contracts
        self._verifier = verifier
        self._wrapped: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Returns the method's handler behind everything its contract asks for."""
        name = handler_call_details.method
        wrapped = self._wrapped.get(name)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None or name.startswith(_INFRASTRUCTURE):
                return handler
            wrapped = self._wrapped[name] = self._wrap(self._contracts[name], handler)
        return wrapped

    def _wrap(self, method: MethodContract, handler: Any) -> Handler:  # noqa: ANN401 -- grpc's own
        if method.streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._stream(method, handler.unary_stream),
                handler.request_deserializer,
                handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            self._unary(method, handler.unary_unary),
            handler.request_deserializer,
            handler.response_serializer,
        )

    def _unary(self, method: MethodContract, behaviour: Unary) -> Unary:
        async def call(request: Message, context: Context) -> object:
            metadata = context.invocation_metadata() or ()
            started = time.perf_counter()
            with telemetry.server_span(method.name, metadata):
                deadline = asyncio.timeout(_seconds_left(method, context))
                try:
                    async with deadline:
                        self._admit(method, request, metadata)
                        answer = await behaviour(request, context)
                except Exception as error:  # noqa: BLE001 -- the one place where anything becomes a status
                    await _abort(context, _mesh_error(error, late=deadline.expired()), method, started)
                _log_call(method, started, "OK")
                return answer

        return call

    def _stream(self, method: MethodContract, behaviour: Stream) -> Stream:
        async def call(request: Message, context: Context) -> AsyncIterator[object]:
            metadata = context.invocation_metadata() or ()
            started = time.perf_counter()
            with telemetry.server_span(method.name, metadata):
                try:
                    self._admit(method, request, metadata)
                    async for answer in behaviour(request, context):
                        yield answer
                except Exception as error:  # noqa: BLE001 -- as in a unary call
                    await _abort(context, _mesh_error(error, late=False), method, started)
                _log_call(method, started, "OK")

        return call

    def _admit(self, method: MethodContract, request: Message, metadata: Any) -> None:  # noqa: ANN401 -- grpc's own
        if not method.public:
            principal = self._verifier.authenticate(metadata)
            identity.current.set(principal)
            identity.authorize(method, principal, method.tenant_of(request) if method.tenant_of else None)
        validate(request)


def _seconds_left(method: MethodContract, context: Context) -> float | None:
    """Returns the sooner of the contract's deadline and the caller's."""
    asked = context.time_remaining()
    if asked is None or method.deadline_seconds is None:
        return method.deadline_seconds if asked is None else asked
    return min(asked, method.deadline_seconds)


def _mesh_error(error: Exception, *, late: bool) -> MeshError:
    """Returns the error as its caller should see it."""
    match error:
        case MeshError():
            return error
        case TimeoutError() if late:
            return DeadlineExceeded("the call took longer than it may; look whether it took effect before repeating it")
        case _ if database.is_unreachable(error):
            _LOG.warning("database_unreachable", error=str(error))
            return Unavailable("the service cannot reach its database right now; try again")
        case _:
            _LOG.error("fault", exc_info=error)
            trace = telemetry.trace_id()
            return Internal(f"a fault on our side; report it with trace {trace}")


async def _abort(context: Context, error: MeshError, method: MethodContract, started: float) -> NoReturn:
    _log_call(method, started, error.reason)
    context.set_trailing_metadata((("grpc-status-details-bin", error.status().SerializeToString()),))
    await context.abort(error.code, error.message)


def _log_call(method: MethodContract, started: float, outcome: str) -> None:
    _LOG.info(
        "call",
        method=method.name,
        outcome=outcome,
        milliseconds=round((time.perf_counter() - started) * 1000, 2),
        caller=identity.current.get().subject,
    )
