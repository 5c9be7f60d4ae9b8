"""How jobs go, as it happens: WatchJobs."""

from collections.abc import Iterable, Iterator

import grpc
import pytest
from lensmesh.lims.v1.floor_service_pb2 import ScanRequest
from lensmesh.lims.v1.floor_service_pb2_grpc import FloorServiceStub
from lensmesh.lims.v1.job_pb2 import JobEvent
from lensmesh.lims.v1.lims_service_pb2 import WatchJobsRequest, WatchJobsResponse
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from lensmesh.type.v1.stream_pb2 import End

from tests.contract.lims.calls import MakeJob, Metadata, Serve
from tests.support.floor import walk

SECONDS = 20


def _updates(watch: Iterable[WatchJobsResponse], job: str) -> Iterator[tuple[str, JobEvent]]:
    for message in watch:
        if message.WhichOneof("event") == "update" and message.update.job == job:
            yield message.cursor, message.update


def test_a_watch_gives_a_cursor_before_anything_happens(grpc_stub: LimsServiceStub, order: Metadata) -> None:
    """So a client that is cut at once can resume without a gap."""
    watch = grpc_stub.WatchJobs(WatchJobsRequest(), metadata=order, timeout=SECONDS)
    first = next(watch)
    watch.cancel()

    assert first.WhichOneof("event") == "heartbeat"
    assert first.cursor


def test_a_watch_tells_each_step_of_a_job(
    grpc_stub: LimsServiceStub, floor: FloorServiceStub, order: Metadata, operator: Metadata, make_job: MakeJob
) -> None:
    """From the hand-off to the inspection, in order."""
    watch = grpc_stub.WatchJobs(WatchJobsRequest(), metadata=order, timeout=SECONDS)
    next(watch)
    job = make_job()
    stations = job.route[:-1]
    list(walk(floor, job, operator, stations))

    updates = _updates(watch, job.name)
    told = [next(updates)[1] for _ in range(1 + len(stations))]
    watch.cancel()
    assert [each.sequence for each in told] == [1, 2, 3, 4, 5, 6]
    assert [each.station for each in told] == ["", *stations]
    assert {each.handoff_id for each in told} == {job.handoff_id}


def test_a_watch_of_moves_leaves_out_that_a_job_was_made(
    grpc_stub: LimsServiceStub, floor: FloorServiceStub, order: Metadata, operator: Metadata, make_job: MakeJob
) -> None:
    """Who made the jobs knows that; each move comes all the same."""
    watch = grpc_stub.WatchJobs(WatchJobsRequest(moves_only=True), metadata=order, timeout=SECONDS)
    next(watch)
    quiet, moved = make_job(), make_job()
    floor.Scan(ScanRequest(job=moved.name, station=moved.route[0]), metadata=operator)

    ours = {quiet.name, moved.name}  # the last move of the test before may be told yet
    told = next(each.update for each in watch if each.WhichOneof("event") == "update" and each.update.job in ours)
    watch.cancel()
    assert (told.job, told.sequence) == (moved.name, 2)


def test_a_watch_resumed_at_every_cursor_tells_the_rest_without_gap_or_repeat(
    grpc_stub: LimsServiceStub, floor: FloorServiceStub, order: Metadata, operator: Metadata, make_job: MakeJob
) -> None:
    """Whichever message was the last one seen, the next one comes next."""
    begin = grpc_stub.WatchJobs(WatchJobsRequest(), metadata=order, timeout=SECONDS)
    cursor = next(begin).cursor
    begin.cancel()
    job = make_job()
    list(walk(floor, job, operator, job.route[:5]))

    for sequence in range(1, 7):
        cut = grpc_stub.WatchJobs(WatchJobsRequest(cursor=cursor), metadata=order, timeout=SECONDS)
        cursor, update = next(_updates(cut, job.name))
        cut.cancel()  # the client goes away in the middle of the stream
        assert update.sequence == sequence


def test_a_watch_from_the_beginning_tells_everything_kept(
    grpc_stub: LimsServiceStub, order: Metadata, make_job: MakeJob
) -> None:
    """Cursor "0" is before the first event."""
    jobs = [make_job().name for _ in range(3)]
    watch = grpc_stub.WatchJobs(WatchJobsRequest(cursor="0"), metadata=order, timeout=SECONDS)
    told = []
    for message in watch:
        if message.WhichOneof("event") == "update":
            told.append(message.update)
            if message.update.job == jobs[-1]:
                break
    watch.cancel()

    assert set(jobs) <= {each.job for each in told}
    assert len({(each.job, each.sequence) for each in told}) == len(told)


def test_a_quiet_watch_says_that_it_is_alive(grpc_stub: LimsServiceStub, order: Metadata) -> None:
    """Three heartbeats in a row come without anything happening, and carry one cursor."""
    watch = grpc_stub.WatchJobs(WatchJobsRequest(), metadata=order, timeout=SECONDS)
    last: list[WatchJobsResponse] = []
    while [each.WhichOneof("event") for each in last] != ["heartbeat"] * 3:
        last = [*last[-2:], next(watch)]
    watch.cancel()

    assert {each.cursor for each in last} == {last[0].cursor}
    assert all(each.heartbeat.time.seconds for each in last)


def test_a_server_that_goes_away_says_so_and_another_one_goes_on(
    serve: Serve, grpc_stub: LimsServiceStub, order: Metadata, make_job: MakeJob
) -> None:
    """The cursor of the end resumes at another replica over the same database."""
    with serve("lims") as going, grpc.insecure_channel(going.address) as channel:
        watch = LimsServiceStub(channel).WatchJobs(WatchJobsRequest(), metadata=order, timeout=SECONDS)
        next(watch)
        going.popen.terminate()
        last = list(watch)[-1]
    assert last.end.reason == End.REASON_SERVER_DRAINING

    job = make_job()
    resumed = grpc_stub.WatchJobs(WatchJobsRequest(cursor=last.cursor), metadata=order, timeout=SECONDS)
    assert next(_updates(resumed, job.name))[1].sequence == 1
    resumed.cancel()


def test_a_watch_cut_by_a_crash_is_resumed_elsewhere_without_gap_or_repeat(
    serve: Serve,
    grpc_stub: LimsServiceStub,
    floor: FloorServiceStub,
    order: Metadata,
    operator: Metadata,
    make_job: MakeJob,
) -> None:
    """A stream that stops without an end was cut; its last cursor is good at any replica."""
    with serve("lims") as dying, grpc.insecure_channel(dying.address) as channel:
        watch = LimsServiceStub(channel).WatchJobs(WatchJobsRequest(), metadata=order, timeout=SECONDS)
        next(watch)
        job = make_job()
        cursor, first = next(_updates(watch, job.name))
        dying.kill()
        floor.Scan(ScanRequest(job=job.name, station=job.route[0]), metadata=operator)
        with pytest.raises(grpc.RpcError):
            list(watch)

    resumed = grpc_stub.WatchJobs(WatchJobsRequest(cursor=cursor), metadata=order, timeout=SECONDS)
    _, second = next(_updates(resumed, job.name))
    resumed.cancel()
    assert (first.sequence, second.sequence) == (1, 2)
