"""Between the contract's messages and the floor's nouns, both ways."""

from dataclasses import fields
from datetime import datetime

from lensmesh.lims.v1 import floor_pb2
from lensmesh.lims.v1 import floor_service_pb2 as rpc

from optics.eyes import Side
from optics.tolerances import Finding
from rules.catalog import Station
from rules.floor import Responsible
from services.lims.floor.inspecting import Measured, Outcome, Values
from services.lims.floor.model import Breakage
from services.lims.floor.stock import Stock
from services.lims.floor.store import Entry, Record
from services.lims.messages import RESPONSIBILITIES, measures, side_message, side_of
from services.lims.model import Job

_MEASURES = tuple(field.name for field in fields(Values) if field.name != "axis")
_PER_HUNDREDTH = 10_000  # of a limit, in millionths


def responsible_of(message: floor_pb2.Responsibility.ValueType) -> Responsible:
    """Returns who answers for a remake, which the contract has validated."""
    return next(there for there, here in RESPONSIBILITIES.items() if here == message)


def measured(message: floor_pb2.MeasuredLens) -> Measured:
    """Returns one lens on the lensmeter."""
    return Measured(side_of(message.side), _values(message.measured), _values(message.target))


def _values(message: floor_pb2.LensValues) -> Values:
    axis = message.axis if message.HasField("axis") else None
    return Values(axis=axis, **measures(message, _MEASURES))


def inspection(
    name: str, job: Job, outcome: Outcome, request: rpc.RecordInspectionRequest, *, operator: str, time: datetime
) -> floor_pb2.Inspection:
    """Returns an inspection of a job as callers see it."""
    message = floor_pb2.Inspection(
        name=name,
        passed=all(outcome.passed.values()),
        findings=[_finding(each.side, each.finding) for each in outcome.findings],
        station=job.station,
        profile=outcome.profile.id,
        profile_name=f"{outcome.profile.name} ({outcome.profile.edition})",
        catalog_revision=job.catalog_revision,
        lenses=request.lenses,
        note=request.note,
        operator=operator,
    )
    message.time.FromDatetime(time)
    return message


def _finding(side: Side | None, finding: Finding) -> floor_pb2.InspectionFinding:
    return floor_pb2.InspectionFinding(
        side=side_message(side),
        quantity=finding.quantity,
        target=finding.target / 100,
        measured=finding.measured / 100,
        deviation=finding.deviation / 100,
        allowed=finding.limit // _PER_HUNDREDTH / 100,
        passed=finding.passed,
    )


def breakage(broken: Breakage) -> floor_pb2.Breakage:
    """Returns a breakage as callers see it."""
    message = floor_pb2.Breakage(
        name=broken.name,
        side=side_message(broken.before.side),
        reason=broken.reason.id,
        station=broken.station,
        new_blank=broken.reason.new_blank,
        returns_to=broken.reason.returns_to,
        responsibility=RESPONSIBILITIES[broken.reason.responsible],
        note=broken.note,
        operator=broken.operator,
        attempt=broken.before.attempt,
        reversed_by=broken.reversed_by,
    )
    for field, time in (("time", broken.time), ("reverse_time", broken.reverse_time)):
        if time is not None:
            getattr(message, field).FromDatetime(time)
    return message


def record(done: Record) -> floor_pb2.FloorRecord:
    """Returns what was done to a job as callers see it."""
    message = floor_pb2.FloorRecord(
        sequence=done.sequence,
        kind=floor_pb2.FloorRecord.Kind.Value(f"KIND_{done.kind}"),
        station=done.station,
        subject=done.subject,
        operator=done.operator,
    )
    message.time.FromDatetime(done.time)
    return message


def station(at: Station, waiting: int, working: int) -> floor_pb2.FloorStation:
    """Returns a station as callers see it, with the jobs there."""
    return floor_pb2.FloorStation(
        id=at.id,
        name=at.name,
        description=at.description,
        minutes=at.minutes,
        picks=at.picks,
        inspects=at.inspects,
        waiting=waiting,
        working=working,
    )


def stock(of: Stock, opc: str) -> floor_pb2.BlankStock:
    """Returns what there is of a blank as callers see it."""
    message = floor_pb2.BlankStock(
        name=f"blanks/{of.blank}",
        on_hand=of.on_hand,
        reserved=of.reserved,
        available=of.available,
        reorder_at=of.reorder_at,
        order_up_to=of.order_up_to,
        reorder=of.reorder,
        order_quantity=of.order_quantity,
        opc=opc,
    )
    if of.update_time is not None:
        message.update_time.FromDatetime(of.update_time)
    return message


def movement(entry: Entry) -> floor_pb2.StockMovement:
    """Returns a change of the stock as callers see it."""
    moved = entry.movement
    message = floor_pb2.StockMovement(
        number=entry.number,
        blank=f"blanks/{moved.blank}",
        kind=floor_pb2.StockMovement.Kind.Value(f"KIND_{moved.kind}"),
        quantity=moved.quantity,
        on_hand_change=moved.on_hand_change,
        reserved_change=moved.reserved_change,
        on_hand=entry.on_hand,
        reserved=entry.reserved,
        job=f"jobs/{entry.job}" if entry.job is not None else "",
        side=side_message(moved.side),
        operator=entry.operator,
        note=entry.note,
    )
    message.time.FromDatetime(entry.time)
    return message
