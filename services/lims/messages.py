"""Between the contract's messages and the lab's nouns, both ways.

At the door doubles become integers of 1/100: the contract's validation has already refused what is off that lattice,
so nothing is rounded away.
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from lensmesh.events.v1.events_pb2 import CatalogPublished, JobChanged
from lensmesh.lims.v1 import catalog_pb2, job_pb2
from lensmesh.type.v1 import frame_pb2, prescription_pb2, violation_pb2
from lensmesh.type.v1.violation_pb2 import Violation, Violations

from optics.numbers import Hundredths
from rules import decide
from rules.catalog import Catalog, Entry
from rules.spec import EdgeType, Eye, Eyes, Frame, FrameMaterial, Lens, Spec
from rules.tables import DesignType, Severity
from services.lims.model import Job, Ordered, Revision, State

# ── in ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

_EYES = {
    prescription_pb2.EYES_UNSPECIFIED: Eyes.UNSAID,
    prescription_pb2.EYES_BOTH: Eyes.BOTH,
    prescription_pb2.EYES_RIGHT: Eyes.RIGHT,
    prescription_pb2.EYES_LEFT: Eyes.LEFT,
}
_FRAME_MATERIALS = {
    frame_pb2.FRAME_MATERIAL_UNSPECIFIED: FrameMaterial.UNSAID,
    frame_pb2.FRAME_MATERIAL_PLASTIC: FrameMaterial.PLASTIC,
    frame_pb2.FRAME_MATERIAL_METAL: FrameMaterial.METAL,
    frame_pb2.FRAME_MATERIAL_RIMLESS: FrameMaterial.RIMLESS,
    frame_pb2.FRAME_MATERIAL_OPTYL: FrameMaterial.OPTYL,
}
_EDGE_TYPES = {
    frame_pb2.EDGE_TYPE_UNSPECIFIED: EdgeType.UNSAID,
    frame_pb2.EDGE_TYPE_UNCUT: EdgeType.UNCUT,
    frame_pb2.EDGE_TYPE_BEVEL: EdgeType.BEVEL,
    frame_pb2.EDGE_TYPE_RIMLESS: EdgeType.RIMLESS,
    frame_pb2.EDGE_TYPE_GROOVE: EdgeType.GROOVE,
    frame_pb2.EDGE_TYPE_MINI_BEVEL: EdgeType.MINI_BEVEL,
}
_MEASURES_OF_FRAME = ("a", "b", "dbl", "ed", "wrap", "panto", "vertex")
_MEASURES_OF_EYE = tuple(field.name for field in fields(Eye) if field.name != "axis")


def ordered(message: job_pb2.JobSpec) -> Ordered:
    """Returns what a validated spec asks for.

    Nothing of it is dropped: the contract closes JobSpec, so a spec with a field this lab does not know was refused.
    """
    spec = Spec(
        eyes=_EYES[message.eyes],
        right=_eye(message.prescription.right),
        left=_eye(message.prescription.left),
        frame=_frame(message.frame),
        lens=Lens(
            design=message.lens.design,
            material=message.lens.material,
            colour=message.lens.colour,
            coatings=tuple(message.lens.coatings),
            options=tuple(message.lens.options),
        ),
    )
    return Ordered(message.SerializeToString(deterministic=True), spec)


def _eye(message: prescription_pb2.EyePrescription) -> Eye:
    axis = message.axis if message.HasField("axis") else None
    return Eye(axis=axis, **_measures(message, _MEASURES_OF_EYE))


def _frame(message: frame_pb2.Frame) -> Frame:
    return Frame(
        material=_FRAME_MATERIALS[message.material],
        edge_type=_EDGE_TYPES[message.edge_type],
        **_measures(message, _MEASURES_OF_FRAME),
    )


def _measures(message: Message, names: Sequence[str]) -> dict[str, Any]:
    """Returns those measures that are given, in hundredths, by name."""
    return {name: hundredths(getattr(message, name)) for name in names if message.HasField(name)}


def hundredths(value: float) -> Hundredths:
    """Returns a double that lies on the lattice as an integer of 1/100."""
    return round(value * 100)


def state_of(message: job_pb2.Job.State.ValueType) -> State:
    """Returns a state that was said."""
    return State(job_pb2.Job.State.Name(message).removeprefix("STATE_"))


# ── out ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

_DESIGN_TYPES = {
    DesignType.SINGLE_VISION: catalog_pb2.DESIGN_TYPE_SINGLE_VISION,
    DesignType.MULTIFOCAL: catalog_pb2.DESIGN_TYPE_MULTIFOCAL,
    DesignType.PROGRESSIVE: catalog_pb2.DESIGN_TYPE_PROGRESSIVE,
    DesignType.OCCUPATIONAL: catalog_pb2.DESIGN_TYPE_OCCUPATIONAL,
}

_SEVERITIES = {
    Severity.INFO: violation_pb2.SEVERITY_INFO,
    Severity.WARNING: violation_pb2.SEVERITY_WARNING,
    Severity.ERROR: violation_pb2.SEVERITY_ERROR,
}


def job_message(job: Job) -> job_pb2.Job:
    """Returns a job as callers see it."""
    message = job_pb2.Job(
        name=job.name,
        handoff_id=str(job.handoff_id),
        spec=job_pb2.JobSpec.FromString(job.spec),
        state=_state(job.state),
        station=job.station,
        route=job.route,
        catalog_revision=job.catalog_revision,
        sequence=job.sequence,
    )
    message.create_time.FromDatetime(job.create_time)
    message.update_time.FromDatetime(job.update_time)
    return message


def job_changed(job: Job, description: str) -> JobChanged:
    """Returns the event that brought a job where it stands; ``description`` is what the customer may be told."""
    event = job_pb2.JobEvent(
        job=job.name,
        handoff_id=str(job.handoff_id),
        sequence=job.sequence,
        state=_state(job.state),
        station=job.station,
        description=description,
        catalog_revision=job.catalog_revision,
    )
    event.time.FromDatetime(job.update_time)
    return JobChanged(event=event)


def _state(state: State) -> job_pb2.Job.State.ValueType:
    return job_pb2.Job.State.Value(f"STATE_{state}")


def revision_message(revision: Revision) -> catalog_pb2.CatalogRevision:
    """Returns a revision as callers see it."""
    time = Timestamp()
    time.FromDatetime(revision.publish_time)
    return catalog_pb2.CatalogRevision(number=revision.number, digest=revision.digest, publish_time=time)


def catalog_published(revision: Revision) -> CatalogPublished:
    """Returns the event that brought a revision into force."""
    return CatalogPublished(revision=revision_message(revision))


def catalog_message(revision: Revision, catalog: Catalog) -> catalog_pb2.Catalog:
    """Returns what can be ordered under a revision."""
    return catalog_pb2.Catalog(
        revision=revision_message(revision),
        designs=[
            catalog_pb2.Design(entry=_entry(each), type=_DESIGN_TYPES[each.type], materials=each.materials)
            for each in catalog.designs.values()
        ],
        materials=[
            catalog_pb2.Material(entry=_entry(each), index=each.index / 1000, wavelength=each.wavelength / 100)
            for each in catalog.materials.values()
        ],
        colours=[_entry(each) for each in catalog.colours.values()],
        coatings=[_entry(each) for each in catalog.coatings.values()],
        options=[_entry(each) for each in catalog.options.values()],
    )


def _entry(entry: Entry) -> catalog_pb2.Entry:
    codes = [catalog_pb2.PartnerCode(label=code.label, code=code.code) for code in entry.partner_codes]
    return catalog_pb2.Entry(id=entry.id, name=entry.name, partner_codes=codes)


def violations_message(violations: Sequence[decide.Violation]) -> Violations:
    """Returns the rules' objections as callers see them."""
    return Violations(
        violations=[
            Violation(
                code=each.code,
                severity=_SEVERITIES[each.severity],
                field=each.field,
                message=each.message,
                alternatives=each.alternatives,
            )
            for each in violations
        ],
    )
