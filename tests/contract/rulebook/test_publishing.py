"""How a draft becomes the revision in force, and how it is taken back."""

import uuid

import grpc
import pytest
from lensmesh.lims.v1.draft_pb2 import Draft
from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.lims.v1.lims_service_pb2 import CreateJobRequest, DescribeLimsRequest, ValidateJobRequest
from lensmesh.lims.v1.revision_pb2 import Override
from lensmesh.lims.v1.rule_service_pb2 import (
    CreateDraftRequest,
    GetDraftRequest,
    GetRevisionFilesRequest,
    GetRevisionRequest,
    ListRevisionsRequest,
    PublishDraftRequest,
    RollBackRequest,
)
from lensmesh.type.v1.frame_pb2 import EDGE_TYPE_BEVEL, FRAME_MATERIAL_METAL, Frame
from lensmesh.type.v1.lens_pb2 import LensSpec
from lensmesh.type.v1.prescription_pb2 import EYES_BOTH, EyePrescription, Prescription

from tests.contract.lims.calls import refused
from tests.contract.rulebook.conftest import Engineer, files
from tests.support.rulebook import LIMITS

NARROWER = LIMITS.replace("2.00 D", "1.00 D")
NEVER = (
    LIMITS
    + """\
  - id: never
    scope: eye
    given: {high: 10.00 D, low: -10.00 D}
    refuse: has(eye.sphere) && eye.sphere > given.high && eye.sphere < given.low
    at: sphere
    severity: error
    code: OUT_OF_RANGE
    says: This is never said.
    reason: a slip of the pen
"""
)


@pytest.fixture
def spec() -> JobSpec:
    """What the small lab makes."""
    eye = EyePrescription(sphere=-1.5, distance_pd=31)
    return JobSpec(
        eyes=EYES_BOTH,
        prescription=Prescription(right=eye, left=eye),
        frame=Frame(a=51, b=44.01, dbl=20, ed=52, material=FRAME_MATERIAL_METAL, edge_type=EDGE_TYPE_BEVEL),
        lens=LensSpec(design="plain", material="cr39", colour="clear"),
    )


def in_force(engineer: Engineer) -> int:
    """Returns the number of the revision in force."""
    described = engineer.lims.DescribeLims(DescribeLimsRequest(), metadata=engineer.of_orders)
    return described.revision.number


def test_a_checked_draft_comes_into_force_and_is_taken_back(engineer: Engineer, spec: JobSpec) -> None:
    """From the moment publish returns jobs are created under it; the same holds of the roll-back."""
    wide = engineer.published(files(), note="The small lab")
    asked = ValidateJobRequest(spec=spec)
    assert engineer.lims.ValidateJob(asked, metadata=engineer.of_orders).accepted

    narrow = engineer.published(files(limits_yaml=NARROWER))
    told = engineer.lims.ValidateJob(asked, metadata=engineer.of_orders)
    assert (narrow.number, told.catalog_revision, told.accepted) == (wide.number + 1, wide.number + 1, False)

    back = engineer.call("RollBack", RollBackRequest(name=wide.name, note="The narrow one turned too much away."))
    made = engineer.lims.CreateJob(
        CreateJobRequest(handoff_id=str(uuid.uuid4()), spec=spec), metadata=engineer.of_orders
    )
    assert (back.number, back.restores, back.digest) == (narrow.number + 1, wide.number, wide.digest)
    assert made.catalog_revision == back.number


def test_a_revision_says_who_why_and_what_was_found(engineer: Engineer) -> None:
    """Author, note, time, check and overrides stay attached; its files are given back byte for byte."""
    text = NEVER + f"# {uuid.uuid4()}\n"
    draft = engineer.draft(files(limits_yaml=text), note="Two limits")
    (finding,) = engineer.check(draft).findings
    override = Override(finding=finding.id, reason="It will be widened next week.")
    revision = engineer.publish(draft, overrides=[override], note="Two limits, one of them empty")

    again = engineer.call("GetRevision", GetRevisionRequest(name=revision.name))
    assert again == revision
    assert (again.author, again.note, again.digest) == (
        "users/petra",
        "Two limits, one of them empty",
        draft.digest,
    )
    assert list(again.overrides) == [override]
    assert [each.id for each in again.check.findings] == [finding.id]
    kept = engineer.call("GetRevisionFiles", GetRevisionFilesRequest(name=revision.name))
    assert kept == files(limits_yaml=text)
    listed = engineer.call("ListRevisions", ListRevisionsRequest(page_size=1))
    assert [each.head for each in listed.revisions] == [revision.head]
    assert not listed.revisions[0].HasField("check")
    marked = engineer.call("GetDraft", GetDraftRequest(name=draft.name))
    assert (marked.state, marked.published) == (Draft.STATE_PUBLISHED, revision.name)


def test_publish_is_refused_until_the_content_is_checked(engineer: Engineer) -> None:
    """An edit makes it unchecked again; what was checked elsewhere with the same content counts."""
    draft = engineer.draft(files(limits_yaml=LIMITS + f"# {uuid.uuid4()}\n"))
    request = PublishDraftRequest(name=draft.name)
    refusal = refused(engineer.rules.PublishDraft, request, engineer.token)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "DRAFT_UNCHECKED")
    assert not engineer.check(engineer.draft(draft.files)).findings
    assert engineer.publish(draft).number == in_force(engineer)


def test_publish_is_refused_while_the_check_fails(engineer: Engineer) -> None:
    """Each finding has to be overridden by its name; names that there are not are refused."""
    draft = engineer.draft(files(limits_yaml=NEVER + f"# {uuid.uuid4()}\n"))
    (finding,) = engineer.check(draft).findings
    refusal = refused(engineer.rules.PublishDraft, PublishDraftRequest(name=draft.name), engineer.token)
    assert (refusal.reason, refusal.metadata["finding"]) == ("CHECK_FAILED", finding.id)
    wrong = Override(finding="gap:nothing", reason="There is no such finding.")
    refusal = refused(
        engineer.rules.PublishDraft, PublishDraftRequest(name=draft.name, overrides=[wrong]), engineer.token
    )
    assert (refusal.reason, refusal.fields) == ("FIELD_INVALID", ("overrides[0].finding",))
    twice = [Override(finding=finding.id, reason="Once is enough.")] * 2
    refusal = refused(
        engineer.rules.PublishDraft, PublishDraftRequest(name=draft.name, overrides=twice), engineer.token
    )
    assert refusal.fields == ("overrides[1].finding",)


def test_publish_is_refused_of_what_holds_no_catalog(engineer: Engineer) -> None:
    """Each fault is named, with file, entry and field."""
    draft = engineer.draft(files(limits_yaml=LIMITS.replace("eye.power_low <", "eye.pover_low <")))
    assert draft.digest == ""
    assert "limits.yaml: constraints[0] (power): refuse" in draft.faults[0]
    refusal = refused(engineer.rules.PublishDraft, PublishDraftRequest(name=draft.name), engineer.token)
    assert (refusal.reason, refusal.fields) == ("DRAFT_FAULTY", ("draft.files",))


def test_of_two_drafts_of_one_base_the_second_is_stale(engineer: Engineer) -> None:
    """It has to be held against what came into force meanwhile."""
    one, other = (engineer.draft(files(limits_yaml=LIMITS + f"# {uuid.uuid4()}\n")) for _ in range(2))
    for each in (one, other):
        engineer.check(each)
    engineer.publish(one)
    refusal = refused(engineer.rules.PublishDraft, PublishDraftRequest(name=other.name), engineer.token)
    assert (refusal.reason, refusal.metadata["in_force"]) == ("DRAFT_STALE", str(in_force(engineer)))
    refusal = refused(engineer.rules.PublishDraft, PublishDraftRequest(name=one.name), engineer.token)
    assert (refusal.reason, refusal.metadata["state"]) == ("DRAFT_STATE", "PUBLISHED")


def test_a_repeat_of_publish_and_of_a_roll_back_gets_the_first_answer(engineer: Engineer) -> None:
    """The request id says that it is one; with another body it is refused."""
    draft = engineer.draft(files(limits_yaml=LIMITS + f"# {uuid.uuid4()}\n"))
    engineer.check(draft)
    request = PublishDraftRequest(name=draft.name, request_id=str(uuid.uuid4()))
    first = engineer.call("PublishDraft", request)
    back = RollBackRequest(
        name=f"revisions/{first.number - 1}", note="Back to what was before.", request_id=str(uuid.uuid4())
    )
    taken = engineer.call("RollBack", back)
    assert engineer.call("PublishDraft", request) == first
    assert engineer.call("RollBack", back) == taken
    assert in_force(engineer) == taken.number == first.number + 1
    request.note = "another body"
    assert refused(engineer.rules.PublishDraft, request, engineer.token).reason == "REQUEST_ID_REUSED"


def test_what_is_in_force_is_not_brought_into_force_again(engineer: Engineer) -> None:
    """Neither by a roll-back nor by a draft that says the same."""
    number = in_force(engineer)
    request = RollBackRequest(name=f"revisions/{number}", note="It is in force.")
    assert refused(engineer.rules.RollBack, request, engineer.token).reason == "REVISION_IN_FORCE"
    request = RollBackRequest(name=f"revisions/{number + 1000}", note="There is none.")
    assert refused(engineer.rules.RollBack, request, engineer.token).reason == "REVISION_NOT_FOUND"
    same = engineer.call("CreateDraft", CreateDraftRequest(draft=Draft(note="the same")))
    engineer.check(same)
    refusal = refused(engineer.rules.PublishDraft, PublishDraftRequest(name=same.name), engineer.token)
    assert refusal.reason == "REVISION_IN_FORCE"
