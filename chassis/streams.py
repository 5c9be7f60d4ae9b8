"""Watches as callers see them: updates, heartbeats, and an end that says why.

Every ``WatchXResponse`` of the contract has the same four events beside its cursor, so one function serves them all.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import structlog
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from lensmesh.type.v1.stream_pb2 import End, Heartbeat

from chassis import telemetry
from chassis.database import is_unreachable
from chassis.errors import Internal, MeshError, Unavailable
from chassis.log import Cursor, Entry

_LOG = structlog.get_logger("watch")


class WatchResponse(Protocol):
    """What every stream's response message has."""

    def __init__(self, **fields: Any) -> None: ...  # noqa: ANN401 -- a protobuf message


R = TypeVar("R", bound=WatchResponse)


@dataclass(frozen=True, slots=True)
class Pace:
    """What all watches of a process share.

    Attributes:
        heartbeat_seconds: A watch that is quiet this long says that it is alive.
        draining: Set when the process goes away.
    """

    heartbeat_seconds: float
    draining: asyncio.Event


async def watch(
    response: type[R],
    entries: AsyncGenerator[Entry, None],
    *,
    start: Cursor,
    update: Callable[[Entry], Any],
    pace: Pace,
    first: Message | None = None,
) -> AsyncIterator[R]:
    """Yields the messages of a watch over log entries.

    ``first`` is sent at once as an update; without it a heartbeat is, so that the caller holds a cursor before anything
    happens. When the entries end, the watch ends COMPLETE; when the process drains, SERVER_DRAINING. A fault on the way
    is the last message, for a stream over HTTP/1.1 has no other place to tell it.
    """
    cursor = str(start)
    yield response(cursor=cursor, update=first) if first else response(cursor=cursor, heartbeat=_heartbeat())
    draining = asyncio.ensure_future(pace.draining.wait())
    following = asyncio.ensure_future(anext(entries))
    try:
        while True:
            await asyncio.wait(
                (following, draining),
                timeout=pace.heartbeat_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if draining.done():  # first: a busy watch, too, has to end
                yield response(cursor=cursor, end=End(reason=End.REASON_SERVER_DRAINING))
                return
            if following.done():
                entry = following.result()
                told = response(cursor=str(entry.cursor), update=update(entry))
                cursor = str(entry.cursor)  # not before: what cannot be told is not behind the caller
                yield told
                following = asyncio.ensure_future(anext(entries))
            else:
                yield response(cursor=cursor, heartbeat=_heartbeat())
    except StopAsyncIteration:
        yield response(cursor=cursor, end=End(reason=End.REASON_COMPLETE))
    except Exception as error:  # noqa: BLE001 -- the caller is told in the stream; there is no status any more
        _LOG.warning("watch_failed", exc_info=error)
        yield response(cursor=cursor, error=_mesh_error(error).status())
    finally:
        following.cancel()
        draining.cancel()
        await asyncio.gather(following, draining, return_exceptions=True)
        await entries.aclose()


async def progress(response: type[R], messages: AsyncGenerator[R, None], *, pace: Pace) -> AsyncIterator[R]:
    """Yields the messages of work that takes its time, with heartbeats while there are none.

    A refusal before the first message is the call's. Later a fault is the last message; when the process drains, the
    stream ends SERVER_DRAINING, and the work with it.
    """
    first = await anext(messages)
    draining = asyncio.ensure_future(pace.draining.wait())
    following = asyncio.ensure_future(anext(messages))
    try:
        yield first
        while True:
            await asyncio.wait(
                (following, draining),
                timeout=pace.heartbeat_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if draining.done():
                yield response(end=End(reason=End.REASON_SERVER_DRAINING))
                return
            if following.done():
                yield following.result()
                following = asyncio.ensure_future(anext(messages))
            else:
                yield response(heartbeat=_heartbeat())
    except StopAsyncIteration:
        return
    except Exception as error:  # noqa: BLE001 -- as above
        _LOG.warning("work_failed", exc_info=error)
        yield response(error=_mesh_error(error, "call again").status())
    finally:
        following.cancel()
        draining.cancel()
        await asyncio.gather(following, draining, return_exceptions=True)
        await messages.aclose()


def _mesh_error(error: Exception, way_out: str = "resume with the cursor") -> MeshError:
    if isinstance(error, MeshError):
        return error
    if is_unreachable(error):
        return Unavailable(f"the service cannot reach its database right now; {way_out}")
    return Internal(f"the stream failed on our side; {way_out}", metadata={"trace_id": telemetry.trace_id()})


def _heartbeat() -> Heartbeat:
    time = Timestamp()
    time.GetCurrentTime()
    return Heartbeat(time=time)
