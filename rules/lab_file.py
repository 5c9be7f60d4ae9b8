"""A lab file (DCS) as the rules see it: what is ordered in it, and what of it cannot be understood.

The partner's codes become catalog ids, through the names that the catalog's entries have for partners. A code that the
catalog does not know is never replaced by something near it: the field stays empty, and a fault says what is near. Nor
does a measure that is there and unreadable count as one that was not given: a lens made without it would be the wrong
one, so it is a fault, too, and whatever is decided about the rest is no plan (`told`).

Where the eyes' frame sizes differ, the larger counts, for both lenses must fit one frame.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from optics.dcs import job as dcs
from optics.dcs.diagnostics import Diagnostic
from optics.dcs.diagnostics import Severity as NoteSeverity
from optics.dcs.job import SIDES_TO_MAKE, DcsJob, EyesToMake, FrameType, LensCodes, missing_for_order
from optics.eyes import Side
from optics.numbers import Hundredths
from optics.trace import Trace
from rules.catalog import Catalog, Entry, Severity
from rules.decision import Decision, Violation
from rules.spec import EdgeType, Eye, Eyes, Frame, FrameMaterial, Lens, Radii, Spec, Traces
from rules.view import COATINGS, COLOURS, DESIGNS, MATERIALS, PRESCRIPTION, SIDE_NAMES, capital
from rules.words import ALIKE, listed, most_alike

UNKNOWN_LENS_NAME = "UNKNOWN_LENS_NAME"
DIFFERENT_LENSES = "DIFFERENT_LENSES"
UNREADABLE = "UNREADABLE"

_TRACE = "TRCFMT"
_NEAREST = 3

_EYES = {
    EyesToMake.BOTH: Eyes.BOTH,
    EyesToMake.RIGHT: Eyes.RIGHT,
    EyesToMake.LEFT: Eyes.LEFT,
    EyesToMake.NONE: Eyes.UNSAID,
    None: Eyes.BOTH,  # by custom a file that does not say means the pair
}
_MATERIALS: Mapping[FrameType | None, FrameMaterial] = {
    FrameType.PLASTIC: FrameMaterial.PLASTIC,
    FrameType.METAL: FrameMaterial.METAL,
    FrameType.RIMLESS: FrameMaterial.RIMLESS,
    FrameType.OPTYL: FrameMaterial.OPTYL,
}
_EDGES: Mapping[dcs.EdgeType | None, EdgeType] = {
    dcs.EdgeType.UNCUT: EdgeType.UNCUT,
    dcs.EdgeType.BEVEL: EdgeType.BEVEL,
    dcs.EdgeType.RIMLESS: EdgeType.RIMLESS,
    dcs.EdgeType.GROOVE: EdgeType.GROOVE,
    dcs.EdgeType.MINI_BEVEL: EdgeType.MINI_BEVEL,
}

_MEASURES: Mapping[str, tuple[str, Callable[[dcs.Eye], object]]] = {
    "SPH": ("sphere", lambda eye: eye.prescription.sphere),
    "CYL": ("cylinder", lambda eye: eye.prescription.cylinder),
    "AX": ("axis", lambda eye: eye.prescription.axis),
    "ADD": ("add", lambda eye: eye.prescription.add),
    "PRVM": ("prism_horizontal", lambda eye: eye.prescription.prism),
    "PRVA": ("prism_horizontal", lambda eye: eye.prescription.prism),
    "IPD": ("distance_pd", lambda eye: eye.centration.distance_pd),
    "SEGHT": ("fitting_height", lambda eye: eye.centration.fitting_height),
}
"""The field of an eye that each of these labels fills, and what the file gives for it."""


@dataclass(frozen=True, slots=True)
class _LensName:
    """A kind of lens name: its label, the field it fills, what it is called, and the part of the catalog it is in."""

    label: str
    field: str
    noun: str
    domain: str
    code: Callable[[LensCodes], str | None]


_DESIGN = _LensName("LNAM", "design", "design", DESIGNS, lambda lens: lens.design)
_MATERIAL = _LensName("LMATID", "material", "material", MATERIALS, lambda lens: lens.material)
_COLOUR = _LensName("COLR", "colour", "colour", COLOURS, lambda lens: lens.colour)
_COATING = _LensName("ACOAT", "coatings", "coating", COATINGS, lambda lens: lens.coating)
_LENS_NAMES = (_DESIGN, _MATERIAL, _COLOUR, _COATING)


@dataclass(frozen=True, slots=True)
class Reading:
    """A lab file, read.

    Attributes:
        spec: What is ordered, as far as it is understood.
        faults: What is there and is not understood; each is an error.
        notes: What was noticed in the file, by line; and what it says that a spec has no place for.
    """

    spec: Spec
    faults: tuple[Violation, ...] = ()
    notes: tuple[Diagnostic, ...] = ()


def read(job: DcsJob, catalog: Catalog, *, account: str = "", design: str = "", material: str = "") -> Reading:
    """Returns what a job orders. Total: whatever a job says, there is a spec, and the rules say what it lacks.

    Args:
        job: The job, as the file describes it.
        catalog: What can be ordered, with the codes by which partners do.
        account: The account that orders; empty is the file's own.
        design: A design by its id, whatever the file names; empty follows the file.
        material: A material, likewise.
    """
    faults = list(_unreadable(job))
    chosen = {_DESIGN.field: design, _MATERIAL.field: material}
    ids = {kind.field: chosen.get(kind.field) or _resolved(kind, job, catalog, faults) for kind in _LENS_NAMES}
    prescriptions = {side: _eye(job.eye(side)) for side in SIDES_TO_MAKE[job.eyes_to_make]}
    spec = Spec(
        eyes=_EYES[job.eyes_to_make],
        right=prescriptions.get(Side.RIGHT, Eye()),
        left=prescriptions.get(Side.LEFT, Eye()),
        frame=_frame(job),
        lens=Lens(
            design=ids[_DESIGN.field],
            material=ids[_MATERIAL.field],
            colour=ids[_COLOUR.field],
            coatings=tuple(filter(None, [ids[_COATING.field]])),
        ),
        account=account or job.account or "",
    )
    return Reading(spec, tuple(faults), (*_remarks(job), *_left_out(job)))


def told(reading: Reading, decision: Decision) -> Decision:
    """Returns the decision of a file's spec with what of the file is not understood.

    That refuses the job, so there is no plan and no route then; price and time stay, as they do with any refusal. What
    the rules object to at a field whose fault is told already (that there is no design, say) would only repeat it.
    """
    if not reading.faults:
        return decision
    explained = {fault.field for fault in reading.faults}
    others = [each for each in decision.violations if each.severity < Severity.ERROR or each.field not in explained]
    violations = sorted((*reading.faults, *others), key=lambda each: -each.severity)
    return replace(decision, violations=tuple(violations), lenses=(), route=())


# ── measures ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _eye(eye: dcs.Eye) -> Eye:
    ordered, centration = eye.prescription, eye.centration
    return Eye(
        sphere=ordered.sphere,
        cylinder=ordered.cylinder,
        axis=ordered.axis if ordered.cylinder else None,  # without a cylinder it says nothing
        add=ordered.add or None,  # partners write 0.00 for "none"
        prism_horizontal=ordered.prism.horizontal if ordered.prism else None,
        prism_vertical=ordered.prism.vertical if ordered.prism else None,
        distance_pd=centration.distance_pd,
        near_pd=centration.near_pd,
        fitting_height=centration.fitting_height,
    )


def _frame(job: DcsJob) -> Frame:
    eyes = (job.right, job.left)
    return Frame(
        a=_largest(eye.shape.a for eye in eyes),
        b=_largest(eye.shape.b for eye in eyes),
        dbl=job.frame.dbl,
        ed=_largest(eye.shape.effective_diameter for eye in eyes),
        wrap=_largest(eye.position_of_wear.wrap for eye in eyes),
        panto=_largest(eye.position_of_wear.pantoscopic_tilt for eye in eyes),
        vertex=_largest(eye.position_of_wear.vertex_distance for eye in eyes),
        material=_MATERIALS.get(job.frame.frame_type, FrameMaterial.UNSAID),
        edge_type=_EDGES.get(job.frame.edge_type, EdgeType.UNSAID),
        traces=Traces(right=_radii(job.right.trace), left=_radii(job.left.trace)),
    )


def _largest(values: Iterable[Hundredths | None]) -> Hundredths | None:
    return max((value for value in values if value is not None), default=None)


def _radii(trace: Trace | None) -> Radii | None:
    return None if trace is None else Radii(tuple(max(0, radius) for radius in trace.radii), trace.angles or ())


def _unreadable(job: DcsJob) -> Iterator[Violation]:
    """Yields what stands in the file, must not be ignored and cannot be read, at the fields it would have filled."""
    sides = SIDES_TO_MAKE[job.eyes_to_make]
    for missing in missing_for_order(job):
        if not missing.unusable:
            continue
        name, given = _MEASURES.get(missing.label, ("", None))
        lacking = [side for side in sides if given is not None and given(job.eye(side)) is None]
        fields = [f"{PRESCRIPTION}.{SIDE_NAMES[side]}.{name}" for side in lacking]
        message = f"{capital(missing.unusable)}; correct the file."
        for field in fields or ["eyes" if missing.label == "DO" else PRESCRIPTION]:
            yield Violation(UNREADABLE, Severity.ERROR, field, message)
    if any(note.label == _TRACE and note.severity is not NoteSeverity.INFO for note in job.diagnostics):
        for side in sides:
            if job.eye(side).trace is None:
                message = (
                    f"Trace of the {SIDE_NAMES[side]} lens: it stands in the file and cannot be read; send it as "
                    f"TRCFMT 1 to 4, or leave it out and give the box."
                )
                yield Violation(UNREADABLE, Severity.ERROR, f"frame.trace.{SIDE_NAMES[side]}", message)


def _remarks(job: DcsJob) -> Iterator[Diagnostic]:
    """Yields what was noticed in the file, without what is a fault."""
    faulty = {missing.label for missing in missing_for_order(job) if missing.unusable}
    for note in job.diagnostics:
        if note.severity is not NoteSeverity.ERROR or note.label not in faulty:
            yield note


def _left_out(job: DcsJob) -> Iterator[Diagnostic]:
    """Yields what the file asks for and a spec has no place for."""
    for side in SIDES_TO_MAKE[job.eyes_to_make]:
        if job.eye(side).lens.tint:
            message = f"A tint is asked for on the {SIDE_NAMES[side]} lens; it is decided as if there were none."
            yield Diagnostic(NoteSeverity.WARNING, "TINT", 0, message)
    if job.drills:
        message = "The lenses are to be drilled; the holes are neither looked at nor drawn."
        yield Diagnostic(NoteSeverity.INFO, "DRILLE", 0, message)


# ── lens names ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _resolved(kind: _LensName, job: DcsJob, catalog: Catalog, faults: list[Violation]) -> str:
    """Returns the catalog id that the file's codes mean; empty, with a fault, where that is not known."""
    sides = SIDES_TO_MAKE[job.eyes_to_make]
    codes = list(dict.fromkeys(code for side in sides if (code := kind.code(job.eye(side).lens))))
    entries = catalog.entries(kind.domain)
    known = {
        code.code: entry.id for entry in entries.values() for code in entry.partner_codes if code.label == kind.label
    }
    meant = list(dict.fromkeys(known.get(code, "") for code in codes))
    if len(meant) > 1:
        message = (
            f"{kind.label} names different {kind.noun}s for right and left ({' and '.join(map(repr, codes))}); a job "
            f"has one {kind.noun}: send each eye by itself."
        )
        faults.append(_fault(kind, DIFFERENT_LENSES, message))
        return ""
    if meant == [""]:
        nearest = _nearest(codes[0], entries)
        choice = listed(nearest, entries) if nearest else f"a {kind.noun} from the catalog"
        message = f"{kind.label}={codes[0]!r} is no {kind.noun} that the catalog knows; choose {choice}."
        faults.append(_fault(kind, UNKNOWN_LENS_NAME, message, nearest))
    return meant[0] if meant else ""


def _fault(kind: _LensName, code: str, message: str, alternatives: Sequence[str] = ()) -> Violation:
    return Violation(code, Severity.ERROR, f"lens.{kind.field}", message, tuple(alternatives))


def _nearest(code: str, entries: Mapping[str, Entry]) -> tuple[str, ...]:
    """Returns the ids of the entries whose id, name or code for partners reads like a code, the most alike first."""
    said = {
        entry.id: (entry.id, entry.name, *(each.code for each in entry.partner_codes)) for entry in entries.values()
    }
    return most_alike(code.lower(), said, ALIKE)[:_NEAREST]
