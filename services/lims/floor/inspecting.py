"""Judges what was measured of a job's lenses, by the tolerance profile of its revision (`optics.tolerances`).

A lens is held to what it was calculated to measure, where the caller says what that is: compensated powers. What is
not said is what was ordered. A lens that was measured before and passed counts in what is about the pair, so that one
that is made again fits its neighbour.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from chassis.errors import FieldInvalid
from optics.eyes import Side
from optics.numbers import Hundredths
from optics.power import HALF_TURN, SpheroCylinder
from optics.prism import Prism
from optics.tolerances import Finding, LensValues, Pair, Profile, inspect, inspect_pair
from rules.catalog import Catalog
from rules.spec import Eye, Spec
from services.lims.errors import ProfileMissing


@dataclass(frozen=True, slots=True)
class Values:
    """Powers and measures of a lens, in hundredths but for the axis; None where they were not said.

    Attributes:
        sphere: In dioptres.
        cylinder: In dioptres, either sign convention.
        axis: In degrees, 1 to 180.
        add: In dioptres.
        prism_horizontal: At the prism reference point, base in positive.
        prism_vertical: The same, base up positive.
        centre_thickness: In millimetres.
        fitting_height: In millimetres.
        segment_height: In millimetres.
        segment_width: In millimetres.
        segment_tilt: In degrees.
        near_pd: Monocular, in millimetres.
    """

    sphere: Hundredths | None = None
    cylinder: Hundredths | None = None
    axis: int | None = None
    add: Hundredths | None = None
    prism_horizontal: Hundredths | None = None
    prism_vertical: Hundredths | None = None
    centre_thickness: Hundredths | None = None
    fitting_height: Hundredths | None = None
    segment_height: Hundredths | None = None
    segment_width: Hundredths | None = None
    segment_tilt: Hundredths | None = None
    near_pd: Hundredths | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """One lens on the lensmeter.

    Attributes:
        side: Which; None for the one lens of a job that does not know its lenses.
        measured: What was found.
        target: What it was calculated to measure; what is not said there is what was ordered.
    """

    side: Side | None
    measured: Values
    target: Values


@dataclass(frozen=True, slots=True)
class Judged:
    """A finding, and the lens it is about: None for the pair, or for a lens that is not known."""

    side: Side | None
    finding: Finding


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an inspection.

    Attributes:
        profile: What it was judged by.
        findings: Every quantity that was looked at, those of the pair last.
        passed: Whether each lens that was measured may go on: its own findings, and those of the pair.
    """

    profile: Profile
    findings: tuple[Judged, ...]
    passed: Mapping[Side | None, bool]


def profile_of(catalog: Catalog, spec: Spec) -> Profile:
    """Returns the profile that a lens is judged by: the catalog's first for its type of design.

    Raises:
        ProfileMissing: There is none.
    """
    design = catalog.designs[spec.lens.design]
    for profile in catalog.tolerances.values():
        if design.type in profile.types:
            return profile
    raise ProfileMissing(design.type)


def judge(profile: Profile, spec: Spec, lenses: Sequence[Measured], before: Sequence[Measured] = ()) -> Outcome:
    """Judges lenses.

    Args:
        profile: What they are judged by.
        spec: What was ordered.
        lenses: The lenses that were measured, each once.
        before: Others of the job that were measured before, and passed.

    Raises:
        FieldInvalid: Something that is wanted was not measured; it is named as in ``lenses[0].measured.add``.
    """
    targets = [_wanted(_eye(spec, each.side), each.target) for each in lenses]
    lacking = [
        (f"lenses[{index}].measured.{name}", "is wanted of this lens and was not measured; measure it, too")
        for index, (each, target) in enumerate(zip(lenses, targets, strict=True))
        for name in _lacking(target, each.measured)
    ]
    if lacking:
        raise FieldInvalid(lacking)
    values = {each.side: _compared(spec, each) for each in lenses}
    findings = [
        Judged(side, finding) for side, (target, found) in values.items() for finding in inspect(profile, target, found)
    ]
    known = {each.side: _compared(spec, each) for each in before} | values
    pair = list(_of_pair(profile, known))
    together = all(each.passed for each in pair)
    passed = {side: together and all(each.finding.passed for each in findings if each.side is side) for side in values}
    return Outcome(profile, (*findings, *(Judged(None, each) for each in pair)), passed)


def _of_pair(profile: Profile, known: Mapping[Side | None, tuple[LensValues, LensValues]]) -> Iterator[Finding]:
    if Side.RIGHT in known and Side.LEFT in known:
        (right, right_found), (left, left_found) = known[Side.RIGHT], known[Side.LEFT]
        yield from inspect_pair(profile, Pair(right, left), Pair(right_found, left_found))


def _compared(spec: Spec, lens: Measured) -> tuple[LensValues, LensValues]:
    """Returns what a lens should be, and what it is."""
    target = _wanted(_eye(spec, lens.side), lens.target)
    return _values(target, measured=False), _values(lens.measured, measured=True)


def _eye(spec: Spec, side: Side | None) -> Eye:
    """Returns what was ordered for a lens; for one that is not known, that of the one eye that was."""
    return spec.eye(side if side is not None else next(iter(spec.sides), Side.RIGHT))


def _wanted(eye: Eye, target: Values) -> Values:
    """Returns what a lens should be: what was calculated, and where that is not said what was ordered."""
    ordered = Values(
        sphere=eye.sphere or 0,
        cylinder=eye.cylinder or 0,
        axis=eye.axis,
        add=eye.add or None,
        prism_horizontal=eye.prism_horizontal or 0,
        prism_vertical=eye.prism_vertical or 0,
        fitting_height=eye.fitting_height,
        near_pd=eye.near_pd,
    )
    said = {field.name: getattr(target, field.name) for field in fields(Values)}
    return Values(**{name: getattr(ordered, name) if value is None else value for name, value in said.items()})


def _lacking(target: Values, measured: Values) -> Iterator[str]:
    """Yields what has to be measured and was not."""
    if measured.sphere is None:
        yield "sphere"
    if measured.cylinder is None and target.cylinder:
        yield "cylinder"
    if measured.axis is None and measured.cylinder:
        yield "axis"
    if measured.add is None and target.add:
        yield "add"
    for name in ("prism_horizontal", "prism_vertical"):
        if getattr(measured, name) is None and getattr(target, name):
            yield name


def _values(values: Values, *, measured: bool) -> LensValues:
    """Returns values as the tolerances take them; no prism is a prism that is wanted, and one that was not measured."""
    prism = (values.prism_horizontal, values.prism_vertical)
    axis = values.axis if values.cylinder and values.axis else HALF_TURN
    return LensValues(
        power=SpheroCylinder(values.sphere or 0, values.cylinder or 0, axis),
        add=values.add,
        prism=None if measured and prism == (None, None) else Prism(prism[0] or 0, prism[1] or 0),
        centre_thickness=values.centre_thickness,
        segment_height=values.segment_height,
        segment_width=values.segment_width,
        segment_tilt=values.segment_tilt,
        fitting_height=values.fitting_height,
        near_pd=values.near_pd,
    )
