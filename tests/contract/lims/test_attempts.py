"""What was asked for and refused is kept, without whose it was: the demand that a lab turns away."""

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import asyncpg
import grpc
import pytest
from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.lims.v1.lims_service_pb2 import CreateJobRequest, ValidateJobRequest
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from lensmesh.type.v1.violation_pb2 import Violations

from rules.replay.record import SIZE, mark
from runtime.postgres import Server
from tests.contract.lims.calls import Metadata, Serve

_DEADLINE = 10.0


async def _rows(url: str, statement: str, *arguments: object) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        rows: list[Any] = await connection.fetch(statement, *arguments)
        return rows
    finally:
        await connection.close()


@pytest.fixture
def refused(progressive: JobSpec) -> JobSpec:
    """A pair that nobody asked for before, and that cannot be made."""
    progressive.prescription.right.sphere = -29.0
    progressive.frame.vertex = round(5 + (uuid.uuid4().int % 1900) / 100, 2)
    progressive.frame.panto = round((uuid.uuid4().int % 1200) / 100, 2)
    return progressive


@pytest.fixture
def kept(postgres: Server) -> Callable[[JobSpec, int], Any]:
    """Waits until a spec has been kept as refused so many times, and returns its row."""

    async def wait(spec: JobSpec, count: int) -> Any:  # noqa: ANN401 -- a row
        content = spec.SerializeToString(deterministic=True)
        async with asyncio.timeout(_DEADLINE):
            while True:
                rows = await _rows(postgres.url("lims"), "select * from attempt where spec = $1", content)
                if rows and rows[0]["count"] >= count:
                    return rows[0]
                await asyncio.sleep(0.05)

    return lambda spec, count: asyncio.run(wait(spec, count))


def test_what_is_refused_is_kept_once_and_counted(
    grpc_stub: LimsServiceStub, order: Metadata, refused: JobSpec, kept: Callable[[JobSpec, int], Any]
) -> None:
    """Tried out three times and then submitted; why it was refused stands beside it."""
    for _ in range(3):
        grpc_stub.ValidateJob(ValidateJobRequest(spec=refused, account="100200"), metadata=order)
    with pytest.raises(grpc.RpcError):
        grpc_stub.CreateJob(
            CreateJobRequest(handoff_id=str(uuid.uuid4()), spec=refused, account="100200"), metadata=order
        )
    row = kept(refused, 4)

    assert (row["count"], row["tenant"], len(row["replay"])) == (4, "labs/main", SIZE)
    told = Violations.FromString(row["violations"]).violations
    assert any(each.field == "prescription.right.sphere" for each in told)


def test_it_is_kept_without_the_account_that_asked(
    grpc_stub: LimsServiceStub, order: Metadata, refused: JobSpec, kept: Callable[[JobSpec, int], Any]
) -> None:
    """Neither in words nor as a mark that could be looked up."""
    grpc_stub.ValidateJob(ValidateJobRequest(spec=refused, account="100200"), metadata=order)
    row = kept(refused, 1)

    everything = b"".join(value for value in row.values() if isinstance(value, bytes))
    assert mark("100200") not in everything
    assert b"100200" not in everything


def test_an_unfinished_order_is_no_demand(
    grpc_stub: LimsServiceStub,
    order: Metadata,
    refused: JobSpec,
    kept: Callable[[JobSpec, int], Any],
    postgres: Server,
) -> None:
    """A form that is being filled in is asked about at every step, and means nothing yet."""
    unfinished = JobSpec()
    unfinished.CopyFrom(refused)
    unfinished.prescription.left.ClearField("add")
    grpc_stub.ValidateJob(ValidateJobRequest(spec=unfinished), metadata=order)
    grpc_stub.ValidateJob(ValidateJobRequest(spec=refused), metadata=order)
    kept(refused, 1)  # noted later, so the other one would stand there as well

    content = unfinished.SerializeToString(deterministic=True)
    assert asyncio.run(_rows(postgres.url("lims"), "select 1 from attempt where spec = $1", content)) == []


def test_what_was_refused_last_is_written_before_the_service_ends(
    serve: Serve, order: Metadata, refused: JobSpec, postgres: Server
) -> None:
    """A replica that is replaced takes nothing with it."""
    with serve("lims") as process, grpc.insecure_channel(process.address) as channel:
        LimsServiceStub(channel).ValidateJob(ValidateJobRequest(spec=refused), metadata=order)
    content = refused.SerializeToString(deterministic=True)

    assert asyncio.run(_rows(postgres.url("lims"), "select 1 from attempt where spec = $1", content))


def test_a_job_is_kept_with_what_its_decision_was_made_of(
    grpc_stub: LimsServiceStub, order: Metadata, progressive: JobSpec, postgres: Server
) -> None:
    """So that other rules can be tried on it without its geometry."""
    made = grpc_stub.CreateJob(CreateJobRequest(handoff_id=str(uuid.uuid4()), spec=progressive), metadata=order)
    number = int(made.name.removeprefix("jobs/"))
    (row,) = asyncio.run(_rows(postgres.url("lims"), "select replay from job where number = $1", number))

    assert len(row["replay"]) == SIZE
