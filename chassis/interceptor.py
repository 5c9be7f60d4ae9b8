"""What stands between the wire and a servicer, the same for every RPC of every service.

In this order, outermost first: telemetry → error mapping → deadline → limits → identity → policy → validation. So every
refusal is traced and has the one error shape. All of it is driven by the contract; a servicer holds business only.

What is too much is refused before all of that: no trace, no token, no parsing, one log line a second. A service that
is offered ten times what it can do has no time for more.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any, NoReturn, TypeAlias

import grpc
import structlog
from google.protobuf.message import DecodeError, Message
from google.rpc import status_pb2

from chassis import database, deadline, identity, telemetry
from chassis.contract import MethodContract
from chassis.errors import DeadlineExceeded, FieldInvalid, Internal, MeshError, Overloaded, Unavailable
from chassis.identity import Verifier
from chassis.limits import Gate, Limits
from chassis.validation import validate

_LOG = structlog.get_logger("call")
_INFRASTRUCTURE = ("/grpc.health.", "/grpc.reflection.")
# An error travels in the trailers: Envoy and our channels take more than this; a client that asks for no more, 8 KiB.
_MAX_STATUS_BYTES = 24 * 1024
_MAX_MESSAGE_CHARACTERS = 600
_OVERLOAD_LINE_SECONDS = 1.0
_GIVING_BACK_SECONDS = 0.3
_LOCK_NOT_AVAILABLE = "55P03"

Context = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Unary = Callable[[Any, Context], Awaitable[Any]]
Stream = Callable[[Any, Context], AsyncGenerator[Any, None]]
Parse = Callable[[bytes], Message]


class ContractInterceptor(grpc.aio.ServerInterceptor):
    """Enforces the contracts of the methods it is given; what has no contract is not served."""

    def __init__(self, contracts: Mapping[str, MethodContract], verifier: Verifier, limits: Limits) -> None:
        self._contracts = contracts
        self._verifier = verifier
        self._calls = Gate(limits.calls, waiting=limits.waiting)
        self._streams = Gate(limits.streams)
        self._turn_away = _TurningAway()
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
        # Requests come in as bytes: what cannot be read is refused by us, in the one shape.
        parse = handler.request_deserializer
        if method.streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._stream(method, parse, handler.unary_stream),
                response_serializer=handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            self._unary(method, parse, handler.unary_unary),
            response_serializer=handler.response_serializer,
        )

    def _unary(self, method: MethodContract, parse: Parse, behaviour: Unary) -> Unary:
        async def call(sent: bytes, context: Context) -> object:
            if self._calls.full:
                await self._turn_away(context)
            metadata = context.invocation_metadata() or ()
            started = time.perf_counter()
            with telemetry.server_span(method.name, metadata):
                seconds, answer_by = _times(method, context)
                deadline.begin(seconds)
                late, overdue = asyncio.timeout(seconds), _Overdue(context, answer_by)
                try:
                    async with late, self._calls:
                        answer = await behaviour(self._admit(method, parse, sent, metadata), context)
                except asyncio.CancelledError:
                    _log_call(method, started, "CANCELLED")
                    raise
                except Exception as error:  # noqa: BLE001 -- the one place where anything becomes a status
                    refusal = _mesh_error(error, late=late.expired())
                    if not overdue.told:
                        await _abort(context, refusal, method, started)
                    _log_call(method, started, refusal.reason)
                    return None
                finally:
                    overdue.cancel()
                _log_call(method, started, "OK")
                return answer

        return call

    def _stream(self, method: MethodContract, parse: Parse, behaviour: Stream) -> Callable[[bytes, Context], Any]:
        # A coroutine that writes, not a generator that yields: grpc leaves the generator of a caller who went away to
        # the garbage collector, which ends it some time and outside the call's context.
        async def call(sent: bytes, context: Context) -> None:
            if self._streams.full:
                await self._turn_away(context)
            metadata = context.invocation_metadata() or ()
            started = time.perf_counter()
            with telemetry.server_span(method.name, metadata):
                try:
                    async with self._streams:
                        request = self._admit(method, parse, sent, metadata)
                        async with aclosing(behaviour(request, context)) as answers:
                            async for answer in answers:
                                await context.write(answer)
                except asyncio.CancelledError:
                    _log_call(method, started, "CANCELLED")
                    raise
                except Exception as error:  # noqa: BLE001 -- as in a unary call
                    await _abort(context, _mesh_error(error, late=False), method, started)
                _log_call(method, started, "OK")

        return call

    def _admit(self, method: MethodContract, parse: Parse, sent: bytes, metadata: Any) -> Message:  # noqa: ANN401 -- grpc's own
        """Returns the request, if its caller may make it and it keeps its bounds."""
        principal = identity.ANONYMOUS if method.public else self._verifier.authenticate(metadata)
        identity.current.set(principal)
        request = _parsed(parse, sent)
        identity.authorize(method, principal, method.tenant_of(request) if method.tenant_of else None)
        validate(request)
        return request


class _Overdue:
    """Answers a call that is over its deadline and cannot come to its end.

    At the deadline the work is cancelled, and gives back what it holds: a connection, a lock. As a rule that takes no
    time; with a database that hangs it takes as long as that hangs, and the caller shall not wait for it. The call's
    place stays taken until it has come to its end all the same.
    """

    __slots__ = ("_context", "_telling", "_timer", "told")

    def __init__(self, context: Context, seconds: float | None) -> None:
        self.told = False
        self._context = context
        self._telling: asyncio.Task[None] | None = None
        self._timer = None if seconds is None else asyncio.get_running_loop().call_later(seconds, self._tell)

    def _tell(self) -> None:
        self.told = True
        self._telling = asyncio.ensure_future(_abort_late(self._context))

    def cancel(self) -> None:
        """Says that the call has come to its end."""
        if self._timer is not None:
            self._timer.cancel()


async def _abort_late(context: Context) -> None:
    error = _too_late()
    context.set_trailing_metadata(_trailers(error.status()))
    with suppress(grpc.aio.AbortError):  # raised to end a servicer, which this is not
        await context.abort(error.code, error.message)


def _too_late() -> MeshError:
    return DeadlineExceeded("the call took longer than it may; look whether it took effect before repeating it")


class _TurningAway:
    """Refuses calls that are too much: with an answer made beforehand, and a line a second that counts them."""

    def __init__(self) -> None:
        error = Overloaded("the service has as much to do as it can; nothing was done, try again in a moment")
        self._code, self._message, self._trailers = error.code, error.message, _trailers(error.status())
        self._refused = 0
        self._next_line = 0.0

    async def __call__(self, context: Context) -> NoReturn:
        self._refused += 1
        now = time.monotonic()
        if now >= self._next_line:
            _LOG.warning("overloaded", refused=self._refused)
            self._refused, self._next_line = 0, now + _OVERLOAD_LINE_SECONDS
        context.set_trailing_metadata(self._trailers)
        await context.abort(self._code, self._message)


def _parsed(parse: Parse, sent: bytes) -> Message:
    try:
        return parse(sent)
    except DecodeError as error:
        raise FieldInvalid([("request", "cannot be read as the message that this method takes")]) from error


def _times(method: MethodContract, context: Context) -> tuple[float | None, float | None]:
    """Returns the seconds that the work may take, and those after which the caller is answered at the latest.

    The work has the sooner of the contract's deadline and the caller's. At the caller's, gRPC ends the call by itself
    and gives no reason, so both of ours come before it.
    """
    asked, allowed = context.time_remaining(), method.deadline_seconds
    if asked is None:
        return allowed, None if allowed is None else allowed + _GIVING_BACK_SECONDS
    mine = deadline.with_time_to_answer(asked)
    seconds = mine if allowed is None else min(mine, allowed)
    return seconds, min(seconds + _GIVING_BACK_SECONDS, (seconds + asked) / 2)


def _mesh_error(error: Exception, *, late: bool) -> MeshError:
    """Returns the error as its caller should see it."""
    match error:
        case MeshError():
            return error
        case TimeoutError() if late:
            return _too_late()
        case _ if _is_lock_timeout(error):  # first: to who only wants to try again, it is unreachable as well
            return Unavailable("others have been at work on the same for long; nothing was done, try again")
        case _ if database.is_unreachable(error):
            _LOG.warning("database_unreachable", error=str(error))
            return Unavailable("the service cannot reach its database right now; try again")
        case _:
            _LOG.error("fault", exc_info=error)
            trace = telemetry.trace_id()
            return Internal(f"a fault on our side; report it with trace {trace}", metadata={"trace_id": trace})


def _is_lock_timeout(error: Exception) -> bool:
    return getattr(getattr(error, "orig", error), "sqlstate", None) == _LOCK_NOT_AVAILABLE


async def _abort(context: Context, error: MeshError, method: MethodContract, started: float) -> NoReturn:
    _log_call(method, started, error.reason)
    status = _fitting(error.status())
    context.set_trailing_metadata(_trailers(status))
    await context.abort(error.code, status.message)


def _trailers(status: status_pb2.Status) -> tuple[tuple[str, bytes]]:
    return (("grpc-status-details-bin", status.SerializeToString()),)


def _fitting(status: status_pb2.Status) -> status_pb2.Status:
    """Returns the status as it fits into the trailers: without its last details, but never without its reason."""
    if len(status.message) > _MAX_MESSAGE_CHARACTERS:
        status.message = status.message[: _MAX_MESSAGE_CHARACTERS - 1] + "…"
    while len(status.details) > 1 and status.ByteSize() > _MAX_STATUS_BYTES:
        del status.details[-1]
    return status


def _log_call(method: MethodContract, started: float, outcome: str) -> None:
    _LOG.info(
        "call",
        method=method.name,
        outcome=outcome,
        milliseconds=round((time.perf_counter() - started) * 1000, 2),
        caller=identity.current.get().subject,
    )
