"""What can be measured on a spec, each under the name by which the tables speak of it.

A quantity is a field of the order ("sphere", "frame.a") or follows from several ("prism", "height_clearance"). Its
reading carries the contract path a violation belongs to and the words an optician would use for it. A quantity whose
fields were not all given has no reading: limits judge what is there, requirements ask for what is not.

The derived ones:

    power            power in each principal meridian: the sphere, and sphere + cylinder; the same in either convention
    cylinder_amount  the cylinder's amount, whatever its sign
    prism            amount of the prescribed prism, from its horizontal and vertical parts; rounded up
    height_clearance frame B less the fitting height: what is left above the fitting point
    near_inset       distance PD less near PD
    ed_excess        ED less the larger of A and B: never negative on a real shape
    ed_slack         ED less the diagonal of the box (rounded up): never positive on a real shape
    anisometropia    difference of the two spherical equivalents; rounded up
    opposite_spheres the smaller of two spheres of opposite sign, as an amount; 0 where the signs agree
    opposite_cylinders the same of the two cylinders: one is written in plus and the other in minus cylinder
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from math import isqrt

from optics.eyes import Side
from optics.numbers import Hundredths, format_decimal
from rules.spec import Eye, Spec


class Unit(Enum):
    """The unit of a quantity: what stands behind its numbers, and whether a plus stands before them."""

    DIOPTRE = (" D", "+")
    DIOPTRE_AMOUNT = (" D", "")
    PRISM = (" prism dioptres", "")
    MILLIMETRE = (" mm", "")
    DEGREE = (" degrees", "")


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured value.

    Attributes:
        field: The contract path it belongs to (``prescription.right.sphere``).
        side: The eye it was measured on; None for the frame and the pair.
        value: In 1/100 of the quantity's unit.
        told: What it is and how much, to an optician ("right eye, sphere -2.25 D").
    """

    field: str
    side: Side | None
    value: Hundredths
    told: str


Readings = Mapping[str, tuple[Reading, ...]]

_Measured = Iterable[tuple[str, Hundredths]]
"""(field of the eye, frame or pair, value)."""

FRAME = "frame."

SIDE_NAMES: Mapping[Side, str] = {Side.RIGHT: "right", Side.LEFT: "left"}
"""The sides as the contract's fields and an optician's sentence name them."""

EYE_FIELDS: Mapping[str, tuple[str, Unit]] = {
    "sphere": ("sphere", Unit.DIOPTRE),
    "cylinder": ("cylinder", Unit.DIOPTRE),
    "add": ("add", Unit.DIOPTRE),
    "prism_horizontal": ("horizontal prism", Unit.PRISM),
    "prism_vertical": ("vertical prism", Unit.PRISM),
    "distance_pd": ("distance PD", Unit.MILLIMETRE),
    "near_pd": ("near PD", Unit.MILLIMETRE),
    "fitting_height": ("fitting height", Unit.MILLIMETRE),
}
"""The measures of an eye, with their words. The axis is no quantity: every whole degree can be made."""

FRAME_FIELDS: Mapping[str, tuple[str, Unit]] = {
    "a": ("frame A", Unit.MILLIMETRE),
    "b": ("frame B", Unit.MILLIMETRE),
    "dbl": ("frame DBL", Unit.MILLIMETRE),
    "ed": ("frame ED", Unit.MILLIMETRE),
    "wrap": ("wrap", Unit.DEGREE),
    "panto": ("pantoscopic tilt", Unit.DEGREE),
    "vertex": ("vertex distance", Unit.MILLIMETRE),
}
"""The measures of a frame, with their words."""


def _power(eye: Eye) -> _Measured:
    if eye.sphere is None:
        return
    yield "sphere", eye.sphere
    if eye.cylinder:
        yield "cylinder", eye.sphere + eye.cylinder


def _cylinder_amount(eye: Eye) -> _Measured:
    if eye.cylinder is not None:
        yield "cylinder", abs(eye.cylinder)


def _prism(eye: Eye) -> _Measured:
    horizontal, vertical = eye.prism_horizontal or 0, eye.prism_vertical or 0
    amount = _root_up(horizontal**2 + vertical**2)
    if amount:
        yield ("prism_horizontal" if abs(horizontal) >= abs(vertical) else "prism_vertical"), amount


def _near_inset(eye: Eye) -> _Measured:
    if eye.distance_pd is not None and eye.near_pd is not None:
        yield "near_pd", eye.distance_pd - eye.near_pd


def _height_clearance(spec: Spec, eye: Eye) -> _Measured:
    if spec.frame.b is not None and eye.fitting_height is not None:
        yield "fitting_height", spec.frame.b - eye.fitting_height


def _ed_excess(spec: Spec) -> _Measured:
    frame = spec.frame
    if frame.ed is not None and frame.a is not None and frame.b is not None:
        yield "frame.ed", frame.ed - max(frame.a, frame.b)


def _ed_slack(spec: Spec) -> _Measured:
    frame = spec.frame
    if frame.ed is not None and frame.a is not None and frame.b is not None:
        yield "frame.ed", frame.ed - _root_up(frame.a**2 + frame.b**2)


def _anisometropia(spec: Spec) -> _Measured:
    doubled = [2 * eye.sphere + (eye.cylinder or 0) for _, eye in spec.eyes_made() if eye.sphere is not None]
    if len(doubled) == len(Side):
        yield "prescription", (abs(doubled[0] - doubled[1]) + 1) // 2


def _opposite(field: str, spec: Spec) -> _Measured:
    powers = [power for _, eye in spec.eyes_made() if (power := getattr(eye, field)) is not None]
    if len(powers) == len(Side):
        yield "prescription", min(map(abs, powers)) if powers[0] * powers[1] < 0 else 0


def _root_up(square: int) -> int:
    """Returns the square root rounded up, so that an amount just beyond a limit is never read as the limit."""
    root = isqrt(square)
    return root if root * root == square else root + 1


_OF_EYE: Mapping[str, tuple[str, Unit, Callable[[Spec, Eye], _Measured]]] = {
    "power": ("power", Unit.DIOPTRE, lambda _, eye: _power(eye)),
    "cylinder_amount": ("amount of cylinder", Unit.DIOPTRE_AMOUNT, lambda _, eye: _cylinder_amount(eye)),
    "prism": ("prism", Unit.PRISM, lambda _, eye: _prism(eye)),
    "near_inset": ("near inset", Unit.MILLIMETRE, lambda _, eye: _near_inset(eye)),
    "height_clearance": ("room above the fitting point", Unit.MILLIMETRE, _height_clearance),
}

_OF_PAIR: Mapping[str, tuple[str, Unit, Callable[[Spec], _Measured]]] = {
    "ed_excess": ("frame ED less the larger of A and B", Unit.MILLIMETRE, _ed_excess),
    "ed_slack": ("frame ED less the diagonal of the box", Unit.MILLIMETRE, _ed_slack),
    "anisometropia": ("difference between the eyes", Unit.DIOPTRE_AMOUNT, _anisometropia),
    "opposite_spheres": ("spheres", Unit.DIOPTRE_AMOUNT, partial(_opposite, "sphere")),
    "opposite_cylinders": ("cylinders", Unit.DIOPTRE_AMOUNT, partial(_opposite, "cylinder")),
}

_TOLD_BY_BOTH: Mapping[str, str] = {"opposite_spheres": "sphere", "opposite_cylinders": "cylinder"}
"""The quantities of the pair that are told by a field's values on both eyes, with the field: their amount is no value
of the order, and nobody would look for it there."""

EYE_QUANTITIES: frozenset[str] = frozenset(EYE_FIELDS) | frozenset(_OF_EYE)
"""The quantities that are measured on each eye."""

UNITS: Mapping[str, Unit] = {
    **{name: unit for name, (_, unit) in EYE_FIELDS.items()},
    **{FRAME + name: unit for name, (_, unit) in FRAME_FIELDS.items()},
    **{name: unit for name, (_, unit, _) in _OF_EYE.items()},
    **{name: unit for name, (_, unit, _) in _OF_PAIR.items()},
}
"""Every quantity a table may name, with its unit."""


def measure(spec: Spec) -> Readings:
    """Returns every quantity that can be read off a spec, by name."""
    readings: dict[str, tuple[Reading, ...]] = {}
    for name, reading in _read(spec):
        readings[name] = (*readings.get(name, ()), reading)
    return readings


def _read(spec: Spec) -> Iterator[tuple[str, Reading]]:
    for side, eye in spec.eyes_made():
        prefix, subject = f"prescription.{SIDE_NAMES[side]}.", f"{SIDE_NAMES[side]} eye, "
        for name, (words, unit) in EYE_FIELDS.items():
            value = getattr(eye, name)
            if value is not None:
                yield name, Reading(prefix + name, side, value, f"{subject}{words} {spoken(value, unit)}")
        for name, (words, unit, of_eye) in _OF_EYE.items():
            for field, value in of_eye(spec, eye):
                yield name, Reading(prefix + field, side, value, f"{subject}{words} {spoken(value, unit)}")
    for name, (words, unit) in FRAME_FIELDS.items():
        value = getattr(spec.frame, name)
        if value is not None:
            yield FRAME + name, Reading(FRAME + name, None, value, f"{words} {spoken(value, unit)}")
    for name, (words, unit, of_pair) in _OF_PAIR.items():
        for field, value in of_pair(spec):
            yield name, Reading(field, None, value, f"{words} {_told_by_both(name, spec) or spoken(value, unit)}")


def _told_by_both(quantity: str, spec: Spec) -> str:
    """Returns the two values a quantity of the pair is told by: ``+0.50 D right and -1.75 D left``; or nothing."""
    field = _TOLD_BY_BOTH.get(quantity)
    if field is None:
        return ""
    unit = EYE_FIELDS[field][1]
    return " and ".join(f"{spoken(getattr(eye, field), unit)} {SIDE_NAMES[side]}" for side, eye in spec.eyes_made())


def spoken(value: Hundredths, unit: Unit) -> str:
    """Returns a value as the trade writes it: ``+1.25 D``, ``31.00 mm``. A power always carries its sign."""
    suffix, plus = unit.value
    return f"{plus if value > 0 else ''}{format_decimal(value, 2)}{suffix}"
