"""A job's way over the floor, for tests that need it there or behind it."""

from collections.abc import Iterable, Iterator

from lensmesh.lims.v1.floor_pb2 import LensProgress, LensValues, MeasuredLens
from lensmesh.lims.v1.floor_service_pb2 import ReceiveBlanksRequest, RecordInspectionRequest, ScanRequest
from lensmesh.lims.v1.floor_service_pb2_grpc import FloorServiceStub
from lensmesh.lims.v1.job_pb2 import Job
from lensmesh.type.v1.prescription_pb2 import SIDE_RIGHT, Side

Metadata = tuple[tuple[str, str], ...]

_WAITING = (LensProgress.INSPECTION_DUE, LensProgress.INSPECTION_FAILED)


def walk(floor: FloorServiceStub, job: Job, metadata: Metadata, stations: Iterable[str] | None = None) -> Iterator[Job]:
    """Scans a job in at stations, all of its route as a rule, and yields it as each scan answered.

    Its lenses are perfect: where they are inspected, what was ordered is measured.
    """
    for station in job.route if stations is None else stations:
        arrived = floor.Scan(ScanRequest(job=job.name, station=station), metadata=metadata)
        yield arrived
        if perfect(arrived).lenses:
            floor.RecordInspection(perfect(arrived), metadata=metadata)


def deliver(floor: FloorServiceStub, job: Job, metadata: Metadata) -> None:
    """Books a delivery of the blanks a job is made from: once somebody has counted one, it cannot be picked without."""
    for lens in job.lenses:
        floor.ReceiveBlanks(ReceiveBlanksRequest(blank=f"blanks/{lens.blank}", quantity=1), metadata=metadata)


def perfect(job: Job) -> RecordInspectionRequest:
    """An inspection in which every lens that waits for one measures what was ordered."""
    lenses = [
        MeasuredLens(side=lens.side, measured=ordered(job, lens.side))
        for lens in job.lenses
        if lens.inspection in _WAITING
    ]
    return RecordInspectionRequest(job=job.name, lenses=lenses)


def ordered(job: Job, side: Side.ValueType) -> LensValues:
    """What was ordered of a lens, as a lensmeter would show it."""
    eye = job.spec.prescription.right if side == SIDE_RIGHT else job.spec.prescription.left
    names = ("sphere", "cylinder", "axis", "add", "prism_horizontal", "prism_vertical")
    return LensValues(**{name: getattr(eye, name) for name in names if eye.HasField(name)})
