"""Holes, slots and notches of a rimless lens: the DRILLE records, one for each.

    DRILLE=eye;reference;x;y;diameter;end x;end y;depth;feature;angle mode;lateral angle;vertical angle;...
    DRILLE=B;C;-21.50;3.30;1.40;-21.50;3.30;0;1;F        a hole through the lens: it ends where it starts

The reference says from where x and y are measured: C a cross through the middle, E the edge of the lens, B its box, R
the feature before; after E and B stands N or T, the nasal or the temporal side; last may stand F or R, the front or the
rear. In the one real file with such records x lies within half the box width either way, so C is the middle of the lens
and not of the frame; whether a B record's x is mirrored on the left lens is not known from it, and nothing is mirrored
here. Feature and angle mode are the standard's codes, carried as they are; what follows the angles is a vendor's own.

The fields and their order are those of two programs that write them and one device's that reads them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from optics.dcs.diagnostics import Notes, quoted
from optics.dcs.errors import TooLargeError
from optics.dcs.labels import Lattice
from optics.dcs.records import Record, is_absent, slots
from optics.numbers import Hundredths, NumberError, format_decimal, parse_decimal

MAX_DRILLS = 100
"""Most features of a file; one device's own limit for a pair of lenses."""

_LEAST_FIELDS = 5
_FIELDS = 12
_MILLIMETRES = Lattice("mm", 2, -100_00, 100_00)
_DIAMETER = Lattice("mm", 2, 0, 30_00)
_DEPTH = Lattice("mm", 2, -1_00, 30_00)
_DEGREES = Lattice("degrees", 2, -360_00, 360_00)
_FEATURE = Lattice("", 0, 0, 127)


class DrillEye(StrEnum):
    """The lens a feature is drilled into."""

    RIGHT = "R"
    LEFT = "L"
    BOTH = "B"


class Reference(StrEnum):
    """From where a feature is measured, on which side, and on which surface; the combinations the standard has."""

    CROSS = "C"
    CROSS_FRONT = "CF"
    CROSS_REAR = "CR"
    EDGE_NASAL = "EN"
    EDGE_NASAL_FRONT = "ENF"
    EDGE_NASAL_REAR = "ENR"
    EDGE_TEMPORAL = "ET"
    EDGE_TEMPORAL_FRONT = "ETF"
    EDGE_TEMPORAL_REAR = "ETR"
    BOX_NASAL = "BN"
    BOX_NASAL_FRONT = "BNF"
    BOX_NASAL_REAR = "BNR"
    BOX_TEMPORAL = "BT"
    BOX_TEMPORAL_FRONT = "BTF"
    BOX_TEMPORAL_REAR = "BTR"
    RELATIVE = "R"


class AngleMode(StrEnum):
    """Which way the drill points."""

    FRONT = "F"
    BACK = "B"
    ANGLES = "A"
    """As the lateral and the vertical angle say."""


@dataclass(frozen=True, slots=True)
class Drill:
    """One feature. Lengths are hundredths of a millimetre, angles hundredths of a degree; None is not said."""

    eye: DrillEye
    reference: Reference
    x: Hundredths
    y: Hundredths
    diameter: Hundredths
    end_x: Hundredths | None = None
    """Where a slot ends; where it starts, it is a hole."""
    end_y: Hundredths | None = None
    depth: Hundredths | None = None
    """0 is through the lens."""
    feature: int | None = None
    angle_mode: AngleMode | None = None
    lateral_angle: Hundredths | None = None
    vertical_angle: Hundredths | None = None
    rest: tuple[str, ...] = ()
    """What follows, as text."""


def read_drills(records: Iterable[Record], notes: Notes) -> tuple[Drill, ...]:
    """Return the usable features; an unusable one is noted. A record that says how many there are is none itself.

    Raises:
        TooLargeError: more than `MAX_DRILLS` of them.
    """
    drills: list[Drill] = []
    for index, record in enumerate(each for each in records if each.label == "DRILLE"):
        if index == MAX_DRILLS:
            raise TooLargeError(
                f"Line {record.line}: the file has more than {MAX_DRILLS} DRILLE records. Send one job per file."
            )
        found = slots(record.value)
        if all(is_absent(slot) for slot in found[1:]):
            continue
        try:
            drills.append(_drill(found))
        except (NumberError, ValueError) as refused:
            notes.error("DRILLE", record.line, f"DRILLE {refused}. It is treated as absent.")
    return tuple(drills)


def drill_fields(drill: Drill) -> tuple[str, ...]:
    """Return the slots of a DRILLE record that says `drill`, without absent ones at the end."""
    fields = [
        drill.eye.value,
        drill.reference.value,
        *(_decimal(value) for value in (drill.x, drill.y, drill.diameter, drill.end_x, drill.end_y, drill.depth)),
        "" if drill.feature is None else str(drill.feature),
        "" if drill.angle_mode is None else drill.angle_mode.value,
        _decimal(drill.lateral_angle),
        _decimal(drill.vertical_angle),
        *drill.rest,
    ]
    while fields[-1] == "":
        fields.pop()
    return tuple(fields)


def _drill(found: tuple[str, ...]) -> Drill:
    """Return the feature that the slots say.

    Raises:
        ValueError: they say none; the message goes on after the label.
    """
    if len(found) < _LEAST_FIELDS:
        raise ValueError(f"has {len(found)} values; a feature has {_LEAST_FIELDS} at least")
    eye, reference, x, y, diameter, end_x, end_y, depth, feature, mode, lateral, vertical = (
        found + ("",) * (_FIELDS - len(found))
    )[:_FIELDS]
    if eye not in set(DrillEye):
        raise ValueError(f"is of the eye {quoted(eye)}; R, L or B is expected")
    if reference not in set(Reference):
        raise ValueError(f"has the reference {quoted(reference)}; C, E, B or R with N or T and F or R is expected")
    if not is_absent(mode) and mode not in set(AngleMode):
        raise ValueError(f"has the angle mode {quoted(mode)}; B, F or A is expected")
    return Drill(
        eye=DrillEye(eye),
        reference=Reference(reference),
        x=_needed("x", x, _MILLIMETRES),
        y=_needed("y", y, _MILLIMETRES),
        diameter=_needed("diameter", diameter, _DIAMETER),
        end_x=_number("end x", end_x, _MILLIMETRES),
        end_y=_number("end y", end_y, _MILLIMETRES),
        depth=_number("depth", depth, _DEPTH),
        feature=_number("feature", feature, _FEATURE),
        angle_mode=None if is_absent(mode) else AngleMode(mode),
        lateral_angle=_number("lateral angle", lateral, _DEGREES),
        vertical_angle=_number("vertical angle", vertical, _DEGREES),
        rest=_without_tail(found[_FIELDS:]),
    )


def _needed(name: str, text: str, lattice: Lattice) -> int:
    number = _number(name, text, lattice)
    if number is None:
        raise ValueError(f"has no {name}")
    return number


def _number(name: str, text: str, lattice: Lattice) -> int | None:
    if is_absent(text):
        return None
    try:
        number = parse_decimal(text, lattice.places)
    except NumberError as refused:
        raise ValueError(f"has the {name} {quoted(text)}: {refused}") from refused
    if not lattice.low <= number <= lattice.high:
        raise ValueError(f"has the {name} {quoted(text)}: outside {lattice}")
    return number


def _without_tail(fields: tuple[str, ...]) -> tuple[str, ...]:
    kept = list(fields)
    while kept and kept[-1] == "":
        kept.pop()
    return tuple(kept)


def _decimal(value: Hundredths | None) -> str:
    return "" if value is None else format_decimal(value, 2)
