"""How much a service takes on at once, and what it says to the rest."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from lensmesh.lims.v1.floor_service_pb2 import ScanRequest
from lensmesh.lims.v1.floor_service_pb2_grpc import FloorServiceStub
from lensmesh.lims.v1.job_pb2 import Job
from lensmesh.lims.v1.lims_service_pb2 import WatchJobsRequest
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from structlog.testing import capture_logs

from chassis import deadline
from chassis.errors import Overloaded
from chassis.limits import Gate
from chassis.service import House as Given
from chassis.service import serving
from chassis.settings import ServiceSettings
from tests.chassis import floor
from tests.chassis.calls import Issuer, Metadata, Refusal, bearer, refusal_of, refused
from tests.chassis.housing import House, background, eventually


async def hold(gate: Gate, entered: list[int], number: int = 0, until: asyncio.Event | None = None) -> None:
    """Enters a gate, says so, and stays inside."""
    async with gate:
        entered.append(number)
        await (until or asyncio.Event()).wait()


async def test_who_finds_no_room_is_refused_at_once() -> None:
    """One works, one waits, and the third is told."""
    gate, entered = Gate(1, waiting=1, patience_seconds=30), list[int]()
    async with background(hold(gate, entered, 1), hold(gate, entered, 2)):
        await eventually(lambda: gate.full)
        began = time.monotonic()
        with pytest.raises(Overloaded):
            await hold(gate, entered)
        assert time.monotonic() - began < 0.1
    assert entered == [1]
    assert not gate.full


async def test_who_waits_enters_in_turn() -> None:
    """First come, first served."""
    gate, entered, leave = Gate(1, waiting=5), list[int](), asyncio.Event()
    async with background(*(hold(gate, entered, number, leave) for number in range(5))):
        await eventually(lambda: entered == [0])
        leave.set()
        await eventually(lambda: entered == [0, 1, 2, 3, 4])


async def test_nobody_waits_for_longer_than_is_worth_it() -> None:
    """A turn that does not come soon is a refusal, and the place to wait is free again."""
    gate, entered = Gate(1, waiting=1, patience_seconds=0.05), list[int]()
    async with background(hold(gate, entered, 1)):
        await eventually(lambda: entered == [1])
        for _ in range(3):
            with pytest.raises(Overloaded):
                await hold(gate, entered)
        assert not gate.full


async def test_a_wait_ends_before_its_call_does() -> None:
    """So that its caller is told, instead of being left at the deadline."""
    gate, entered = Gate(1, waiting=1, patience_seconds=30), list[int]()
    async with background(hold(gate, entered, 1)):
        await eventually(lambda: entered == [1])
        deadline.begin(0.2)
        began = time.monotonic()
        with pytest.raises(Overloaded):
            await hold(gate, entered)
        assert 0.1 < time.monotonic() - began < 0.2


async def test_who_gives_up_waiting_leaves_the_place_to_others() -> None:
    """A caller that goes away while it waits takes no turn."""
    gate, entered, leave = Gate(1, waiting=2), list[int](), asyncio.Event()
    async with background(*(hold(gate, entered, number, leave) for number in range(3))) as (_, gone, _):
        await eventually(lambda: gate.full)
        gone.cancel()
        await eventually(lambda: not gate.full)
        leave.set()
        await eventually(lambda: entered == [0, 2])


@dataclass(slots=True)
class Busy:
    """A served house that takes on very little: one call, one that waits, and one watch."""

    channel: grpc.aio.Channel
    operator: Metadata
    scans: floor.Floor

    def scan(self, station: str, metadata: Metadata | None = None) -> Awaitable[Job]:
        """Begins a scan."""
        request = ScanRequest(job="jobs/1", station=station)
        sent = self.operator if metadata is None else metadata
        begun: Awaitable[Job] = FloorServiceStub(self.channel).Scan(request, metadata=sent, timeout=20)
        return begun

    def watch(self) -> Any:  # noqa: ANN401 -- a call, as grpc has it
        """Begins a watch."""
        return LimsServiceStub(self.channel).WatchJobs(WatchJobsRequest(), metadata=self.operator)

    @asynccontextmanager
    async def full(self) -> AsyncIterator[None]:
        """Keeps it as busy as it may be while the block runs."""
        begun = [asyncio.ensure_future(self.scan("slow")) for _ in range(2)]
        try:
            await eventually(lambda: self.scans.running == 1)
            yield
        finally:
            for each in begun:
                each.cancel()
            await eventually(lambda: self.scans.running == 0)


@pytest.fixture
async def busy(house: House, keys: Issuer) -> AsyncIterator[Busy]:
    """The house, served."""
    made: list[floor.Floor] = []

    def note(_given: Given[Any], scans: floor.Floor, _jobs: floor.Jobs) -> None:
        made.append(scans)

    settings = ServiceSettings(
        database_url=house.url("service"),
        relay_database_url=house.url("relay"),
        jwks_file=keys.jwks_file,
        max_calls=1,
        max_waiting_calls=1,
        max_streams=1,
        heartbeat_seconds=60,
        drain_seconds=5,
    )
    async with (
        serving(floor.service(note), settings) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        yield Busy(channel, bearer(keys.token(roles=("lab_operator",))), made[0])


def assert_overloaded(refusal: Refusal) -> None:
    """Fails unless the refusal says that it is too much, and when to try again."""
    assert (refusal.code, refusal.info.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert refusal.detail(error_details_pb2.RetryInfo()).retry_delay.ToMilliseconds() > 0


async def test_a_call_beyond_the_limit_is_refused_at_once_and_unread(busy: Busy) -> None:
    """Not even its token is looked at: that is work, too."""
    async with busy.full():
        began = time.monotonic()

        async def until_refused() -> Refusal:
            while True:  # the second call may still be on its way to its place
                refusal = await refused(busy.scan("edging", ()))
                if refusal.info.reason != "TOKEN_INVALID":
                    return refusal

        assert_overloaded(await until_refused())
        assert time.monotonic() - began < 0.9, "before the one that waits is refused as well"
    assert await busy.scan("edging") == Job(name="jobs/1"), "and when it is over, it is over"


async def test_a_call_that_waited_in_vain_is_refused_as_the_others_are(busy: Busy) -> None:
    """Within about a second, long before its deadline."""
    dawdling = asyncio.ensure_future(busy.scan("slow"))
    await eventually(lambda: busy.scans.running == 1)
    assert_overloaded(await refused(busy.scan("edging")))
    dawdling.cancel()


async def test_health_is_told_however_much_there_is_to_do(busy: Busy) -> None:
    """Or whoever balances the load would take it for dead."""
    async with busy.full():
        for _ in range(20):
            answer = await HealthStub(busy.channel).Check(health_pb2.HealthCheckRequest(), timeout=1)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_watches_are_counted_apart_from_calls(busy: Busy) -> None:
    """They are open for long and cost little: neither takes the other's place."""
    watch = busy.watch()
    await watch.read()
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await busy.watch().read()
    assert_overloaded(refusal_of(error.value))
    assert await busy.scan("edging") == Job(name="jobs/1")
    async with busy.full():
        watch.cancel()

        async def watched_again() -> bool:
            again = busy.watch()
            try:
                return bool(await again.read())
            except grpc.aio.AioRpcError:
                return False
            finally:
                again.cancel()

        await eventually(watched_again)


async def test_an_overload_leaves_a_line_a_second_and_not_one_for_each_refusal(busy: Busy) -> None:
    """It says how many were refused since the last."""
    with capture_logs() as lines:
        async with busy.full():
            await asyncio.gather(*(refused(busy.scan("edging")) for _ in range(60)))
    told = [line for line in lines if line["event"] == "overloaded"]
    assert 1 <= len(told) <= 3
    assert told[0]["refused"] == 1
