"""Draws what was decided: both lenses as they sit before the eyes, seen from the front, to scale, as SVG.

One unit of the drawing is one millimetre, and the size it asks for is its own in millimetres: printed at 100 % a lens
can be held against it. The wearer's right lens is on the viewer's left, and inwards, to the nose, is to the middle.

    outline          the traced shape; of a frame that was not traced, the estimate that the rules compute with
    box              A by B, with the distance between the lenses (DBL) and the datum line through the box centres
    PRP              the prism reference point, where the wearer looks through the lens: of a lens with an addition its
                     fitting point, of one without any prism its optical centre
    optical centre   of a lens without an addition: where it has no prism, by Prentice's rule
    blank            the circle it is made from, and the smallest that would do; the PRP is the middle of both
    edge             where it is thinnest and where it is thickest

A spec that is refused is drawn as far as it is known: outline, box and PRP. Every text is escaped, whatever a file
calls its job. The colours are the drawing's own, on its own paper, so that a dark viewer changes nothing.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from optics.eyes import Side
from optics.layout import reference_point
from optics.numbers import Hundredths, Thousandths, format_decimal, to_hundredths
from optics.power import SpheroCylinder, power_matrix
from optics.shape import Shape
from rules.catalog import Catalog, Entry
from rules.decision import Decision, LensPlan
from rules.facts import Case, take
from rules.sheet import Area, Sheet, Spot, Style
from rules.spec import Spec
from rules.units import Unit, spoken

_SIDES: Mapping[Side, tuple[str, str]] = {Side.RIGHT: ("R", "Right (OD)"), Side.LEFT: ("L", "Left (OS)")}
_OUTWARDS: Mapping[Side, int] = {Side.RIGHT: -1, Side.LEFT: 1}
_DIAMETER = "\N{LATIN CAPITAL LETTER O WITH STROKE}"
_DOT = " \N{MIDDLE DOT} "

_INK, _SOFT, _FAINT = "#1d2733", "#55626f", "#b3bcc5"
_GLASS, _EDGE, _BLANK, _ROUND = "#e1eef7", "#1f5f8b", "#7d6231", "#bda87c"
_THIN, _THICK, _POINT, _FINE = "#14713f", "#b0261e", "#6a2c91", "#14713f"

_TITLE, _PLAIN, _SMALL = 4.4, 3.0, 2.7
_LETTER = Style(_INK, 7.0, bold=True)
_LINE = 1.4
"""From base line to base line, of a text's size."""

_LEAST_WIDTH, _MARGIN, _GAP = 180.0, 6.0, 4.0
_BESIDE_BOX = 5.0
"""How far from a box its dimensions are drawn."""
_USUAL_BRIDGE: Hundredths = 18_00
_SCALE = 50.0
_CENTRE_LINE = "3 0.8 0.6 0.8"
_AROUND = (0, 180, 45, 135, -45, -135, 20, 160, -20, -160, 90, -90)
"""Where a text may stand that is about a point: beside it, and else above or below."""
_ASIDE = (0, 20, -20, 40, -40, 60, -60, 80, -80)
"""Where one may stand that is about the edge: straight off it, and else aside."""


@dataclass(frozen=True, slots=True)
class _Lens:
    """One lens where it is drawn: from the middle of the bridge to the viewer's right, and up from the datum line.

    Attributes:
        side: The eye it is for.
        middle: The box centre; of a lens without a box, the middle of the blank.
        outline: Its shape.
        half_a: Half the width of its box; 0 where there is none.
        half_b: Half the height.
        point: The PRP; None where it is not known.
        inwards: Where that lies from the box centre.
        up: The same.
        optical_centre: Where it has no prism; None where that is no one place.
        smallest: The smallest blank: with the lab's allowance where it is planned, else without; 0 where not known.
        plan: How it is made; None where it cannot be.
    """

    side: Side
    middle: Spot
    outline: tuple[Spot, ...]
    half_a: float
    half_b: float
    point: Spot | None
    inwards: Thousandths
    up: Thousandths
    optical_centre: Spot | None
    smallest: Hundredths
    plan: LensPlan | None

    @property
    def outwards(self) -> int:
        """Where the temple is: -1 to the viewer's left, 1 to the right."""
        return _OUTWARDS[self.side]

    @property
    def reach(self) -> float:
        """Radius of the larger circle about the PRP."""
        return max(self.plan.blank.diameter if self.plan else 0, self.smallest) / 200

    @property
    def temple(self) -> float:
        """Where the box ends outwards."""
        return self.middle.x + self.outwards * self.half_a

    @property
    def nose(self) -> float:
        """Where the box ends inwards."""
        return self.middle.x - self.outwards * self.half_a


def draw(catalog: Catalog, spec: Spec, decision: Decision, *, title: str = "") -> str:
    """Returns the drawing of a decided spec as an SVG document; empty where there is nothing to draw.

    Args:
        catalog: The catalog it was decided under.
        spec: What was decided.
        decision: What became of it; its geometry saves the arithmetic over the shapes.
        title: What the drawing is of ("Job 900001").
    """
    case = take(catalog, spec, decision.geometry)
    lenses = [lens for lens in _lenses(case, decision) if lens.outline]
    if not lenses:
        return ""
    sheet = Sheet()
    for lens in lenses:
        _draw_circles(sheet, lens)
    for lens in lenses:
        _draw_outline(sheet, lens)
    _draw_bridge(sheet, case, lenses)
    for lens in lenses:
        _draw_dimensions(sheet, case, lens)
        _draw_points(sheet, lens)
    for lens in lenses:
        _draw_edge(sheet, lens)
        _name_points(sheet, lens)
    return _document(sheet, case, decision, lenses, title)


# ── what is where ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _lenses(case: Case, decision: Decision) -> Iterator[_Lens]:
    plans = {plan.side: plan for plan in decision.lenses}
    for side in case.sides:
        plan = plans.get(side)
        # a lens whose place before the eye is not known is made as round as its blank
        shape = None if plan and not plan.minimum_blank else _shape(case, side)
        middle = _middle(case, side, shape, plan)
        inwards, up = case.centration.get(side, (0, 0))
        right_of, above = reference_point(side, inwards, up)
        point = Spot(middle.x + right_of, middle.y + above) if shape is None or side in case.centration else None
        yield _Lens(
            side=side,
            middle=middle,
            outline=_outline(shape, middle) if shape else _round(plan, middle),
            half_a=shape.a / 2000 if shape else 0,
            half_b=shape.b / 2000 if shape else 0,
            point=point,
            inwards=inwards,
            up=up,
            optical_centre=_optical_centre(case, side, point) if point else None,
            smallest=plan.minimum_blank if plan else to_hundredths(case.minimum_blanks.get(side, 0)),
            plan=plan,
        )


def _shape(case: Case, side: Side) -> Shape | None:
    """Returns the shape of a frame; None where neither a trace nor a box of it is known."""
    outline, frame = case.outlines.get(side), case.frame
    if outline is not None:
        return outline.shape()
    if frame.a is None or frame.b is None:
        return None
    return Shape.of_box(frame.a, frame.b, frame.ed)


def _middle(case: Case, side: Side, shape: Shape | None, plan: LensPlan | None) -> Spot:
    bridge = _USUAL_BRIDGE if case.frame.dbl is None or shape is None else case.frame.dbl
    wide = shape.a / 1000 if shape else (plan.blank.diameter / 100 if plan else 0)
    return Spot(_OUTWARDS[side] * (bridge / 100 + wide) / 2, 0)


def _outline(shape: Shape, middle: Spot) -> tuple[Spot, ...]:
    return tuple(Spot(middle.x + x, middle.y + y) for x, y in zip(shape.x.tolist(), shape.y.tolist(), strict=True))


def _round(plan: LensPlan | None, middle: Spot) -> tuple[Spot, ...]:
    if plan is None:
        return ()
    radius = plan.blank.diameter / 200
    angles = (math.radians(degrees) for degrees in range(0, 360, 5))
    return tuple(Spot(middle.x + radius * math.cos(each), middle.y + radius * math.sin(each)) for each in angles)


def _optical_centre(case: Case, side: Side, point: Spot) -> Spot | None:
    """Returns where a lens has no prism: at its PRP, or away from it by what is prescribed there (Prentice's rule).

    None for a lens with an addition, whose power is not the same all over, and for one that has prism everywhere.
    """
    eye = case.eyes[side]
    if eye.add or eye.sphere is None or (eye.cylinder and eye.axis is None):
        return None
    right, up = -_OUTWARDS[side] * (eye.prism_horizontal or 0) / 100, (eye.prism_vertical or 0) / 100
    if not right and not up:
        return point
    power = power_matrix(SpheroCylinder(eye.sphere, eye.cylinder or 0, (eye.axis or 180) if eye.cylinder else 180))
    determinant = power.xx * power.yy - power.xy * power.xy
    if abs(determinant) < 1e-6:  # noqa: PLR2004 -- there is no power along one meridian, or along any
        return None
    # the way there, in centimetres, is the prism times the inverse of the power matrix
    return Spot(
        point.x + 10 * (power.yy * right - power.xy * up) / determinant,
        point.y + 10 * (power.xx * up - power.xy * right) / determinant,
    )


# ── the lenses ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _draw_circles(sheet: Sheet, lens: _Lens) -> None:
    if lens.point is None or not lens.reach:
        return
    told = []
    if lens.plan:
        sheet.circle(lens.point, lens.plan.blank.diameter / 200, _ROUND, 0.35)
        told.append(f"blank {_DIAMETER} {_mm(lens.plan.blank.diameter)}")
    if lens.smallest:
        sheet.circle(lens.point, lens.smallest / 200, _ROUND, 0.25, dash="1.6 1.1")
        told.append(f"{'smallest' if lens.plan else 'shape'} {_DIAMETER} {_mm(lens.smallest)}")
    above = max(lens.point.y + lens.reach + 2.2, lens.half_b + _BESIDE_BOX + 5.6)  # circle and dimensions
    sheet.write(Spot(lens.point.x, above), _DOT.join(told), Style(_BLANK, _SMALL))


def _draw_outline(sheet: Sheet, lens: _Lens) -> None:
    sheet.outline(lens.outline, _EDGE, 0.5, _GLASS)
    if lens.half_a:
        box = Area(lens.middle.x - lens.half_a, -lens.half_b, lens.middle.x + lens.half_a, lens.half_b)
        sheet.box(box, _FAINT, 0.2, dash="0.9 0.9")
        sheet.line(Spot(box.left, 0), Spot(box.right, 0), _FAINT, 0.18, dash=_CENTRE_LINE)
    letter, _ = _SIDES[lens.side]
    sheet.write(Spot(_beside(lens), (lens.half_b or lens.reach) + _BESIDE_BOX), letter, _LETTER)


def _beside(lens: _Lens) -> float:
    """Returns where there is room on the side of the temple: beyond the box and the circles."""
    circles = abs(lens.point.x) + lens.reach if lens.point else 0
    return lens.outwards * (max(abs(lens.temple), circles) + _BESIDE_BOX)


def _draw_bridge(sheet: Sheet, case: Case, lenses: Sequence[_Lens]) -> None:
    """Draws the bridge between two boxes, and says on which side of each lens the nose is."""
    small = Style(_SOFT, _SMALL)
    boxes = [lens for lens in lenses if lens.half_a]
    if len(boxes) == len(Side):
        right, left = boxes
        low, high = 0.3 * min(right.half_b, left.half_b), 0.62 * min(right.half_b, left.half_b)
        sheet.arc(Spot(right.nose, low), Spot(0, high), Spot(left.nose, low), _FAINT, 1.2)
        sheet.line(Spot(right.nose, 0), Spot(left.nose, 0), _FAINT, 0.18, dash=_CENTRE_LINE)
        if case.frame.dbl is not None:
            text = f"DBL {_mm(case.frame.dbl)}"
            _measure_across(sheet, right.nose, left.nose, _below(boxes), text, from_y=0)
    for lens in boxes:
        gap = abs(lens.nose)
        word = "nasal" if gap > small.width("nasal") + 1 else "N"
        sheet.write(Spot(lens.nose / 2, -3), word, small)


def _below(boxes: Sequence[_Lens]) -> float:
    return -max(lens.half_b for lens in boxes) - _BESIDE_BOX


def _draw_dimensions(sheet: Sheet, case: Case, lens: _Lens) -> None:
    if not lens.half_a:
        return
    a, b = (to_hundredths(round(2000 * half)) for half in (lens.half_a, lens.half_b))
    left, right = sorted((lens.temple, lens.nose))
    _measure_across(sheet, left, right, _below([lens]), f"A {_mm(a)}", from_y=-lens.half_b)
    _measure_up(sheet, _beside(lens), -lens.half_b, lens.half_b, f"B {_mm(b)}", lens.outwards, from_x=lens.temple)
    eye = case.eyes[lens.side]
    if lens.point is None or eye.distance_pd is None:
        return
    left, right = sorted((0.0, lens.point.x))
    text = f"PD {_mm(eye.distance_pd)}"
    _measure_across(sheet, left, right, lens.half_b + _BESIDE_BOX, text, from_y=lens.point.y, colour=_POINT)
    if eye.fitting_height is not None:
        text = _mm(eye.fitting_height)
        if Style(_POINT, _SMALL).width(f"height {text}") < lens.point.y + lens.half_b:
            text = f"height {text}"
        _measure_up(sheet, lens.point.x, -lens.half_b, lens.point.y, text, lens.outwards, colour=_POINT)


def _draw_points(sheet: Sheet, lens: _Lens) -> None:
    """Draws box centre and PRP with the way between them, and the optical centre where it is elsewhere."""
    if lens.half_a:
        sheet.cross(lens.middle, 1.4, _SOFT, 0.25)
    if lens.point is None:
        return
    if lens.half_a:
        corner = Spot(lens.point.x, lens.middle.y)
        sheet.line(lens.middle, corner, _POINT, 0.35)
        sheet.line(corner, lens.point, _POINT, 0.35)
    sheet.cross(lens.point, 2.2, _POINT, 0.3, ring=1.3)
    if (centre := _apart(lens)) is not None:
        sheet.dot(centre, 0.8, _INK)


def _apart(lens: _Lens) -> Spot | None:
    """Returns the optical centre where it is on the lens and another point than the PRP."""
    centre = lens.optical_centre
    if centre is None or lens.point is None or centre == lens.point or math.dist(lens.point, centre) > lens.reach:
        return None
    return centre


def _name_points(sheet: Sheet, lens: _Lens) -> None:
    if (centre := _apart(lens)) is not None:
        sheet.put(centre, "OC", Style(_INK, _SMALL), [(each, 2) for each in _AROUND])
    if lens.plan and lens.point:
        text = f"centre {_mm(lens.plan.centre)}"
        sheet.put(lens.point, text, Style(_INK, _PLAIN), [(each, 2.6) for each in _AROUND])


def _draw_edge(sheet: Sheet, lens: _Lens) -> None:
    """Marks where the edge is thickest and thinnest."""
    if lens.plan is None:
        return
    marks = (
        ("thickest", lens.plan.edge_thickest, lens.plan.edge_thickest_angle, _THICK),
        ("thinnest", lens.plan.edge_thinnest, lens.plan.edge_thinnest_angle, _THIN),
    )
    spots = [_at_angle(lens, angle) for _, _, angle, _ in marks]
    for spot, (_, _, _, colour) in zip(spots, marks, strict=True):
        sheet.dot(spot, 1.0, colour)
    for spot, (word, thickness, _, colour) in zip(spots, marks, strict=True):
        inwards = math.degrees(math.atan2(lens.middle.y - spot.y, lens.middle.x - spot.x))
        within = [(inwards + turn, away) for away in (1.6, 3, 4.5, 6, 7.5) for turn in _ASIDE]
        outside = [(inwards + 180 + turn, 1.6) for turn in _ASIDE]
        sheet.put(spot, f"{word} {_mm(thickness)}", Style(colour, _PLAIN), [*within, *outside])


def _at_angle(lens: _Lens, angle: int) -> Spot:
    """Returns the point of the outline that lies nearest to a direction from the middle."""

    def off(spot: Spot) -> float:
        there = math.degrees(math.atan2(spot.y - lens.middle.y, spot.x - lens.middle.x))
        return abs((there - angle + 180) % 360 - 180)

    return min(lens.outline, key=off)


# ── dimensions ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _measure_across(
    sheet: Sheet, left: float, right: float, y: float, text: str, *, from_y: float, colour: str = _SOFT
) -> None:
    """Draws a width at a height, with lines that lead there from what is measured; its text stands beyond."""
    beyond = 1 if y > from_y else -1
    for x in (left, right):
        sheet.line(Spot(x, from_y), Spot(x, y + 0.8 * beyond), colour, 0.13)
    sheet.arrows(Spot(left, y), Spot(right, y), colour, 0.2)
    sheet.write(Spot((left + right) / 2, y + 2.1 * beyond), text, Style(colour, _SMALL))


def _measure_up(
    sheet: Sheet,
    x: float,
    bottom: float,
    top: float,
    text: str,
    outwards: int,
    *,
    from_x: float | None = None,
    colour: str = _SOFT,
) -> None:
    """Draws a height, and its text along it, on the side of the temple."""
    for y in (bottom, top) if from_x is not None else ():
        sheet.line(Spot(from_x or 0, y), Spot(x + 0.8 * outwards, y), colour, 0.13)
    sheet.arrows(Spot(x, bottom), Spot(x, top), colour, 0.2)
    sheet.write(Spot(x + 2.1 * outwards, (bottom + top) / 2), text, Style(colour, _SMALL), turned=True)


# ── what is written around it ─────────────────────────────────────────────────────────────────────────────────────────

_Lines = Sequence[tuple[str, Style]]


def _document(sheet: Sheet, case: Case, decision: Decision, lenses: Sequence[_Lens], title: str) -> str:
    """Returns the whole: head, drawing, what there is to know of each lens, and foot."""
    drawn = sheet.extent
    wide = max(drawn.right - drawn.left + 2 * _MARGIN, _LEAST_WIDTH)
    left = (drawn.left + drawn.right - wide) / 2 + _MARGIN
    within = wide - 2 * _MARGIN
    head = _head(case, decision, title, within)
    top = drawn.top + _GAP + sum(_LINE * style.size for _, style in head)
    _write_lines(sheet, Spot(left, top), head)
    facts = [_facts(case, lens) for lens in lenses]
    y = drawn.bottom - _GAP
    for column, lines in enumerate(facts):
        _write_lines(sheet, Spot(left + column * within / 2, y), lines)
    y -= max(sum(_LINE * style.size for _, style in lines) for lines in facts) + _GAP
    y = _write_foot(sheet, decision, lenses, Area(left, y, left + within, y))
    return sheet.document(Area(left - _MARGIN, y - _MARGIN, left + within + _MARGIN, top + _MARGIN), title or "Lenses")


def _write_lines(sheet: Sheet, start: Spot, lines: _Lines) -> None:
    y = start.y
    for text, style in lines:
        y -= style.size
        sheet.begin(Spot(start.x, y), text, style)
        y -= (_LINE - 1) * style.size


def _head(case: Case, decision: Decision, title: str, within: float) -> _Lines:
    """Returns what it is, and whether it can be made."""
    name, plain = Style(_INK, _TITLE, bold=True), Style(_INK, _PLAIN)
    lines = [(name.cut(title or "Lenses", within), name)]
    if chosen := _DOT.join(_named(case)):
        lines.append((plain.cut(chosen, within), plain))
    if decision.accepted:
        return [*lines, ("Can be made.", Style(_FINE, _PLAIN, bold=True))]
    worst = Style(_THICK, _PLAIN)
    first, *others = decision.violations
    more = (
        f" There are {len(others)} more such notes."
        if len(others) > 1
        else " There is one more note."
        if others
        else ""
    )
    text = f"Cannot be made as it is. {first.message}{more}"
    return [*lines, *((line, worst) for line in wrap(text, int(within / worst.width("m"))))]


def _named(case: Case) -> Iterator[str]:
    """Yields the names of what was chosen."""
    catalog, lens = case.catalog, case.lens
    chosen: tuple[tuple[Mapping[str, Entry], Sequence[str]], ...] = (
        (catalog.designs, (lens.design,)),
        (catalog.materials, (lens.material,)),
        (catalog.colours, (lens.colour,)),
        (catalog.coatings, lens.coatings),
        (catalog.options, lens.options),
    )
    for entries, ids in chosen:
        yield from (entries[each].name for each in ids if each in entries)


def _facts(case: Case, lens: _Lens) -> _Lines:
    """Returns what there is to know of a lens beside what is drawn."""
    plan, plain = lens.plan, Style(_INK, _SMALL)
    lines = [(_SIDES[lens.side][1], Style(_INK, _PLAIN, bold=True))]
    if plan is not None:
        kind = "finished blank" if plan.finished else "blank"
        back = _dioptres(plan.back_flat)
        if plan.back_steep != plan.back_flat:
            back += f" / {_dioptres(plan.back_steep)}"
        thickest = f"thickest {_mm(plan.edge_thickest)} at {plan.edge_thickest_angle}\N{DEGREE SIGN}"
        thinnest = f"thinnest {_mm(plan.edge_thinnest)} at {plan.edge_thinnest_angle}\N{DEGREE SIGN}"
        lines += [
            (f"{kind} {plan.blank.id}, {_DIAMETER} {_mm(plan.blank.diameter)}", plain),
            (f"base {format_decimal(plan.base, 2)}, front {_dioptres(plan.front)}, back {back} (n = 1.530)", plain),
            (f"{thickest}, {thinnest}, centre {_mm(plan.centre)}", plain),
            (f"weight {format_decimal(plan.weight, 2)} g", plain),
        ]
    exact = case.minimum_blanks.get(lens.side)
    if exact is not None:
        with_allowance = f", {_mm(lens.smallest)} with the lab's allowance" if plan and lens.smallest else ""
        lines.insert(1, (f"smallest blank {_DIAMETER} {_mm(to_hundredths(exact))}{with_allowance}", plain))
    if lens.half_a and lens.point is not None:
        lines.insert(1, (f"decentration {_decentration(lens)}", plain))
    if lens.half_a and lens.side not in case.outlines:
        lines.append(("not traced: the shape is estimated from A, B and ED", plain))
    return lines


def _decentration(lens: _Lens) -> str:
    """Returns it as an optician says it: ``4.50 in, 6.01 down``."""
    inwards, up = to_hundredths(lens.inwards), to_hundredths(lens.up)
    return f"{_mm(abs(inwards))} {'in' if inwards >= 0 else 'out'}, {_mm(abs(up))} {'up' if up >= 0 else 'down'}"


def _write_foot(sheet: Sheet, decision: Decision, lenses: Sequence[_Lens], area: Area) -> float:
    """Writes what the signs mean, a scale, and by what it was decided; returns where it ends."""
    plain, soft = Style(_INK, _SMALL), Style(_SOFT, _SMALL)
    x, y = area.left, area.bottom - _SMALL
    if any(lens.point is not None for lens in lenses):
        sheet.cross(Spot(x + 2.2, y + 0.9), 2.2, _POINT, 0.3, ring=1.3)
        meaning = _meaning_of_point(lenses)
        sheet.begin(Spot(x + 5.7, y), meaning, plain)
        x += 5.7 + plain.width(meaning) + _GAP
    if any(lens.half_a for lens in lenses):
        sheet.cross(Spot(x + 2.2, y + 0.9), 1.4, _SOFT, 0.25)
        sheet.begin(Spot(x + 5.2, y), "box centre", plain)
    bar = Spot(area.right - _SCALE, y + 0.9)
    sheet.arrows(bar, Spot(area.right, bar.y), _INK, 0.25)
    sheet.write(Spot(area.right - _SCALE / 2, bar.y + 2.2), f"{_SCALE:.0f} mm", plain)
    by = (
        f"catalog {decision.revision[:12]}, engine {decision.engine}"
        if decision.revision
        else f"engine {decision.engine}"
    )
    y -= _SMALL / 2
    for text in (
        "Seen from the front, to scale: 1:1 when printed at 100 %. Lengths in mm, angles from 3 o'clock.",
        f"Decided by {by}.",
    ):
        y -= 1.5 * _SMALL
        sheet.begin(Spot(area.left, y), text, soft)
    return y


def _meaning_of_point(lenses: Sequence[_Lens]) -> str:
    centred = [lens.optical_centre is not None and lens.optical_centre == lens.point for lens in lenses]
    if all(centred):
        return "PRP = optical centre"
    if any(lens.optical_centre is not None for lens in lenses):
        return "PRP (OC: optical centre)"
    return "PRP = fitting point"


def _mm(value: Hundredths) -> str:
    return format_decimal(value, 2)


def _dioptres(value: Hundredths) -> str:
    return spoken(value, Unit.DIOPTRE).replace("-", "\N{MINUS SIGN}")
