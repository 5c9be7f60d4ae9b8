"""What stands between the wire and a servicer, seen by callers of a real server."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import ServiceDescriptor
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub
from lensmesh.lims.v1.floor_service_pb2 import ScanRequest
from lensmesh.lims.v1.floor_service_pb2_grpc import FloorServiceStub
from lensmesh.lims.v1.job_pb2 import Job, JobEvent
from lensmesh.lims.v1.lims_service_pb2 import WatchJobsRequest
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from lensmesh.order.v1.order_service_pb2 import GetOrderRequest
from lensmesh.order.v1.order_service_pb2_grpc import OrderServiceStub
from lensmesh.type.v1.stream_pb2 import End
from structlog.testing import capture_logs

from chassis import contract, log
from chassis.contract import MethodContract
from chassis.database import Database
from chassis.service import House as Given
from chassis.service import serving
from chassis.settings import ServiceSettings
from tests.chassis import floor
from tests.chassis.calls import Issuer, Metadata, bearer, refusal_of, refused
from tests.chassis.housing import TENANT, House, eventually, write

OPERATOR = "lab_operator"
ORDER = "practices/demo/orders/" + "0" * 36
SCAN = ScanRequest(job="jobs/1", station="edging")


@dataclass(slots=True)
class Served:
    """A served house, and what it is made of."""

    keys: Issuer
    given: Given[Any] = field(init=False)
    scans: floor.Floor = field(init=False)
    jobs: floor.Jobs = field(init=False)
    channel: grpc.aio.Channel = field(init=False)
    drain: Callable[[], Awaitable[None]] = field(init=False)

    def made(self, given: Given[Any], made: floor.Floor, jobs: floor.Jobs) -> None:
        """Notes what the service is made of."""
        self.given, self.scans, self.jobs = given, made, jobs

    @property
    def operator(self) -> Metadata:
        """The metadata of a lab operator's calls."""
        return bearer(self.keys.token(roles=(OPERATOR,)))

    async def scan(self, station: str = "edging", metadata: Metadata | None = None, **more: Any) -> Job:  # noqa: ANN401
        """Scans as a lab operator, or with other metadata."""
        request = ScanRequest(job="jobs/1", station=station)
        sent = self.operator if metadata is None else metadata
        answer: Job = await FloorServiceStub(self.channel).Scan(request, metadata=sent, **more)
        return answer

    def watch(self, cursor: str = "", **more: Any) -> Any:  # noqa: ANN401 -- a call, as grpc has it
        """Watches as a lab operator."""
        request = WatchJobsRequest(cursor=cursor)
        return LimsServiceStub(self.channel).WatchJobs(request, metadata=self.operator, **more)


def settings(house: House, keys: Issuer, **more: Any) -> ServiceSettings:  # noqa: ANN401
    """Returns the settings the house is served with."""
    told = {"heartbeat_seconds": 60.0, "drain_seconds": 5.0, **more}
    return ServiceSettings(
        database_url=house.url("service"), relay_database_url=house.url("relay"), jwks_file=keys.jwks_file, **told
    )


@asynccontextmanager
async def running(house: House, keys: Issuer, **more: Any) -> AsyncIterator[Served]:  # noqa: ANN401
    """Serves the house until the block ends, or drains it; its channel outlives it."""
    served = Served(keys)
    async with AsyncExitStack() as outliving, AsyncExitStack() as up:
        address = await up.enter_async_context(serving(floor.service(served.made), settings(house, keys, **more)))
        served.channel = await outliving.enter_async_context(grpc.aio.insecure_channel(address))
        served.drain = up.aclose
        yield served


@pytest.fixture
async def served(house: House, keys: Issuer) -> AsyncIterator[Served]:
    """The house, served."""
    async with running(house, keys) as made:
        yield made


async def test_a_call_that_keeps_the_contract_is_answered(served: Served) -> None:
    """Nothing stands in its way."""
    assert await served.scan() == Job(name="jobs/1")


async def test_a_stranger_is_refused_before_anything_else(served: Served) -> None:
    """No token and an invalid request: the token is what is asked for."""
    call = FloorServiceStub(served.channel).Scan(ScanRequest(), metadata=())
    refusal = await refused(call)
    assert (refusal.code, refusal.info.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")


async def test_who_may_not_call_is_refused_before_the_request_is_looked_at(served: Served) -> None:
    """An optician and an invalid request: the role is what is wrong."""
    metadata = bearer(served.keys.token(roles=("optician",), practice="practices/demo"))
    refusal = await refused(FloorServiceStub(served.channel).Scan(ScanRequest(), metadata=metadata))
    assert (refusal.code, refusal.info.reason) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED")


async def test_another_practices_resource_is_not_found_before_its_name_is_looked_at(served: Served) -> None:
    """An invalid name in another practice: the caller learns no more than that it is not there."""
    metadata = bearer(served.keys.token(roles=("optician",), practice="practices/demo"))
    stub = OrderServiceStub(served.channel)
    refusal = await refused(stub.GetOrder(GetOrderRequest(name="practices/other/orders/!"), metadata=metadata))
    assert (refusal.code, refusal.info.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
    assert (await stub.GetOrder(GetOrderRequest(name=ORDER), metadata=metadata)).name == ORDER


async def test_a_field_that_breaks_its_contract_is_named(served: Served) -> None:
    """Each by its path."""
    request = ScanRequest(job="job 1", station="Edging")
    refusal = await refused(FloorServiceStub(served.channel).Scan(request, metadata=served.operator))
    assert (refusal.code, refusal.info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    bad = refusal.detail(error_details_pb2.BadRequest())
    assert [violation.field for violation in bad.field_violations] == ["job", "station"]


async def test_a_request_that_is_no_message_is_refused_in_the_one_shape(served: Served) -> None:
    """Bytes that cannot be read are the caller's fault and said to be so."""
    raw = served.channel.unary_unary("/lensmesh.lims.v1.FloorService/Scan")
    refusal = await refused(raw(b"\xff\xff\xff", metadata=served.operator))
    assert (refusal.code, refusal.info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    stream = served.channel.unary_stream("/lensmesh.lims.v1.LimsService/WatchJobs")
    refusal = await refused(anext(aiter(stream(b"\xff\xff\xff", metadata=served.operator))))
    assert (refusal.code, refusal.info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")


async def test_a_stranger_with_no_message_is_asked_for_a_token_first(served: Served) -> None:
    """Who it is comes before what it sent."""
    raw = served.channel.unary_unary("/lensmesh.lims.v1.FloorService/Scan")
    refusal = await refused(raw(b"\xff\xff\xff"))
    assert refusal.info.reason == "TOKEN_INVALID"


async def test_a_business_error_travels_as_it_is(served: Served) -> None:
    """Code, reason, sentence."""
    refusal = await refused(served.scan("refuse"))
    assert (refusal.code, refusal.info.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    assert refusal.info.domain == "lensmesh"
    assert refusal.message == "somebody else scanned it; read it anew"


async def test_an_error_with_more_details_than_a_header_holds_still_arrives(served: Served) -> None:
    """Trailers have a bound; what does not fit is left out, not the reason."""
    refusal = await refused(served.scan("object"))
    assert (refusal.code, refusal.info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    assert refusal.info.metadata["field"] == "radii[0]"
    assert len(refusal.status.SerializeToString()) < 8192


async def test_what_nobody_foresaw_is_internal_and_tells_nothing_but_its_trace(served: Served) -> None:
    """The exception's text stays inside; the trace finds it in the logs."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    metadata = (*served.operator, ("traceparent", f"00-{trace}-b7ad6b7169203331-01"))
    with capture_logs() as lines:
        refusal = await refused(served.scan("crash", metadata))
    assert (refusal.code, refusal.info.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert floor.SECRET not in str(refusal)
    assert refusal.info.metadata["trace_id"] == trace
    assert trace in refusal.message
    assert floor.SECRET in str(next(line["exc_info"] for line in lines if line["event"] == "fault"))


async def test_a_stream_that_fails_before_its_first_message_is_refused_in_the_same_shape(served: Served) -> None:
    """Also there the exception's text stays inside."""
    with capture_logs(), pytest.raises(grpc.aio.AioRpcError) as error:
        await served.watch("crash").read()
    refusal = refusal_of(error.value)
    assert (refusal.code, refusal.info.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert floor.SECRET not in str(refusal)


async def test_an_unreachable_database_is_unavailable_and_says_when_to_try_again(served: Served) -> None:
    """It is nobody's fault, and it passes."""
    refusal = await refused(served.scan("database"))
    assert (refusal.code, refusal.info.reason) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
    assert refusal.detail(error_details_pb2.RetryInfo()).retry_delay.ToMilliseconds() == 1000


async def test_a_call_ends_at_the_contracts_deadline(
    house: House, keys: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller waits longer; the contract does not."""
    as_written = contract.read

    def shortened(services: Mapping[str, ServiceDescriptor]) -> dict[str, MethodContract]:
        methods = as_written(services)
        return {name: replace(method, deadline_seconds=0.2) for name, method in methods.items()}

    monkeypatch.setattr(contract, "read", shortened)
    async with running(house, keys) as served:
        began = time.monotonic()
        refusal = await refused(served.scan("slow", timeout=30))
        assert (refusal.code, refusal.info.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
        assert 0.2 <= time.monotonic() - began < 3
        assert served.scans.running == 0, "what it did is given up, not left running"


async def test_a_call_ends_at_the_callers_deadline_when_that_is_sooner(served: Served) -> None:
    """The contract allows 5 s; the caller waits for a part of one, and no work goes on behind its back."""
    began = time.monotonic()
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await served.scan("slow", timeout=0.3)
    assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    await eventually(lambda: served.scans.running == 0)
    assert time.monotonic() - began < 3


async def test_a_caller_that_goes_away_ends_its_call_and_leaves_a_line(served: Served) -> None:
    """Work for nobody is given up."""
    with capture_logs() as lines:
        call = FloorServiceStub(served.channel).Scan(
            ScanRequest(job="jobs/1", station="slow"), metadata=served.operator
        )
        await eventually(lambda: served.scans.running == 1)
        call.cancel()
        await eventually(lambda: served.scans.running == 0)
        await eventually(lambda: any(line["event"] == "call" for line in lines))
    (line,) = (line for line in lines if line["event"] == "call")
    assert line["outcome"] == "CANCELLED"


async def test_each_call_leaves_one_line_that_says_who_what_and_how_it_went(served: Served) -> None:
    """Answered or refused."""
    with capture_logs() as lines:
        await served.scan()
        await refused(served.scan("refuse"))
        await refused(served.scan(metadata=()))
    said = [(line["method"], line["outcome"], line["caller"]) for line in lines if line["event"] == "call"]
    scan = "/lensmesh.lims.v1.FloorService/Scan"
    assert said == [
        (scan, "OK", "users/test"),
        (scan, "ETAG_MISMATCH", "users/test"),
        (scan, "TOKEN_INVALID", "anonymous"),
    ]


async def test_a_watcher_that_stops_reading_and_goes_away_leaves_nothing_behind(
    served: Served, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """The servicer is closed at once and in its own context, though it was stuck in the middle of sending."""
    async with database.transaction(TENANT) as connection:
        for sequence in range(1, 101):
            heavy = JobEvent(job="jobs/1", sequence=sequence, description="x" * 50_000)
            await log.append(connection, heavy, tenant=TENANT, aggregate="jobs/1", sequence=sequence)
    call = served.watch("0")
    await call.read()
    await eventually(lambda: served.jobs.sent > 2)
    call.cancel()
    await eventually(lambda: served.jobs.watching == 0)
    assert served.jobs.sent < 100, "all of it was sent before the caller went away: send more"
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_watch_ends_server_draining_and_a_call_in_flight_finishes(house: House, keys: Issuer) -> None:
    """New ones are not taken, health says so, and the process waits for what it has begun, no longer."""
    async with running(house, keys) as served:
        health = HealthStub(served.channel).Watch(health_pb2.HealthCheckRequest())
        assert (await health.read()).status == health_pb2.HealthCheckResponse.SERVING
        watch = served.watch()
        assert (await watch.read()).WhichOneof("event") == "heartbeat"
        dawdling = asyncio.ensure_future(served.scan("dawdle"))
        await eventually(lambda: served.scans.running == 1)
        began = time.monotonic()

        async def see_the_end() -> tuple[object, ...]:
            turned = (await health.read()).status
            health.cancel()  # a watch of health has no end of its own
            return turned, (await watch.read()).end.reason, await watch.read(), await dawdling

        draining = asyncio.ensure_future(served.drain())
        assert await see_the_end() == (
            health_pb2.HealthCheckResponse.NOT_SERVING,
            End.REASON_SERVER_DRAINING,
            grpc.aio.EOF,
            Job(name="jobs/1"),
        )
        await draining
    assert time.monotonic() - began < 4


async def test_a_watch_goes_on_from_a_cursor_and_follows_live(served: Served, database: Database) -> None:
    """Through the whole of it: log, tail, watch, wire."""
    await write(database, "jobs/1", [1, 2])
    watch = served.watch("0")
    assert (await watch.read()).WhichOneof("event") == "heartbeat"
    await watch.read()
    second = await watch.read()
    assert second.update.sequence == 2
    await write(database, "jobs/1", [3])
    third = await watch.read()
    resumed = served.watch(second.cursor)
    await resumed.read()
    assert await resumed.read() == third
    watch.cancel()
    resumed.cancel()


async def test_health_and_reflection_answer_without_a_token(served: Served) -> None:
    """Per service, and for the whole."""
    stub = HealthStub(served.channel)
    for name in ("", "lensmesh.lims.v1.FloorService", "lensmesh.lims.v1.LimsService", "lensmesh.order.v1.OrderService"):
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.aio.AioRpcError, match="NOT_FOUND"):
        await stub.Check(health_pb2.HealthCheckRequest(service="lensmesh.nothing.v1.NothingService"))
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    call = ServerReflectionStub(served.channel).ServerReflectionInfo(iter([request]))
    listed = {each.name for each in (await call.read()).list_services_response.service}
    assert {"lensmesh.lims.v1.FloorService", "grpc.health.v1.Health"} <= listed


async def test_a_service_serves_though_nats_is_away(house: House, keys: Issuer) -> None:
    """The log keeps what is to be published; callers need not wait for it."""
    async with asyncio.timeout(10), running(house, keys, nats_url="nats://127.0.0.1:1") as served:
        assert await served.scan() == Job(name="jobs/1")
