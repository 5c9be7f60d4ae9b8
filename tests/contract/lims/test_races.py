"""What happens at once happens once: hand-offs and scans that race, over two replicas."""

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from lensmesh.lims.v1.floor_service_pb2 import ScanRequest
from lensmesh.lims.v1.floor_service_pb2_grpc import FloorServiceStub
from lensmesh.lims.v1.job_pb2 import Job, JobSpec
from lensmesh.lims.v1.lims_service_pb2 import (
    CancelJobRequest,
    CreateJobRequest,
    ListJobEventsRequest,
    ListJobsRequest,
)
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub

from tests.contract.lims.calls import MakeJob, Metadata

Call = Callable[[], object]

TIMES = 10


@pytest.fixture(scope="module")
def replicas(serve: Callable[..., Any], grpc_channel: grpc.Channel) -> Iterator[tuple[grpc.Channel, grpc.Channel]]:
    """Channels to two processes over one database."""
    with serve("lims") as second, grpc.insecure_channel(second.address) as channel:
        yield grpc_channel, channel


def _at_once(calls: Sequence[Call]) -> list[Any]:
    """Returns the answers, or the errors, of calls that were made at the same moment."""
    gate = threading.Barrier(len(calls))

    def make(call: Call) -> object:
        gate.wait()
        try:
            return call()
        except grpc.RpcError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(make, calls))


def test_ten_hand_offs_at_once_make_one_job_and_get_ten_equal_answers(
    replicas: tuple[grpc.Channel, grpc.Channel], order: Metadata, progressive: JobSpec
) -> None:
    """The unique constraint decides, whichever replica was asked."""
    request = CreateJobRequest(handoff_id=str(uuid.uuid4()), spec=progressive)
    stubs = [LimsServiceStub(channel) for channel in replicas]
    before = {job.name for job in stubs[0].ListJobs(ListJobsRequest(page_size=500), metadata=order).jobs}

    answers = _at_once([lambda stub=stubs[turn % 2]: stub.CreateJob(request, metadata=order) for turn in range(TIMES)])

    assert answers == [answers[0]] * TIMES
    after = {job.name for job in stubs[0].ListJobs(ListJobsRequest(page_size=500), metadata=order).jobs}
    assert after - before == {answers[0].name}
    assert len(stubs[1].ListJobEvents(ListJobEventsRequest(job=answers[0].name), metadata=order).events) == 1


def test_one_hand_off_id_with_two_specs_at_once_makes_one_job_and_refuses_the_other_spec(
    replicas: tuple[grpc.Channel, grpc.Channel], order: Metadata, progressive: JobSpec
) -> None:
    """Half of the calls get the job, the other half HANDOFF_ID_REUSED."""
    one = CreateJobRequest(handoff_id=str(uuid.uuid4()), spec=progressive)
    other = CreateJobRequest(handoff_id=one.handoff_id, spec=progressive)
    other.spec.lens.coatings[:] = ["hc-ar"]
    stubs = [LimsServiceStub(channel) for channel in replicas]

    answers = _at_once(
        [
            lambda stub=stubs[turn % 2], request=(one, other)[turn // 2 % 2]: stub.CreateJob(request, metadata=order)
            for turn in range(8)
        ]
    )

    made = [answer for answer in answers if isinstance(answer, Job)]
    refused = [answer.code() for answer in answers if isinstance(answer, grpc.RpcError)]
    assert made == [made[0]] * 4
    assert refused == [grpc.StatusCode.ALREADY_EXISTS] * 4


def test_scans_that_race_move_a_job_once_and_leave_no_gap(
    replicas: tuple[grpc.Channel, grpc.Channel], order: Metadata, operator: Metadata, make_job: MakeJob
) -> None:
    """Ten scanners at each station: one step each, told once."""
    job = make_job()
    floors = [FloorServiceStub(channel) for channel in replicas]
    for station in (each for each in job.route if each != "shipping"):
        request = ScanRequest(job=job.name, station=station)
        answers = _at_once(
            [
                lambda floor=floors[turn % 2], request=request: floor.Scan(request, metadata=operator)
                for turn in range(TIMES)
            ]
        )
        assert answers == [answers[0]] * TIMES

    events = LimsServiceStub(replicas[1]).ListJobEvents(ListJobEventsRequest(job=job.name), metadata=order).events
    assert [each.sequence for each in events] == list(range(1, 1 + len(job.route)))


def test_a_cancel_that_races_a_scan_wins_or_loses_but_not_both(
    replicas: tuple[grpc.Channel, grpc.Channel], order: Metadata, operator: Metadata, make_job: MakeJob
) -> None:
    """Under the row lock one comes first, and the other is refused."""
    stub, floor = LimsServiceStub(replicas[0]), FloorServiceStub(replicas[1])
    for _ in range(5):
        job = make_job()
        cancelled, scanned = _at_once(
            [
                lambda job=job: stub.CancelJob(CancelJobRequest(name=job.name), metadata=order),
                lambda job=job: floor.Scan(ScanRequest(job=job.name, station=job.route[0]), metadata=operator),
            ]
        )
        assert isinstance(cancelled, Job) != isinstance(scanned, Job)
        events = stub.ListJobEvents(ListJobEventsRequest(job=job.name), metadata=order).events
        assert [each.sequence for each in events] == [1, 2]
