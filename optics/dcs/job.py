"""The job a DCS file describes, in the words of the trade, and what it lacks to be an order.

Every value is optional: ``None`` says that the file does not state it, or states something unusable (a diagnostic of
severity ERROR then says so). Nothing here names the patient. The number a practice gave its patient is carried, and
whether a name stood in the file; the name itself stays in the file's records.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import NamedTuple

from optics.dcs.diagnostics import Diagnostic, Severity
from optics.dcs.drilling import Drill
from optics.dcs.labels import LABELS
from optics.dcs.profiles import Heights, Thicknesses
from optics.eyes import Side
from optics.numbers import Hundredths, Thousandths
from optics.prism import Prism
from optics.trace import Trace


class EyesToMake(StrEnum):
    """Which lenses the job asks for (DO)."""

    BOTH = "B"
    RIGHT = "R"
    LEFT = "L"
    NONE = "N"


class FrameType(IntEnum):
    """What the frame is made of (FTYP)."""

    UNDEFINED = 0
    PLASTIC = 1
    METAL = 2
    RIMLESS = 3
    OPTYL = 4


class EdgeType(IntEnum):
    """How the lens edge is finished (ETYP); the standard's own codes. 5 to 32 are reserved, 33 and up are vendors'."""

    UNCUT = -1
    BEVEL = 1
    RIMLESS = 2
    GROOVE = 3
    MINI_BEVEL = 4


@dataclass(frozen=True, slots=True)
class Prescription:
    """The ordered power of one lens, cylinder in the sign the file gives it."""

    sphere: Hundredths | None
    """Hundredths of a dioptre (SPH)."""
    cylinder: Hundredths | None
    """Hundredths of a dioptre (CYL)."""
    axis: int | None
    """Whole degrees from 1 to 180 (AX); an axis of 0 is given as 180, the same meridian."""
    add: Hundredths | None
    """Addition for near, hundredths of a dioptre (ADD)."""
    prism: Prism | None
    """Prescribed prism (PRVM, PRVA)."""


@dataclass(frozen=True, slots=True)
class Centration:
    """Where the wearer looks through one lens, in hundredths of a millimetre."""

    distance_pd: Hundredths | None
    """From the middle of the nose to the pupil looking far (IPD): monocular."""
    near_pd: Hundredths | None
    """The same, looking near (NPD)."""
    fitting_height: Hundredths | None
    """From the lower edge of the box up to the fitting point."""
    fitting_height_label: str | None
    """Where the fitting height was found: SEGHT, or OCHT where SEGHT is absent."""


@dataclass(frozen=True, slots=True)
class BoxedShape:
    """The size of one lens shape. What the file does not state is taken from the trace, and a diagnostic says so."""

    a: Hundredths | None
    """Width of the box in hundredths of a millimetre (HBOX)."""
    b: Hundredths | None
    """Height of the box in hundredths of a millimetre (VBOX)."""
    effective_diameter: Hundredths | None
    """Hundredths of a millimetre (FED); from a trace it is the one about the box centre."""
    circumference: Thousandths | None
    """Thousandths of a millimetre (CIRC)."""


@dataclass(frozen=True, slots=True)
class PositionOfWear:
    """How one lens sits before the eye."""

    wrap: Hundredths | None
    """Hundredths of a degree (ZTILT)."""
    pantoscopic_tilt: Hundredths | None
    """Hundredths of a degree (PANTO)."""
    vertex_distance: Hundredths | None
    """From the back of the lens to the eye, hundredths of a millimetre (BVD)."""


@dataclass(frozen=True, slots=True)
class LensCodes:
    """What lens is ordered, in the partner's own codes, as text. They mean nothing until mapped for that partner."""

    design: str | None
    """LNAM."""
    material: str | None
    """LMATID. Local to a lab: two labs give one material different numbers."""
    material_name: str | None
    """LMATNAME."""
    refractive_index: str | None
    """LIND."""
    lens_type: str | None
    """LTYPE, or the older LTYP where LTYPE is absent."""
    colour: str | None
    """COLR."""
    tint: str | None
    """TINT."""
    coating: str | None
    """ACOAT."""
    product: str | None = None
    """OPC, the optical product code of the blank. Real files have other texts there than its ten digits."""


@dataclass(frozen=True, slots=True)
class Eye:
    """Everything the file says about one eye and its lens."""

    prescription: Prescription
    centration: Centration
    shape: BoxedShape
    position_of_wear: PositionOfWear
    lens: LensCodes
    frame_curve_raw: str | None
    """FCRV as written: the file does not say in which index its dioptres are."""
    trace: Trace | None
    heights: Heights | None = None
    """How high the rim runs (ZFMT)."""
    thicknesses: Thicknesses | None = None
    """How thick the lens is around (STHKFMT)."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What the two lenses share."""

    dbl: Hundredths | None
    """Distance between lenses, the bridge, in hundredths of a millimetre (DBL)."""
    frame_type: FrameType | None
    edge_type: EdgeType | None
    """None also for a reserved or a vendor's own code."""


@dataclass(frozen=True, slots=True)
class DcsJob:
    """A job as read from a DCS file."""

    job_id: str | None
    """JOB."""
    account: str | None
    """The practice's account with the lab (ACCN)."""
    customer_reference: str | None
    """The practice's own number of the prescription (RXNM)."""
    patient_number: str | None
    """CLIENT, where it is a number. A text is taken for a name and not carried."""
    patient_named: bool
    """Whether the file holds a patient's name (in CLNAME or CLIENT)."""
    request: str | None
    """What the file was sent for (REQ), such as FIL, LMS, or FRM for a frame record."""
    eyes_to_make: EyesToMake | None
    """None: not stated. By custom that means both."""
    right: Eye
    left: Eye
    frame: Frame
    diagnostics: tuple[Diagnostic, ...]
    """In the order of the lines they are about."""
    drills: tuple[Drill, ...] = ()
    """Holes, slots and notches (DRILLE), in the order of the file."""

    def eye(self, side: Side) -> Eye:
        """Return the right or the left eye."""
        return self.right if side is Side.RIGHT else self.left


class Missing(NamedTuple):
    """A label an order needs, with what it means."""

    label: str
    meaning: str
    unusable: str = ""
    """What stands there instead of a usable value, with its line and the reason; empty where nothing does."""


SIDES_TO_MAKE: dict[EyesToMake | None, tuple[Side, ...]] = {
    EyesToMake.BOTH: (Side.RIGHT, Side.LEFT),
    EyesToMake.RIGHT: (Side.RIGHT,),
    EyesToMake.LEFT: (Side.LEFT,),
    EyesToMake.NONE: (),
    None: (Side.RIGHT, Side.LEFT),
}
"""The lenses a job asks for; both where it does not say."""

_SPHERE = Missing("SPH", "sphere")

_NEEDED_PER_EYE: tuple[tuple[Missing, Callable[[Eye], bool]], ...] = (
    (_SPHERE, lambda eye: eye.prescription.sphere is None),
    (Missing("AX", "cylinder axis"), lambda eye: bool(eye.prescription.cylinder) and eye.prescription.axis is None),
    (Missing("IPD", "monocular distance PD"), lambda eye: eye.centration.distance_pd is None),
    (
        Missing("SEGHT", "fitting height"),
        lambda eye: bool(eye.prescription.add) and eye.centration.fitting_height is None,
    ),
    (Missing("HBOX", "box width A"), lambda eye: eye.shape.a is None),
    (Missing("VBOX", "box height B"), lambda eye: eye.shape.b is None),
    (Missing("LNAM", "lens design"), lambda eye: eye.lens.design is None),
)

# What is there and cannot be used under one of these labels is worse than missing: a lens made without it is wrong.
_NEVER_IGNORED = frozenset({"DO", "SPH", "CYL", "AX", "ADD", "PRVM", "PRVA", "IPD", "SEGHT"})

_CONSEQUENCE = " It is treated as absent."  # of a diagnostic; no order comes of the file, so nothing is treated at all

_KINDS_OF_RECORD = {"FRM": "a frame record", "TRC": "a tracer's upload", "INI": "a device's greeting"}


def missing_for_order(job: DcsJob) -> tuple[Missing, ...]:
    """Return what the job lacks to be ordered, each label once; nothing if it can be.

    For every lens to make: a sphere, an axis if there is a cylinder, a distance PD, a fitting height if there is an
    addition, the box (stated or traced) and the lens design; for the frame the distance between lenses. A value of the
    prescription or the centration that is there and unusable counts as missing, too.
    """
    sides = SIDES_TO_MAKE[job.eyes_to_make]
    found = [_lacked(need, [side for side in sides if lacks(job.eye(side))], sides) for need, lacks in _NEEDED_PER_EYE]
    if job.frame.dbl is None:
        found.append(Missing("DBL", "distance between lenses"))
    if not sides:
        found.append(Missing("DO", "eyes to make; N asks for none"))
    return tuple(({missing.label: missing for missing in found if missing} | _unusable(job)).values())


def why_not_an_order(job: DcsJob) -> str | None:
    """Return the sentence that refuses the job as an order, or None if nothing is missing.

    ``"no prescription: SPH is missing; also missing: IPD (monocular distance PD); this is a frame record (REQ=FRM)"``
    ``"line 9: SPH (sphere of the right eye) is 'abc': not a plain decimal number"``
    """
    missing = missing_for_order(job)
    if not missing:
        return None
    plain = [each for each in missing if not each.unusable]
    parts = ["no prescription: SPH is missing"] if _SPHERE in plain else []
    parts += [each.unusable for each in missing if each.unusable]
    if others := ", ".join(f"{label} ({meaning})" for label, meaning, _ in plain if (label, meaning) != _SPHERE[:2]):
        parts.append(f"also missing: {others}" if parts else f"missing: {others}")
    if job.request in _KINDS_OF_RECORD:
        parts.append(f"this is {_KINDS_OF_RECORD[job.request]} (REQ={job.request})")
    return "; ".join(parts)


def _unusable(job: DcsJob) -> dict[str, Missing]:
    """Return by label what is there, must not be ignored and cannot be used, each with all that is wrong with it."""
    found: dict[str, Missing] = {}
    for note in job.diagnostics:
        if note.severity is Severity.ERROR and note.label in _NEVER_IGNORED:
            before = found.get(note.label)
            fact = f"line {note.line}: {note.message.removesuffix(_CONSEQUENCE).rstrip('.')}"
            told = f"{before.unusable}; {fact}" if before else fact
            found[note.label] = Missing(note.label, LABELS[note.label].meaning, told)
    return found


def _lacked(need: Missing, lacking: list[Side], sides: tuple[Side, ...]) -> Missing | None:
    """Return `need` if an eye lacks it, with the eye's name if the other one does not."""
    if not lacking:
        return None
    return need if len(lacking) == len(sides) else Missing(need.label, f"{need.meaning} of {lacking[0].words}")
