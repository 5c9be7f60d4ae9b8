"""Each row of the starter set is taken out, each interval moved by one step of the lattice: a gap is found, or is none.

What is none is told by asking the changed table itself at every corner of what the row answered before: somebody else
answers there. What is found has an order that the engine refuses for it, or is known to be beyond what can be ordered.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from types import SimpleNamespace
from typing import Any

import pytest

from rules.catalog import AVAILABILITY, Catalog
from rules.decide import NOT_SET, decide
from rules.expression.view import Kind as FieldKind
from rules.load import load
from rules.plan import STEPS
from rules.price import PRICE_LIST
from rules.proof import Finding, Kind, lookups, tables
from rules.proof.evidence import Evidence
from rules.proof.world import World
from rules.tables import Charge, Column, Condition, Hit, OneOf, Row, SomeOf, Span, Table, Within
from services.lims import starter

CATALOG = load(starter.files())
TABLES: Mapping[str, Table] = {
    **CATALOG.tables,
    **({CATALOG.remakes.id: CATALOG.remakes} if CATALOG.remakes is not None else {}),
}
_NEEDED = {"base-curve", "minimum-thickness", "routes", "lead-time", PRICE_LIST, *STEPS}
ANSWERING = [name for name, table in TABLES.items() if name in _NEEDED or table.needed or table is CATALOG.remakes]
"""The tables whose silence is an objection; of all others silence is an answer (no surcharge, not available)."""

_MOST_POINTS = 400_000

# ── what is changed ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Mutation:
    """A table with one row changed, and that row as it was."""

    says: str
    table: Table
    row: Row


def shrunken(table: Table) -> Iterator[Mutation]:
    """Yields a table without each of its rows, and with each end of each interval one step further in."""
    if len(table.rows) > 1:
        yield from (Mutation(f"without {row.id}", table.without(row.id), row) for row in table.rows)
    yield from moved(table, 1)


def moved(table: Table, step: int) -> Iterator[Mutation]:
    """Yields a table with each end of each interval a step further in; further out where that is negative."""
    for place, row in enumerate(table.rows):
        for name, condition in row.when.items():
            for number, (low, high) in enumerate(condition.spans if isinstance(condition, Within) else ()):
                assert isinstance(condition, Within)
                ends: list[Span] = [(low + step, high)] if low is not None else []
                ends += [(low, high - step)] if high is not None else []
                for end in ends:
                    spans = [*condition.spans[:number], end, *condition.spans[number + 1 :]]
                    kept = tuple(span for span in spans if None in span or span[0] <= span[1])  # type: ignore[operator]
                    changed = replace(row, when={**row.when, name: replace(condition, spans=kept)})
                    rows = (*table.rows[:place], changed, *table.rows[place + 1 :])
                    yield Mutation(f"{row.id} with {name} {end}", replace(table, rows=rows), row)


# ── what the table itself says ────────────────────────────────────────────────────────────────────────────────────────


def corners(table: Table, among: Sequence[Row]) -> Iterator[tuple[SimpleNamespace, ...]]:
    """Yields the nouns of a table's scope at every corner that what it asks for has, where some rows all hold."""
    lenses = [column for column in table.columns if column.path.startswith("lens.") and column.field.kind is not TEXTS]
    axes: list[list[dict[str, Any]]] = [[{}]]
    if lenses:
        seen = dict.fromkeys(tuple(getattr(lens, each.field.name) for each in lenses) for lens in _lenses())
        axes.append([{each.path: value for each, value in zip(lenses, values, strict=True)} for values in seen])
    axes += [[{each.path: value} for value in _values(table, each)] for each in table.columns if each not in lenses]
    axes = [[values for values in axis if all(_meets(table, row, values) for row in among)] for axis in axes]
    assert prod(map(len, axes)) < _MOST_POINTS
    for parts in product(*axes):
        point = {path: value for part in parts for path, value in part.items()}
        yield tuple(
            SimpleNamespace(**{path.partition(".")[2]: value for path, value in point.items() if _of(path, noun.name)})
            for noun in table.scope.nouns
        )


TEXTS = FieldKind.TEXTS


def _of(path: str, noun: str) -> bool:
    return path.startswith(f"{noun}.")


def _meets(table: Table, row: Row, values: Mapping[str, Any]) -> bool:
    """Tells whether values of some inputs meet what a row asks of them."""
    return all(
        row.when[column.name].holds(values[column.path])
        for column in table.columns
        if column.name in row.when and column.path in values
    )


def _lenses() -> Iterator[SimpleNamespace]:
    for (design, material), colours in CATALOG.made.items():
        for colour in (*colours, *([""] if CATALOG.plain_colour in colours else [])):
            yield SimpleNamespace(
                design=design,
                type=CATALOG.designs[design].type.value,
                material=material,
                colour=colour,
                index=CATALOG.materials[material].index,
                impact=CATALOG.materials[material].impact,
            )


def _values(table: Table, column: Column) -> list[Any]:
    """Returns the values of an input between which no row tells apart."""
    conditions = [row.when[column.name] for row in table.rows if column.name in row.when]
    asked: Mapping[str, list[Any]] = {
        "price.list": sorted({row.then["list"] for row in CATALOG.tables[PRICE_LIST].rows}),
        "price.item": [*{Charge.COATING: CATALOG.coatings, Charge.OPTION: CATALOG.options}.get(_charged(table), {})],
        "order.eyes": ["both", "right", "left"],
    }
    return asked[column.path] if column.path in asked else _of_field(column, conditions)


def _charged(table: Table) -> Charge:
    return table.charge or Charge.PAIR


def _of_field(column: Column, conditions: Sequence[Condition]) -> list[Any]:
    match column.field.kind:
        case FieldKind.INT:
            low, high = column.field.low or 0, column.field.high or 0
            ends = [end for each in conditions if isinstance(each, Within) for span in each.spans for end in span]
            near = {end + step for end in ends if end is not None for step in (-1, 0, 1)} | {low, high}
            absent = [None] if column.field.optional and column.path.partition(".")[2] not in _FROM_SPHERE else []
            return [*absent, *sorted(each for each in near if low <= each <= high)]
        case FieldKind.BOOL:
            return [False, True]
        case FieldKind.TEXT:
            domain = column.field.domain
            named = {each for condition in conditions if isinstance(condition, OneOf) for each in condition.values}
            return [*domain] if isinstance(domain, tuple) else ["", *sorted(named), "another"]
        case FieldKind.TEXTS:
            # of two texts either may meet a condition: where one alone finds no row, two may, and never the reverse
            words = {each for condition in conditions if isinstance(condition, SomeOf) for each in condition.values}
            return [(), *((each,) for each in sorted(words)), ("another",)]


_FROM_SPHERE = {"sphere", "power_low", "power_high", "power_strongest", "power_amount", "spherical_equivalent"}


def holding(table: Table, nouns: Sequence[object]) -> int:
    """Returns how many rows hold."""
    return sum(
        all(
            row.when[each.name].holds(getattr(nouns[each.noun], each.field.name))
            for each in table.columns
            if each.name in row.when
        )
        for row in table.rows
    )


# ── what is found ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def world() -> World:
    """Every order there can be; what is changed in a table changes none, but for the price list."""
    return World(CATALOG, 10.0)


def examined(mutation: Mutation, world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[Catalog, list[Finding]]:
    """Returns the changed catalog, and what is found of its table as a whole."""
    monkeypatch.setattr(lookups, "_MOST_GAPS", 1)
    name = mutation.table.id
    if CATALOG.remakes is not None and name == CATALOG.remakes.id:
        catalog = replace(CATALOG, remakes=mutation.table)
    else:
        catalog = replace(CATALOG, tables={**CATALOG.tables, name: mutation.table})
    known = World(catalog, 10.0) if name == PRICE_LIST else world
    known.catalog = catalog
    known._rows.clear()
    return catalog, list(next(lookups.examine(mutation.table, known, Evidence(catalog))))


@pytest.mark.parametrize("name", ANSWERING)
def test_a_row_that_is_missing_or_narrower_leaves_a_gap_that_is_found_or_none(
    name: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every corner of what it answered: nobody answers and it is found, or somebody does and nothing is."""
    beyond = []
    mutations = list(shrunken(TABLES[name]))
    for mutation in mutations:
        silent = any(mutation.table.find(nouns) is None for nouns in corners(mutation.table, [mutation.row]))
        boxes = tables.boxes(mutation.table, tables.axes_of(mutation.table, CATALOG))
        assert (tables.gap(boxes) is not None) == silent, mutation.says
        if silent:
            catalog, found = examined(mutation, world, monkeypatch)
            gaps = [each for each in found if each.kind in {Kind.GAP, Kind.UNPRICED}]
            assert not [each for each in found if each.kind is Kind.UNKNOWN], mutation.says
            beyond += [] if gaps else [mutation.says]
            for each in gaps:
                assert each.where == name
                if lookups.is_of_orders(mutation.table):
                    assert each.example
                    assert NOT_SET in {told.code for told in decide(catalog, each.example).violations}
    assert len(mutations) > 1 or len(TABLES[name].rows) == 1
    assert beyond == BEYOND.get(name, []), "no order comes there, as the constraints stand"


BEYOND: Mapping[str, list[str]] = {}
"""Changes that no order notices, because constraints refuse whatever comes there."""


@pytest.mark.parametrize("name", [name for name, table in TABLES.items() if table.hit is Hit.UNIQUE])
def test_a_row_of_a_unique_table_that_is_wider_overlaps_and_is_found_or_does_not(
    name: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By one step of the lattice; the example is an order for which both hold."""
    for mutation in moved(TABLES[name], -1):
        wider = next(row for row in mutation.table.rows if row.id == mutation.row.id)
        twice = any(holding(mutation.table, nouns) > 1 for nouns in corners(mutation.table, [wider]))
        catalog, found = examined(mutation, world, monkeypatch)
        overlaps = [each for each in found if each.kind is Kind.OVERLAP]
        assert bool(overlaps) == twice, mutation.says
        for each in overlaps:
            assert each.example
            rest = catalog.without(name, each.of)
            assert {name, each.where.partition("/")[2]} <= {
                part for used in decide(rest, each.example).fired for part in (used.rule, used.row)
            }


def test_a_surcharge_and_availability_may_be_silent() -> None:
    """They say what is charged more, and what is made."""
    others = {name: table for name, table in TABLES.items() if name not in ANSWERING}

    assert AVAILABILITY in others
    assert all(table.charge for name, table in others.items() if name != AVAILABILITY)
