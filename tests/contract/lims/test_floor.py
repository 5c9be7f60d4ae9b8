"""A job on the floor: FloorService.Scan."""

from lensmesh.lims.v1.floor_service_pb2 import ScanRequest
from lensmesh.lims.v1.floor_service_pb2_grpc import FloorServiceStub
from lensmesh.lims.v1.job_pb2 import Job
from lensmesh.lims.v1.lims_service_pb2 import CancelJobRequest, ListJobEventsRequest
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub

from tests.contract.lims.calls import MakeJob, Metadata, refused
from tests.support.floor import walk


def test_a_job_passes_its_route_and_the_last_station_ships_it(
    grpc_stub: LimsServiceStub, floor: FloorServiceStub, operator: Metadata, make_job: MakeJob
) -> None:
    """The first scan begins production; each step is told in words for the customer."""
    job = make_job()
    seen = list(walk(floor, job, operator))

    assert [each.station for each in seen] == list(job.route)
    assert [each.state for each in seen] == [Job.STATE_IN_PRODUCTION] * 5 + [Job.STATE_SHIPPED]
    events = grpc_stub.ListJobEvents(ListJobEventsRequest(job=job.name), metadata=operator).events
    assert [each.sequence for each in events] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [each.description for each in events] == [
        "Received",
        "Preparing",
        "Surfacing",
        "Coating",
        "Edging",
        "Final inspection",
        "Final inspection",  # measured there
        "Shipped",
    ]
    assert [each.time.ToNanoseconds() for each in events] == sorted(each.time.ToNanoseconds() for each in events)


def test_a_second_scan_at_the_same_station_changes_nothing(
    grpc_stub: LimsServiceStub, floor: FloorServiceStub, operator: Metadata, make_job: MakeJob
) -> None:
    """A scanner that beeps twice moves a job once."""
    job = make_job()
    once = floor.Scan(ScanRequest(job=job.name, station=job.route[0]), metadata=operator)
    twice = floor.Scan(ScanRequest(job=job.name, station=job.route[0]), metadata=operator)

    assert twice == once
    assert len(grpc_stub.ListJobEvents(ListJobEventsRequest(job=job.name), metadata=operator).events) == 2


def test_a_job_scanned_at_the_wrong_station_is_sent_to_the_next(
    floor: FloorServiceStub, operator: Metadata, make_job: MakeJob
) -> None:
    """The refusal names the station it has to go to."""
    job = make_job()
    skipped = refused(floor.Scan, ScanRequest(job=job.name, station=job.route[1]), operator)
    elsewhere = refused(floor.Scan, ScanRequest(job=job.name, station="canteen"), operator)

    assert skipped.reason == elsewhere.reason == "WRONG_STATION"
    assert skipped.metadata["expected"] == elsewhere.metadata["expected"] == job.route[0]


def test_a_job_does_not_go_back(floor: FloorServiceStub, operator: Metadata, make_job: MakeJob) -> None:
    """A station behind it is as wrong as one too far ahead."""
    job = make_job()
    for station in job.route[:2]:
        floor.Scan(ScanRequest(job=job.name, station=station), metadata=operator)

    answer = refused(floor.Scan, ScanRequest(job=job.name, station=job.route[0]), operator)
    assert (answer.reason, answer.metadata["expected"]) == ("WRONG_STATION", job.route[2])


def test_a_cancelled_job_is_not_worked_on(
    grpc_stub: LimsServiceStub, floor: FloorServiceStub, operator: Metadata, engineer: Metadata, make_job: MakeJob
) -> None:
    """The refusal says where the job stands."""
    job = make_job()
    grpc_stub.CancelJob(CancelJobRequest(name=job.name), metadata=engineer)

    answer = refused(floor.Scan, ScanRequest(job=job.name, station=job.route[0]), operator)
    assert (answer.reason, answer.metadata["state"]) == ("JOB_STATE", "CANCELLED")


def test_a_job_in_production_is_not_cancelled(
    grpc_stub: LimsServiceStub, floor: FloorServiceStub, operator: Metadata, order: Metadata, make_job: MakeJob
) -> None:
    """What is being made is made, or broken; it is not unmade."""
    job = make_job()
    floor.Scan(ScanRequest(job=job.name, station=job.route[0]), metadata=operator)

    answer = refused(grpc_stub.CancelJob, CancelJobRequest(name=job.name), order)
    assert (answer.reason, answer.metadata["state"]) == ("JOB_STATE", "IN_PRODUCTION")


def test_a_shipped_job_scanned_again_where_it_shipped_is_returned_unchanged(
    floor: FloorServiceStub, operator: Metadata, make_job: MakeJob
) -> None:
    """Anywhere else it is refused: it left the lab."""
    job = make_job()
    *_, shipped = walk(floor, job, operator)

    assert floor.Scan(ScanRequest(job=job.name, station=job.route[-1]), metadata=operator) == shipped
    answer = refused(floor.Scan, ScanRequest(job=job.name, station=job.route[0]), operator)
    assert (answer.reason, answer.metadata["state"]) == ("JOB_STATE", "SHIPPED")
