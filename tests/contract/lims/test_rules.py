"""Lab files, tried on the lab's rules."""

from pathlib import Path
from xml.etree import ElementTree as ET

import grpc
import pytest
from grpc import StatusCode
from lensmesh.lims.v1 import lims_service_pb2 as contract
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from lensmesh.lims.v1.rule_service_pb2 import DecideFileRequest, DecideFileResponse
from lensmesh.lims.v1.rule_service_pb2_grpc import RuleServiceStub
from lensmesh.type.v1.prescription_pb2 import EYES_BOTH, SIDE_LEFT, SIDE_RIGHT
from lensmesh.type.v1.violation_pb2 import SEVERITY_ERROR, SEVERITY_WARNING

from tests.contract.lims.calls import Metadata, refused

SAMPLES = Path(__file__).parents[3] / "samples"
PROGRESSIVE = (SAMPLES / "progressive-job.oma").read_bytes()


@pytest.fixture(scope="module")
def rules(grpc_channel: grpc.Channel) -> RuleServiceStub:
    """The client of the rules."""
    return RuleServiceStub(grpc_channel)


def asked(
    data: bytes, *, account: str = "", design: str = "", material: str = "", draw: bool = False
) -> DecideFileRequest:
    """Returns the request about a file."""
    request = DecideFileRequest(account=account, design=design, material=material, draw=draw)
    request.file.data = data
    return request


@pytest.fixture
def said(rules: RuleServiceStub, operator: Metadata) -> DecideFileResponse:
    """What the rules say of the sample, with a drawing."""
    answer: DecideFileResponse = rules.DecideFile(asked(PROGRESSIVE, draw=True), metadata=operator, timeout=10)
    return answer


@pytest.mark.parametrize("caller", ["operator", "engineer"])
def test_a_file_that_can_be_made_gets_its_plan(
    rules: RuleServiceStub, tokens: dict[str, Metadata], caller: str
) -> None:
    """Each lens and the job, for the account that the file names; without a drawing, for none was asked for."""
    answer = rules.DecideFile(asked(PROGRESSIVE), metadata=tokens[caller], timeout=10)
    decision = answer.decision

    assert decision.accepted, decision.violations
    assert [lens.side for lens in decision.lenses] == [SIDE_RIGHT, SIDE_LEFT]
    assert all(lens.minimum_blank <= lens.blank_diameter for lens in decision.lenses)
    assert decision.route
    assert decision.fired
    assert (decision.account, answer.job_reference, answer.drawing) == ("100200", "900001", "")
    assert (answer.spec.eyes, len(answer.spec.frame.trace.left.radii)) == (EYES_BOTH, 400)


def test_a_file_is_decided_as_its_spec_is(
    said: DecideFileResponse, grpc_stub: LimsServiceStub, order: Metadata
) -> None:
    """What the answer tells as its spec gets the same plan and price when it is validated."""
    request = contract.ValidateJobRequest(spec=said.spec, account=said.decision.account)
    validated = grpc_stub.ValidateJob(request, metadata=order, timeout=10)

    assert list(validated.lenses) == list(said.decision.lenses)
    assert (validated.price, validated.lead_time_days) == (said.decision.price, said.decision.lead_time_days)
    assert validated.revision_digest == said.decision.revision_digest


def test_the_drawing_is_of_this_job(said: DecideFileResponse) -> None:
    """An SVG document that names it, and what its edges measure."""
    texts = {each.text for each in ET.fromstring(said.drawing).iter()}  # noqa: S314 -- our own document

    assert "Job 900001" in texts
    for lens in said.decision.lenses:
        assert f"thickest {lens.edge_thickest:.2f}" in texts


def test_an_account_that_is_named_comes_before_the_file_s(rules: RuleServiceStub, operator: Metadata) -> None:
    """It chooses the price list."""
    answer = rules.DecideFile(asked(PROGRESSIVE, account="999"), metadata=operator, timeout=10)

    assert answer.decision.account == "999"
    assert answer.decision.price.list == "standard"


def test_what_is_not_understood_refuses_the_job_at_its_field(rules: RuleServiceStub, operator: Metadata) -> None:
    """With what would do instead; the call succeeds, and a choice of the caller's is the way out."""
    file = PROGRESSIVE.replace(b"LNAM=COMFORT-PAL", b"LNAM=COMFORT-PLA")
    decision = rules.DecideFile(asked(file), metadata=operator, timeout=10).decision
    (violation,) = [each for each in decision.violations if each.severity == SEVERITY_ERROR]

    assert (decision.accepted, list(decision.lenses), list(decision.route)) == (False, [], [])
    assert (violation.code, violation.field) == ("UNKNOWN_LENS_NAME", "lens.design")
    assert violation.alternatives[0] == "comfort-pal"
    chosen = rules.DecideFile(asked(file, design="comfort-pal"), metadata=operator, timeout=10)
    assert chosen.decision.accepted


def test_a_frame_without_a_prescription_is_decided_too(rules: RuleServiceStub, operator: Metadata) -> None:
    """It lacks all that an order has; its shape is drawn."""
    file = (SAMPLES / "frame-only.oma").read_bytes()
    answer = rules.DecideFile(asked(file, draw=True), metadata=operator, timeout=10)

    assert "prescription.right.sphere" in {each.field for each in answer.decision.violations}
    assert answer.drawing.startswith("<svg")


def test_what_was_noticed_in_the_file_is_told_by_line(rules: RuleServiceStub, operator: Metadata) -> None:
    """A value that disagrees with the trace is used, and said to."""
    answer = rules.DecideFile(
        asked(PROGRESSIVE.replace(b"HBOX=51.82;51.82", b"HBOX=53.00;51.82")), metadata=operator, timeout=10
    )
    (note,) = [each for each in answer.diagnostics if each.severity == SEVERITY_WARNING]

    assert (note.label, note.line) == ("HBOX", 15)
    assert "the stated value is used" in note.message


@pytest.mark.parametrize("data", [b"%PDF-1.7", b"", b"\x00" * 2000, b"JOB=1\n" * 20_000])
def test_what_is_no_lab_file_is_refused(rules: RuleServiceStub, operator: Metadata, data: bytes) -> None:
    """Or one that is larger than is read; the sentence says what is wrong."""
    refusal = refused(rules.DecideFile, asked(data), operator)

    assert (refusal.code, refusal.reason) == (StatusCode.INVALID_ARGUMENT, "FILE_UNREADABLE")
    assert refusal.message.startswith("the file cannot be read: ")


@pytest.mark.parametrize(
    ("caller", "code", "reason"),
    [
        ("optician", StatusCode.PERMISSION_DENIED, "NOT_ALLOWED"),
        ("order", StatusCode.PERMISSION_DENIED, "NOT_ALLOWED"),
        ("nobody", StatusCode.UNAUTHENTICATED, "TOKEN_INVALID"),
    ],
)
def test_only_the_lab_s_people_try_its_rules(
    rules: RuleServiceStub, tokens: dict[str, Metadata], caller: str, code: StatusCode, reason: str
) -> None:
    """A practice asks through its orders."""
    refusal = refused(rules.DecideFile, asked(PROGRESSIVE), tokens[caller])

    assert (refusal.code, refusal.reason) == (code, reason)


@pytest.mark.parametrize(("name", "value"), [("account", "Dr. No"), ("design", "Not An Id"), ("material", "../x")])
def test_a_field_that_breaks_the_contract_is_refused(
    rules: RuleServiceStub, operator: Metadata, name: str, value: str
) -> None:
    """By its name."""
    request = asked(PROGRESSIVE)
    setattr(request, name, value)
    refusal = refused(rules.DecideFile, request, operator)

    assert (refusal.reason, refusal.fields) == ("FIELD_INVALID", (name,))
