"""What is decided about a spec: how it is made, at what price, in what time; and the evidence that is kept of it."""

import uuid

import asyncpg
import pytest
from grpc import StatusCode
from lensmesh.lims.v1 import decision_pb2
from lensmesh.lims.v1 import lims_service_pb2 as contract
from lensmesh.lims.v1.job_pb2 import Job, JobSpec
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from lensmesh.type.v1.prescription_pb2 import EYES_LEFT, SIDE_LEFT, SIDE_RIGHT, SIDE_UNSPECIFIED
from lensmesh.type.v1.quote_pb2 import Price, Quote

from runtime.postgres import Server
from tests.contract.lims.calls import Metadata, refused

ACCOUNT = "100200"


@pytest.fixture
def traced(progressive: JobSpec) -> JobSpec:
    """The pair, in a frame that was traced: a circle of the frame's height, as a round frame has."""
    progressive.frame.a = progressive.frame.b = 44
    progressive.frame.ed = 44
    for eye in (progressive.frame.trace.right, progressive.frame.trace.left):
        eye.radii[:] = [2200] * 400
    return progressive


def validated(
    stub: LimsServiceStub, caller: Metadata, spec: JobSpec, account: str = ""
) -> contract.ValidateJobResponse:
    """Returns what the lab says of a spec."""
    request = contract.ValidateJobRequest(spec=spec, account=account)
    answer: contract.ValidateJobResponse = stub.ValidateJob(request, metadata=caller, timeout=10)
    return answer


def created(stub: LimsServiceStub, caller: Metadata, spec: JobSpec, account: str = "") -> Job:
    """Makes a job of a spec."""
    request = contract.CreateJobRequest(handoff_id=str(uuid.uuid4()), spec=spec, account=account)
    job: Job = stub.CreateJob(request, metadata=caller, timeout=10)
    return job


def decision_of(stub: LimsServiceStub, caller: Metadata, job: Job) -> decision_pb2.Decision:
    """Returns the decision a job was created by."""
    request = contract.GetJobDecisionRequest(name=job.name)
    decision: decision_pb2.Decision = stub.GetJobDecision(request, metadata=caller, timeout=10)
    return decision


def adds_up(price: Price) -> bool:
    """Tells whether the lines of a price are its total, in one currency."""
    same = {line.amount.currency for line in price.lines} == {price.total.currency}
    return same and sum(line.amount.minor_units for line in price.lines) == price.total.minor_units


def test_a_spec_that_can_be_made_is_planned_and_priced(
    grpc_stub: LimsServiceStub, order: Metadata, traced: JobSpec
) -> None:
    """Each lens with its blank, curves, thicknesses and weight; the pair with its price, line by line, and its time."""
    answer = validated(grpc_stub, order, traced)

    assert [lens.side for lens in answer.lenses] == [SIDE_RIGHT, SIDE_LEFT]
    for lens in answer.lenses:
        assert lens.blank
        assert lens.minimum_blank <= lens.blank_diameter <= 90
        assert lens.back_steep <= lens.back_flat < lens.front
        assert 0 < lens.edge_thinnest <= lens.edge_thickest < 30
        assert lens.centre_thickness > 0
        assert 0 < lens.weight < 100
        assert {program.step for program in lens.programs} >= {"generate", "polish", "edge"}
    assert adds_up(answer.price)
    assert answer.price.total.minor_units > 0
    assert answer.lead_time_days > 0


def test_an_answer_says_by_which_bytes_and_which_engine_it_was_decided(
    grpc_stub: LimsServiceStub, order: Metadata, progressive: JobSpec
) -> None:
    """So that it can be derived again."""
    answer = validated(grpc_stub, order, progressive)
    in_force = grpc_stub.DescribeLims(contract.DescribeLimsRequest(), metadata=order).revision

    assert (answer.catalog_revision, answer.revision_digest) == (in_force.number, in_force.digest)
    assert answer.engine_version == "1"


def test_a_refused_spec_has_no_lenses_but_a_price_and_a_time(
    grpc_stub: LimsServiceStub, order: Metadata, progressive: JobSpec
) -> None:
    """A form shows them while the order is still being written."""
    progressive.prescription.right.ClearField("add")
    answer = validated(grpc_stub, order, progressive)

    assert not answer.accepted
    assert not answer.lenses
    assert adds_up(answer.price)
    assert answer.HasField("lead_time_days")


def test_an_objection_names_its_rule(grpc_stub: LimsServiceStub, order: Metadata, progressive: JobSpec) -> None:
    """Whoever keeps the rules finds it by that; what is checked without a rule has none."""
    progressive.prescription.right.ClearField("add")
    progressive.lens.material = "mr-8"
    rules = {each.field: each.rule for each in validated(grpc_stub, order, progressive).violations}

    assert rules["prescription.right.add"]
    assert rules["lens.material"] == ""


@pytest.mark.parametrize(
    ("radii", "angles"),
    [
        pytest.param([2200] * 10 + [0] * 30, [], id="too few points"),
        pytest.param([2200] * 40, list(range(0, 4000, 100)), id="a gap"),
        pytest.param([2200] * 40, list(range(4000, 0, -100)), id="backwards"),
    ],
)
def test_a_trace_that_is_no_shape_is_refused_at_its_field(
    grpc_stub: LimsServiceStub, order: Metadata, traced: JobSpec, radii: list[int], angles: list[int]
) -> None:
    """No lens is ground to it."""
    traced.frame.trace.right.radii[:] = radii
    traced.frame.trace.right.angles[:] = angles
    answer = validated(grpc_stub, order, traced)

    assert not answer.accepted
    assert "frame.trace.right" in {each.field for each in answer.violations}


def test_a_job_answers_with_what_the_validation_promised(
    grpc_stub: LimsServiceStub, order: Metadata, traced: JobSpec
) -> None:
    """And answers the same when it is asked for again."""
    promised = validated(grpc_stub, order, traced, ACCOUNT)
    request = contract.CreateJobRequest(handoff_id=str(uuid.uuid4()), spec=traced, account=ACCOUNT)
    job = grpc_stub.CreateJob(request, metadata=order)

    assert job.quote == Quote(
        price=promised.price,
        lead_time_days=promised.lead_time_days,
        catalog_revision=promised.catalog_revision,
        lenses=[
            {
                "side": lens.side,
                "blank_diameter": lens.blank_diameter,
                "centre_thickness": lens.centre_thickness,
                "edge_thinnest": lens.edge_thinnest,
                "edge_thickest": lens.edge_thickest,
                "weight": lens.weight,
            }
            for lens in promised.lenses
        ],
    )
    assert grpc_stub.CreateJob(request, metadata=order) == job


def test_the_decision_is_kept_with_its_job(
    grpc_stub: LimsServiceStub, order: Metadata, operator: Metadata, traced: JobSpec
) -> None:
    """All of it: what was promised, the way through the lab, and every rule and row that had a say."""
    promised = validated(grpc_stub, order, traced, ACCOUNT)
    job = created(grpc_stub, order, traced, ACCOUNT)
    kept = decision_of(grpc_stub, operator, job)

    assert kept.accepted
    assert (kept.lenses, kept.price, kept.violations) == (promised.lenses, promised.price, promised.violations)
    assert (kept.lead_time_days, kept.route) == (promised.lead_time_days, job.route)
    assert (kept.catalog_revision, kept.revision_digest) == (promised.catalog_revision, promised.revision_digest)
    assert (kept.engine_version, kept.account) == (promised.engine_version, ACCOUNT)
    fired = {(each.rule, each.side) for each in kept.fired}
    assert {("base-curve", SIDE_RIGHT), ("base-curve", SIDE_LEFT), ("lead-time", SIDE_UNSPECIFIED)} <= fired
    assert {line.table for line in kept.price.lines} <= {rule for rule, _ in fired}


def test_a_single_lens_has_one_plan(grpc_stub: LimsServiceStub, order: Metadata, traced: JobSpec) -> None:
    """Its price tells of one lens."""
    pair = validated(grpc_stub, order, traced).price.total.minor_units
    traced.eyes = EYES_LEFT
    answer = validated(grpc_stub, order, traced)

    assert [lens.side for lens in answer.lenses] == [SIDE_LEFT]
    assert 0 < answer.price.total.minor_units < pair


_OF_BEFORE = """
    insert into job (tenant, handoff_id, spec, spec_digest, state, station, route, catalog_revision, sequence)
    values ('labs/main', $1, $2, sha256($2), 'RECEIVED', '', '{shipping}', 1, 1) returning number
"""


async def test_a_job_of_before_has_no_decision_and_says_so(
    grpc_stub: LimsServiceStub, order: Metadata, operator: Metadata, progressive: JobSpec, postgres: Server
) -> None:
    """Made as an earlier version makes it; its hand-off is answered as ever, without a quote."""
    handoff, spec = uuid.uuid4(), progressive.SerializeToString(deterministic=True)
    connection = await asyncpg.connect(postgres.url("lims", "lims_service"))
    try:
        await connection.execute("select set_config('lensmesh.tenant', 'labs/main', false)")
        number = await connection.fetchval(_OF_BEFORE, handoff, spec)
    finally:
        await connection.close()

    request = contract.GetJobDecisionRequest(name=f"jobs/{number}")
    answer = refused(grpc_stub.GetJobDecision, request, operator)
    assert (answer.code, answer.reason) == (StatusCode.NOT_FOUND, "DECISION_NOT_KEPT")
    again = contract.CreateJobRequest(handoff_id=str(handoff), spec=progressive)
    job = grpc_stub.CreateJob(again, metadata=order)
    assert (job.name, job.HasField("quote")) == (f"jobs/{number}", False)
