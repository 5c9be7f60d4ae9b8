"""Calls a LIMS as the contract asks, and says plainly how it went."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
import stamina
import structlog
from google.protobuf.message import Message
from lensmesh.lims.v1 import catalog_pb2, job_pb2
from lensmesh.lims.v1 import lims_service_pb2 as lims
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub

from chassis import channels, contract, deadline
from chassis.channels import Credentials
from chassis.limits import Gate
from lims_client.errors import LimsOverloaded, LimsUnavailable, from_call, from_status

_SERVICE = lims.DESCRIPTOR.services_by_name["LimsService"]
# a watch without a message for this long is dead, whatever TCP believes: heartbeats come every 15 s
_SILENCE_SECONDS = 45.0
_RESUME_SECONDS = 0.5
_ATTEMPTS = 4
_MAX_CALLS = 32
_PATIENCE_SECONDS = 0.25

_LOG = structlog.get_logger("lims_client")

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class JobUpdate:
    """One event of the job watch, with the cursor that resumes after it."""

    cursor: str
    event: job_pb2.JobEvent


@dataclass(frozen=True, slots=True)
class CatalogUpdate:
    """One revision of the catalog watch, with the cursor that resumes after it."""

    cursor: str
    revision: catalog_pb2.CatalogRevision


class LimsClient:
    """A LIMS at an address.

    Every call has the deadline its contract names, or what is left of that of the call it is made for when that is
    sooner: the whole of it, retries included. A call is retried when the LIMS could not be reached, which the contract
    allows for every one of them; when it says that it has too much to do, it is left alone.

    No more than ``max_calls`` are under way at once, and half as many wait a moment for that: a LIMS that hangs must
    not take from its caller all the calls there are.
    """

    def __init__(self, target: str, credentials: Credentials, *, max_calls: int = _MAX_CALLS) -> None:
        self._channel = channels.connect(target, _SERVICE.full_name)
        self._stub = LimsServiceStub(self._channel)
        self._credentials = credentials
        self._gate = Gate(max_calls, waiting=max_calls // 2, patience_seconds=_PATIENCE_SECONDS, refusal=_too_many)
        self._deadlines = {
            method.name.rpartition("/")[2]: method.deadline_seconds
            for method in contract.read({_SERVICE.full_name: _SERVICE}).values()
        }

    async def close(self) -> None:
        """Closes the channel."""
        await self._channel.close()

    async def describe(self) -> lims.DescribeLimsResponse:
        """Returns what the LIMS is."""
        return await self._call(self._stub.DescribeLims, lims.DescribeLimsRequest())

    async def catalog(self, revision: int = 0) -> catalog_pb2.Catalog:
        """Returns a revision's catalog, by default the one in force.

        Raises:
            LimsNotFound: There is no such revision.
        """
        return await self._call(self._stub.GetCatalog, lims.GetCatalogRequest(revision=revision))

    async def validate(self, spec: job_pb2.JobSpec, account: str = "") -> lims.ValidateJobResponse:
        """Returns whether the spec could be made, every objection, and what it would cost and take.

        ``account`` is the lab's customer number of who asks: it chooses the price list.
        """
        return await self._call(self._stub.ValidateJob, lims.ValidateJobRequest(spec=spec, account=account))

    async def create_job(self, handoff_id: str, spec: job_pb2.JobSpec, account: str = "") -> job_pb2.Job:
        """Returns the one job of the hand-off, made now or before, with what it was accepted at.

        ``account`` is the lab's customer number of who orders: it chooses the price list.

        Raises:
            LimsRefused: The rules refuse the spec; there is no job.
            LimsConflict: The hand-off id belongs to another spec or account.
        """
        request = lims.CreateJobRequest(handoff_id=handoff_id, spec=spec, account=account)
        return await self._call(self._stub.CreateJob, request)

    async def get_job(self, name: str) -> job_pb2.Job:
        """Returns a job.

        Raises:
            LimsNotFound: There is no such job.
        """
        return await self._call(self._stub.GetJob, lims.GetJobRequest(name=name))

    async def cancel_job(self, name: str) -> job_pb2.Job:
        """Returns the job, cancelled.

        Raises:
            LimsNotFound: There is no such job.
            LimsJobState: Production has begun, or it has shipped.
        """
        return await self._call(self._stub.CancelJob, lims.CancelJobRequest(name=name))

    async def job_events(self, name: str) -> AsyncIterator[job_pb2.JobEvent]:
        """Yields every event of a job so far, in order.

        Raises:
            LimsNotFound: There is no such job.
        """
        after = 0
        while True:
            page = await self._call(
                self._stub.ListJobEvents,
                lims.ListJobEventsRequest(job=name, after_sequence=after),
            )
            for event in page.events:
                yield event
            after = page.next_after_sequence
            if not after:
                return

    async def watch_jobs(self, cursor: str) -> AsyncIterator[JobUpdate]:
        """Yields each move of a job after the cursor, in order and without gaps, for ever; "0" is from the beginning.

        A job's first event is left out: `create_job` returned it.

        A watch that is cut, drained or silent is resumed from the last cursor.

        Raises:
            LimsCursorLost: The LIMS does not know the cursor.
            LimsContractBroken: It refuses us for good.
        """

        def begin(after: str) -> Any:  # noqa: ANN401 -- grpc's call
            request = lims.WatchJobsRequest(cursor=after, moves_only=True)
            return self._stub.WatchJobs(request, metadata=self._credentials.metadata(), wait_for_ready=True)

        async for message in _watch(begin, lims.WatchJobsResponse, cursor):
            yield JobUpdate(message.cursor, message.update)

    async def watch_catalog(self, cursor: str = "") -> AsyncIterator[CatalogUpdate]:
        """Yields each revision that comes into force after the cursor, for ever; without one, that in force first.

        A watch that is cut, drained or silent is resumed from the last cursor.

        Raises:
            LimsCursorLost: The LIMS does not know the cursor.
            LimsContractBroken: It refuses us for good.
        """

        def begin(after: str) -> Any:  # noqa: ANN401 -- grpc's call
            request = lims.WatchCatalogRequest(cursor=after)
            return self._stub.WatchCatalog(request, metadata=self._credentials.metadata(), wait_for_ready=True)

        async for message in _watch(begin, lims.WatchCatalogResponse, cursor):
            yield CatalogUpdate(message.cursor, message.update)

    async def _call(self, method: Callable[..., Awaitable[Answer]], request: Message) -> Answer:
        """Calls once; and when the LIMS could not be reached, again until the deadline of the whole."""
        ends = asyncio.get_running_loop().time() + deadline.within(self._deadlines[_method_name(request)] or 0)
        async with self._gate:
            try:
                return await self._once(method, request, ends)
            except LimsOverloaded:
                raise
            except LimsUnavailable as error:
                if asyncio.get_running_loop().time() >= ends:
                    raise
                _LOG.info("retrying", request=type(request).__name__, error=str(error))
            return await self._again(method, request, ends)

    async def _again(self, method: Callable[..., Awaitable[Answer]], request: Message, ends: float) -> Answer:
        left = ends - asyncio.get_running_loop().time()
        retrying = stamina.AsyncRetryingCaller(attempts=_ATTEMPTS, timeout=left, wait_initial=0.05, wait_max=1.0)
        return await retrying.on(_worth_retrying)(self._once, method, request, ends)

    async def _once(self, method: Callable[..., Awaitable[Answer]], request: Message, ends: float) -> Answer:
        left = max(0.0, ends - asyncio.get_running_loop().time())
        try:
            return await method(request, timeout=left, metadata=self._credentials.metadata())
        except grpc.aio.AioRpcError as error:
            raise from_call(error) from error


async def _watch(begin: Callable[[str], Any], kind: type[Any], cursor: str) -> AsyncIterator[Any]:
    """Yields the updates of a watch, for ever: one that ends is begun anew after the last message.

    Args:
        begin: Calls the watch after a cursor.
        kind: What its messages are.
        cursor: Where it begins.
    """
    while True:
        try:
            async with aclosing(_watch_once(begin(cursor), kind)) as messages:
                async for message in messages:
                    cursor = message.cursor
                    yield message
        except LimsUnavailable as error:
            _LOG.warning("watch_cut", cursor=cursor, error=str(error))
        await asyncio.sleep(_RESUME_SECONDS)


async def _watch_once(call: Any, kind: type[Any]) -> AsyncGenerator[Any, None]:  # noqa: ANN401 -- grpc's call
    try:
        while True:
            async with asyncio.timeout(_SILENCE_SECONDS):
                message: Any = await call.read()
            if not isinstance(message, kind):  # grpc's end of stream
                raise LimsUnavailable("the watch was cut")
            match message.WhichOneof("event"):
                case "update":
                    yield message
                case "end":
                    return
                case "error":
                    raise from_status(message.error)
                case _:
                    continue
    except TimeoutError as error:
        raise LimsUnavailable(f"the watch was silent for {_SILENCE_SECONDS:.0f} s") from error
    except grpc.aio.AioRpcError as error:
        raise from_call(error) from error
    finally:
        call.cancel()


def _worth_retrying(error: Exception) -> bool:
    return isinstance(error, LimsUnavailable) and not isinstance(error, LimsOverloaded)


def _too_many() -> LimsOverloaded:
    return LimsOverloaded("as many calls to the LIMS are under way as there may be; it is slow to answer")


def _method_name(request: Message) -> str:
    return type(request).__name__.removesuffix("Request")
