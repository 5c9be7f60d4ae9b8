"""A lab file (DCS) as a draft: what it says in the contract's words, and what its lens names mean.

Pure: bytes and a catalog in, a draft with violations and diagnostics out. A lens name that neither the practice nor
the catalog knows is never replaced by something near it: the field stays empty, and a violation lists what is near.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lensmesh.lims.v1.catalog_pb2 import Catalog, Entry
from lensmesh.order.v1 import order_pb2
from lensmesh.order.v1.order_service_pb2 import ImportDiagnostic
from lensmesh.type.v1 import frame_pb2, lens_pb2, prescription_pb2
from lensmesh.type.v1.violation_pb2 import SEVERITY_ERROR, SEVERITY_INFO, SEVERITY_WARNING, Violation
from rapidfuzz import fuzz, process, utils

from optics.dcs.diagnostics import Diagnostic, Severity
from optics.dcs.errors import DcsError
from optics.dcs.interpretation import interpret
from optics.dcs.job import (
    SIDES_TO_MAKE,
    DcsJob,
    EdgeType,
    Eye,
    EyesToMake,
    FrameType,
    LensCodes,
    missing_for_order,
    why_not_an_order,
)
from optics.dcs.records import parse
from optics.numbers import Hundredths
from optics.trace import Trace
from services.order.errors import CatalogEntryUnknown, FileIncomplete, FileUnreadable

_NEAREST = 3
_ALIKE = 70  # of 100; below it, what an entry has in common with a name is chance
_REFERENCE_LENGTH = 32

_SEVERITIES = {
    Severity.INFO: SEVERITY_INFO,
    Severity.WARNING: SEVERITY_WARNING,
    Severity.ERROR: SEVERITY_ERROR,
}
_EYES = {
    EyesToMake.BOTH: prescription_pb2.EYES_BOTH,
    EyesToMake.RIGHT: prescription_pb2.EYES_RIGHT,
    EyesToMake.LEFT: prescription_pb2.EYES_LEFT,
    None: prescription_pb2.EYES_BOTH,  # by custom a file that does not say means the pair
}
_MATERIALS = {
    FrameType.PLASTIC: frame_pb2.FRAME_MATERIAL_PLASTIC,
    FrameType.METAL: frame_pb2.FRAME_MATERIAL_METAL,
    FrameType.RIMLESS: frame_pb2.FRAME_MATERIAL_RIMLESS,
    FrameType.OPTYL: frame_pb2.FRAME_MATERIAL_OPTYL,
}
_EDGES = {
    EdgeType.UNCUT: frame_pb2.EDGE_TYPE_UNCUT,
    EdgeType.BEVEL: frame_pb2.EDGE_TYPE_BEVEL,
    EdgeType.RIMLESS: frame_pb2.EDGE_TYPE_RIMLESS,
    EdgeType.GROOVE: frame_pb2.EDGE_TYPE_GROOVE,
    EdgeType.MINI_BEVEL: frame_pb2.EDGE_TYPE_MINI_BEVEL,
}

Names = Mapping[tuple[str, str], str]
"""What partners' lens names mean: (label, code) → catalog id."""


@dataclass(frozen=True, slots=True)
class LensName:
    """A kind of lens name: the label it stands under, the field it fills, and what the catalog has for it."""

    label: str
    field: str
    noun: str
    code: Callable[[LensCodes], str | None]
    entries: Callable[[Catalog], Iterable[Entry]]


DESIGN = LensName("LNAM", "design", "design", lambda lens: lens.design, lambda it: (each.entry for each in it.designs))
MATERIAL = LensName(
    "LMATID",
    "material",
    "material",
    lambda lens: lens.material,
    lambda it: (each.entry for each in it.materials),
)
COLOUR = LensName("COLR", "colour", "colour", lambda lens: lens.colour, lambda it: it.colours)
COATING = LensName("ACOAT", "coatings", "coating", lambda lens: lens.coating, lambda it: it.coatings)
LENS_NAMES = (DESIGN, MATERIAL, COLOUR, COATING)
CHOOSABLE = (DESIGN, MATERIAL)
"""The names a caller may choose for, and have remembered."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What became of a lab file.

    Attributes:
        content: The client's fields of the order.
        violations: What keeps it from being ordered as it is.
        diagnostics: What was noticed in the file.
        codes: The lens names the file uses, by label.
    """

    content: order_pb2.Order
    violations: Sequence[Violation]
    diagnostics: Sequence[ImportDiagnostic]
    codes: Mapping[str, str]


def read(data: bytes) -> DcsJob:
    """Returns the job a lab file describes.

    Raises:
        FileUnreadable: It is not DCS, or damaged, or too large.
        FileIncomplete: It is DCS, but has no prescription to make lenses by, or one that cannot be used as written.
    """
    try:
        job = interpret(parse(data))
    except DcsError as error:
        raise FileUnreadable(f"the file cannot be read: {error}") from error
    sides = SIDES_TO_MAKE[job.eyes_to_make]
    unusable = any(missing.unusable for missing in missing_for_order(job))  # a lens made without it is wrong
    if unusable or not sides or any(job.eye(side).prescription.sphere is None for side in sides):
        raise FileIncomplete(f"no order can be made of the file: {why_not_an_order(job)}")
    return job


def draft(
    job: DcsJob, catalog: Catalog, remembered: Names, chosen: Mapping[str, str], accounts: Sequence[str] = ()
) -> Draft:
    """Returns a job as a draft.

    Args:
        job: The job.
        catalog: The lab's catalog.
        remembered: What the practice decided earlier.
        chosen: What the caller chooses now: field (``design``, ``material``) → catalog id.
        accounts: The practice's accounts with the lab, the usual one first.

    Raises:
        CatalogEntryUnknown: A chosen id is not in the catalog.
    """
    _require_known(catalog, chosen)
    content = order_pb2.Order(
        account=job.account if job.account and job.account in accounts else "",
        customer_reference=(job.customer_reference or job.job_id or "")[:_REFERENCE_LENGTH],
        patient_reference=job.patient_number or "",
        eyes=_EYES[job.eyes_to_make],
        prescription=_prescription(job),
        frame=_frame(job),
    )
    violations = list(_unknown_account(job, accounts))
    codes = {}
    for kind in LENS_NAMES:
        names = _codes(job, kind)
        if len(names) == 1:
            codes[kind.label] = names[0]
        entry, violation = _resolve(kind, names, catalog, remembered, chosen.get(kind.field))
        if entry:
            _choose(content.lens, kind, entry)
        if violation:
            violations.append(violation)
    diagnostics = [_diagnostic(note) for note in job.diagnostics]
    diagnostics += _not_carried(job)
    return Draft(content, violations, diagnostics, codes)


def _unknown_account(job: DcsJob, accounts: Sequence[str]) -> Iterator[Violation]:
    """Yields what is wrong with the file's account: that it is none of the practice's, and what is done instead."""
    if not job.account or job.account in accounts:
        return
    instead = f"your usual account, {accounts[0]}" if accounts else "no account, at the lab's common prices"
    yield Violation(
        code="UNKNOWN_ACCOUNT",
        severity=SEVERITY_WARNING,
        field="account",
        message=f"ACCN={job.account!r} is none of this practice's accounts with the lab; it is ordered under "
        f"{instead}. Ask the lab when it should be one.",
        alternatives=accounts,
    )


def _prescription(job: DcsJob) -> prescription_pb2.Prescription:
    prescription = prescription_pb2.Prescription()
    for side in SIDES_TO_MAKE[job.eyes_to_make]:
        target = prescription.right if side is side.RIGHT else prescription.left
        _fill_eye(target, job.eye(side))
    return prescription


def _fill_eye(target: prescription_pb2.EyePrescription, eye: Eye) -> None:
    ordered, centration = eye.prescription, eye.centration
    if ordered.axis is not None and ordered.cylinder:
        target.axis = ordered.axis  # an axis without a cylinder says nothing
    _set(
        target,
        sphere=ordered.sphere,
        cylinder=ordered.cylinder,
        add=ordered.add or None,  # partners write 0.00 for "none"
        prism_horizontal=ordered.prism.horizontal if ordered.prism else None,
        prism_vertical=ordered.prism.vertical if ordered.prism else None,
        distance_pd=centration.distance_pd,
        near_pd=centration.near_pd,
        fitting_height=centration.fitting_height,
    )


def _frame(job: DcsJob) -> frame_pb2.Frame:
    """Returns the frame; where the eyes' sizes differ, the larger, for both lenses must fit it."""
    eyes = (job.right, job.left)
    frame = frame_pb2.Frame()
    if job.frame.frame_type:
        frame.material = _MATERIALS[job.frame.frame_type]
    if job.frame.edge_type:
        frame.edge_type = _EDGES[job.frame.edge_type]
    _set(
        frame,
        a=_largest(eye.shape.a for eye in eyes),
        b=_largest(eye.shape.b for eye in eyes),
        dbl=job.frame.dbl,
        ed=_largest(eye.shape.effective_diameter for eye in eyes),
        wrap=_largest(eye.position_of_wear.wrap for eye in eyes),
        panto=_largest(eye.position_of_wear.pantoscopic_tilt for eye in eyes),
        vertex=_largest(eye.position_of_wear.vertex_distance for eye in eyes),
    )
    for trace, side in ((job.right.trace, "right"), (job.left.trace, "left")):
        if trace is not None:
            getattr(frame.trace, side).CopyFrom(_eye_trace(trace))
    return frame


def _eye_trace(trace: Trace) -> frame_pb2.EyeTrace:
    return frame_pb2.EyeTrace(radii=(max(0, radius) for radius in trace.radii), angles=trace.angles or ())


def _largest(values: Iterable[Hundredths | None]) -> Hundredths | None:
    return max((value for value in values if value is not None), default=None)


def _set(
    target: prescription_pb2.EyePrescription | frame_pb2.Frame,
    **values: Hundredths | None,
) -> None:
    """Sets the present values, from hundredths to the contract's natural units."""
    for name, value in values.items():
        if value is not None:
            setattr(target, name, value / 100)


def _codes(job: DcsJob, kind: LensName) -> Sequence[str]:
    """Returns the names the eyes to make use, each once."""
    codes = (kind.code(job.eye(side).lens) for side in SIDES_TO_MAKE[job.eyes_to_make])
    return list(dict.fromkeys(code for code in codes if code))


def _resolve(
    kind: LensName,
    names: Sequence[str],
    catalog: Catalog,
    remembered: Names,
    chosen: str | None,
) -> tuple[str | None, Violation | None]:
    """Returns the catalog id that the file's names mean, or a violation that says why there is none."""
    if chosen:
        return chosen, None
    if len(names) > 1:
        return None, _violation(
            kind,
            "DIFFERENT_LENSES",
            f"{kind.label} names different {kind.noun}s for right and left ({' and '.join(map(repr, names))}); "
            f"an order has one {kind.noun}: choose it, or order each eye by itself.",
        )
    if not names:
        return None, None
    known = remembered.get((kind.label, names[0])) or _partner_names(kind, catalog).get(names[0])
    if known:
        return known, None
    nearest = _nearest(kind, names[0], catalog)
    choice = f"choose {_either(nearest)}" if nearest else f"choose a {kind.noun} from the catalog"
    return None, _violation(
        kind,
        "UNKNOWN_LENS_NAME",
        f"{kind.label}={names[0]!r} is in neither the lab's catalog nor your remembered names; {choice}.",
        nearest,
    )


def _violation(kind: LensName, code: str, message: str, alternatives: Sequence[str] = ()) -> Violation:
    return Violation(
        code=code,
        severity=SEVERITY_ERROR,
        field=f"lens.{kind.field}",
        message=message,
        alternatives=alternatives,
    )


def _partner_names(kind: LensName, catalog: Catalog) -> dict[str, str]:
    return {
        name.code: entry.id
        for entry in kind.entries(catalog)
        for name in entry.partner_codes
        if name.label == kind.label
    }


def _nearest(kind: LensName, code: str, catalog: Catalog) -> list[str]:
    """Returns the ids of the entries whose id, name or partner code reads like the code, the most alike first."""
    spelled = {
        (entry.id, text): text
        for entry in kind.entries(catalog)
        for text in (entry.id, entry.name, *(name.code for name in entry.partner_codes))
    }
    ranked = process.extract(
        code,
        spelled,
        scorer=fuzz.WRatio,
        processor=utils.default_process,
        score_cutoff=_ALIKE,
        limit=None,
    )
    ids = dict.fromkeys(key[0] for _, _, key in ranked)
    return list(ids)[:_NEAREST]


def _either(ids: Sequence[str]) -> str:
    """Returns the ids as a choice: ``a, b or c``; there is one at least."""
    *others, last = ids
    return f"{', '.join(others)} or {last}" if others else last


def _require_known(catalog: Catalog, chosen: Mapping[str, str]) -> None:
    for kind in CHOOSABLE:
        entry = chosen.get(kind.field)
        if entry and entry not in {each.id for each in kind.entries(catalog)}:
            nearest = _nearest(kind, entry, catalog)
            meant = f"perhaps {_either(nearest)} is meant" if nearest else "nor anything that reads like it"
            raise CatalogEntryUnknown(
                f"the catalog has no {kind.noun} {entry!r}; {meant}", metadata={"field": kind.field}
            )


def to_remember(draft: Draft, chosen: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yields what a caller who wants the choices remembered has decided: (label, code, catalog id)."""
    for kind in CHOOSABLE:
        code, entry = draft.codes.get(kind.label), chosen.get(kind.field)
        if code and entry:
            yield kind.label, code, entry


def told_of_memory(draft: Draft, chosen: Mapping[str, str], practice: str) -> Iterator[ImportDiagnostic]:
    """Yields what became of the wish to have the choices remembered, each in a sentence."""
    remembered = {label: (code, entry) for label, code, entry in to_remember(draft, chosen)}
    for kind in CHOOSABLE:
        if kind.label in remembered:
            code, entry = remembered[kind.label]
            message = f"remembered: {kind.label}={code} means {entry} for {practice}"
            yield ImportDiagnostic(severity=SEVERITY_INFO, label=kind.label, message=message)
        elif chosen.get(kind.field):
            message = f"the choice of {kind.noun} is not remembered: the file has no {kind.label}, or more than one"
            yield ImportDiagnostic(severity=SEVERITY_WARNING, label=kind.label, message=message)


def _choose(lens: lens_pb2.LensSpec, kind: LensName, entry: str) -> None:
    if kind is COATING:
        lens.coatings.append(entry)
    else:
        setattr(lens, kind.field, entry)


def _diagnostic(note: Diagnostic) -> ImportDiagnostic:
    return ImportDiagnostic(
        severity=_SEVERITIES[note.severity],
        label=note.label,
        line=note.line,
        message=note.message,
    )


def _not_carried(job: DcsJob) -> Iterator[ImportDiagnostic]:
    """Yields what the file says and an order does not hold."""
    if job.patient_named:
        yield ImportDiagnostic(
            severity=SEVERITY_INFO,
            label="CLNAME",
            message="the file holds a patient's name; an order does not, so it was left out",
        )
    for eye, spoken in ((job.right, "right"), (job.left, "left")):
        if eye.lens.tint:
            yield ImportDiagnostic(
                severity=SEVERITY_WARNING,
                label="TINT",
                message=f"a tint is asked for on the {spoken} lens; choose it as an option or colour of the order",
            )
