"""Between the contract's messages and the lab's nouns, both ways.

At the door doubles become integers of 1/100: the contract's validation has already refused what is off that lattice,
so nothing is rounded away.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from hashlib import sha256
from typing import Any, TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from lensmesh.events.v1.events_pb2 import CatalogPublished, JobChanged
from lensmesh.lims.v1 import catalog_pb2, decision_pb2, floor_pb2, job_pb2
from lensmesh.lims.v1.lims_service_pb2 import ValidateJobResponse
from lensmesh.lims.v1.rule_service_pb2 import FileDiagnostic
from lensmesh.type.v1 import frame_pb2, lens_pb2, prescription_pb2, quote_pb2, violation_pb2
from lensmesh.type.v1.money_pb2 import Money
from lensmesh.type.v1.violation_pb2 import Violation, Violations

from optics.dcs.diagnostics import Diagnostic
from optics.dcs.diagnostics import Severity as NoteSeverity
from optics.eyes import Side
from optics.numbers import Hundredths
from rules import decision as rules
from rules.catalog import Catalog, Choice, Entry, Severity
from rules.floor import Responsible
from rules.spec import EdgeType, Eye, Eyes, Frame, FrameMaterial, Lens, Radii, Spec, Traces
from rules.view import DesignType
from services.lims.model import NOWHERE, BlankState, Job, Judgement, LensProgress, Ordered, Remake, Revision, State

K = TypeVar("K")
V = TypeVar("V")

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


def ordered(message: job_pb2.JobSpec, account: str = "") -> Ordered:
    """Returns what a validated spec asks for.

    Nothing of it is dropped: the contract closes JobSpec, so a spec with a field this lab does not know was refused.
    """
    content = message.SerializeToString(deterministic=True)
    return Ordered(content, sha256(content).digest(), message, account)


def spec(asked: Ordered) -> Spec:
    """Returns what is asked for as the rules see it."""
    message = asked.message
    return Spec(
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
        account=asked.account,
    )


def _eye(message: prescription_pb2.EyePrescription) -> Eye:
    axis = message.axis if message.HasField("axis") else None
    return Eye(axis=axis, **measures(message, _MEASURES_OF_EYE))


def _frame(message: frame_pb2.Frame) -> Frame:
    return Frame(
        material=_FRAME_MATERIALS[message.material],
        edge_type=_EDGE_TYPES[message.edge_type],
        traces=_traces(message.trace) if message.HasField("trace") else Traces(),
        **measures(message, _MEASURES_OF_FRAME),
    )


def _traces(message: frame_pb2.Trace) -> Traces:
    return Traces(
        right=_radii(message.right) if message.HasField("right") else None,
        left=_radii(message.left) if message.HasField("left") else None,
    )


def _radii(message: frame_pb2.EyeTrace) -> Radii:
    """Returns a trace as it came: whether it is a shape, the rules say."""
    return Radii(tuple(message.radii), tuple(message.angles))


def measures(message: Message, names: Sequence[str]) -> dict[str, Any]:
    """Returns those measures that are given, in hundredths, by name."""
    return {name: hundredths(getattr(message, name)) for name in names if message.HasField(name)}


def hundredths(value: float) -> Hundredths:
    """Returns a double that lies on the lattice as an integer of 1/100."""
    return round(value * 100)


def number(name: str) -> int:
    """Returns the number in a job's name, which the contract has validated."""
    return int(name.removeprefix("jobs/"))


def side_of(message: prescription_pb2.Side.ValueType) -> Side | None:
    """Returns a lens that was named; None where none was."""
    return _swapped(_SIDES).get(message)


def state_of(message: job_pb2.Job.State.ValueType) -> State:
    """Returns a state that was said."""
    return State(job_pb2.Job.State.Name(message).removeprefix("STATE_"))


# ── out ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

_DESIGN_TYPES = {
    DesignType.SINGLE_VISION: catalog_pb2.DESIGN_TYPE_SINGLE_VISION,
    DesignType.MULTIFOCAL: catalog_pb2.DESIGN_TYPE_MULTIFOCAL,
    DesignType.PROGRESSIVE: catalog_pb2.DESIGN_TYPE_PROGRESSIVE,
    DesignType.OCCUPATIONAL: catalog_pb2.DESIGN_TYPE_OCCUPATIONAL,
    DesignType.ANTI_FATIGUE: catalog_pb2.DESIGN_TYPE_ANTI_FATIGUE,
}

_SEVERITIES = {
    Severity.INFO: violation_pb2.SEVERITY_INFO,
    Severity.WARNING: violation_pb2.SEVERITY_WARNING,
    Severity.ERROR: violation_pb2.SEVERITY_ERROR,
}


_OF_NOTES = {
    NoteSeverity.INFO: violation_pb2.SEVERITY_INFO,
    NoteSeverity.WARNING: violation_pb2.SEVERITY_WARNING,
    NoteSeverity.ERROR: violation_pb2.SEVERITY_ERROR,
}

_SIDES = {Side.RIGHT: prescription_pb2.SIDE_RIGHT, Side.LEFT: prescription_pb2.SIDE_LEFT}

RESPONSIBILITIES = {
    Responsible.LAB: floor_pb2.RESPONSIBILITY_LAB,
    Responsible.ECP: floor_pb2.RESPONSIBILITY_ECP,
    Responsible.MANUFACTURER: floor_pb2.RESPONSIBILITY_MANUFACTURER,
    Responsible.NON_ADAPT: floor_pb2.RESPONSIBILITY_NON_ADAPT,
    Responsible.WARRANTY: floor_pb2.RESPONSIBILITY_WARRANTY,
}
"""Who answers for a remake, to callers."""

_JUDGEMENTS = {
    Judgement.NONE: floor_pb2.LensProgress.INSPECTION_UNSPECIFIED,
    Judgement.DUE: floor_pb2.LensProgress.INSPECTION_DUE,
    Judgement.PASSED: floor_pb2.LensProgress.INSPECTION_PASSED,
    Judgement.FAILED: floor_pb2.LensProgress.INSPECTION_FAILED,
}

_BLANK_STATES = {
    BlankState.NONE: floor_pb2.LensProgress.BLANK_UNSPECIFIED,
    BlankState.RESERVED: floor_pb2.LensProgress.BLANK_RESERVED,
    BlankState.CONSUMED: floor_pb2.LensProgress.BLANK_CONSUMED,
}


def spec_message(spec: Spec) -> job_pb2.JobSpec:
    """Returns a spec as callers see it: what `spec` reads back as the same, but for the account."""
    message = job_pb2.JobSpec(
        eyes=_swapped(_EYES)[spec.eyes],
        lens=lens_pb2.LensSpec(
            design=spec.lens.design,
            material=spec.lens.material,
            colour=spec.lens.colour,
            coatings=spec.lens.coatings,
            options=spec.lens.options,
        ),
    )
    frame = message.frame
    frame.material = _swapped(_FRAME_MATERIALS)[spec.frame.material]
    frame.edge_type = _swapped(_EDGE_TYPES)[spec.frame.edge_type]
    _measure(frame, spec.frame, _MEASURES_OF_FRAME)
    for trace, radii in ((frame.trace.right, spec.frame.traces.right), (frame.trace.left, spec.frame.traces.left)):
        if radii is not None:
            trace.MergeFrom(frame_pb2.EyeTrace(radii=radii.radii, angles=radii.angles))
    for target, eye in ((message.prescription.right, spec.right), (message.prescription.left, spec.left)):
        _measure(target, eye, _MEASURES_OF_EYE)
        if eye.axis is not None:
            target.axis = eye.axis
    return message


def _measure(target: Message, source: Eye | Frame, names: Sequence[str]) -> None:
    """Sets those measures that are given, in the contract's natural units."""
    for name in names:
        value = getattr(source, name)
        if value is not None:
            setattr(target, name, value / 100)


def _swapped(words: Mapping[K, V]) -> Mapping[V, K]:
    return {there: here for here, there in words.items()}


def job_message(job: Job, quote: quote_pb2.Quote | None = None) -> job_pb2.Job:
    """Returns a job as callers see it, with what it was accepted at where that is to be told."""
    message = job_pb2.Job(
        name=job.name,
        handoff_id=str(job.handoff_id),
        spec=job_pb2.JobSpec.FromString(job.spec),
        state=_state(job.state),
        station=job.station,
        route=job.route,
        catalog_revision=job.catalog_revision,
        sequence=job.sequence,
        quote=quote,
        next_station=job.next_station,
        customer_status=job.customer_status,
        lenses=[_progress(job, lens) for lens in job.lenses],
        hold_reason=job.hold_reason,
        partner=job.partner,
        partner_until=job.partner_until,
        remake=_remake(job.remake) if job.remake else None,
    )
    for name in ("create_time", "update_time", "due_time", "promise_time", "arrive_time"):
        if (time := getattr(job, name)) is not None:
            getattr(message, name).FromDatetime(time)
    return message


def _progress(job: Job, lens: LensProgress) -> floor_pb2.LensProgress:
    ahead = job.ahead(lens)
    return floor_pb2.LensProgress(
        side=side_message(lens.side),
        blank=lens.blank,
        station=job.route[lens.passed] if lens.passed != NOWHERE else "",
        next_station=job.route[ahead[0]] if ahead else "",
        attempt=lens.attempt,
        route=lens.route,
        inspection=_JUDGEMENTS[lens.judgement],
        blank_state=_BLANK_STATES[lens.blank_state],
        picked=lens.picked,
    )


def _remake(remake: Remake) -> floor_pb2.Remake:
    message = floor_pb2.Remake(
        job=f"jobs/{remake.job}",
        original=f"jobs/{remake.original}",
        responsibility=RESPONSIBILITIES[remake.responsible],
        reason=remake.reason,
        days=remake.days,
        count=remake.count,
        percent=remake.percent,
    )
    if remake.amount is not None:
        message.price.MergeFrom(Money(currency=remake.currency, minor_units=remake.amount))
    return message


def job_changed(job: Job) -> JobChanged:
    """Returns the event that brought a job where it stands; it tells the customer where that is."""
    event = job_pb2.JobEvent(
        job=job.name,
        handoff_id=str(job.handoff_id),
        sequence=job.sequence,
        state=_state(job.state),
        station=job.station,
        description=job.customer_status,
        catalog_revision=job.catalog_revision,
    )
    event.time.FromDatetime(job.update_time)
    if job.due_time is not None:
        event.due_time.FromDatetime(job.due_time)
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
            catalog_pb2.Design(
                entry=_entry(each), type=_DESIGN_TYPES[each.type], materials=catalog.materials_of(each.id)
            )
            for each in catalog.designs.values()
        ],
        materials=[
            catalog_pb2.Material(
                entry=_entry(each),
                index=each.index / 1000,
                wavelength=each.wavelength / 100,
                abbe=each.abbe / 100,
                density=each.density / 100,
                impact=each.impact,
            )
            for each in catalog.materials.values()
        ],
        colours=_choices(catalog.colours),
        coatings=_choices(catalog.coatings),
        options=_choices(catalog.options),
        availability=[
            catalog_pb2.Availability(design=design, material=material, colours=colours)
            for (design, material), colours in catalog.made.items()
        ],
    )


def _choices(choices: Mapping[str, Choice]) -> list[catalog_pb2.Entry]:
    return [_entry(each, each.group) for each in choices.values()]


def _entry(entry: Entry, group: str = "") -> catalog_pb2.Entry:
    codes = [catalog_pb2.PartnerCode(label=code.label, code=code.code) for code in entry.partner_codes]
    return catalog_pb2.Entry(id=entry.id, name=entry.name, partner_codes=codes, group=group)


# ── decisions ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def validation(revision: Revision, decision: rules.Decision) -> ValidateJobResponse:
    """Returns a decision as who asked for it sees it."""
    return ValidateJobResponse(
        accepted=decision.accepted,
        violations=_violations(decision.violations),
        catalog_revision=revision.number,
        lenses=map(_lens_plan, decision.lenses),
        price=_price(decision.price),
        lead_time_days=decision.lead_time_days,
        revision_digest=decision.revision,
        engine_version=decision.engine,
    )


def decision_message(decision: rules.Decision, revision: int, *, account: str) -> decision_pb2.Decision:
    """Returns a decision with all that had a say in it: the revision it is by, and the account it is priced for."""
    return decision_pb2.Decision(
        accepted=decision.accepted,
        violations=_violations(decision.violations),
        lenses=map(_lens_plan, decision.lenses),
        route=decision.route,
        lead_time_days=decision.lead_time_days,
        price=_price(decision.price),
        fired=[
            decision_pb2.Fired(rule=each.rule, row=each.row, side=side_message(each.side)) for each in decision.fired
        ],
        catalog_revision=revision,
        revision_digest=decision.revision,
        engine_version=decision.engine,
        account=account,
    )


def diagnostic_message(note: Diagnostic) -> FileDiagnostic:
    """Returns what was noticed in a file as callers see it."""
    return FileDiagnostic(severity=_OF_NOTES[note.severity], label=note.label, line=note.line, message=note.message)


def quote(revision: int, decision: rules.Decision) -> quote_pb2.Quote:
    """Returns what a decision comes to for who ordered."""
    return quote_pb2.Quote(
        price=_price(decision.price),
        lead_time_days=decision.lead_time_days,
        lenses=map(_quoted_lens, decision.lenses),
        catalog_revision=revision,
    )


def violations_message(violations: Sequence[rules.Violation]) -> Violations:
    """Returns the rules' objections as callers see them."""
    return Violations(violations=_violations(violations))


def _violations(violations: Iterable[rules.Violation]) -> list[Violation]:
    return [
        Violation(
            code=each.code,
            severity=_SEVERITIES[each.severity],
            field=each.field,
            message=each.message,
            alternatives=each.alternatives,
            rule=each.rule,
        )
        for each in violations
    ]


def _lens_plan(plan: rules.LensPlan) -> decision_pb2.LensPlan:
    return decision_pb2.LensPlan(
        side=side_message(plan.side),
        blank=plan.blank.id,
        finished=plan.finished,
        opc=plan.blank.opc,
        blank_diameter=plan.blank.diameter / 100,
        base=plan.base / 100,
        front=plan.front / 100,
        back_flat=plan.back_flat / 100,
        back_steep=plan.back_steep / 100,
        minimum_blank=plan.minimum_blank / 100,
        centre_thickness=plan.centre / 100,
        edge_thinnest=plan.edge_thinnest / 100,
        edge_thinnest_angle=plan.edge_thinnest_angle,
        edge_thickest=plan.edge_thickest / 100,
        edge_thickest_angle=plan.edge_thickest_angle,
        weight=plan.weight / 100,
        estimated=plan.estimated,
        programs=[decision_pb2.Program(step=step, program=program) for step, program in plan.programs],
        route=plan.route,
    )


def _quoted_lens(plan: rules.LensPlan) -> quote_pb2.QuotedLens:
    return quote_pb2.QuotedLens(
        side=side_message(plan.side),
        blank_diameter=plan.blank.diameter / 100,
        centre_thickness=plan.centre / 100,
        edge_thinnest=plan.edge_thinnest / 100,
        edge_thickest=plan.edge_thickest / 100,
        weight=plan.weight / 100,
        estimated=plan.estimated,
    )


def _price(price: rules.Price | None) -> quote_pb2.Price | None:
    if price is None:
        return None
    return quote_pb2.Price(
        list=price.list,
        lines=[
            quote_pb2.PriceLine(
                label=line.label,
                side=side_message(line.side),
                amount=Money(currency=price.currency, minor_units=line.amount),
                table=line.table,
                row=line.row,
            )
            for line in price.lines
        ],
        total=Money(currency=price.currency, minor_units=price.total),
    )


def side_message(side: Side | None) -> prescription_pb2.Side.ValueType:
    """Returns a lens as callers see it; unspecified for the pair, or where it is not known."""
    return prescription_pb2.SIDE_UNSPECIFIED if side is None else _SIDES[side]
