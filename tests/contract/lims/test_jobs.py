"""A hand-off becomes a job: ValidateJob, CreateJob, GetJob, ListJobs, ListJobEvents, CancelJob."""

import uuid

import grpc
import pytest
from lensmesh.lims.v1.job_pb2 import Job, JobSpec
from lensmesh.lims.v1.lims_service_pb2 import (
    CancelJobRequest,
    CreateJobRequest,
    GetJobRequest,
    ListJobEventsRequest,
    ListJobsRequest,
    ValidateJobRequest,
)
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from lensmesh.type.v1 import prescription_pb2, violation_pb2

from tests.contract.lims.calls import MakeJob, Metadata, refused


def test_a_spec_that_can_be_made_is_accepted_with_its_revision(
    grpc_stub: LimsServiceStub, order: Metadata, progressive: JobSpec
) -> None:
    """Warnings do not stand in the way."""
    answer = grpc_stub.ValidateJob(ValidateJobRequest(spec=progressive), metadata=order)

    assert answer.accepted
    assert answer.catalog_revision == 1
    assert {each.code for each in answer.violations} == {"OPPOSITE_SIGNS"}


def test_a_spec_that_cannot_be_made_is_answered_with_every_objection_at_its_field(
    grpc_stub: LimsServiceStub, order: Metadata, progressive: JobSpec
) -> None:
    """Violations are data: the call succeeds."""
    right = progressive.prescription.right
    right.sphere = 15
    right.ClearField("axis")
    right.ClearField("add")
    progressive.lens.material = "mr-8"

    answer = grpc_stub.ValidateJob(ValidateJobRequest(spec=progressive), metadata=order)

    errors = {
        (each.field, each.code): each for each in answer.violations if each.severity == violation_pb2.SEVERITY_ERROR
    }
    assert not answer.accepted
    assert set(errors) == {
        ("prescription.right.axis", "NOT_GIVEN"),
        ("prescription.right.add", "NOT_GIVEN"),
        ("lens.material", "UNKNOWN_ENTRY"),
    }
    assert errors["lens.material", "UNKNOWN_ENTRY"].alternatives[0] == "mr8"


def test_an_empty_spec_is_answered_too(grpc_stub: LimsServiceStub, order: Metadata) -> None:
    """An order form validates from its first keystroke on."""
    request = ValidateJobRequest()
    request.spec.SetInParent()
    answer = grpc_stub.ValidateJob(request, metadata=order)

    assert {"eyes", "lens.design", "lens.material"} <= {each.field for each in answer.violations}


def test_a_hand_off_becomes_a_job_pinned_to_the_revision_in_force(
    grpc_stub: LimsServiceStub, order: Metadata, progressive: JobSpec
) -> None:
    """The job says what is made, where it stands and which way it goes."""
    handoff = str(uuid.uuid4())
    job = grpc_stub.CreateJob(CreateJobRequest(handoff_id=handoff, spec=progressive), metadata=order)

    assert (job.handoff_id, job.spec, job.state) == (handoff, progressive, Job.STATE_RECEIVED)
    assert (job.station, job.sequence, job.catalog_revision) == ("", 1, 1)
    assert list(job.route) == ["picking", "surfacing", "coating", "edging", "inspection", "shipping"]
    assert job.create_time == job.update_time
    job.ClearField("quote")
    assert grpc_stub.GetJob(GetJobRequest(name=job.name), metadata=order) == job


def test_a_pair_delivered_round_passes_no_edger(
    grpc_stub: LimsServiceStub, order: Metadata, progressive: JobSpec
) -> None:
    """Uncut lenses need no frame either."""
    progressive.ClearField("frame")
    progressive.frame.edge_type = 1
    job = grpc_stub.CreateJob(CreateJobRequest(handoff_id=str(uuid.uuid4()), spec=progressive), metadata=order)

    assert "edging" not in job.route


def test_a_single_lens_needs_its_own_eye_only(
    grpc_stub: LimsServiceStub, order: Metadata, progressive: JobSpec
) -> None:
    """EYES_RIGHT asks nothing of the left eye."""
    progressive.eyes = prescription_pb2.EYES_RIGHT
    progressive.prescription.ClearField("left")
    answer = grpc_stub.ValidateJob(ValidateJobRequest(spec=progressive), metadata=order)

    assert answer.accepted
    assert not answer.violations


def test_a_hand_off_repeated_returns_its_job_as_it_stands(
    grpc_stub: LimsServiceStub, order: Metadata, progressive: JobSpec
) -> None:
    """A replay creates nothing and tells nothing."""
    request = CreateJobRequest(handoff_id=str(uuid.uuid4()), spec=progressive)
    first = grpc_stub.CreateJob(request, metadata=order)
    again = grpc_stub.CreateJob(request, metadata=order)

    assert again == first
    assert len(grpc_stub.ListJobEvents(ListJobEventsRequest(job=first.name), metadata=order).events) == 1


def test_a_hand_off_refused_leaves_nothing_and_can_be_repeated_mended(
    grpc_stub: LimsServiceStub, order: Metadata, progressive: JobSpec
) -> None:
    """A refused hand-off id is not used up."""
    handoff = str(uuid.uuid4())
    progressive.prescription.left.ClearField("add")
    answer = refused(grpc_stub.CreateJob, CreateJobRequest(handoff_id=handoff, spec=progressive), order)

    assert (answer.code, answer.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "SPEC_REFUSED")
    assert "prescription.left.add" in {each.field for each in answer.violations}
    progressive.prescription.left.add = 1.25
    mended = grpc_stub.CreateJob(CreateJobRequest(handoff_id=handoff, spec=progressive), metadata=order)
    assert mended.handoff_id == handoff


def test_jobs_are_listed_newest_first_page_by_page(
    grpc_stub: LimsServiceStub, operator: Metadata, make_job: MakeJob
) -> None:
    """The pages together are the list: none twice, none left out."""
    made = [make_job().name for _ in range(5)]

    listed, token = [], ""
    while len(listed) < 5:
        page = grpc_stub.ListJobs(ListJobsRequest(page_size=2, page_token=token), metadata=operator)
        assert 1 <= len(page.jobs) <= 2
        listed += [job.name for job in page.jobs]
        token = page.next_page_token
    assert listed[:5] == made[::-1]


def test_the_last_page_has_no_next_one(
    grpc_stub: LimsServiceStub, operator: Metadata, engineer: Metadata, make_job: MakeJob
) -> None:
    """An empty token is the only end."""
    grpc_stub.CancelJob(CancelJobRequest(name=make_job().name), metadata=engineer)
    states = [Job.STATE_CANCELLED]
    everything = grpc_stub.ListJobs(ListJobsRequest(page_size=10_000, states=states), metadata=operator)

    assert everything.next_page_token == ""
    assert {job.state for job in everything.jobs} == {Job.STATE_CANCELLED}
    exact = ListJobsRequest(page_size=len(everything.jobs), states=states)
    assert grpc_stub.ListJobs(exact, metadata=operator).next_page_token == ""


def test_a_page_token_belongs_to_its_filter(grpc_stub: LimsServiceStub, operator: Metadata, make_job: MakeJob) -> None:
    """A token under another filter would skip jobs silently; it is refused."""
    make_job(), make_job()
    token = grpc_stub.ListJobs(ListJobsRequest(page_size=1), metadata=operator).next_page_token
    other = ListJobsRequest(page_size=1, page_token=token, states=[Job.STATE_RECEIVED])

    assert refused(grpc_stub.ListJobs, other, operator).reason == "PAGE_TOKEN_INVALID"


def test_a_job_tells_its_events_page_by_page(
    grpc_stub: LimsServiceStub, order: Metadata, engineer: Metadata, make_job: MakeJob
) -> None:
    """`next_after_sequence` is 0 behind the last event."""
    job = make_job()
    grpc_stub.CancelJob(CancelJobRequest(name=job.name), metadata=engineer)

    first = grpc_stub.ListJobEvents(ListJobEventsRequest(job=job.name, page_size=1), metadata=order)
    assert [(each.sequence, each.state, each.description) for each in first.events] == [
        (1, Job.STATE_RECEIVED, "Received")
    ]
    assert first.next_after_sequence == 1
    rest = grpc_stub.ListJobEvents(ListJobEventsRequest(job=job.name, after_sequence=1), metadata=order)
    assert [(each.sequence, each.state) for each in rest.events] == [(2, Job.STATE_CANCELLED)]
    assert rest.next_after_sequence == 0
    assert rest.events[0].handoff_id == job.handoff_id


def test_a_job_not_begun_can_be_cancelled_and_stays_cancelled(
    grpc_stub: LimsServiceStub, order: Metadata, make_job: MakeJob
) -> None:
    """Cancelling again returns it unchanged."""
    job = make_job()
    cancelled = grpc_stub.CancelJob(CancelJobRequest(name=job.name), metadata=order)

    assert (cancelled.state, cancelled.sequence) == (Job.STATE_CANCELLED, 2)
    assert cancelled.update_time.ToDatetime() > job.update_time.ToDatetime()
    assert grpc_stub.CancelJob(CancelJobRequest(name=job.name), metadata=order) == cancelled


@pytest.mark.parametrize("size", [0, 1, 3])
def test_the_page_size_is_kept(grpc_stub: LimsServiceStub, operator: Metadata, make_job: MakeJob, size: int) -> None:
    """0 is the default of 50."""
    for _ in range(3):
        make_job()
    found = grpc_stub.ListJobs(ListJobsRequest(page_size=size), metadata=operator).jobs

    assert 3 <= len(found) <= 50 if size == 0 else len(found) == size
