"""A day on the floor: everything of FloorService but the plain scan."""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from grpc import StatusCode
from lensmesh.lims.v1 import floor_service_pb2 as rpc
from lensmesh.lims.v1.floor_pb2 import (
    RESPONSIBILITY_ECP,
    RESPONSIBILITY_LAB,
    FloorRecord,
    LensProgress,
    MeasuredLens,
    StockMovement,
)
from lensmesh.lims.v1.floor_service_pb2_grpc import FloorServiceStub
from lensmesh.lims.v1.job_pb2 import Job, JobSpec
from lensmesh.lims.v1.lims_service_pb2 import (
    CancelJobRequest,
    CreateJobRequest,
    GetJobRequest,
    ListJobEventsRequest,
    ListJobsRequest,
)
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from lensmesh.type.v1.prescription_pb2 import EYES_RIGHT, SIDE_LEFT, SIDE_RIGHT

from tests.contract.lims.calls import MakeJob, Metadata, refused
from tests.support.floor import ordered, perfect, walk


class Station:
    """Somebody at the stations, with a lab operator's token."""

    def __init__(self, floor: FloorServiceStub, lims: LimsServiceStub, token: Metadata) -> None:
        self.floor = floor
        self.lims = lims
        self.token = token

    def job(self, name: str) -> Job:
        """A job as it stands."""
        return self.lims.GetJob(GetJobRequest(name=name), metadata=self.token)

    def bring(self, job: Job, station: str) -> Job:
        """The job, scanned in as far as a station; inspected on the way, and not there."""
        route = list(job.route)
        begin = route.index(job.next_station)
        list(walk(self.floor, job, self.token, route[begin : route.index(station)]))
        return self.scan(job, station)

    def scan(self, job: Job, station: str) -> Job:
        """The job, scanned in."""
        return self.floor.Scan(rpc.ScanRequest(job=job.name, station=station), metadata=self.token)

    def breaks(self, job: Job, *sides: int, reason: str = "scratch", request_id: str = "") -> Job:
        """The job after lenses broke."""
        request = rpc.ReportBreakageRequest(job=job.name, sides=sides, reason=reason, request_id=request_id)  # type: ignore[arg-type]
        return self.floor.ReportBreakage(request, metadata=self.token)

    def receive(self, blank: str, quantity: int) -> None:
        """A delivery."""
        request = rpc.ReceiveBlanksRequest(blank=f"blanks/{blank}", quantity=quantity)
        self.floor.ReceiveBlanks(request, metadata=self.token)

    def movements(self, job: Job) -> list[StockMovement]:
        """What a job did to the stock, in order."""
        request = rpc.ListStockMovementsRequest(job=job.name)
        return list(self.floor.ListStockMovements(request, metadata=self.token).movements)[::-1]

    def count(self, blank: str) -> tuple[int, int]:
        """How many there are of a blank, and how many are set aside."""
        pages = self.floor.ListBlankStock(rpc.ListBlankStockRequest(page_size=500), metadata=self.token)
        (found,) = [each for each in pages.stock if each.name == f"blanks/{blank}"]
        return found.on_hand, found.reserved


@pytest.fixture
def at(floor: FloorServiceStub, grpc_stub: LimsServiceStub, operator: Metadata) -> Station:
    """The stations."""
    return Station(floor, grpc_stub, operator)


@pytest.fixture
def stocked(at: Station, progressive: JobSpec, order: Metadata, engineer: Metadata) -> Iterator[tuple[Job, str]]:
    """A job whose blanks are in stock, exactly two; and the blank, which no other test's job is made of.

    Behind the test nothing of it is set aside any more.
    """
    progressive.lens.material = "trivex"
    request = CreateJobRequest(handoff_id=str(uuid.uuid4()), spec=progressive)
    job = at.lims.CreateJob(request, metadata=order)
    right, left = (lens.blank for lens in job.lenses)
    assert right == left
    at.floor.CountBlanks(rpc.CountBlanksRequest(blank=f"blanks/{right}", on_hand=2), metadata=at.token)
    yield job, right
    if at.job(job.name).state in (Job.STATE_RECEIVED, Job.STATE_IN_PRODUCTION):
        at.floor.HoldJob(rpc.HoldJobRequest(job=job.name, reason="the test is over"), metadata=at.token)
        at.lims.CancelJob(CancelJobRequest(name=job.name), metadata=engineer)


# ── stations ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_job_says_where_it_goes_when_it_is_due_and_what_was_promised(at: Station, make_job: MakeJob) -> None:
    """From the moment it is created, also to who reads it later."""
    job = make_job()
    now = datetime.now(UTC)
    assert (job.next_station, job.customer_status) == ("picking", "Received")
    assert now < job.due_time.ToDatetime(UTC) < job.promise_time.ToDatetime(UTC) < now + timedelta(days=21)
    assert [(lens.side, lens.next_station, lens.attempt) for lens in job.lenses] == [
        (SIDE_RIGHT, "picking", 1),
        (SIDE_LEFT, "picking", 1),
    ]
    read = at.job(job.name)
    read.quote.CopyFrom(job.quote)
    assert read == job


def test_work_is_recorded_with_who_did_it_and_when(at: Station, make_job: MakeJob) -> None:
    """In and out of stations; each is one event of the job, and the customer is told no more than before."""
    job = at.bring(make_job(), "surfacing")
    out = at.floor.ScanOut(rpc.ScanOutRequest(job=job.name, station="surfacing"), metadata=at.token)
    assert at.floor.ScanOut(rpc.ScanOutRequest(job=job.name, station="surfacing"), metadata=at.token) == out
    assert job.HasField("arrive_time")
    assert not out.HasField("arrive_time")

    records = at.floor.ListFloorRecords(rpc.ListFloorRecordsRequest(job=job.name), metadata=at.token).records
    assert [(each.sequence, each.kind, each.station) for each in records] == [
        (2, FloorRecord.KIND_SCANNED_IN, "picking"),
        (3, FloorRecord.KIND_SCANNED_IN, "surfacing"),
        (4, FloorRecord.KIND_SCANNED_OUT, "surfacing"),
    ]
    assert {each.operator for each in records} == {records[0].operator}
    assert records[0].operator.startswith("users/")
    events = at.lims.ListJobEvents(ListJobEventsRequest(job=job.name), metadata=at.token).events
    assert [each.sequence for each in events] == [1, 2, 3, 4]
    assert [each.description for each in events] == ["Received", "Preparing", "Surfacing", "Surfacing"]
    assert events[-1].due_time == out.due_time


def test_a_station_sees_the_jobs_that_are_there_or_come_next(at: Station, make_job: MakeJob) -> None:
    """In numbers, and as a list."""

    def edging() -> tuple[int, int]:
        stations = at.floor.ListStations(rpc.ListStationsRequest(), metadata=at.token).stations
        assert [each.id for each in stations][:2] == ["picking", "surfacing"]
        (found,) = [each for each in stations if each.id == "edging"]
        return found.waiting, found.working

    waiting, working = edging()
    there, coming, elsewhere = make_job(), make_job(), make_job()
    at.bring(there, "edging")
    at.bring(coming, "coating")
    at.floor.ScanOut(rpc.ScanOutRequest(job=coming.name, station="coating"), metadata=at.token)

    assert edging() == (waiting + 1, working + 1)
    listed = at.lims.ListJobs(ListJobsRequest(station="edging", page_size=500), metadata=at.token).jobs
    names = {each.name for each in listed}
    assert {there.name, coming.name} <= names
    assert elsewhere.name not in names


# ── inspections and breakages ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_day_on_the_floor(at: Station, stocked: tuple[Job, str]) -> None:
    """Picked, inspected, failed, broken, one eye made again, passed, shipped: stock and dates are right."""
    job, blank = stocked
    promise = job.promise_time
    picked = at.scan(job, "picking")
    assert at.count(blank) == (2, 2)
    assert [lens.blank_state for lens in picked.lenses] == [LensProgress.BLANK_RESERVED] * 2
    confirmed = at.floor.PickBlanks(rpc.PickBlanksRequest(job=job.name, codes=[blank, blank]), metadata=at.token)
    assert all(lens.picked for lens in confirmed.lenses)
    at.scan(job, "surfacing")
    assert at.count(blank) == (0, 0)

    due = at.bring(at.job(job.name), "inspection")
    wrong = perfect(due)
    wrong.lenses[1].measured.axis = 30  # ordered is 15
    inspection = at.floor.RecordInspection(wrong, metadata=at.token)
    assert not inspection.passed
    assert [(each.side, each.quantity, each.deviation) for each in inspection.findings if not each.passed] == [
        (SIDE_LEFT, "axis", 15)
    ]
    refusal = refused(at.floor.Scan, rpc.ScanRequest(job=job.name, station="shipping"), at.token)
    assert (refusal.reason, refusal.metadata["lenses"]) == ("INSPECTION_MISSING", "the left lens")

    broken = at.breaks(due, SIDE_LEFT, reason="axis")
    assert (broken.next_station, broken.customer_status, broken.promise_time) == (
        "picking",
        "Final inspection",
        promise,
    )
    assert broken.due_time.ToDatetime() > due.due_time.ToDatetime()
    assert [lens.next_station for lens in broken.lenses] == ["shipping", "picking"]
    refusal = refused(at.floor.Scan, rpc.ScanRequest(job=job.name, station="picking"), at.token)
    assert (refusal.reason, refusal.metadata["blank"]) == ("OUT_OF_STOCK", blank)
    at.receive(blank, 1)
    again = at.bring(broken, "inspection")
    assert at.count(blank) == (0, 0)
    assert [lens.inspection for lens in again.lenses] == [
        LensProgress.INSPECTION_PASSED,
        LensProgress.INSPECTION_DUE,
    ]
    assert at.floor.RecordInspection(perfect(again), metadata=at.token).passed

    shipped = at.scan(job, "shipping")
    assert (shipped.state, shipped.promise_time, shipped.HasField("due_time")) == (Job.STATE_SHIPPED, promise, False)
    assert [(each.kind, each.side) for each in at.movements(job)] == [
        (StockMovement.KIND_RESERVED, SIDE_RIGHT),
        (StockMovement.KIND_RESERVED, SIDE_LEFT),
        (StockMovement.KIND_CONSUMED, SIDE_RIGHT),
        (StockMovement.KIND_CONSUMED, SIDE_LEFT),
        (StockMovement.KIND_BROKEN, SIDE_LEFT),
        (StockMovement.KIND_RESERVED, SIDE_LEFT),
        (StockMovement.KIND_CONSUMED, SIDE_LEFT),
    ]
    (told,) = at.floor.ListBreakages(rpc.ListBreakagesRequest(job=job.name), metadata=at.token).breakages
    assert (told.name, told.reason, told.station, told.attempt) == (f"{job.name}/breakages/1", "axis", "inspection", 1)
    kept = at.floor.ListInspections(rpc.ListInspectionsRequest(job=job.name), metadata=at.token).inspections
    assert [(each.name, each.passed) for each in kept] == [
        (f"{job.name}/inspections/1", False),
        (f"{job.name}/inspections/2", True),
    ]
    assert kept[0] == inspection
    events = at.lims.ListJobEvents(ListJobEventsRequest(job=job.name, page_size=1000), metadata=at.token).events
    assert [each.sequence for each in events] == list(range(1, len(events) + 1))
    assert not [each for each in events if re.search("(?i)axis|break|broken|fail|blank", each.description)]


def test_a_lens_is_inspected_against_what_was_calculated(at: Station, make_job: MakeJob) -> None:
    """Under the profile of the job's revision, which is named."""
    due = at.bring(make_job(), "inspection")
    request = rpc.RecordInspectionRequest(job=due.name)
    lens = request.lenses.add(side=SIDE_RIGHT)
    lens.measured.CopyFrom(ordered(due, SIDE_RIGHT))
    lens.measured.sphere += 0.5
    assert not at.floor.RecordInspection(request, metadata=at.token).passed

    lens.target.sphere = lens.measured.sphere
    inspection = at.floor.RecordInspection(request, metadata=at.token)
    assert inspection.passed
    assert (inspection.profile, inspection.catalog_revision) == ("ansi-z80-1-pal", due.catalog_revision)
    assert inspection.profile_name.endswith("(ANSI Z80.1-2020)")


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        (lambda request: request.lenses[0].measured.ClearField("add"), "FIELD_INVALID", "lenses[0].measured.add"),
        (lambda request: request.lenses[1].CopyFrom(request.lenses[0]), "FIELD_INVALID", "lenses[1].side"),
        (lambda request: request.lenses[0].ClearField("measured"), "FIELD_INVALID", "lenses[0].measured"),
        (lambda request: request.lenses[0].ClearField("side"), "LENS_NOT_IN_JOB", None),
    ],
)
def test_an_inspection_is_whole_or_none(
    at: Station, make_job: MakeJob, change: object, reason: str, field: str | None
) -> None:
    """What is wanted was measured, of lenses that the job has, each once."""
    due = at.bring(make_job(), "inspection")
    request = perfect(due)
    change(request)  # type: ignore[operator]
    refusal = refused(at.floor.RecordInspection, request, at.token)
    assert (refusal.code, refusal.reason) == (StatusCode.INVALID_ARGUMENT, reason)
    assert refusal.metadata.get("field") == field
    assert at.job(due.name) == due


def test_a_request_that_is_repeated_is_done_once(at: Station, stocked: tuple[Job, str]) -> None:
    """The first answer again, or the job as it stands; the id cannot be used for anything else."""
    job, blank = stocked
    begun = at.bring(job, "surfacing")
    request_id = str(uuid.uuid4())
    once = at.breaks(begun, SIDE_LEFT, request_id=request_id)
    assert at.breaks(begun, SIDE_LEFT, request_id=request_id) == once
    assert len(at.floor.ListBreakages(rpc.ListBreakagesRequest(job=job.name), metadata=at.token).breakages) == 1
    other = rpc.ReportBreakageRequest(job=job.name, sides=[SIDE_RIGHT], reason="scratch", request_id=request_id)
    assert refused(at.floor.ReportBreakage, other, at.token).reason == "REQUEST_ID_REUSED"

    delivery = rpc.ReceiveBlanksRequest(blank=f"blanks/{blank}", quantity=5, request_id=str(uuid.uuid4()))
    first = at.floor.ReceiveBlanks(delivery, metadata=at.token)
    assert at.floor.ReceiveBlanks(delivery, metadata=at.token) == first
    assert at.count(blank) == (5, 0)

    due = at.bring(once, "inspection")
    measured = perfect(due)
    measured.request_id = str(uuid.uuid4())
    inspected = at.floor.RecordInspection(measured, metadata=at.token)
    assert at.floor.RecordInspection(measured, metadata=at.token) == inspected


def test_a_breakage_is_taken_back_with_what_it_did_to_the_stock(at: Station, stocked: tuple[Job, str]) -> None:
    """At the stock room the blank itself breaks; taken back, it is in the tray again."""
    job, blank = stocked
    picked = at.scan(job, "picking")
    at.breaks(picked, SIDE_RIGHT, reason="blank-defect")
    assert at.count(blank) == (1, 1)
    request = rpc.ReverseBreakageRequest(breakage=f"{job.name}/breakages/1")
    back = at.floor.ReverseBreakage(request, metadata=at.token)
    assert at.count(blank) == (2, 2)
    assert list(back.lenses) == list(picked.lenses)
    assert (back.due_time.ToDatetime() - picked.due_time.ToDatetime()) < timedelta(minutes=1)
    assert at.floor.ReverseBreakage(request, metadata=at.token) == back
    (told,) = at.floor.ListBreakages(rpc.ListBreakagesRequest(job=job.name), metadata=at.token).breakages
    assert told.HasField("reverse_time")
    assert told.reversed_by == told.operator

    broken = at.breaks(back, SIDE_RIGHT)
    at.receive(blank, 1)
    at.scan(broken, "picking")
    late = rpc.ReverseBreakageRequest(breakage=f"{job.name}/breakages/2")
    assert refused(at.floor.ReverseBreakage, late, at.token).reason == "BREAKAGE_NOT_REVERSIBLE"
    none = rpc.ReverseBreakageRequest(breakage=f"{job.name}/breakages/3")
    assert refused(at.floor.ReverseBreakage, none, at.token).reason == "NOT_FOUND"


@pytest.mark.parametrize(
    ("station", "request_", "code", "reason"),
    [
        ("", {"reason": "scratch"}, StatusCode.FAILED_PRECONDITION, "JOB_STATE"),
        ("edging", {"reason": "bad-luck"}, StatusCode.INVALID_ARGUMENT, "BREAKAGE_REASON_UNKNOWN"),
        ("surfacing", {"reason": "peeling"}, StatusCode.INVALID_ARGUMENT, "BREAKAGE_REASON_UNKNOWN"),
        ("edging", {"reason": "scratch", "sides": [0]}, StatusCode.INVALID_ARGUMENT, "LENS_NOT_IN_JOB"),
        ("shipping", {"reason": "scratch"}, StatusCode.FAILED_PRECONDITION, "JOB_STATE"),
    ],
)
def test_what_cannot_break_is_refused(
    at: Station,
    make_job: MakeJob,
    station: str,
    request_: dict[str, object],
    code: StatusCode,
    reason: str,
) -> None:
    """Nothing is written then."""
    job = make_job()
    job = at.bring(job, station) if station else job
    request = rpc.ReportBreakageRequest(**{"job": job.name, "sides": [SIDE_RIGHT], **request_})  # type: ignore[arg-type]
    refusal = refused(at.floor.ReportBreakage, request, at.token)
    assert (refusal.code, refusal.reason) == (code, reason)
    assert at.job(job.name).sequence == job.sequence


# ── stopped, away, given up, made again ───────────────────────────────────────────────────────────────────────────────


def test_a_job_on_hold_waits_and_tells_the_customer_so(at: Station, make_job: MakeJob) -> None:
    """And not why; it is due at no time until it goes on."""
    begun = at.bring(make_job(), "coating")
    held = at.floor.HoldJob(rpc.HoldJobRequest(job=begun.name, reason="the frame has not come"), metadata=at.token)
    assert (held.state, held.hold_reason, held.customer_status) == (
        Job.STATE_ON_HOLD,
        "the frame has not come",
        "On hold",
    )
    assert not held.HasField("due_time")
    refusal = refused(at.floor.Scan, rpc.ScanRequest(job=begun.name, station="edging"), at.token)
    assert (refusal.reason, refusal.metadata["state"]) == ("JOB_STATE", "ON_HOLD")

    released = at.floor.ReleaseJob(rpc.ReleaseJobRequest(job=begun.name), metadata=at.token)
    assert (released.state, released.customer_status, released.hold_reason) == (Job.STATE_IN_PRODUCTION, "Coating", "")
    assert released.HasField("due_time")
    assert at.floor.ReleaseJob(rpc.ReleaseJobRequest(job=begun.name), metadata=at.token) == released


def test_a_job_that_is_given_up_frees_what_was_set_aside(
    at: Station, stocked: tuple[Job, str], engineer: Metadata
) -> None:
    """On hold it may be cancelled, wherever it is."""
    job, blank = stocked
    at.scan(job, "picking")
    assert refused(at.lims.CancelJob, CancelJobRequest(name=job.name), engineer).reason == "JOB_STATE"
    at.floor.HoldJob(rpc.HoldJobRequest(job=job.name, reason="given up"), metadata=at.token)
    cancelled = at.lims.CancelJob(CancelJobRequest(name=job.name), metadata=engineer)
    assert (cancelled.state, cancelled.customer_status, cancelled.next_station) == (
        Job.STATE_CANCELLED,
        "Cancelled",
        "",
    )
    assert at.count(blank) == (2, 0)


def test_a_job_with_a_partner_is_not_worked_on_here(at: Station, make_job: MakeJob) -> None:
    """It comes back behind the partner's work."""
    job = at.bring(make_job(), "surfacing")
    wrong = rpc.OutsourceJobRequest(job=job.name, partner="Tinting Ltd.", until="inspection")
    refusal = refused(at.floor.OutsourceJob, wrong, at.token)
    assert (refusal.reason, refusal.metadata["field"]) == ("FIELD_INVALID", "until")
    assert "it can be coating, edging" in refusal.message

    request = rpc.OutsourceJobRequest(job=job.name, partner="Tinting Ltd.", until="coating")
    away = at.floor.OutsourceJob(request, metadata=at.token)
    assert at.floor.OutsourceJob(request, metadata=at.token) == away
    refusal = refused(at.floor.Scan, rpc.ScanRequest(job=job.name, station="coating"), at.token)
    assert (refusal.reason, refusal.metadata["partner"]) == ("JOB_AWAY", "Tinting Ltd.")
    back = at.floor.ReceiveFromPartner(rpc.ReceiveFromPartnerRequest(job=job.name), metadata=at.token)
    assert (back.station, back.next_station, back.partner) == ("coating", "edging", "")


def test_a_remake_is_a_new_job_that_knows_the_first_and_costs_what_the_policy_says(
    at: Station, make_job: MakeJob, order: Metadata
) -> None:
    """The same lens, one eye, half price to a practice that got it wrong once; then all of it."""
    job = make_job()
    *_, shipped = walk(at.floor, job, at.token)
    assert shipped.state == Job.STATE_SHIPPED
    request = rpc.RemakeJobRequest(
        job=job.name,
        responsibility=RESPONSIBILITY_ECP,
        reason="the PD was wrong",
        eyes=EYES_RIGHT,
        request_id=str(uuid.uuid4()),
    )
    made = at.floor.RemakeJob(request, metadata=at.token)
    assert (made.handoff_id, made.state, made.spec.eyes) == (request.request_id, Job.STATE_RECEIVED, EYES_RIGHT)
    assert made.spec.prescription == job.spec.prescription
    assert (made.remake.job, made.remake.original, made.remake.days, made.remake.count) == (job.name, job.name, 0, 0)
    assert (made.remake.percent, made.remake.reason) == (50, "the PD was wrong")
    assert made.remake.price.minor_units == (made.quote.price.total.minor_units * 50 + 50) // 100
    assert at.floor.RemakeJob(request, metadata=at.token) == made
    assert at.lims.GetJob(GetJobRequest(name=made.name), metadata=order).remake == made.remake

    again = rpc.RemakeJobRequest(
        job=made.name, responsibility=RESPONSIBILITY_ECP, reason="still", request_id=str(uuid.uuid4())
    )
    second = at.floor.RemakeJob(again, metadata=at.token)
    assert (second.remake.job, second.remake.original) == (made.name, job.name)
    assert (second.remake.count, second.remake.percent) == (1, 100)
    again.responsibility = RESPONSIBILITY_LAB
    assert refused(at.floor.RemakeJob, again, at.token).reason == "HANDOFF_ID_REUSED"


def test_a_remake_is_decided_by_the_rules_in_force(at: Station, make_job: MakeJob, engineer: Metadata) -> None:
    """A changed prescription that cannot be made is refused; a cancelled job is not made again."""
    job = make_job()
    request = rpc.RemakeJobRequest(
        job=job.name, responsibility=RESPONSIBILITY_ECP, reason="?", spec=job.spec, request_id=str(uuid.uuid4())
    )
    request.spec.prescription.right.ClearField("add")
    refusal = refused(at.floor.RemakeJob, request, at.token)
    assert refusal.reason == "SPEC_REFUSED"
    assert refusal.violations
    at.lims.CancelJob(CancelJobRequest(name=job.name), metadata=engineer)
    assert refused(at.floor.RemakeJob, request, at.token).reason == "JOB_STATE"


def test_a_jobs_ticket_is_a_document(at: Station, make_job: MakeJob) -> None:
    """The same one as long as the job stands where it stands."""
    job = at.bring(make_job(), "picking")
    ticket = at.floor.GetJobTicket(rpc.GetJobTicketRequest(job=job.name), metadata=at.token)
    assert ticket.content_type == "application/pdf"
    assert ticket.data.startswith(b"%PDF-")
    assert at.floor.GetJobTicket(rpc.GetJobTicketRequest(job=job.name), metadata=at.token) == ticket


# ── stock ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

SPARE = "blanks/sf-cr39-050-75"
"""A blank of the catalog that no test's job is made of."""


def test_stock_is_received_counted_and_ordered_anew(at: Station) -> None:
    """The signal shows when no more is available than was said; the ledger has every change."""
    at.floor.CountBlanks(rpc.CountBlanksRequest(blank=SPARE, on_hand=4), metadata=at.token)
    received = at.floor.ReceiveBlanks(
        rpc.ReceiveBlanksRequest(blank=SPARE, quantity=20, note="Delivery 4711"), metadata=at.token
    )
    assert (received.on_hand, received.available) == (24, 24)
    level = rpc.SetReorderLevelRequest(blank=SPARE, reorder_at=6, order_up_to=30)
    assert not at.floor.SetReorderLevel(level, metadata=at.token).reorder
    counted = at.floor.CountBlanks(rpc.CountBlanksRequest(blank=SPARE, on_hand=6), metadata=at.token)
    assert (counted.reorder, counted.order_quantity) == (True, 24)
    wanted = at.floor.ListBlankStock(rpc.ListBlankStockRequest(reorder_only=True, page_size=500), metadata=at.token)
    assert SPARE in {each.name for each in wanted.stock}

    request = rpc.ListStockMovementsRequest(blank=SPARE, page_size=2)
    ledger = at.floor.ListStockMovements(request, metadata=at.token)
    assert [(each.kind, each.quantity, each.on_hand) for each in ledger.movements] == [
        (StockMovement.KIND_COUNTED, -18, 6),
        (StockMovement.KIND_RECEIVED, 20, 24),
    ]
    assert ledger.movements[1].note == "Delivery 4711"
    rest = rpc.ListStockMovementsRequest(blank=SPARE, page_size=2, page_token=ledger.next_page_token)
    assert at.floor.ListStockMovements(rest, metadata=at.token).movements[0].kind == StockMovement.KIND_COUNTED


def test_the_stock_is_listed_page_by_page(at: Station, stocked: tuple[Job, str]) -> None:
    """By blank, none twice and none left out."""
    assert stocked
    at.receive(SPARE.removeprefix("blanks/"), 1)
    token, seen = "", []
    while True:
        page = at.floor.ListBlankStock(rpc.ListBlankStockRequest(page_size=1, page_token=token), metadata=at.token)
        seen += [each.name for each in page.stock]
        token = page.next_page_token
        if not token:
            break
    assert seen == sorted(set(seen))
    assert len(seen) >= 2


def test_a_count_believes_the_trays(at: Station, stocked: tuple[Job, str]) -> None:
    """Less than is set aside cannot be there."""
    job, blank = stocked
    at.scan(job, "picking")
    request = rpc.CountBlanksRequest(blank=f"blanks/{blank}", on_hand=1)
    refusal = refused(at.floor.CountBlanks, request, at.token)
    assert (refusal.reason, refusal.metadata["reserved"]) == ("COUNT_BELOW_RESERVED", "2")


def test_the_wrong_box_is_noticed(at: Station, stocked: tuple[Job, str]) -> None:
    """The refusal names the right one."""
    job, blank = stocked
    at.scan(job, "picking")
    refusal = refused(at.floor.PickBlanks, rpc.PickBlanksRequest(job=job.name, codes=["sf-cr39-050-75"]), at.token)
    assert (refusal.reason, refusal.metadata["expected"]) == ("WRONG_BLANK", blank)


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("ReceiveBlanks", rpc.ReceiveBlanksRequest(blank="blanks/no-such", quantity=1)),
        ("CountBlanks", rpc.CountBlanksRequest(blank="blanks/no-such", on_hand=1)),
        ("SetReorderLevel", rpc.SetReorderLevelRequest(blank="blanks/no-such", reorder_at=1, order_up_to=2)),
    ],
)
def test_a_blank_that_does_not_exist_is_not_kept(at: Station, method: str, request_: object) -> None:
    """The id is named."""
    refusal = refused(getattr(at.floor, method), request_, at.token)  # type: ignore[arg-type]
    assert (refusal.code, refusal.reason, refusal.metadata["blank"]) == (
        grpc.StatusCode.NOT_FOUND,
        "BLANK_UNKNOWN",
        "no-such",
    )


def test_an_inspection_away_from_the_station_is_refused(at: Station, make_job: MakeJob) -> None:
    """The refusal says where the job is."""
    job = at.bring(make_job(), "edging")
    lens = MeasuredLens(side=SIDE_RIGHT, measured=ordered(job, SIDE_RIGHT))
    refusal = refused(at.floor.RecordInspection, rpc.RecordInspectionRequest(job=job.name, lenses=[lens]), at.token)
    assert (refusal.reason, refusal.metadata["station"]) == ("NOT_AT_STATION", "edging")
