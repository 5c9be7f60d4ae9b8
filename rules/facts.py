"""Takes the facts from a spec: what was ordered, what the catalog knows of it, and what follows from both.

A measure beyond the bounds of its field is no measure (nobody has a sphere of -225 D). It is told and then counts as
not given, so that whatever is computed from measures is computed from some that can be.

A traced shape becomes a `Shape` when something has to be computed over it, and not before: an earlier decision's
`Geometry` of the same spec makes it unnecessary.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from operator import attrgetter
from typing import Any

from optics import layout
from optics.eyes import Side
from optics.numbers import Hundredths, Thousandths, format_decimal, round_half_away, round_ratio, to_hundredths
from optics.shape import Shape
from optics.trace import Trace, UnusableTraceError, mirrored
from rules.catalog import Catalog, Severity
from rules.decision import Geometry, Violation
from rules.spec import Eye, Frame, Lens, Radii, Spec, Traces
from rules.units import Unit, spoken
from rules.view import (
    SIDE_NAMES,
    SUBJECTS,
    EyeFacts,
    FrameFacts,
    LensFacts,
    OrderFacts,
    PairFacts,
    PlanFacts,
    Subject,
    Term,
    capital,
)

OUT_OF_RANGE = "OUT_OF_RANGE"
TRACE_UNUSABLE = "TRACE_UNUSABLE"
TRACE_OFF_BOX = "TRACE_OFF_BOX"

NAMES: Mapping[str, str] = {"design": "this lens", "material": "this material", "colour": "this colour"}
"""What a sentence can name of a lens, with the words for what is not chosen."""

OFF_BOX: Hundredths = 50
"""How far, in 1/100 mm, the box of a trace may lie from the measures that were given: as far as rulers go."""

_OTHER = {Side.RIGHT: Side.LEFT, Side.LEFT: Side.RIGHT}
_NOTHING = EyeFacts("")


def _measures(noun: str) -> tuple[Term, ...]:
    """Returns the numbers that an order may give of a noun, in the order in which its facts take them."""
    return tuple(term for term in SUBJECTS[noun].terms.values() if term.path and term.field.optional)


_OF_EYE, _OF_FRAME = _measures("eye"), _measures("frame")
_READ_EYE: Any = attrgetter(*(term.field.name for term in _OF_EYE))
_READ_FRAME: Any = attrgetter(*(term.field.name for term in _OF_FRAME))
_BOUNDS_OF_EYE = tuple((term.field.low or 0, term.field.high or 0) for term in _OF_EYE)
_BOUNDS_OF_FRAME = tuple((term.field.low or 0, term.field.high or 0) for term in _OF_FRAME)
_WIDTHS = SUBJECTS["frame"].terms["a"].field
_HEIGHTS = SUBJECTS["frame"].terms["b"].field


@dataclass(slots=True)
class Outline:
    """The traced outline of one lens: its measures at once, its shape when it is asked for.

    Attributes:
        side: Which lens.
        radii: What was traced.
        traced: Which lens was traced; the other one is its mirror image.
        a: Width of the box in 1/1000 mm.
        b: Height of the box.
        ed: Effective diameter about the box centre.
    """

    side: Side
    radii: Radii
    traced: Side
    a: Thousandths = 0
    b: Thousandths = 0
    ed: Thousandths = 0
    _shape: Shape | None = None

    def shape(self) -> Shape:
        """Returns the shape, ready to be computed over.

        Raises:
            UnusableTraceError: It is no shape.
        """
        if self._shape is None:
            trace = Trace(self.traced, self.radii.radii, self.radii.angles or None)
            self._shape = Shape.of_trace(trace if self.traced is self.side else mirrored(trace))
        return self._shape

    @property
    def is_asked_for(self) -> bool:
        """Whether the shape was needed."""
        return self._shape is not None


@dataclass(slots=True)
class Case:
    """One spec under one catalog, as facts.

    Attributes:
        catalog: What can be made.
        spec: What is ordered.
        sides: The eyes a lens is made for.
        eyes: Their facts.
        pair: What compares them.
        frame: The frame.
        lens: The lens.
        order: Eyes and account.
        outlines: The traced outlines, of the eyes that have one.
        centration: Of each eye that it is known for, how far inwards and upwards of the box centre it looks through the
            lens, in 1/1000 mm.
        minimum_blanks: Of the same eyes, the smallest blank, without any allowance.
        kept: What was computed for an earlier decision of the same spec.
        faults: What is wrong with the spec in itself.
        names: What was chosen, as sentences name it.
        of_pair: The nouns of the scope of the pair; an eye that no lens is made for has no measures.
    """

    catalog: Catalog
    spec: Spec
    sides: tuple[Side, ...]
    eyes: dict[Side, EyeFacts]
    pair: PairFacts
    frame: FrameFacts
    lens: LensFacts
    order: OrderFacts
    outlines: dict[Side, Outline]
    centration: dict[Side, tuple[Thousandths, Thousandths]]
    minimum_blanks: dict[Side, Thousandths]
    kept: Mapping[Side, Geometry]
    faults: list[Violation]
    names: Mapping[str, str]
    of_pair: tuple[object, ...] = ()

    def of_eye(self, side: Side) -> tuple[object, ...]:
        """Returns the nouns of the scope of one eye."""
        return self.eyes[side], self.frame, self.lens, self.order

    def of_plan(self, side: Side, plan: PlanFacts) -> tuple[object, ...]:
        """Returns the nouns of the scope of one eye's plan."""
        return self.eyes[side], plan, self.frame, self.lens, self.order


def take(catalog: Catalog, spec: Spec, kept: Mapping[Side, Geometry]) -> Case:
    """Returns the facts of a spec. Total: what cannot be is told, and left out."""
    faults: list[Violation] = []
    sides = spec.sides
    outlines = _outlines(spec.frame.traces, sides, kept, faults) if spec.frame.traces != _UNTRACED else {}
    case = Case(
        catalog=catalog,
        spec=spec,
        sides=sides,
        eyes={},
        pair=PairFacts(),
        frame=_frame(spec.frame, outlines, faults),
        lens=_lens(catalog, spec.lens),
        order=OrderFacts(spec.eyes.value, spec.account),
        outlines=outlines,
        centration={},
        minimum_blanks={},
        kept=kept,
        faults=faults,
        names=_names(catalog, spec.lens),
    )
    for side in sides:
        case.eyes[side] = _eye(case, side, spec.eye(side))
    if len(sides) == len(Side):
        case.pair = _pair(*case.eyes.values())
    right, left = case.eyes.get(Side.RIGHT, _NOTHING), case.eyes.get(Side.LEFT, _NOTHING)
    case.of_pair = right, left, case.pair, case.frame, case.lens, case.order
    return case


# ── the frame ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_UNTRACED = Traces()


def _outlines(
    traces: Traces, sides: Sequence[Side], kept: Mapping[Side, Geometry], faults: list[Violation]
) -> dict[Side, Outline]:
    """Returns the outlines of the sides that have one; what is no shape is told once for each trace."""
    radii = {Side.RIGHT: traces.right, Side.LEFT: traces.left}
    outlines: dict[Side, Outline] = {}
    unusable: dict[Side, str] = {}
    for side in sides:
        traced = side if radii[side] is not None else _OTHER[side]
        outline = Outline(side, radii[traced] or Radii(()), traced)
        known = kept.get(side)
        if known is not None and known.a:
            outline.a, outline.b, outline.ed = known.a, known.b, known.ed
            outlines[side] = outline
            continue
        try:
            shape = outline.shape()
            _check_box(shape)
        except UnusableTraceError as error:
            unusable.setdefault(traced, str(error))
        else:
            outline.a, outline.b, outline.ed = shape.a, shape.b, shape.ed
            outlines[side] = outline
    for traced, fault in unusable.items():
        name = SIDE_NAMES[traced]
        message = f"Trace of the {name} lens: it {fault}; trace the frame again."
        faults.append(Violation(TRACE_UNUSABLE, Severity.ERROR, f"frame.trace.{name}", message))
    return outlines


def _check_box(shape: Shape) -> None:
    for measure, words, field in ((shape.a, "wide", _WIDTHS), (shape.b, "high", _HEIGHTS)):
        low, high = field.low or 0, field.high or 0
        if not low <= to_hundredths(measure) <= high:
            raise UnusableTraceError(
                f"is {format_decimal(measure, 3)} mm {words}; a lens is "
                f"{spoken(low, Unit.MILLIMETRE)} to {spoken(high, Unit.MILLIMETRE)}"
            )


def _frame(frame: Frame, outlines: Mapping[Side, Outline], faults: list[Violation]) -> FrameFacts:
    values: Any = _READ_FRAME(frame)
    for value, (low, high) in zip(values, _BOUNDS_OF_FRAME, strict=True):
        if value is not None and not low <= value <= high:
            values = _measurable(values, _OF_FRAME, SUBJECTS["frame"], faults)
            break
    facts = FrameFacts(*values)
    facts.material, facts.edge_type, facts.traced = frame.material.value, frame.edge_type.value, bool(outlines)
    for outline in outlines.values():
        faults.extend(_off_box(facts, outline))
    for outline in list(outlines.values())[:1]:
        facts.a = to_hundredths(outline.a) if facts.a is None else facts.a
        facts.b = to_hundredths(outline.b) if facts.b is None else facts.b
        facts.ed = to_hundredths(outline.ed) if facts.ed is None else facts.ed
    a, b, ed = facts.a, facts.b, facts.ed
    if a is not None and b is not None and ed is not None:
        facts.ed_excess = ed - max(a, b)
        facts.ed_slack = ed - _root_up(a * a + b * b)
    return facts


def _off_box(frame: FrameFacts, outline: Outline) -> Iterator[Violation]:
    """Objects to a trace whose box is not the one that was given; a mirror image is not looked at again."""
    if outline.side is not outline.traced:
        return
    for name, given, measured in (("a", frame.a, outline.a), ("b", frame.b, outline.b)):
        if given is not None and abs(10 * given - measured) > 10 * OFF_BOX:
            term = SUBJECTS["frame"].terms[name]
            message = (
                f"{capital(term.words)} {spoken(given, Unit.MILLIMETRE)}: the trace of the {SIDE_NAMES[outline.side]} "
                f"lens measures {spoken(to_hundredths(measured), Unit.MILLIMETRE)}; check that it is this frame's."
            )
            yield Violation(TRACE_OFF_BOX, Severity.WARNING, f"frame.{name}", message)


# ── the eyes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _eye(case: Case, side: Side, eye: Eye) -> EyeFacts:
    values: Any = _READ_EYE(eye)
    for value, (low, high) in zip(values, _BOUNDS_OF_EYE, strict=True):
        if value is not None and not low <= value <= high:
            values = _measurable(values, _OF_EYE, SUBJECTS[SIDE_NAMES[side]], case.faults)
            break
    facts = EyeFacts(SIDE_NAMES[side], *values)
    _powers(facts)
    _centre(case, side, facts)
    return facts


def _powers(eye: EyeFacts) -> None:
    sphere, cylinder = eye.sphere, eye.cylinder
    if sphere is not None:
        across = sphere + (cylinder or 0)
        eye.power_low, eye.power_high = low, high = (across, sphere) if across < sphere else (sphere, across)
        eye.power_strongest = strongest = high if high > -low else low
        eye.power_amount = abs(strongest)
        eye.spherical_equivalent = round_ratio(sphere + across, 2)
    if cylinder is not None:
        eye.cylinder_amount = abs(cylinder)
    horizontal, vertical = eye.prism_horizontal, eye.prism_vertical
    if horizontal is not None or vertical is not None:
        eye.prism = _root_up((horizontal or 0) ** 2 + (vertical or 0) ** 2)


def _centre(case: Case, side: Side, eye: EyeFacts) -> None:
    frame, pd, height = case.frame, eye.distance_pd, eye.fitting_height
    if pd is not None and eye.near_pd is not None:
        eye.near_inset = pd - eye.near_pd
    up = 0
    if frame.b is not None and height is not None:
        eye.height_clearance = frame.b - height
        up = layout.vertical_decentration(frame.b, height)
        eye.decentration_up = round_half_away(up / 10)
    if frame.a is None or frame.dbl is None or pd is None:
        return
    inwards = layout.decentration(frame.a, frame.dbl, pd)
    eye.decentration_in = round_half_away(inwards / 10)
    eye.decentration = _hundredths_up(_root_up(inwards * inwards + up * up))
    blank = _minimum_blank(case, side, inwards, up)
    if blank is not None:
        eye.minimum_blank = _hundredths_up(blank)
        case.centration[side] = inwards, up
        case.minimum_blanks[side] = blank


def _minimum_blank(case: Case, side: Side, inwards: Thousandths, up: Thousandths) -> Thousandths | None:
    known = case.kept.get(side)
    if known is not None and known.minimum_blank is not None:
        return known.minimum_blank
    outline, frame = case.outlines.get(side), case.frame
    if outline is not None:
        return layout.minimum_blank(outline.shape(), side, inwards, up)
    if frame.ed is not None:
        return layout.minimum_blank_by_formula(10 * frame.ed, inwards, up)
    if frame.a is not None and frame.b is not None:
        return layout.minimum_blank(Shape.of_box(frame.a, frame.b, None), side, inwards, up)
    return None


def _pair(right: EyeFacts, left: EyeFacts) -> PairFacts:
    facts = PairFacts()
    if right.sphere is not None and left.sphere is not None:
        doubled = 2 * (right.sphere - left.sphere) + (right.cylinder or 0) - (left.cylinder or 0)
        facts.anisometropia = (abs(doubled) + 1) // 2
        facts.opposite_spheres = _opposite(right.sphere, left.sphere)
    if right.cylinder is not None and left.cylinder is not None:
        facts.opposite_cylinders = _opposite(right.cylinder, left.cylinder)
    return facts


def _opposite(one: Hundredths, other: Hundredths) -> Hundredths:
    return min(abs(one), abs(other)) if one * other < 0 else 0


# ── the lens ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _lens(catalog: Catalog, lens: Lens) -> LensFacts:
    design, material = catalog.designs.get(lens.design), catalog.materials.get(lens.material)
    return LensFacts(
        design=design.id if design else "",
        type=design.type.value if design else "",
        material=material.id if material else "",
        colour=lens.colour if lens.colour in catalog.colours else "",
        coatings=tuple(dict.fromkeys(each for each in lens.coatings if each in catalog.coatings)),
        options=tuple(dict.fromkeys(each for each in lens.options if each in catalog.options)),
        index=material.index if material else None,
        impact=material.impact if material else "",
    )


def _names(catalog: Catalog, lens: Lens) -> Mapping[str, str]:
    design, material = catalog.designs.get(lens.design), catalog.materials.get(lens.material)
    colour = catalog.colours.get(lens.colour or catalog.plain_colour)
    return {
        "design": design.name if design else NAMES["design"],
        "material": material.name if material else NAMES["material"],
        "colour": colour.name if colour else NAMES["colour"],
    }


# ── what several of them need ─────────────────────────────────────────────────────────────────────────────────────────


def _measurable(
    values: Sequence[int | None], terms: Sequence[Term], subject: Subject, faults: list[Violation]
) -> list[int | None]:
    """Returns the values that lie within the bounds of their fields, and None for those that do not; tells which."""
    within: list[int | None] = []
    for value, term in zip(values, terms, strict=True):
        low, high, unit = term.field.low or 0, term.field.high or 0, term.field.unit
        if value is None or low <= value <= high:
            within.append(value)
            continue
        within.append(None)
        said, lowest, highest = (str(each) if unit is None else spoken(each, unit) for each in (value, low, high))
        message = (
            f"{capital(subject.words + term.words)} {said}: there is no such {term.words}, it is {lowest} to "
            f"{highest}; check sign and decimals."
        )
        faults.append(Violation(OUT_OF_RANGE, Severity.ERROR, subject.path + term.path, message))
    return within


def _root_up(square: int) -> int:
    """Returns the square root rounded up, so that an amount just beyond a limit is never read as the limit."""
    root = isqrt(square)
    return root if root * root == square else root + 1


def _hundredths_up(value: Thousandths) -> Hundredths:
    return -(-value // 10)
