"""Boxes of a table: exact arithmetic on the lattice, which needs no solver and no time limit.

The values of each input fall into classes that no row tells apart: the stretches between two ends of a number, and its
absence; each text; the sets of texts that a lens can carry (of one group one at most), as far as rows tell them apart.
Inputs that depend on each other, such as a design and its type, are one axis together. A class is known by the rows
whose condition it meets, as bits; the rows that hold in a box, a class of each axis, are the bits they have in common.
So the boxes of a table come down to the sets of rows that can hold at once: is the empty one among them there is a gap,
is one of two rows among them they overlap, and a row that is the first of none is never used.

What a table is asked with, as `plan`, `price` and `decide` ask it:

    lens.*            availability: any design in any material and colour. All others: what is available, for the price
                      and the lead time of anything else is of no use, and it is not planned
    eye.sphere and what follows from it    always there: without a sphere there is no lens
    plan.*            the blank, and what is its own, as a blank of the stock has them together
    price.list        the lists that accounts have; price.item: the coatings, or the options
    everything else   as the field says: each value, absent where it can be

Inputs that hang together otherwise (two powers of one lens) are held to be free: a box that only seems to be there is
looked through by the solver (`lookups`), a table whose boxes are in order is in order.

A table that is silent objects to the lens where the engine needs its answer (`ANSWERS`): base curve, thickness, each
step's program, route, lead time, price list, and every charge that is needed. Availability is silent about what is not
made, and a surcharge about what it is not for.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, TypeAlias

from rules.catalog import AVAILABILITY, Catalog
from rules.decide import LEAD_TIME
from rules.expression.view import Field, Kind
from rules.plan import BASE_CURVE, MINIMUM_THICKNESS, ROUTES, STEPS
from rules.price import PRICE_LIST
from rules.tables import Charge, Column, Condition, Hit, OneOf, Row, SomeOf, Table, Within
from rules.view import BLANKS, IMPACTS

ANSWERS = frozenset({BASE_CURVE, MINIMUM_THICKNESS, ROUTES, LEAD_TIME, PRICE_LIST, *STEPS})
"""The tables whose silence is an objection, beside charges that are needed."""

OTHER = "\0"
"""Stands for every text that no rule names."""

MOST_BOXES = 20_000
"""More sets of rows are not followed: nobody could review such a table."""

_OF_SPHERE = frozenset(
    f"eye.{name}"
    for name in ("sphere", "power_low", "power_high", "power_strongest", "power_amount", "spherical_equivalent")
)
_OF_LENS = ("design", "type", "material", "colour", "index", "impact")
_OF_BLANK = ("blank", "blank_diameter", "base", "front", "finished")

Values: TypeAlias = Mapping[str, Any]
"""What inputs hold, by path."""

Axis: TypeAlias = Mapping[int, Values]
"""The classes of some inputs: by the rows whose conditions they meet, as bits, one of their values."""

Boxes: TypeAlias = Mapping[int, Values]
"""The sets of rows that can hold at once, as bits, each with values for which they do."""


class TooManyBoxesError(ValueError):
    """A table has more boxes than are followed."""


def must_answer(table: Table) -> bool:
    """Tells whether an order is objected to where a table is silent."""
    return table.needed or table.id in ANSWERS


# ── what the boxes tell ───────────────────────────────────────────────────────────────────────────────────────────────


def boxes(table: Table, axes: Iterable[Axis]) -> Boxes:
    """Returns the sets of rows that can hold at once.

    Raises:
        TooManyBoxesError: There are more than are followed.
    """
    found: dict[int, Values] = {(1 << len(table.rows)) - 1: {}}
    for axis in axes:
        narrower: dict[int, Values] = {}
        for bits, values in found.items():
            for met, more in axis.items():
                if bits & met not in narrower:
                    narrower[bits & met] = {**values, **more}
        if len(narrower) > MOST_BOXES:
            raise TooManyBoxesError(table.id)
        found = narrower
    return found


def gap(found: Boxes) -> Values | None:
    """Returns values for which no row holds; None where there are none."""
    return found.get(0)


def overlaps(table: Table, found: Boxes) -> Iterator[tuple[Row, Row, Values]]:
    """Yields the pairs of rows that hold at once, each with values for which they do."""
    told: set[tuple[int, int]] = set()
    for bits, values in found.items():
        places = [place for place in range(len(table.rows)) if bits >> place & 1]
        for pair in combinations(places, 2):
            if pair not in told:
                told.add(pair)
                yield table.rows[pair[0]], table.rows[pair[1]], values


def unused(table: Table, found: Boxes) -> Iterator[Row]:
    """Yields the rows that never answer."""
    if table.hit is Hit.FIRST:
        answering = {(bits & -bits).bit_length() - 1 for bits in found if bits}
    else:
        answering = {place for place in range(len(table.rows)) if any(bits >> place & 1 for bits in found)}
    yield from (row for place, row in enumerate(table.rows) if place not in answering)


# ── axes ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def axes_of(table: Table, catalog: Catalog) -> Iterator[Axis]:
    """Yields the axes of a table over the domain in which it is asked."""
    columns = {column.path: column for column in table.columns}
    for points in (_lenses(table, catalog), _blanks(catalog)):
        joint = [columns.pop(path) for path in points[0] if path in columns] if points else []
        if joint:
            yield axis(joint, table.rows, points)
    for column in columns.values():
        values = _asked(table, column, catalog)
        yield axis((column,), table.rows, ({column.path: value} for value in values))


def axis(columns: Sequence[Column], rows: Sequence[Row], points: Iterable[Values]) -> Axis:
    """Returns the axis of some inputs over all that they can be together."""
    classes: dict[int, Values] = {}
    for point in points:
        bits = 0
        for place, row in enumerate(rows):
            if all(row.when[each.name].holds(point[each.path]) for each in columns if each.name in row.when):
                bits |= 1 << place
        if bits not in classes:
            classes[bits] = {each.path: point[each.path] for each in columns}
    return classes


def _lenses(table: Table, catalog: Catalog) -> list[dict[str, object]]:
    every = tuple(catalog.colours)
    return [
        {
            "lens.design": design.id,
            "lens.type": design.type.value,
            "lens.material": material.id,
            "lens.colour": colour,
            "lens.index": material.index,
            "lens.impact": material.impact,
        }
        for design in catalog.designs.values()
        for material in catalog.materials.values()
        for colour in (every if table.id == AVAILABILITY else _colours(catalog, design.id, material.id))
    ]


def _colours(catalog: Catalog, design: str, material: str) -> tuple[str, ...]:
    """Returns the colours a lens may be ordered in; not chosen is as good as plain."""
    colours = catalog.made.get((design, material), ())
    return ("", *colours) if catalog.plain_colour in colours else colours


def _blanks(catalog: Catalog) -> list[dict[str, object]]:
    return [
        {
            "plan.blank": blank.id,
            "plan.blank_diameter": blank.diameter,
            "plan.base": blank.base,
            "plan.front": blank.front,
            "plan.finished": blank.finished,
        }
        for blank in catalog.blanks.values()
    ]


def _asked(table: Table, column: Column, catalog: Catalog) -> Iterable[object]:
    """Returns a value of every class that an input can have when the table is asked."""
    items = {Charge.COATING: catalog.coatings, Charge.OPTION: catalog.options}
    asked: Mapping[str, Iterable[object]] = {
        "price.list": lists(catalog),
        "price.item": items.get(table.charge or Charge.PAIR, ("",)),
        "order.eyes": ("both", "right", "left"),
    }
    return asked.get(column.path) or list(_of_field(table, column, catalog))


def _of_field(table: Table, column: Column, catalog: Catalog) -> Iterator[object]:
    field = column.field
    conditions = [row.when[column.name] for row in table.rows if column.name in row.when]
    match field.kind:
        case Kind.BOOL:
            yield from (False, True)
        case Kind.INT:
            if field.optional and column.path not in _OF_SPHERE:
                yield None
            yield from _numbers(field, conditions)
        case Kind.TEXT:
            named = sorted({word for each in conditions if isinstance(each, OneOf) for word in each.values})
            yield from values_of(field, catalog) or ("", *named, OTHER)
        case Kind.TEXTS:
            yield from _sets(conditions, values_of(field, catalog) or ())


def lists(catalog: Catalog) -> tuple[str, ...]:
    """Returns the price lists that accounts have."""
    table = catalog.tables.get(PRICE_LIST)
    return tuple(dict.fromkeys(row.then["list"] for row in table.rows)) if table else ()


def values_of(field: Field, catalog: Catalog) -> tuple[str, ...] | None:
    """Returns the values of a TEXT or TEXTS field; None where it can be any text."""
    domain = field.domain
    if not isinstance(domain, str):
        return domain
    if domain == BLANKS:
        values: Iterable[str] = catalog.blanks
    elif domain == IMPACTS:
        values = sorted({material.impact for material in catalog.materials.values()})
    else:
        values = catalog.entries(domain)
    return tuple(dict.fromkeys(("", *values) if field.kind is Kind.TEXT else values))


def _numbers(field: Field, conditions: Sequence[Condition]) -> list[int]:
    low, high = field.low or 0, field.high or 0
    begins = {low}
    for condition in conditions:
        for first, last in condition.spans if isinstance(condition, Within) else ():
            begins |= {begin for begin in (first, None if last is None else last + 1) if begin is not None}
    return sorted(begin for begin in begins if low <= begin <= high)


def _sets(conditions: Sequence[Condition], words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yields sets of texts, of one group one at most; of those that meet the same conditions, one."""
    asked = [condition for condition in conditions if isinstance(condition, SomeOf)]
    groups: dict[str, list[str]] = {}
    for word in words:
        group = next((each.groups[word] for each in asked if each.groups.get(word)), f"\0{word}")
        groups.setdefault(group, []).append(word)
    yield ()
    chosen: dict[tuple[bool, ...], tuple[str, ...]] = {}
    for members in groups.values():
        for before in [(), *chosen.values()]:
            for word in members:
                texts = (*before, word)
                chosen.setdefault(tuple(each.holds(texts) for each in asked), texts)
        if len(chosen) > MOST_BOXES:
            raise TooManyBoxesError
    yield from chosen.values()
