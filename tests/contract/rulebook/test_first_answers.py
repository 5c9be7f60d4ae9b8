"""A hand-off has one answer, whatever is published after it."""

import uuid

import grpc
import pytest
from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.lims.v1.lims_service_pb2 import CreateJobRequest
from lensmesh.lims.v1.rule_service_pb2 import RollBackRequest
from lensmesh.type.v1.frame_pb2 import EDGE_TYPE_BEVEL, FRAME_MATERIAL_METAL, Frame
from lensmesh.type.v1.lens_pb2 import LensSpec
from lensmesh.type.v1.prescription_pb2 import EYES_BOTH, EyePrescription, Prescription

from tests.contract.lims.calls import refused
from tests.contract.rulebook.conftest import Engineer, files
from tests.support.rulebook import LIMITS

NARROWER = LIMITS.replace("2.00 D", "1.00 D")
WHY = "The narrow one turned too much away."


@pytest.fixture
def request_of_a_job() -> CreateJobRequest:
    """A hand-off of what the small lab makes within its limits, and does not within narrower ones."""
    eye = EyePrescription(sphere=-1.5, distance_pd=31)
    spec = JobSpec(
        eyes=EYES_BOTH,
        prescription=Prescription(right=eye, left=eye),
        frame=Frame(a=51, b=44.01, dbl=20, ed=52, material=FRAME_MATERIAL_METAL, edge_type=EDGE_TYPE_BEVEL),
        lens=LensSpec(design="plain", material="cr39", colour="clear"),
    )
    return CreateJobRequest(handoff_id=str(uuid.uuid4()), spec=spec)


def test_a_hand_off_that_was_refused_is_refused_again_when_the_rules_would_take_it(
    engineer: Engineer, request_of_a_job: CreateJobRequest
) -> None:
    """Who was told so has done with it: a call that was late once made a job that no order had."""
    wide = engineer.published(files())
    narrow = engineer.published(files(limits_yaml=NARROWER))
    first = refused(engineer.lims.CreateJob, request_of_a_job, engineer.of_orders)
    assert (first.code, first.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "SPEC_REFUSED")
    assert first.metadata["revision"] == str(narrow.number)

    engineer.call("RollBack", RollBackRequest(name=wide.name, note=WHY))
    anew = CreateJobRequest(handoff_id=str(uuid.uuid4()), spec=request_of_a_job.spec)
    assert engineer.lims.CreateJob(anew, metadata=engineer.of_orders).handoff_id == anew.handoff_id
    assert refused(engineer.lims.CreateJob, request_of_a_job, engineer.of_orders) == first

    request_of_a_job.spec.prescription.right.sphere = -1.25
    mended = engineer.lims.CreateJob(request_of_a_job, metadata=engineer.of_orders)
    assert mended.handoff_id == request_of_a_job.handoff_id


def test_a_hand_off_that_has_its_job_has_it_when_the_rules_would_refuse_it(
    engineer: Engineer, request_of_a_job: CreateJobRequest
) -> None:
    """The first answer is the answer."""
    engineer.published(files(limits_yaml=LIMITS + f"# {uuid.uuid4()}\n"))
    made = engineer.lims.CreateJob(request_of_a_job, metadata=engineer.of_orders)
    engineer.published(files(limits_yaml=NARROWER + f"# {uuid.uuid4()}\n"))
    assert engineer.lims.CreateJob(request_of_a_job, metadata=engineer.of_orders) == made
