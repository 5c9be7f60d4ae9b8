"""Each RPC's error table, as the contract's comments state it, and who may call what."""

import uuid
from typing import NamedTuple

import grpc
import pytest
from google.protobuf.message import Message
from grpc import StatusCode
from lensmesh.lims.v1 import floor_service_pb2, lims_service_pb2
from lensmesh.lims.v1 import lims_service_pb2 as contract
from lensmesh.lims.v1.floor_service_pb2 import ScanRequest
from lensmesh.lims.v1.floor_service_pb2_grpc import FloorServiceStub
from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from lensmesh.type.v1.lens_pb2 import LensSpec
from lensmesh.type.v1.prescription_pb2 import EyePrescription, Prescription

from tests.contract.lims.calls import Metadata, refused

UNKNOWN = "jobs/999999999"
SPEC = JobSpec(lens=LensSpec(design="comfort-pal"))
HANDOFF = str(uuid.UUID(int=7))


def _right(**fields: float) -> JobSpec:
    return JobSpec(prescription=Prescription(right=EyePrescription(**fields)))


class Row(NamedTuple):
    """A call that is refused, and how."""

    rpc: str
    request: Message
    caller: str
    code: StatusCode
    reason: str
    field: str = ""


TABLE = [
    Row("GetCatalog", contract.GetCatalogRequest(revision=99), "order", StatusCode.NOT_FOUND, "REVISION_NOT_FOUND"),
    Row(
        "GetCatalog",
        contract.GetCatalogRequest(revision=-1),
        "order",
        StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        "revision",
    ),
    Row(
        "WatchCatalog",
        contract.WatchCatalogRequest(cursor="hello"),
        "order",
        StatusCode.INVALID_ARGUMENT,
        "CURSOR_INVALID",
    ),
    Row(
        "WatchCatalog",
        contract.WatchCatalogRequest(cursor="fffffffffff-1"),
        "order",
        StatusCode.OUT_OF_RANGE,
        "CURSOR_EXPIRED",
    ),
    Row("ValidateJob", contract.ValidateJobRequest(), "order", StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", "spec"),
    Row(
        "ValidateJob",
        contract.ValidateJobRequest(spec=_right(sphere=30.25)),
        "order",
        StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        "spec.prescription.right.sphere",
    ),
    Row(
        "ValidateJob",
        contract.ValidateJobRequest(spec=_right(sphere=0.295)),
        "order",
        StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        "spec.prescription.right.sphere",
    ),
    Row(
        "ValidateJob",
        contract.ValidateJobRequest(spec=_right(sphere=float("nan"))),
        "order",
        StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        "spec.prescription.right.sphere",
    ),
    Row(
        "ValidateJob",
        contract.ValidateJobRequest(spec=_right(axis=190)),
        "order",
        StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        "spec.prescription.right.axis",
    ),
    Row(
        "CreateJob",
        contract.CreateJobRequest(handoff_id="7", spec=SPEC),
        "order",
        StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        "handoff_id",
    ),
    Row(
        "CreateJob",
        contract.CreateJobRequest(handoff_id=HANDOFF),
        "order",
        StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        "spec",
    ),
    Row(
        "CreateJob",
        contract.CreateJobRequest(handoff_id=HANDOFF, spec=SPEC),
        "order",
        StatusCode.FAILED_PRECONDITION,
        "SPEC_REFUSED",
    ),
    Row("GetJob", contract.GetJobRequest(name=UNKNOWN), "order", StatusCode.NOT_FOUND, "NOT_FOUND"),
    Row("GetJob", contract.GetJobRequest(name="jobs/0"), "order", StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", "name"),
    Row(
        "ValidateJob",
        contract.ValidateJobRequest(spec=SPEC, account="Seaview Opticians"),
        "order",
        StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        "account",
    ),
    Row(
        "CreateJob",
        contract.CreateJobRequest(handoff_id=HANDOFF, spec=SPEC, account="1" * 33),
        "order",
        StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        "account",
    ),
    Row("GetJobDecision", contract.GetJobDecisionRequest(name=UNKNOWN), "operator", StatusCode.NOT_FOUND, "NOT_FOUND"),
    Row(
        "ListJobs",
        contract.ListJobsRequest(page_token="hello"),
        "order",
        StatusCode.INVALID_ARGUMENT,
        "PAGE_TOKEN_INVALID",
    ),
    Row(
        "ListJobs",
        contract.ListJobsRequest(states=[0]),
        "order",
        StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        "states[0]",
    ),
    Row(
        "ListJobs",
        contract.ListJobsRequest(page_size=-1),
        "order",
        StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        "page_size",
    ),
    Row("ListJobEvents", contract.ListJobEventsRequest(job=UNKNOWN), "order", StatusCode.NOT_FOUND, "NOT_FOUND"),
    Row("CancelJob", contract.CancelJobRequest(name=UNKNOWN), "order", StatusCode.NOT_FOUND, "NOT_FOUND"),
    Row("WatchJobs", contract.WatchJobsRequest(cursor="hello"), "order", StatusCode.INVALID_ARGUMENT, "CURSOR_INVALID"),
    Row(
        "WatchJobs",
        contract.WatchJobsRequest(cursor="fffffffffff-1"),
        "order",
        StatusCode.OUT_OF_RANGE,
        "CURSOR_EXPIRED",
    ),
    Row("Scan", ScanRequest(job=UNKNOWN, station="edging"), "operator", StatusCode.NOT_FOUND, "NOT_FOUND"),
    Row(
        "Scan",
        ScanRequest(job=UNKNOWN, station="Edging"),
        "operator",
        StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        "station",
    ),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.rpc}-{row.reason}-{row.field}")
def test_a_refusal_has_its_code_its_reason_and_its_field(
    grpc_stub: LimsServiceStub, floor: FloorServiceStub, tokens: dict[str, Metadata], row: Row
) -> None:
    """Programs branch on the reason; people read the sentence."""
    stub = floor if hasattr(floor, row.rpc) else grpc_stub
    answer = refused(getattr(stub, row.rpc), row.request, tokens[row.caller])

    assert (answer.code, answer.reason, answer.domain) == (row.code, row.reason, "lensmesh")
    assert answer.message
    if row.field:
        assert row.field in answer.fields


def test_a_hand_off_id_used_for_another_spec_is_refused_and_names_the_job(
    grpc_stub: LimsServiceStub, order: Metadata, progressive: JobSpec
) -> None:
    """ALREADY_EXISTS / HANDOFF_ID_REUSED, also when the other spec could not be made."""
    request = contract.CreateJobRequest(handoff_id=str(uuid.uuid4()), spec=progressive)
    job = grpc_stub.CreateJob(request, metadata=order)
    request.spec.prescription.right.ClearField("add")

    answer = refused(grpc_stub.CreateJob, request, order)
    assert (answer.code, answer.reason) == (StatusCode.ALREADY_EXISTS, "HANDOFF_ID_REUSED")
    assert answer.metadata["job"] == job.name


def test_a_hand_off_id_used_for_another_account_is_refused(
    grpc_stub: LimsServiceStub, order: Metadata, progressive: JobSpec
) -> None:
    """Another account is another price: not what was agreed."""
    request = contract.CreateJobRequest(handoff_id=str(uuid.uuid4()), spec=progressive, account="100200")
    job = grpc_stub.CreateJob(request, metadata=order)
    request.account = "100300"

    answer = refused(grpc_stub.CreateJob, request, order)
    assert (answer.code, answer.reason) == (StatusCode.ALREADY_EXISTS, "HANDOFF_ID_REUSED")
    assert answer.metadata["job"] == job.name


def test_a_refused_spec_is_refused_with_every_violation(grpc_stub: LimsServiceStub, order: Metadata) -> None:
    """The detail is what ValidateJob would have answered."""
    request = contract.CreateJobRequest(handoff_id=str(uuid.uuid4()), spec=SPEC)
    answer = refused(grpc_stub.CreateJob, request, order)
    validated = grpc_stub.ValidateJob(contract.ValidateJobRequest(spec=SPEC), metadata=order)

    assert answer.violations == tuple(validated.violations)


@pytest.mark.parametrize("rpc", ["ValidateJob", "CreateJob"])
def test_a_field_of_a_newer_contract_is_refused_and_not_dropped(
    grpc_channel: grpc.Channel, order: Metadata, progressive: JobSpec, rpc: str
) -> None:
    """A prism that a newer client sends and an older server drops is a wrong lens."""
    request = {
        "ValidateJob": contract.ValidateJobRequest(spec=progressive),
        "CreateJob": contract.CreateJobRequest(handoff_id=str(uuid.uuid4()), spec=progressive),
    }[rpc]
    newer = b"\xa2\x06\x03new"  # field 100, three bytes
    eye = progressive.prescription.right
    eye.MergeFromString(newer)
    request.spec.prescription.right.CopyFrom(eye)

    call = grpc_channel.unary_unary(
        f"/lensmesh.lims.v1.LimsService/{rpc}",
        request_serializer=lambda message: message.SerializeToString(),
    )
    answer = refused(call, request, order)
    assert (answer.code, answer.reason) == (StatusCode.INVALID_ARGUMENT, "UNKNOWN_FIELD")
    assert answer.metadata["field"] == "spec.prescription.right.100"
    assert answer.fields == ("spec.prescription.right.100",)


POLICY = {
    "DescribeLims": {"order", "optician", "operator", "engineer"},
    "GetCatalog": {"order", "optician", "operator", "engineer"},
    "WatchCatalog": {"order", "optician", "operator", "engineer"},
    "ValidateJob": {"order", "operator", "engineer"},
    "CreateJob": {"order"},
    "GetJob": {"order", "operator", "engineer"},
    "GetJobDecision": {"operator", "engineer"},
    "ListJobs": {"order", "operator", "engineer"},
    "ListJobEvents": {"order", "operator", "engineer"},
    "CancelJob": {"order", "engineer"},
    "WatchJobs": {"order", "operator", "engineer"},
    **{
        method.name: {"operator", "engineer"}
        for method in floor_service_pb2.DESCRIPTOR.services_by_name["FloorService"].methods
    },
}


def test_every_rpc_has_a_row_in_the_policy_table() -> None:
    """A new RPC does not slip through untested."""
    services = (
        lims_service_pb2.DESCRIPTOR.services_by_name["LimsService"],
        floor_service_pb2.DESCRIPTOR.services_by_name["FloorService"],
    )
    assert {method.name for service in services for method in service.methods} == set(POLICY)


@pytest.mark.parametrize("caller", ["nobody", "billing", "optician", "order", "operator", "engineer"])
@pytest.mark.parametrize("rpc", POLICY)
def test_who_may_not_call_is_refused_before_anything_is_looked_at(
    grpc_stub: LimsServiceStub, floor: FloorServiceStub, tokens: dict[str, Metadata], rpc: str, caller: str
) -> None:
    """Without a token UNAUTHENTICATED, with the wrong one PERMISSION_DENIED, with a right one neither."""
    on_floor = hasattr(floor_service_pb2, f"{rpc}Request")
    service = floor_service_pb2 if on_floor else lims_service_pb2
    call = getattr(floor if on_floor else grpc_stub, rpc)
    request = getattr(service, f"{rpc}Request")()
    denied = {StatusCode.UNAUTHENTICATED, StatusCode.PERMISSION_DENIED}
    try:
        answer = call(request, metadata=tokens[caller], timeout=10)
        if rpc.startswith("Watch"):
            next(answer)
            answer.cancel()
        code = StatusCode.OK
    except grpc.RpcError as error:
        code = error.code()

    assert (code not in denied) == (caller in POLICY[rpc])
    if caller == "nobody":
        assert code is StatusCode.UNAUTHENTICATED
