"""The `lims floor` commands, in a stand-in lab that notes what it is asked and answers what a test says."""
# ruff: noqa: N802, D102 - the methods are the contract's, which names and documents them

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import grpc
import pytest
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.message import Message
from lensmesh.lims.v1 import floor_pb2, reason_pb2
from lensmesh.lims.v1 import floor_service_pb2 as rpc
from lensmesh.lims.v1.floor_pb2 import (
    BlankStock,
    Breakage,
    FloorRecord,
    FloorStation,
    Inspection,
    LensProgress,
    LensValues,
    StockMovement,
)
from lensmesh.lims.v1.job_pb2 import Job
from lensmesh.type.v1.prescription_pb2 import EYES_LEFT, EYES_UNSPECIFIED, SIDE_LEFT, SIDE_RIGHT

from runtime import state
from runtime.layout import Layout
from runtime.state import MeshState, ProcessId
from tests.cli.conftest import Lensmesh
from tests.cli.lab import NOW, Lab, _refusal, serving

Context = grpc.aio.ServicerContext[Any, Any]
M = TypeVar("M", bound=Message)

ONCE = "0198c0de-0000-7000-8000-00000000000a"


@dataclass
class FloorLab(Lab):
    """A lab whose floor notes every request and answers the job there is, or what a test lays ready."""

    asked: list[Message] = field(default_factory=list)
    answers: dict[type[Message], Message] = field(default_factory=dict)
    refusal: grpc.Status | None = None

    async def _answer(self, request: Message, context: Context, kind: type[M]) -> M:
        self._note(context)
        self.asked.append(request)
        if self.refusal is not None:
            await context.abort_with_status(self.refusal)
        answer = self.answers.get(kind, next(iter(self.jobs.values())) if kind is Job else kind())
        assert isinstance(answer, kind)
        return answer

    async def Scan(self, request: rpc.ScanRequest, context: Context) -> Job:
        return await self._answer(request, context, Job)

    async def ScanOut(self, request: rpc.ScanOutRequest, context: Context) -> Job:
        return await self._answer(request, context, Job)

    async def PickBlanks(self, request: rpc.PickBlanksRequest, context: Context) -> Job:
        return await self._answer(request, context, Job)

    async def HoldJob(self, request: rpc.HoldJobRequest, context: Context) -> Job:
        return await self._answer(request, context, Job)

    async def ReleaseJob(self, request: rpc.ReleaseJobRequest, context: Context) -> Job:
        return await self._answer(request, context, Job)

    async def OutsourceJob(self, request: rpc.OutsourceJobRequest, context: Context) -> Job:
        return await self._answer(request, context, Job)

    async def ReceiveFromPartner(self, request: rpc.ReceiveFromPartnerRequest, context: Context) -> Job:
        return await self._answer(request, context, Job)

    async def RecordInspection(self, request: rpc.RecordInspectionRequest, context: Context) -> Inspection:
        return await self._answer(request, context, Inspection)

    async def ReportBreakage(self, request: rpc.ReportBreakageRequest, context: Context) -> Job:
        return await self._answer(request, context, Job)

    async def ReverseBreakage(self, request: rpc.ReverseBreakageRequest, context: Context) -> Job:
        return await self._answer(request, context, Job)

    async def RemakeJob(self, request: rpc.RemakeJobRequest, context: Context) -> Job:
        return await self._answer(request, context, Job)

    async def GetJobTicket(self, request: rpc.GetJobTicketRequest, context: Context) -> HttpBody:
        return await self._answer(request, context, HttpBody)

    async def ListBreakages(self, request: rpc.ListBreakagesRequest, context: Context) -> rpc.ListBreakagesResponse:
        return await self._answer(request, context, rpc.ListBreakagesResponse)

    async def ListInspections(
        self, request: rpc.ListInspectionsRequest, context: Context
    ) -> rpc.ListInspectionsResponse:
        return await self._answer(request, context, rpc.ListInspectionsResponse)

    async def ListFloorRecords(
        self, request: rpc.ListFloorRecordsRequest, context: Context
    ) -> rpc.ListFloorRecordsResponse:
        return await self._answer(request, context, rpc.ListFloorRecordsResponse)

    async def ListStations(self, request: rpc.ListStationsRequest, context: Context) -> rpc.ListStationsResponse:
        return await self._answer(request, context, rpc.ListStationsResponse)

    async def ReceiveBlanks(self, request: rpc.ReceiveBlanksRequest, context: Context) -> BlankStock:
        return await self._answer(request, context, BlankStock)

    async def CountBlanks(self, request: rpc.CountBlanksRequest, context: Context) -> BlankStock:
        return await self._answer(request, context, BlankStock)

    async def SetReorderLevel(self, request: rpc.SetReorderLevelRequest, context: Context) -> BlankStock:
        return await self._answer(request, context, BlankStock)

    async def ListBlankStock(self, request: rpc.ListBlankStockRequest, context: Context) -> rpc.ListBlankStockResponse:
        return await self._answer(request, context, rpc.ListBlankStockResponse)

    async def ListStockMovements(
        self, request: rpc.ListStockMovementsRequest, context: Context
    ) -> rpc.ListStockMovementsResponse:
        return await self._answer(request, context, rpc.ListStockMovementsResponse)


@pytest.fixture
def floor(keys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FloorLab]:  # noqa: ANN401 - of the suite's conftest
    """A stand-in lab with one job, known as the mesh that runs here."""
    home, lab = tmp_path / "home", FloorLab()
    Layout(home).state.parent.mkdir(parents=True)
    Layout(home).keys.symlink_to(keys.local.folder)
    monkeypatch.setenv("LENSMESH_HOME", str(home))
    monkeypatch.delenv("LENSMESH_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)
    lab.add(7)
    job = lab.jobs["jobs/7"]
    job.state, job.station, job.next_station, job.customer_status = (
        Job.STATE_IN_PRODUCTION,
        "edging",
        "shipping",
        "Edging",
    )
    job.due_time.CopyFrom(NOW)
    job.promise_time.CopyFrom(NOW)
    job.arrive_time.CopyFrom(NOW)
    for side, attempt in ((SIDE_RIGHT, 1), (SIDE_LEFT, 2)):
        job.lenses.add(side=side, blank="sf-cr39-400-70", station="edging", next_station="shipping", attempt=attempt)
    job.lenses[1].blank_state = LensProgress.BLANK_CONSUMED
    job.lenses[1].inspection = LensProgress.INSPECTION_FAILED
    right = job.spec.prescription.right
    right.sphere, right.cylinder, right.axis, right.distance_pd = -2.25, -0.75, 175, 32
    job.spec.prescription.left.sphere = -1.75
    with serving(lab, keys.local) as port:
        state.write(MeshState(home, ProcessId.own(), {"http_port": 1, "grpc_port": port}))
        yield lab


# ── what is asked for ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("typed", "request_"),
    [
        (("scan", "7", "edging"), rpc.ScanRequest(job="jobs/7", station="edging")),
        (("scan", "jobs/7"), rpc.ScanRequest(job="jobs/7", station="shipping")),
        (("out", "7"), rpc.ScanOutRequest(job="jobs/7", station="edging")),
        (("out", "7", "surfacing"), rpc.ScanOutRequest(job="jobs/7", station="surfacing")),
        (("pick", "7", "9999912342", "sf-1"), rpc.PickBlanksRequest(job="jobs/7", codes=["9999912342", "sf-1"])),
        (("hold", "7", "Frame to come"), rpc.HoldJobRequest(job="jobs/7", reason="Frame to come")),
        (("release", "7"), rpc.ReleaseJobRequest(job="jobs/7")),
        (
            ("outsource", "7", "Coaters", "coating"),
            rpc.OutsourceJobRequest(job="jobs/7", partner="Coaters", until="coating"),
        ),
        (("return", "7"), rpc.ReceiveFromPartnerRequest(job="jobs/7")),
        (("reverse", "7", "2"), rpc.ReverseBreakageRequest(breakage="jobs/7/breakages/2")),
        (
            ("break", "7", "scratch", "--left", "--note", "by the edger", "--request-id", ONCE),
            rpc.ReportBreakageRequest(
                job="jobs/7", sides=[SIDE_LEFT], reason="scratch", note="by the edger", request_id=ONCE
            ),
        ),
        (
            ("remake", "7", "--by", "non-adapt", "--reason", "Corridor", "--left", "--request-id", ONCE),
            rpc.RemakeJobRequest(
                job="jobs/7",
                responsibility=floor_pb2.RESPONSIBILITY_NON_ADAPT,
                reason="Corridor",
                eyes=EYES_LEFT,
                request_id=ONCE,
            ),
        ),
        (
            ("stock", "receive", "sf-1", "10", "--request-id", ONCE),
            rpc.ReceiveBlanksRequest(blank="blanks/sf-1", quantity=10, request_id=ONCE),
        ),
        (
            ("stock", "count", "blanks/sf-1", "0", "--request-id", ONCE),
            rpc.CountBlanksRequest(blank="blanks/sf-1", on_hand=0, request_id=ONCE),
        ),
        (
            ("stock", "level", "sf-1", "4", "20"),
            rpc.SetReorderLevelRequest(blank="blanks/sf-1", reorder_at=4, order_up_to=20),
        ),
        (("stock", "list", "--reorder"), rpc.ListBlankStockRequest(reorder_only=True, page_size=500)),
        (
            ("stock", "movements", "--blank", "sf-1", "--job", "7"),
            rpc.ListStockMovementsRequest(blank="blanks/sf-1", job="jobs/7", page_size=50),
        ),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_what_is_typed_is_what_the_lab_is_asked(
    floor: FloorLab, lensmesh: Lensmesh, typed: tuple[str, ...], request_: Message
) -> None:
    """With the answer as words, or as JSON."""
    done = lensmesh("lims", "floor", *typed)

    assert (done.code, done.err) == (0, "")
    assert floor.asked[0] == request_
    assert lensmesh("lims", "floor", *typed, "--json").documents


def test_writes_without_an_id_of_their_own_get_one(floor: FloorLab, lensmesh: Lensmesh) -> None:
    """A new one each time: what is typed twice is meant twice."""
    for _ in range(2):
        lensmesh("lims", "floor", "stock", "receive", "sf-1", "10")
    ids = {each.request_id for each in floor.asked if isinstance(each, rpc.ReceiveBlanksRequest)}

    assert len(ids) == 2
    assert all(len(each) == len(ONCE) for each in ids)


def test_a_remake_may_be_of_something_else(floor: FloorLab, lensmesh: Lensmesh, tmp_path: Path) -> None:
    """What the file says replaces what was ordered, and the rest stays; a lab makes no patients."""
    floor.jobs["jobs/7"].spec.lens.coatings.append("hc")
    change = {"prescription": {"right": {"sphere": -2.5, "axis": None}}, "lens": {"coatings": ["hc-ar"]}}
    (tmp_path / "change.json").write_text(json.dumps(change))

    assert (
        lensmesh("lims", "floor", "remake", "7", "--by", "ecp", "--reason", "Wrong", "--change", "change.json").code
        == 0
    )
    (request,) = floor.asked
    assert isinstance(request, rpc.RemakeJobRequest)
    right = request.spec.prescription.right
    assert (right.sphere, right.cylinder, right.HasField("axis")) == (-2.5, -0.75, False)
    assert list(request.spec.lens.coatings) == ["hc-ar"]
    assert (request.spec.lens.design, request.eyes) == ("comfort-pal", EYES_UNSPECIFIED)
    (tmp_path / "change.json").write_text('{"patient_reference": "5"}')
    done = lensmesh("lims", "floor", "remake", "7", "--by", "ecp", "--reason", "Wrong", "--change", "change.json")
    assert "a lab makes no patient_reference; leave it out." in done.err


# ── inspection ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _inspected(floor: FloorLab, *, passed: bool) -> None:
    inspection = Inspection(passed=passed, profile="ansi-pal", profile_name="ANSI Z80.1-2020", catalog_revision=3)
    inspection.findings.add(
        side=SIDE_LEFT, quantity="cylinder", target=-0.75, measured=-1, deviation=-0.25, allowed=0.16, passed=passed
    )
    floor.answers[Inspection] = inspection


def test_what_is_measured_is_written_as_powers(floor: FloorLab, lensmesh: Lensmesh) -> None:
    """Short or by the contract's names, with what the lens was calculated to measure."""
    _inspected(floor, passed=True)
    typed = "sph=-2.21,cyl=\N{MINUS SIGN}0.75 axis=176 prism_vertical=0.25"
    done = lensmesh("lims", "floor", "inspect", "7", "--right", typed, "--right-target", "sph=-2.2")

    assert (done.code, "Inspection passed" in done.out) == (0, True)
    (request,) = floor.asked
    assert isinstance(request, rpc.RecordInspectionRequest)
    (lens,) = request.lenses
    assert lens.side == SIDE_RIGHT
    assert lens.measured == LensValues(sphere=-2.21, cylinder=-0.75, axis=176, prism_vertical=0.25)
    assert lens.target == LensValues(sphere=-2.2)


def test_what_is_not_written_measures_what_was_ordered_if_that_is_said(floor: FloorLab, lensmesh: Lensmesh) -> None:
    """Of the lenses that are written, or of all that are where the job is."""
    _inspected(floor, passed=True)
    floor.jobs["jobs/7"].spec.prescription.left.add = 2
    assert lensmesh("lims", "floor", "inspect", "7", "--as-ordered", "--right", "cyl=-1").code == 0
    assert lensmesh("lims", "floor", "inspect", "7", "--as-ordered").code == 0
    one, both = floor.asked
    assert isinstance(one, rpc.RecordInspectionRequest)
    assert isinstance(both, rpc.RecordInspectionRequest)

    assert [lens.measured for lens in one.lenses] == [LensValues(sphere=-2.25, cylinder=-1, axis=175)]
    assert [(lens.side, lens.measured.sphere, lens.measured.add) for lens in both.lenses] == [
        (SIDE_RIGHT, -2.25, 0),
        (SIDE_LEFT, -1.75, 2),
    ]


def test_lenses_that_do_not_pass_end_the_command_with_1(floor: FloorLab, lensmesh: Lensmesh) -> None:
    """With what is wrong, and by how much."""
    _inspected(floor, passed=False)
    done = lensmesh("lims", "floor", "inspect", "7", "--as-ordered")

    assert (done.code, done.err) == (1, "")
    assert "Inspection did not pass by ANSI Z80.1-2020, catalog revision 3" in done.words
    assert "left cylinder -0.75 -1.00 -0.25 0.16 fails" in done.words


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ((), "Nothing was measured: --right and --left say what, or --as-ordered."),
        (("--right", "spere=-2"), "--right: there is no `spere`; it can be: sph, cyl, ax, h, v, sphere, cylinder,"),
        (("--left", "sph=two"), "--left: sph=two: write a number, such as `sph=1.25`."),
        (("--left", "ax=175.5"), "--left: ax=175.5: write a number, such as `ax=175`."),
        (("--left", "ax=inf"), "--left: ax=inf: write a number, such as `ax=175`."),
        (("--left", "sph=1,sphere=2"), "--left: sphere stands there twice."),
    ],
)
@pytest.mark.usefixtures("floor")
def test_powers_that_are_none_are_a_sentence(lensmesh: Lensmesh, typed: tuple[str, ...], sentence: str) -> None:
    """Before anything is asked."""
    done = lensmesh("lims", "floor", "inspect", "7", *typed)

    assert (done.code, done.out) == (2, "")
    assert sentence in done.err


# ── what is shown ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_job_is_shown_with_its_dates_and_its_lenses(floor: FloorLab, lensmesh: Lensmesh) -> None:
    """Where it is and goes, when it is due, how far each lens is; and that it is made again."""
    job = floor.jobs["jobs/7"]
    job.remake.job, job.remake.responsibility, job.remake.reason = (
        "jobs/3",
        floor_pb2.RESPONSIBILITY_ECP,
        "Wrong height",
    )
    job.remake.percent = 50
    job.remake.price.currency, job.remake.price.minor_units = "EUR", 6450
    done = lensmesh("lims", "floor", "show", "7")

    for what in (
        "jobs/7 IN_PRODUCTION",
        "At edging",
        "Next shipping",
        "Customer Edging",
        "Remake of jobs/3 (practice): Wrong height; 50 % charged, EUR 64.50",
    ):
        assert what in done.words
    assert "right sf-cr39-400-70 edging shipping 1 –" in done.words  # noqa: RUF001 - an absent inspection
    assert "left sf-cr39-400-70, taken edging shipping 2 failed" in done.words
    assert max(map(len, done.out.splitlines())) <= 80
    job.ClearField("arrive_time")
    assert "At edging, done there" in lensmesh("lims", "floor", "show", "7").words
    job.partner, job.partner_until = "Coaters", "coating"
    assert "At Coaters's, up to coating" in lensmesh("lims", "floor", "show", "7").words


def test_the_stations_are_shown_with_the_jobs_there(floor: FloorLab, lensmesh: Lensmesh) -> None:
    """In the order of the floor."""
    floor.answers[rpc.ListStationsResponse] = rpc.ListStationsResponse(
        stations=[
            FloorStation(id="picking", name="Stock room", minutes=60, picks=True, waiting=3),
            FloorStation(id="inspection", name="Inspection", minutes=120, inspects=True, working=1),
        ]
    )
    done = lensmesh("lims", "floor", "stations")

    assert "picking Stock room 3 0 60 picks inspection Inspection 0 1 120 inspects" in done.words


def test_the_history_is_what_was_done_what_broke_and_what_was_measured(floor: FloorLab, lensmesh: Lensmesh) -> None:
    """With who did it."""
    _inspected(floor, passed=False)
    floor.answers[rpc.ListFloorRecordsResponse] = rpc.ListFloorRecordsResponse(
        records=[
            FloorRecord(
                sequence=4,
                kind=FloorRecord.KIND_SCANNED_IN,
                station="edging",
                operator="users/lab-operator",
                time=NOW,
            )
        ]
    )
    broken = Breakage(
        name="jobs/7/breakages/1",
        side=SIDE_LEFT,
        reason="scratch",
        station="edging",
        new_blank=True,
        returns_to="picking",
        responsibility=floor_pb2.RESPONSIBILITY_LAB,
        note="by the edger",
        time=NOW,
        reverse_time=NOW,
        reversed_by="users/lab-operator",
    )
    floor.answers[rpc.ListBreakagesResponse] = rpc.ListBreakagesResponse(breakages=[broken])
    inspection = floor.answers[Inspection]
    assert isinstance(inspection, Inspection)
    floor.answers[rpc.ListInspectionsResponse] = rpc.ListInspectionsResponse(inspections=[inspection])
    done = lensmesh("lims", "floor", "history", "7")

    assert "scanned in edging lab-operator" in done.words
    assert (
        "Breakage 1: left lens, scratch, at edging (lab); from picking on, with a new blank by the edger taken back"
        in done.words
    )
    assert "Inspection did not pass" in done.words
    assert len(lensmesh("lims", "floor", "history", "7", "--json").documents) == 3
    assert "Breakage 1: left lens" in lensmesh("lims", "floor", "break", "7", "scratch", "--left").words


def test_the_stock_is_shown_with_what_is_to_be_ordered(floor: FloorLab, lensmesh: Lensmesh) -> None:
    """And how it came to that."""
    floor.answers[rpc.ListBlankStockResponse] = rpc.ListBlankStockResponse(
        stock=[
            BlankStock(name="blanks/sf-1", on_hand=6, reserved=4, available=2, reorder=True, order_quantity=18),
            BlankStock(name="blanks/sf-2", on_hand=9, available=9, opc="9999912342"),
        ]
    )
    movement = StockMovement(number=5, blank="blanks/sf-1", kind=StockMovement.KIND_COUNTED, quantity=-1, on_hand=6)
    movement.time.CopyFrom(NOW)
    broken = StockMovement(number=4, blank="blanks/sf-1", kind=StockMovement.KIND_BROKEN, quantity=1, job="jobs/7")
    broken.side = SIDE_LEFT
    floor.answers[rpc.ListStockMovementsResponse] = rpc.ListStockMovementsResponse(movements=[movement, broken])
    done = lensmesh("lims", "floor", "stock", "list")
    moved = lensmesh("lims", "floor", "stock", "movements")

    assert "sf-1 – 6 4 2 18 now sf-2 9999912342 9 0 9" in done.words  # noqa: RUF001 - an absent code
    assert "sf-1 counted -1 6 0" in moved.words
    assert "sf-1 broken 1 0 0 7 left" in moved.words


@pytest.mark.usefixtures("floor")
def test_an_empty_stock_is_a_sentence(lensmesh: Lensmesh) -> None:
    """Of each list its own."""
    assert "No blank was received or counted yet." in lensmesh("lims", "floor", "stock", "list").out
    assert "Nothing is to be ordered." in lensmesh("lims", "floor", "stock", "list", "--reorder").out
    assert "Nothing moved yet." in lensmesh("lims", "floor", "stock", "movements").out


def test_the_ticket_is_written_to_a_file(floor: FloorLab, lensmesh: Lensmesh, tmp_path: Path) -> None:
    """Named after the job, unless another one is named that cannot be written."""
    floor.answers[HttpBody] = HttpBody(content_type="application/pdf", data=b"%PDF-1.7")

    assert "Ticket: jobs-7.ticket.pdf" in lensmesh("lims", "floor", "ticket", "7").out
    assert (tmp_path / "jobs-7.ticket.pdf").read_bytes() == b"%PDF-1.7"
    done = lensmesh("lims", "floor", "ticket", "7", "--to", "nowhere/ticket.pdf")
    assert (done.code, "cannot be written to nowhere/ticket.pdf" in done.err) == (1, True)


# ── what goes wrong ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_refusal_of_the_floor_is_a_sentence(floor: FloorLab, lensmesh: Lensmesh) -> None:
    """As JSON it has the shape of REST."""
    reason = reason_pb2.Reason.Name(reason_pb2.REASON_INSPECTION_MISSING).removeprefix("REASON_")
    floor.refusal = _refusal(grpc.StatusCode.FAILED_PRECONDITION, reason, "jobs/7 did not pass its inspection")
    done = lensmesh("lims", "floor", "scan", "7")

    assert (done.code, done.out) == (1, "")
    assert done.err == "lensmesh: jobs/7 did not pass its inspection.\n"
    refusal = json.loads(lensmesh("lims", "floor", "scan", "7", "--json").err)
    assert (refusal["code"], refusal["details"][0]["reason"]) == (9, reason)


@pytest.mark.parametrize(
    ("typed", "spoil", "sentence"),
    [
        (("break", "7", "scratch"), None, "Which lens? --right, --left, or both of them."),
        (("scan", "7"), lambda job: job.ClearField("next_station"), "jobs/7 goes nowhere any more"),
        (("out", "7"), lambda job: job.ClearField("station"), "jobs/7 was not scanned in anywhere"),
        (("stock", "receive", "sf-1", "0"), None, "0 is too small: 1 is the least"),
        (("remake", "7", "--by", "me", "--reason", "x"), None, "'me' is not one of 'lab', 'ecp', 'manufacturer'"),
    ],
)
def test_a_command_that_makes_no_sense_is_a_sentence(
    floor: FloorLab,
    lensmesh: Lensmesh,
    typed: tuple[str, ...],
    spoil: Callable[[Job], None] | None,
    sentence: str,
) -> None:
    """And nothing is changed."""
    if spoil:
        spoil(floor.jobs["jobs/7"])
    done = lensmesh("lims", "floor", *typed)

    assert (done.code, done.out) == (2, "")
    assert sentence in done.err
    assert floor.asked == []


@pytest.mark.usefixtures("floor")
def test_it_is_done_as_an_operator_of_the_lab(floor: FloorLab, lensmesh: Lensmesh) -> None:
    """Who is recorded by name: the token's subject."""
    lensmesh("lims", "floor", "stations")

    (token,) = floor.tokens
    assert token.startswith("Bearer ")


@pytest.mark.parametrize("command", ["scan", "break", "remake", "inspect", "ticket"])
def test_help_names_what_there_is_to_write_and_no_types(lensmesh: Lensmesh, command: str) -> None:
    """Like every other command's."""
    done = lensmesh("lims", "floor", command, "--help")
    options = done.out[done.out.index("Options") :]
    assert "<" not in options
    assert max(map(len, done.out.splitlines())) <= 80
