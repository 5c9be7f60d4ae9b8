"""What can be proved of tables: gaps, overlaps, rows and blanks that are never used.

The boxes of a table (`tables`) settle most of it exactly. What only seems to be amiss in a box is looked for among the
orders that no constraint objects to (`world`), and is a finding where the engine confirms one. A table that is asked of
something else than an order, such as a remake, has its boxes and no order to show for them: what is found of it is the
box itself, in words, and holds for everything in it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from rules.catalog import AVAILABILITY, Catalog
from rules.plan import BASE_CURVE
from rules.price import PRICE_LIST
from rules.proof import tables
from rules.proof.constraints import seek, unknown
from rules.proof.evidence import Evidence
from rules.proof.finding import Finding, Kind
from rules.proof.words import boxed
from rules.proof.world import World
from rules.spec import Spec
from rules.tables import Hit, OneOf, Row, Table
from rules.units import Unit, spoken
from rules.view import SIDE_NAMES, SUBJECTS

_MOST_GAPS = 5
"""Of one table, after which no more are looked for: they are mostly one gap."""

Found = tuple[Finding, ...]


def examine(table: Table, world: World, evidence: Evidence) -> Iterator[Found]:
    """Yields what is wrong with a table: with its boxes, and then with each row, where the boxes can be walked over."""
    try:
        found = tables.boxes(table, tables.axes_of(table, world.catalog))
    except tables.TooManyBoxesError:
        says = f"it has more than {tables.MOST_BOXES} boxes, which are not walked over; make two tables of it."
        yield (Finding(Kind.UNKNOWN, table.id, says),)
        return
    if not is_of_orders(table):
        yield tuple(_apart(table, found))
        return
    unused = [row.id for row in tables.unused(table, found)]
    yield (*_overlaps(table, found, world, evidence), *_gaps(table, found, world, evidence))
    for row in table.rows:
        if row.id in unused:
            yield (_never(table, row),)
        elif table.id == AVAILABILITY or evidence.uses(table, row):
            yield ()
        else:
            yield tuple(_unreachable(table, row, world, evidence))


def is_of_orders(table: Table) -> bool:
    """Tells whether a table is asked of orders, which the solver knows; else there are its boxes alone."""
    return {noun.name for noun in table.scope.nouns} <= SUBJECTS.keys()


def _never(table: Table, row: Row) -> Finding:
    says = "it is never used: it asks for what nothing has, or rows before it hold wherever it does; drop it."
    return Finding(Kind.UNREACHABLE_ROW, f"{table.id}/{row.id}", says)


def _apart(table: Table, found: tables.Boxes) -> Iterator[Finding]:
    """Yields what the boxes tell of a table that is asked of something else than an order; it has to answer always."""
    for one, other, values in tables.overlaps(table, found) if table.hit is Hit.UNIQUE else ():
        says = (
            f"it holds at the same time as {one.id}: {boxed(table, values)}; of a unique table one row holds at most."
        )
        yield Finding(Kind.OVERLAP, f"{table.id}/{other.id}", says, of=one.id)
    missed = tables.gap(found)
    if missed is not None:
        yield Finding(Kind.GAP, table.id, f"no row of it holds: {boxed(table, missed)}; add a row for it.")
    yield from (_never(table, row) for row in tables.unused(table, found))


def _overlaps(table: Table, found: tables.Boxes, world: World, evidence: Evidence) -> Iterator[Finding]:
    for one, other, _ in tables.overlaps(table, found) if table.hit is Hit.UNIQUE else ():
        where = f"{table.id}/{other.id}"
        shown = partial(evidence.hold_at_once, table, (one, other))
        answer = world.ask([world.both(table, one, other)], shown=shown)
        if answer.spec:
            says = f"it holds at the same time as {one.id}; of a unique table one row holds at most."
            yield Finding(Kind.OVERLAP, where, says, (answer.spec,), of=one.id)
        elif answer.possible is not False:
            yield unknown(where, f"it holds at the same time as {one.id}", answer, one.id)


def _gaps(table: Table, found: tables.Boxes, world: World, evidence: Evidence) -> Iterator[Finding]:
    """Yields that a table is silent that has to answer, with some of the lenses for which it is."""
    if not tables.must_answer(table) or tables.gap(found) is None:
        return
    wanted, examples = [world.used(table, None)], list[Spec]()
    while len(examples) < _MOST_GAPS:
        answer = world.ask(wanted, world.accepted, partial(evidence.is_unanswered, table))
        if answer.spec is None:
            if answer.possible is not False:
                yield unknown(table.id, "no row of it holds", answer, "gap")
            break
        examples.append(answer.spec)
        wanted.append(world.other_lens(answer.spec.lens.design, answer.spec.lens.material))
    if examples:
        kind = Kind.UNPRICED if table.needed or table.id == PRICE_LIST else Kind.GAP
        where = "; for ".join(_missed(table, each, world.catalog, evidence) for each in examples)
        what = "price" if kind is Kind.UNPRICED else "answer"
        more = "; and for more" if len(examples) == _MOST_GAPS else ""
        says = f"it has no {what} for {where}{more}. Add a row, or refuse by a constraint what shall not be ordered."
        yield Finding(kind, table.id, says, tuple(examples))


def _missed(table: Table, spec: Spec, catalog: Catalog, evidence: Evidence) -> str:
    """Returns a lens for which a table is silent, with what it was asked, in words."""
    asked = evidence.asked_in_vain(table, spec)
    return f"{_name(catalog, spec.lens.design, spec.lens.material)} ({boxed(table, asked)})"


def _unreachable(table: Table, row: Row, world: World, evidence: Evidence) -> Iterator[Finding]:
    where = f"{table.id}/{row.id}"
    used = world.used(table, row)
    shown = partial(evidence.shows_use, table, row)
    answer = seek(world, evidence, ([used], world.accepted, shown), lambda: evidence.uses(table, row))
    if answer is None:
        return
    if answer.possible is False:
        refused = world.ask([used], [world.available], partial(evidence.answers, table, row)).spec
        says = f"it is never used: what it answers is refused by {' or '.join(answer.because) or 'the order itself'}."
        yield Finding(Kind.UNREACHABLE_ROW, where, says, (refused,) if refused else ())
    else:
        yield unknown(where, "it is used", answer, "used")


def _name(catalog: Catalog, design: str, material: str) -> str:
    return f"{catalog.designs[design].name} in {catalog.materials[material].name}"


# ── blanks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def blanks(world: World, evidence: Evidence) -> Iterator[Found]:
    """Yields, for each base curve, in which materials no blank has it for a lens that nothing objects to.

    The sizes and additions of blanks, and the powers of finished ones, are limits in themselves, which an order is told
    of; a base curve is the lab's own affair, and so is that there is a blank at all.
    """
    for row in world.catalog.tables[BASE_CURVE].rows:
        yield tuple(_without_blank(row, world, evidence))


def _without_blank(row: Row, world: World, evidence: Evidence) -> Iterator[Finding]:
    wanting = _wanting(row, world.catalog)
    lenses = [world.lens(design, material, [colour]) for (material, colour), each in wanting.items() for design in each]
    if not lenses:
        return
    used = [world.surfaced(world.catalog.tables[BASE_CURVE], row)]
    if world.ask([world.variables.any_of(lenses), *used], world.accepted).possible is False:
        return
    shown: dict[str, dict[tuple[str, str], Spec]] = defaultdict(dict)
    for (material, colour), designs in wanting.items():
        for design in designs:
            lens = world.lens(design, material, [colour])
            answer = world.ask([lens, *used], world.accepted, evidence.is_without_blank)
            if answer.spec:
                shown[material][colour, design] = answer.spec
            elif answer.possible is not False:
                what = f"{_name(world.catalog, design, material)}, {world.catalog.colours[colour].name}, has no blank"
                yield unknown(f"{BASE_CURVE}/{row.id}", what, answer, f"{design} in {material}, {colour}")
    for material, examples in shown.items():
        yield _no_blank(row, material, examples, world.catalog)


def _wanting(row: Row, catalog: Catalog) -> Mapping[tuple[str, str], Sequence[str]]:
    """Returns the materials and colours that have no blank for a row, each with the designs that want one."""
    table = catalog.tables[BASE_CURVE]
    wanting: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (design, material), colours in catalog.made.items():
        if _is_for(table, row, catalog, design, material):
            for colour in colours:
                if not _has_base(catalog, row, design, material, colour):
                    wanting[material, colour].append(design)
    return wanting


def _no_blank(row: Row, material: str, examples: Mapping[tuple[str, str], Spec], catalog: Catalog) -> Finding:
    base = spoken(row.then["base"], Unit.DIOPTRE)
    lenses = []
    for colour in dict.fromkeys(colour for colour, _ in examples):
        designs = [design for of_colour, design in examples if of_colour == colour]
        stock = [blank for design in designs for blank in catalog.stock.get((design, material, colour), ())]
        bases = [spoken(each, Unit.DIOPTRE) for each in sorted({blank.base for blank in stock})]
        names = ", ".join(catalog.designs[design].name for design in designs)
        lenses.append(f"{catalog.colours[colour].name} (there is {', '.join(bases) or 'none at all'}) for {names}")
    says = (
        f"{catalog.materials[material].name} has no blank of a base near {base} in {'; in '.join(lenses)}. Stock one, "
        f"limit the powers by a constraint, or say in {AVAILABILITY} that it is not made."
    )
    return Finding(Kind.NO_BLANK, f"{BASE_CURVE}/{row.id}", says, tuple(examples.values()), of=material)


def _is_for(table: Table, row: Row, catalog: Catalog, design: str, material: str) -> bool:
    """Tells whether a row can be that of a design in a material."""
    kind = catalog.designs[design].type.value
    lens = {"lens.design": design, "lens.material": material, "lens.type": kind}
    return all(
        asked.holds(lens[column.path])
        for column in table.columns
        if isinstance(asked := row.when.get(column.name), OneOf) and column.path in lens
    )


def _has_base(catalog: Catalog, row: Row, design: str, material: str, colour: str) -> bool:
    """Tells whether blanks to surface have the base that a row wants, for either eye, or all are finished."""
    slip, stock = row.then.get("slip"), catalog.stock.get((design, material, colour), ())
    return (bool(stock) and all(blank.finished for blank in stock)) or all(
        any(
            not blank.finished
            and blank.side in {None, side}
            and (slip is None or abs(blank.base - row.then["base"]) <= slip)
            for blank in stock
        )
        for side in SIDE_NAMES
    )
