"""The fence between publishing a revision and creating jobs."""

import uuid
from collections.abc import AsyncIterator

import asyncpg
import grpc
import pytest
from lensmesh.lims.v1.job_pb2 import Job, JobSpec
from lensmesh.lims.v1.lims_service_pb2 import CreateJobRequest, ValidateJobRequest
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub

from runtime.postgres import Server
from services.lims import store
from tests.contract.lims.calls import MakeJob, Metadata


@pytest.fixture
def made(make_job: MakeJob) -> Job:
    """A job from before the publication."""
    return make_job()


@pytest.fixture
async def publication(made: Job, postgres: Server) -> AsyncIterator[asyncpg.transaction.Transaction]:
    """A publication under way, as another replica would make it: behind the closed fence, not committed yet."""
    assert made
    connection = await asyncpg.connect(postgres.url("lims", "lims_service"))
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(store._CLOSE_FENCE.text)
    yield transaction
    await connection.close()


async def test_a_new_hand_off_waits_for_a_publication_under_way(
    grpc_stub: LimsServiceStub,
    order: Metadata,
    progressive: JobSpec,
    publication: asyncpg.transaction.Transaction,
) -> None:
    """From the moment a publication returns, no job is created under an older revision."""
    request = CreateJobRequest(handoff_id=str(uuid.uuid4()), spec=progressive)
    with pytest.raises(grpc.RpcError) as waiting:
        grpc_stub.CreateJob(request, metadata=order, timeout=0.5)
    assert waiting.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED

    await publication.rollback()
    assert grpc_stub.CreateJob(request, metadata=order, timeout=5).catalog_revision == 1


async def test_a_known_hand_off_and_a_dry_run_do_not_wait(
    grpc_stub: LimsServiceStub,
    order: Metadata,
    progressive: JobSpec,
    made: Job,
    publication: asyncpg.transaction.Transaction,
) -> None:
    """A replay's answer does not depend on what is published, and a dry run commits to nothing."""
    assert publication
    handoff = CreateJobRequest(handoff_id=made.handoff_id, spec=progressive)

    assert grpc_stub.CreateJob(handoff, metadata=order, timeout=5) == made
    assert grpc_stub.ValidateJob(ValidateJobRequest(spec=progressive), metadata=order, timeout=5).accepted
