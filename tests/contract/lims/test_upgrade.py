"""A lab whose revision in force was written by an earlier version."""

import uuid

import asyncpg
import grpc
import pytest
from lensmesh.lims.v1.floor_service_pb2 import (
    GetJobTicketRequest,
    HoldJobRequest,
    ReleaseJobRequest,
    ReportBreakageRequest,
    ScanRequest,
)
from lensmesh.lims.v1.floor_service_pb2_grpc import FloorServiceStub
from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.lims.v1.lims_service_pb2 import (
    CreateJobRequest,
    DescribeLimsRequest,
    GetCatalogRequest,
    GetJobRequest,
    ListJobEventsRequest,
)
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from lensmesh.type.v1.prescription_pb2 import SIDE_UNSPECIFIED

from runtime.postgres import Server
from tests.contract.lims.calls import Metadata, Serve, refused

LAB = "labs/of-old"

# What an earlier version stored: its limits and routes nobody reads any more, its stations still stand on the floor.
EARLIER = (
    b'{"files":{"floor.yaml":{"routes":[{"stations":["grinding","shipping"]}],"stations":['
    b'{"description":"Being ground","id":"grinding","name":"Grind"},'
    b'{"description":"On its way","id":"shipping","name":"Ship"}]},'
    b'"limits.yaml":{"limits":[{"error":{"high":"6.00","says":"up to {high}."},"quantity":"power","reason":"then"}]}},'
    b'"format":1}'
)


@pytest.fixture
async def job(serve: Serve, postgres: Server) -> str:
    """A job pinned to such a revision, in a lab that has no other."""
    with serve("lims"):
        pass  # the database is there and migrated
    connection = await asyncpg.connect(postgres.url("lims"))
    try:
        await connection.execute(
            "insert into revision (tenant, number, digest, content, author, note)"
            " values ($1, 1, encode(sha256($2), 'hex'), $2, 'services/lims', 'the starter catalog')"
            " on conflict do nothing",
            LAB,
            EARLIER,
        )
        number = await connection.fetchval(
            "insert into job (tenant, handoff_id, spec, spec_digest, state, station, route, catalog_revision, sequence)"
            " values ($1, $2, '', sha256(''), 'RECEIVED', '', '{grinding,shipping}', 1, 1) returning number",
            LAB,
            uuid.uuid4(),
        )
    finally:
        await connection.close()
    return f"jobs/{number}"


def test_the_starter_catalog_follows_a_revision_that_is_no_longer_decided_by(
    serve: Serve, job: str, order: Metadata, progressive: JobSpec
) -> None:
    """New jobs are decided by the new one; the old one is kept, and answered for by its number."""
    assert job
    with serve("lims", LENSMESH_LAB=LAB) as process, grpc.insecure_channel(process.address) as channel:
        stub = LimsServiceStub(channel)
        assert stub.DescribeLims(DescribeLimsRequest(), metadata=order).revision.number == 2
        made = stub.CreateJob(CreateJobRequest(handoff_id=str(uuid.uuid4()), spec=progressive), metadata=order)
        assert made.catalog_revision == 2
        refusal = refused(stub.GetCatalog, GetCatalogRequest(revision=1), order)

    assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "REVISION_NOT_FOUND")
    assert refusal.message == (
        "the catalog has a revision 1 that an earlier version wrote and this one cannot read; take a later one"
    )


def test_a_job_pinned_to_such_a_revision_is_scanned_at_its_stations(
    serve: Serve, job: str, operator: Metadata, order: Metadata
) -> None:
    """And the customer is told what was said there then."""
    with serve("lims", LENSMESH_LAB=LAB) as process, grpc.insecure_channel(process.address) as channel:
        floor, stub = FloorServiceStub(channel), LimsServiceStub(channel)
        for station in ("grinding", "shipping"):
            floor.Scan(ScanRequest(job=job, station=station), metadata=operator)
        events = stub.ListJobEvents(ListJobEventsRequest(job=job), metadata=order).events

    assert [event.description for event in events] == ["Being ground", "On its way"]


def test_such_a_job_goes_over_the_floor_without_knowing_its_lenses(
    serve: Serve, job: str, operator: Metadata, order: Metadata
) -> None:
    """Stopped and let go it moves as before; what its revision does not say is refused, and nothing is promised."""
    with serve("lims", LENSMESH_LAB=LAB) as process, grpc.insecure_channel(process.address) as channel:
        floor, stub = FloorServiceStub(channel), LimsServiceStub(channel)
        before = stub.GetJob(GetJobRequest(name=job), metadata=order)
        ground = floor.Scan(ScanRequest(job=job, station="grinding"), metadata=operator)
        held = floor.HoldJob(HoldJobRequest(job=job, reason="the frame has not come"), metadata=operator)
        released = floor.ReleaseJob(ReleaseJobRequest(job=job), metadata=operator)
        broken = ReportBreakageRequest(job=job, sides=[SIDE_UNSPECIFIED], reason="scratch")
        refusal = refused(floor.ReportBreakage, broken, operator)
        ticket = refused(floor.GetJobTicket, GetJobTicketRequest(job=job), operator)

    assert (before.next_station, list(before.lenses)) == ("grinding", [])
    assert [(each.side, each.station, each.next_station) for each in ground.lenses] == [
        (SIDE_UNSPECIFIED, "grinding", "shipping")
    ]
    assert not ground.HasField("due_time")
    assert not ground.HasField("promise_time")
    assert (held.customer_status, released.customer_status) == ("On hold", "Being ground")
    assert (refusal.reason, refusal.metadata["revision"]) == ("BREAKAGE_LIST_MISSING", "1")
    assert ticket.reason == "REVISION_NOT_FOUND"
