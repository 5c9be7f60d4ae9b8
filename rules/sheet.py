"""A sheet to draw on in millimetres, which becomes an SVG document; it keeps its texts from lying on each other.

Places are x to the right and y upwards from wherever the drawing has its origin. What is drawn first lies beneath. A
text that has to stand in one place is written there (`Sheet.write`); one that may stand anywhere around a point is put
where it is least in the way of what is written already (`Sheet.put`), so fixed texts come first.

Letters are reckoned at an average width, because nothing here knows the font that a viewer takes: generic sans serifs
differ by a tenth. Every text has a halo in the colour of the paper, which keeps it legible upon lines.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from typing import NamedTuple

PAPER = "#fdfdfb"
FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"

# Controls, halves of pairs, bidirectional overrides, and the two that are no characters.
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")

_WIDTH_OF_LETTER = 0.54
"""Of the size of a text, on the average of digits and small letters."""
_WIDTH_WHEN_BOLD = 0.58
_RISE, _FALL = 0.74, 0.21
"""How far a text reaches above and below its base line, of its size."""
_WATCHED, _BORDER = 80, 0.5
"""How many places of a border are kept free, and how far around each."""
_ABOVE_MIDDLE = (_RISE - _FALL) / 2


class Spot(NamedTuple):
    """A place, in millimetres to the right and upwards."""

    x: float
    y: float


class Area(NamedTuple):
    """An upright rectangle."""

    left: float
    bottom: float
    right: float
    top: float

    def common(self, other: "Area") -> float:
        """Returns how much of it another one covers, in square millimetres."""
        if self.left >= other.right or other.left >= self.right or self.bottom >= other.top or other.bottom >= self.top:
            return 0.0
        wide = min(self.right, other.right) - max(self.left, other.left)
        return wide * (min(self.top, other.top) - max(self.bottom, other.bottom))

    def around(self, other: "Area") -> "Area":
        """Returns the smallest area that holds both."""
        return Area(
            min(self.left, other.left),
            min(self.bottom, other.bottom),
            max(self.right, other.right),
            max(self.top, other.top),
        )


@dataclass(frozen=True, slots=True)
class Style:
    """How a text looks.

    Attributes:
        colour: Its colour.
        size: Its size in millimetres.
        bold: Whether it is.
    """

    colour: str
    size: float
    bold: bool = False

    def width(self, text: str) -> float:
        """Returns how wide a text is, about."""
        return len(text) * self.size * (_WIDTH_WHEN_BOLD if self.bold else _WIDTH_OF_LETTER)

    def cut(self, text: str, width: float) -> str:
        """Returns as much of a text as a width holds."""
        letters = max(int(width / self.width("m")), 1)
        return text if len(text) <= letters else f"{text[: letters - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}"


@dataclass(slots=True)
class Sheet:
    """What is drawn, and where it lies."""

    _drawn: list[str] = field(default_factory=list)
    _taken: list[Area] = field(default_factory=list)
    _extent: Area | None = None

    @property
    def extent(self) -> Area:
        """All that is drawn on."""
        return self._extent or Area(0, 0, 0, 0)

    # ── lines ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def line(self, start: Spot, end: Spot, colour: str, width: float, dash: str = "") -> None:
        """Draws a line; a dash is the lengths of its strokes and gaps."""
        self._draw(
            f'<line x1="{_n(start.x)}" y1="{_n(-start.y)}" x2="{_n(end.x)}" y2="{_n(-end.y)}" '
            f'stroke="{colour}" stroke-width="{width}"{_dashed(dash)}/>',
            start,
            end,
        )

    def arrows(self, start: Spot, end: Spot, colour: str, width: float) -> None:
        """Draws a line with a slim arrow head at both ends, as a dimension has; a short one has slimmer heads."""
        long = math.dist(start, end)
        self.line(start, end, colour, width)
        if not long:
            return
        head = min(1.7, long / 3)
        along = Spot((end.x - start.x) / long, (end.y - start.y) / long)
        for tip, way in ((start, 1), (end, -1)):
            base = Spot(tip.x + way * head * along.x, tip.y + way * head * along.y)
            side = 0.3 * head
            corners = (
                tip,
                Spot(base.x - side * along.y, base.y + side * along.x),
                Spot(base.x + side * along.y, base.y - side * along.x),
            )
            points = " ".join(f"{_n(each.x)},{_n(-each.y)}" for each in corners)
            self._draw(f'<polygon points="{points}" fill="{colour}"/>')

    def box(self, area: Area, colour: str, width: float, dash: str = "") -> None:
        """Draws a rectangle."""
        self._draw(
            f'<rect {_placed(area)} fill="none" stroke="{colour}" stroke-width="{width}"{_dashed(dash)}/>',
            Spot(area.left, area.bottom),
            Spot(area.right, area.top),
        )

    def outline(self, points: Iterable[Spot], colour: str, width: float, fill: str) -> None:
        """Draws a closed shape, across whose border no text is put that can stand elsewhere."""
        spots = list(points)
        for each in spots[:: max(len(spots) // _WATCHED, 1)]:
            self.keep_free(each, _BORDER)
        way = " ".join(f"{_n(each.x)},{_n(-each.y)}" for each in spots)
        self._draw(
            f'<polygon points="{way}" fill="{fill}" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"/>',
            *spots,
        )

    def arc(self, start: Spot, over: Spot, end: Spot, colour: str, width: float) -> None:
        """Draws a curve that leaves one place and reaches another, drawn towards a third on the way."""
        self._draw(
            f'<path d="M{_n(start.x)} {_n(-start.y)} Q{_n(over.x)} {_n(-over.y)} {_n(end.x)} {_n(-end.y)}" '
            f'fill="none" stroke="{colour}" stroke-width="{width}" stroke-linecap="round"/>',
            start,
            end,
        )

    def circle(self, middle: Spot, radius: float, colour: str, width: float, dash: str = "") -> None:
        """Draws a circle."""
        self._draw(
            f'<circle cx="{_n(middle.x)}" cy="{_n(-middle.y)}" r="{_n(radius)}" fill="none" stroke="{colour}" '
            f'stroke-width="{width}"{_dashed(dash)}/>',
            Spot(middle.x - radius, middle.y - radius),
            Spot(middle.x + radius, middle.y + radius),
        )

    def dot(self, middle: Spot, radius: float, colour: str) -> None:
        """Draws a dot that no text that can be put elsewhere will cover."""
        self._draw(
            f'<circle cx="{_n(middle.x)}" cy="{_n(-middle.y)}" r="{_n(radius)}" fill="{colour}" stroke="{PAPER}" '
            f'stroke-width="0.3"/>'
        )
        self.keep_free(middle, radius)

    def cross(self, middle: Spot, reach: float, colour: str, width: float, *, ring: float = 0) -> None:
        """Draws a cross, with a ring where one is wanted."""
        self.line(Spot(middle.x - reach, middle.y), Spot(middle.x + reach, middle.y), colour, width)
        self.line(Spot(middle.x, middle.y - reach), Spot(middle.x, middle.y + reach), colour, width)
        if ring:
            self.circle(middle, ring, colour, width)
        self.keep_free(middle, max(0.7 * reach, ring))

    def keep_free(self, middle: Spot, reach: float) -> None:
        """Keeps the texts that can be put elsewhere away from a place."""
        self._taken.append(Area(middle.x - reach, middle.y - reach, middle.x + reach, middle.y + reach))

    # ── texts ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def write(self, middle: Spot, text: str, style: Style, *, turned: bool = False) -> None:
        """Writes a text with its middle in a place; turned, it reads upwards."""
        wide, high = style.width(text), style.size * (_RISE + _FALL)
        across, up = (high, wide) if turned else (wide, high)
        area = Area(middle.x - across / 2, middle.y - up / 2, middle.x + across / 2, middle.y + up / 2)
        base = style.size * _ABOVE_MIDDLE
        x, y = (middle.x + base, -middle.y) if turned else (middle.x, base - middle.y)
        turn = f' transform="rotate(-90 {_n(x)} {_n(y)})"' if turned else ""
        self._text(x, y, text, style, f' text-anchor="middle"{turn}', area)

    def begin(self, start: Spot, text: str, style: Style) -> None:
        """Writes a text that begins in a place, on its base line."""
        area = Area(
            start.x,
            start.y - style.size * _FALL,
            start.x + style.width(text),
            start.y + style.size * _RISE,
        )
        self._text(start.x, -start.y, text, style, "", area)

    def put(self, spot: Spot, text: str, style: Style, beside: Iterable[tuple[float, float]]) -> None:
        """Writes a text beside a spot, in the first place in which it covers nothing, or else the least.

        Args:
            spot: What it is about.
            text: The text.
            style: How it looks.
            beside: Where it may stand, the best first: in which direction from the spot, in degrees counter-clockwise
                from the right, and how far it keeps from it.
        """
        half_wide, half_high = style.width(text) / 2, style.size * (_RISE + _FALL) / 2
        places = list(beside)
        reach = max((away for _, away in places), default=0) + 2 * math.hypot(half_wide, half_high)
        around = Area(spot.x - reach, spot.y - reach, spot.x + reach, spot.y + reach)
        near = [each for each in self._taken if each.common(around)]
        best, least = spot, math.inf
        for direction, away in places:
            x, y = math.cos(math.radians(direction)), math.sin(math.radians(direction))
            # the way from the middle of the text to its border, in this direction
            inside = min(half_wide / abs(x) if x else math.inf, half_high / abs(y) if y else math.inf)
            middle = Spot(spot.x + (away + inside) * x, spot.y + (away + inside) * y)
            area = Area(middle.x - half_wide, middle.y - half_high, middle.x + half_wide, middle.y + half_high)
            covered = sum(area.common(each) for each in near)
            if covered < least:
                best, least = middle, covered
            if not covered:
                break
        self.write(best, text, style)

    def _text(self, x: float, y: float, text: str, style: Style, more: str, area: Area) -> None:
        weight = ' font-weight="bold"' if style.bold else ""
        self._draw(
            f'<text x="{_n(x)}" y="{_n(y)}" font-size="{style.size}"{weight} fill="{style.colour}" stroke="{PAPER}" '
            f'stroke-width="{_n(style.size / 4)}" paint-order="stroke" stroke-linejoin="round"{more}>'
            f"{_escaped(text)}</text>",
            Spot(area.left, area.bottom),
            Spot(area.right, area.top),
        )
        self._taken.append(area)

    # ── the document ──────────────────────────────────────────────────────────────────────────────────────────────────

    def document(self, area: Area, title: str) -> str:
        """Returns what was drawn within an area as an SVG document of that size in millimetres, on paper of its own."""
        wide, high = _n(area.right - area.left), _n(area.top - area.bottom)
        view = f"{_n(area.left)} {_n(-area.top)} {wide} {high}"
        size = f'width="{wide}mm" height="{high}mm" viewBox="{view}"'
        elements = (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{FONT}">',
            f"<title>{_escaped(title)}</title>",
            f'<rect {_placed(area)} fill="{PAPER}"/>',
            *self._drawn,
            "</svg>",
        )
        return "".join(f"{element}\n" for element in elements)

    def _draw(self, element: str, *spots: Spot) -> None:
        self._drawn.append(element)
        for each in spots:
            here = Area(each.x, each.y, each.x, each.y)
            self._extent = here if self._extent is None else self._extent.around(here)


def _placed(area: Area) -> str:
    wide, high = area.right - area.left, area.top - area.bottom
    return f'x="{_n(area.left)}" y="{_n(-area.top)}" width="{_n(wide)}" height="{_n(high)}"'


def _dashed(dash: str) -> str:
    return f' stroke-dasharray="{dash}"' if dash else ""


def _n(value: float) -> str:
    """Returns a number of millimetres to 1/100, without needless zeros; there is no minus zero."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def _escaped(text: str) -> str:
    """Returns a text as XML takes it, without what XML 1.0 has no place for or what turns the direction of writing."""
    return escape(_NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", text))
