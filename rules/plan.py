"""How a spec is made: the blank for each lens, its curves and thicknesses, the machines' programs and its route.

The tables are asked by id, for each eye:

    base-curve          the base curve that is wanted; where it is limited, how far a blank's may lie from it (``slip``)
    minimum-thickness   how thick the centre and the edge are at least; what is added to the smallest blank
                        (``allowance``), for the machines to hold it by
    generate polish engrave coat edge   the program of each step, or an empty text for a step that is not done
    routes              the stations a lens passes

A blank is of the material and colour, for the design, for the eye and its addition, and large enough. Of those, a
finished one that has the power and the thickness is taken before one that has to be surfaced; a pair is finished on
both eyes or on none where that can be, because the job waits for its slower lens. Then the base nearest the wanted one,
and of one base the smallest. The lenses of a pair get one base where there are blanks for that: the one nearest the
flatter of the two wanted ones for a pair of minus lenses, else the steeper (Vogel's rule; brainscape.com), as far as
the slip of each allows. A blank whose lens comes out thicker than it is itself is passed over.

A lens whose place before the eye is not known (it is delivered round, for somebody else to cut) is as round as its
blank, and its blank the largest there is.

Prism thinning grinds two thirds of the addition, to the nearest 0.25, base down into both lenses: the usual amount
(optiboard.com). Of unequal additions the smaller counts, for the prism has to be the same on both sides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from optics.eyes import Side
from optics.numbers import Hundredths, round_ratio, to_hundredths
from optics.power import SpheroCylinder, minus_form
from optics.prism import NO_PRISM, Prism
from optics.shape import Shape
from optics.surfaces import material_to_tool, tool_to_material
from optics.thickness import ImpossibleLensError, Solid, solid, weight
from rules.catalog import Blank, Severity, Shelf
from rules.decision import Asked, Geometry, Ground, LensPlan, Violation
from rules.facts import Case
from rules.tables import Fired, Row, Span
from rules.units import Unit, spoken
from rules.view import SIDE_NAMES, DesignType, EyeFacts, PlanFacts, capital
from rules.words import listed, nearest_index, sentence, way_out

NOT_GIVEN = "NOT_GIVEN"
NOT_SET = "NOT_SET"
NO_BLANK = "NO_BLANK"
IMPOSSIBLE_LENS = "IMPOSSIBLE_LENS"

BASE_CURVE, MINIMUM_THICKNESS, ROUTES = "base-curve", "minimum-thickness", "routes"
SURFACING = ("generate", "polish", "engrave")
"""The steps that a finished blank has behind it."""
STEPS = (*SURFACING, "coat", "edge")
"""The steps that a machine does, in the order of the work; each is a table."""

PRISM_THINNING = "prism-thinning"
"""The option, by id, that thins a pair by prism."""

_THINNING_STEP: Hundredths = 25


@dataclass(slots=True)
class Planned:
    """What became of planning.

    Attributes:
        lenses: How each lens is made, as far as that could be found.
        facts: The same, as constraints and tables see it.
        geometry: What was computed on the way.
        problems: Why a lens cannot be made.
        asked: What the tables asked of the blanks.
        chosen: Whether blanks were looked for.
    """

    lenses: list[LensPlan] = field(default_factory=list)
    facts: dict[Side, PlanFacts] = field(default_factory=dict)
    geometry: dict[Side, Geometry] = field(default_factory=dict)
    problems: list[Violation] = field(default_factory=list)
    asked: dict[Side, Asked] = field(default_factory=dict)
    chosen: bool = False


@dataclass(slots=True)
class _Wanted:
    """What one lens asks of its blank."""

    side: Side
    eye: EyeFacts
    power: SpheroCylinder
    prism: Prism
    thinning: Hundredths
    base: Hundredths
    slip: Hundredths | None
    centre: Hundredths
    edge: Hundredths
    diameter: Hundredths
    """Of the blank, at least; 0 for a lens that is as round as its blank."""
    minus: bool


@dataclass(slots=True)
class _Made:
    """A lens of a blank."""

    blank: Blank
    ground: Ground
    solid: Solid


def plan(case: Case, fired: list[Fired]) -> Planned:
    """Returns how the lenses of a spec are made, or why they are not; notes the rows that were used."""
    planned = Planned()
    colour = case.lens.colour or case.catalog.plain_colour
    if case.sides and colour in case.catalog.made.get((case.lens.design, case.lens.material), ()):
        wanted = [each for side in case.sides if (each := _wanted(case, side, planned, fired)) is not None]
        if len(wanted) == len(case.sides):
            # none is made where one cannot be
            planned.chosen = True
            for each, made in zip(wanted, _choose(case, wanted, planned), strict=False):
                _finish(case, each, made, planned, fired)
    for side in case.sides:
        if side not in planned.geometry:
            planned.geometry[side] = _geometry(case, side)
    return planned


def route(case: Case, lenses: Sequence[LensPlan]) -> tuple[str, ...]:
    """Returns the stations of a job: those that any of its lenses passes, in the order of the floor."""
    passed = {station for lens in lenses for station in lens.route}
    return tuple(station for station in case.catalog.stations if station in passed)


# ── what is wanted ────────────────────────────────────────────────────────────────────────────────────────────────────


def _wanted(case: Case, side: Side, planned: Planned, fired: list[Fired]) -> _Wanted | None:
    eye = case.eyes[side]
    if eye.sphere is None or (eye.cylinder and eye.axis is None):
        name = "sphere" if eye.sphere is None else "axis"
        message = f"{capital(eye.side)} eye, {name}: give it; without it there is no lens."
        planned.problems.append(Violation(NOT_GIVEN, Severity.ERROR, f"prescription.{eye.side}.{name}", message))
        return None
    if eye.minimum_blank is not None and case.frame.b is None:
        message = "Frame B: give it, or order the lenses uncut without a frame; without it the lens has no shape."
        planned.problems.append(Violation(NOT_GIVEN, Severity.ERROR, "frame.b", message))
        return None
    nouns = case.of_eye(side)
    base = _ask(case, BASE_CURVE, nouns, side, planned, fired)
    thickness = _ask(case, MINIMUM_THICKNESS, nouns, side, planned, fired)
    if base is None or thickness is None:
        return None
    blank = eye.minimum_blank
    thinning = _thinning(case)
    planned.asked[side] = asked = Asked(
        base.then["base"],
        base.then.get("slip"),
        thickness.then["centre"],
        thickness.then["edge"],
        thickness.then.get("allowance", 0),
    )
    return _Wanted(
        side=side,
        eye=eye,
        power=SpheroCylinder(eye.sphere, eye.cylinder or 0, (eye.axis or 180) if eye.cylinder else 180),
        prism=Prism(eye.prism_horizontal or 0, (eye.prism_vertical or 0) - thinning),
        thinning=thinning,
        base=asked.base,
        slip=asked.slip,
        centre=asked.centre,
        edge=asked.edge,
        diameter=0 if blank is None else blank + asked.allowance,
        minus=(eye.spherical_equivalent or 0) < 0,
    )


def _ask(
    case: Case, table: str, nouns: Sequence[object], side: Side, planned: Planned, fired: list[Fired]
) -> Row | None:
    """Returns the row of a table that answers; a table that is silent about a lens is a problem of its own."""
    row = case.catalog.tables[table].find(nouns)
    if row is None:
        design = case.catalog.designs[case.lens.design].name
        message = (
            f"{capital(SIDE_NAMES[side])} eye: the lab has set no {table.replace('-', ' ')} for {design}; ask the lab."
        )
        planned.problems.append(Violation(NOT_SET, Severity.ERROR, "lens.design", message))
        return None
    fired.append(row.fired[side])
    return row


def _thinning(case: Case) -> Hundredths:
    """Returns the prism that thins the pair: two thirds of the smaller addition, to the nearest 0.25."""
    if PRISM_THINNING not in case.lens.options:
        return 0
    add = min(eye.add or 0 for eye in case.eyes.values())
    return _THINNING_STEP * round_ratio(2 * add, 3 * _THINNING_STEP)


# ── the blanks ────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Workshop:
    """Makes lenses of blanks on trial, each once."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._made: dict[tuple[Side, str], _Made | Violation] = {}
        self.reasons: dict[Side, Violation] = {}
        """Why the last lens could not be made that failed, by side."""

    def first(self, wanted: _Wanted, blanks: Iterable[Blank]) -> _Made | None:
        """Returns the lens of the first blank that it can be made of; None where there is none."""
        for blank in blanks:
            key = wanted.side, blank.id
            if key not in self._made:
                self._made[key] = _make(self._case, wanted, blank)
            made = self._made[key]
            if isinstance(made, _Made):
                return made
            self.reasons[wanted.side] = made
        return None


def _choose(case: Case, wanted: Sequence[_Wanted], planned: Planned) -> list[_Made]:
    """Returns the lenses of the blanks that are taken, in the order of what is wanted; none where one has no blank."""
    key = case.lens.design, case.lens.material, case.lens.colour or case.catalog.plain_colour
    workshop = _Workshop(case)
    for shelf in case.catalog.shelves.get(key, ()):
        made = _of_one_base(workshop, wanted, shelf)
        if made is None and len(wanted) > 1:
            made = _each_of_its_own(workshop, wanted, shelf)
        if made is not None:
            return made
    stock = case.catalog.stock.get(key, ())
    for each in wanted:
        if workshop.first(each, _fitting(each, stock)) is None:
            planned.problems.append(workshop.reasons.get(each.side) or _no_blank(case, each, stock))
    return []


def _of_one_base(workshop: _Workshop, wanted: Sequence[_Wanted], shelf: Shelf) -> list[_Made] | None:
    """Returns the lenses of blanks of one base, the best there is for all of them; None where there is none."""
    minus = all(each.minus for each in wanted)
    bases = [each.base for each in wanted]
    for base in _nearest(min(bases) if minus else max(bases), shelf, minus=minus):
        fitting = [_fitting(each, shelf[base]) for each in wanted]
        if all(fitting):
            made = [workshop.first(each, blanks) for each, blanks in zip(wanted, fitting, strict=True)]
            found = [each for each in made if each is not None]
            if len(found) == len(wanted):
                return found
    return None


def _each_of_its_own(workshop: _Workshop, wanted: Sequence[_Wanted], shelf: Shelf) -> list[_Made] | None:
    """Returns the lenses of the blanks that are the best for each; None where one has none."""
    found = []
    for each in wanted:
        bases = _nearest(each.base, shelf, minus=each.minus)
        made = workshop.first(each, (blank for base in bases for blank in _fitting(each, shelf[base])))
        if made is None:
            return None
        found.append(made)
    return found


def _nearest(wanted: Hundredths, bases: Iterable[Hundredths], *, minus: bool) -> list[Hundredths]:
    """Returns bases, the nearest to the wanted one first; of two as near, for minus the flatter, else the steeper."""
    return sorted(bases, key=lambda base: (abs(base - wanted), base if minus else -base))


def _fitting(wanted: _Wanted, blanks: Sequence[Blank]) -> list[Blank]:
    """Returns those of some blanks that a lens can be made of, as far as that can be told without making it.

    In their order; for a lens that is as round as its blank, the largest first.
    """
    return [blank for blank in (blanks if wanted.diameter else blanks[::-1]) if _fits(blank, wanted)]


def _fits(blank: Blank, wanted: _Wanted) -> bool:
    if blank.diameter < wanted.diameter or not _is_for(blank, wanted):
        return False
    if blank.finished:
        return _has_power(blank, wanted)
    return wanted.slip is None or abs(blank.base - wanted.base) <= wanted.slip


def _is_for(blank: Blank, wanted: _Wanted) -> bool:
    return blank.side in {None, wanted.side} and blank.add in {None, wanted.eye.add}


def _has_power(blank: Blank, wanted: _Wanted) -> bool:
    power = minus_form(wanted.power)
    return (
        blank.centre >= wanted.centre
        and wanted.prism == NO_PRISM
        and _lies(power.sphere, blank.power)
        and _lies(power.cylinder, blank.cylinder)
    )


def _lies(value: int, span: Span) -> bool:
    low, high = span
    return (low is None or low <= value) and (high is None or value <= high)


def _make(case: Case, wanted: _Wanted, blank: Blank) -> _Made | Violation:
    """Returns the lens of a blank, or why it cannot be made of it."""
    index = case.catalog.materials[case.lens.material].index
    ground = Ground(
        front=tool_to_material(10 * blank.front, index),
        index=index,
        centre=blank.centre if blank.finished else wanted.centre,
        edge=wanted.edge,
        # a segment is an insert in the front: the rim below it is not thinned
        add=0 if case.lens.type == DesignType.MULTIFOCAL.value else wanted.eye.add or 0,
        thinning=wanted.thinning,
        diameter=0 if wanted.diameter else blank.diameter,
    )
    known = case.kept.get(wanted.side)
    if known is not None and known.solid is not None and known.ground == ground:
        made = _Made(blank, ground, known.solid)
    else:
        try:
            made = _Made(blank, ground, _solid(case, wanted, ground))
        except ImpossibleLensError as error:
            message = f"{_eye(wanted)}: no lens of this power fills this frame; {error}."
            return Violation(IMPOSSIBLE_LENS, Severity.ERROR, _of_eye(wanted, "sphere"), message)
    lens = made.solid
    for thickness, of_blank, words in (
        (lens.centre, blank.centre, "centre thickness"),
        (lens.edge_max, blank.edge or lens.edge_max, "thickest edge"),
    ):
        if thickness > of_blank:
            message = (
                f"{_eye(wanted)}, {words} {_mm(thickness)}: the blanks that are large enough have {_mm(of_blank)} "
                f"at the most; choose a smaller frame or a higher index."
            )
            return Violation(NO_BLANK, Severity.ERROR, _of_eye(wanted, "sphere"), message)
    return made


def _solid(case: Case, wanted: _Wanted, ground: Ground) -> Solid:
    inwards, up = case.centration.get(wanted.side, (0, 0))
    return solid(
        _shape(case, wanted, ground),
        wanted.side,
        inwards,
        up,
        prescription=wanted.power,
        prism=wanted.prism,
        add=ground.add,
        front=ground.front,
        index=ground.index,
        centre_min=ground.centre,
        edge_min=ground.edge,
    )


def _shape(case: Case, wanted: _Wanted, ground: Ground) -> Shape:
    if ground.diameter:
        return Shape.of_box(ground.diameter, ground.diameter, ground.diameter)
    outline, frame = case.outlines.get(wanted.side), case.frame
    if outline is not None:
        return outline.shape()
    return Shape.of_box(frame.a or 0, frame.b or 0, frame.ed)


# ── why there is none ─────────────────────────────────────────────────────────────────────────────────────────────────


def _no_blank(case: Case, wanted: _Wanted, stock: Sequence[Blank]) -> Violation:
    """Returns the first thing that no blank answers to: being there, the addition, the size, the power, the base."""
    catalog = case.catalog
    what = sentence(case, "{design} in {material}, {colour}")
    if not stock:
        others = _other_materials(case, 0)
        message = f"{what}: the lab keeps no blank for it; {way_out(others, catalog.materials, 'ask the lab.')}"
        return Violation(NO_BLANK, Severity.ERROR, "lens.material", message, others)
    blanks = [blank for blank in stock if _is_for(blank, wanted)]
    if not blanks:
        adds = sorted({blank.add for blank in stock if blank.add is not None})
        given = "" if wanted.eye.add is None else f" {spoken(wanted.eye.add, Unit.DIOPTRE)}"
        message = (
            f"{_eye(wanted)}, addition{given}: the blanks for {what} have "
            f"{', '.join(spoken(add, Unit.DIOPTRE) for add in adds) or 'the other eye in mind'}; "
            f"choose one of these additions or another design."
        )
        return Violation(NO_BLANK, Severity.ERROR, _of_eye(wanted, "add"), message)
    largest = max(blank.diameter for blank in blanks)
    if largest < wanted.diameter:
        others = _other_materials(case, wanted.diameter)
        message = (
            f"{_eye(wanted)}, blank of {_mm(wanted.diameter)}: the largest for {what} is {_mm(largest)}; choose a "
            f"smaller frame{', or ' if others else ''}{listed(others, catalog.materials)}."
        )
        return Violation(NO_BLANK, Severity.ERROR, "frame.a", message, others)
    blanks = [blank for blank in blanks if blank.diameter >= wanted.diameter]
    if all(blank.finished for blank in blanks):
        message = f"{_eye(wanted)}: {what} comes in finished lenses only, and not in this power; choose another design."
    else:
        nearest = min((blank.base for blank in blanks if not blank.finished), key=lambda base: abs(base - wanted.base))
        message = (
            f"{_eye(wanted)}, base curve {spoken(wanted.base, Unit.DIOPTRE)}: the nearest of {what} is "
            f"{spoken(nearest, Unit.DIOPTRE)}, too far from it; choose another design or material."
        )
    return Violation(NO_BLANK, Severity.ERROR, _of_eye(wanted, "sphere"), message)


def _other_materials(case: Case, diameter: Hundredths) -> tuple[str, ...]:
    """Returns the other materials for whose design and colour there are blanks that large, the nearest index first."""
    catalog, lens = case.catalog, case.lens
    colour = lens.colour or catalog.plain_colour
    large = [
        material
        for material in catalog.materials_of(lens.design)
        if material != lens.material
        and any(blank.diameter >= diameter for blank in catalog.stock.get((lens.design, material, colour), ()))
    ]
    return nearest_index(catalog, lens.material, large)


def _eye(wanted: _Wanted) -> str:
    return f"{capital(wanted.eye.side)} eye"


def _of_eye(wanted: _Wanted, name: str) -> str:
    return f"prescription.{wanted.eye.side}.{name}"


def _mm(value: Hundredths) -> str:
    return spoken(value, Unit.MILLIMETRE)


def _geometry(case: Case, side: Side, made: _Made | None = None) -> Geometry:
    """Returns what was computed over the shape of one lens."""
    outline, blank = case.outlines.get(side), case.minimum_blanks.get(side)
    a, b, ed = (outline.a, outline.b, outline.ed) if outline else (0, 0, 0)
    return Geometry(a, b, ed, blank, made.ground, made.solid) if made else Geometry(a, b, ed, blank)


# ── the lens ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _finish(case: Case, wanted: _Wanted, made: _Made, planned: Planned, fired: list[Fired]) -> None:
    """Adds the plan of a lens: its facts, and by them the machines' programs and its route."""
    side, blank, lens = wanted.side, made.blank, made.solid
    index, density = made.ground.index, case.catalog.materials[case.lens.material].density
    facts = PlanFacts(
        blank=blank.id,
        blank_diameter=blank.diameter,
        base=blank.base,
        front=blank.front,
        back_flat=to_hundredths(material_to_tool(lens.back_sphere, index)),
        back_steep=to_hundredths(material_to_tool(lens.back_sphere + lens.back_cylinder, index)),
        centre_thickness=lens.centre,
        edge_thinnest=lens.edge_min,
        edge_thickest=lens.edge_max,
        weight=weight(lens.volume, density),
        finished=blank.finished,
    )
    planned.facts[side] = facts
    planned.geometry[side] = _geometry(case, side, made)
    nouns = case.of_plan(side, facts)
    programs = []
    for step in STEPS:
        if step in case.catalog.tables and not (blank.finished and step in SURFACING):
            row = _ask(case, step, nouns, side, planned, fired)
            if row is not None and row.then["program"]:
                programs.append((step, row.then["program"]))
    passes = _ask(case, ROUTES, nouns, side, planned, fired)
    planned.lenses.append(
        LensPlan(
            side=side,
            blank=blank,
            base=blank.base,
            front=blank.front,
            back_flat=facts.back_flat,
            back_steep=facts.back_steep,
            minimum_blank=wanted.diameter,
            centre=lens.centre,
            edge_thinnest=lens.edge_min,
            edge_thinnest_angle=lens.edge_min_angle,
            edge_thickest=lens.edge_max,
            edge_thickest_angle=lens.edge_max_angle,
            weight=facts.weight,
            estimated=bool(wanted.diameter) and side not in case.outlines,
            programs=tuple(programs),
            route=passes.then["stations"] if passes else (),
        )
    )
