"""What can be proved of tables: gaps, overlaps, rows and blanks that are never used.

The boxes of a table (`tables`) settle most of it exactly. What only seems to be amiss in a box is looked for among the
orders that no constraint objects to (`world`), and is a finding where the engine confirms one. A table that is asked of
something else than an order, such as a remake, has its boxes and no order to show for them: what is found of it is the
box itself, in words, and holds for everything in it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from rules.catalog import AVAILABILITY, Catalog
from rules.plan import BASE_CURVE
from rules.price import PRICE_LIST
from rules.proof import tables
from rules.proof.constraints import unknown
from rules.proof.evidence import Evidence
from rules.proof.finding import Finding, Kind
from rules.proof.words import boxed
from rules.proof.world import Answer, World
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
        says = f"it holds at the same time as {one.id}: {boxed(table, values)}; of a unique table one row holds at most."
        yield Finding(Kind.OVERLAP, f"{table.id}/{other.id}", says, of=one.id)
    missed = tables.gap(found)
    if missed is not None:
        yield Finding(Kind.GAP, table.id, f"no row of it holds: {boxed(table, missed)}; add a row for it.")
    yield from (_never(table, row) for row in tables.unused(table, found))


def _overlaps(table: Table, found: tables.Boxes, world: World, evidence: Evidence) -> Iterator[Finding]:
    for one, other, _ in tables.overlaps(table, found) if table.hit is Hit.UNIQUE else ():
        where = f"{table.id}/{other.id}"
        rows = one, other
        answer = world.ask(
            [world.both(table, one, other)],
            shown=lambda spec, rows=rows: evidence.hold_at_once(table, rows, spec),
        )
        if answer.spec:
            says = f"it holds at the same time as {one.id}; of a unique table one row holds at most."
            yield Finding(Kind.OVERLAP, where, says, (answer.spec,), of=one.id)
        elif answer.possible is not False:
            yield unknown(where, f"it holds at the same time as {one.id}", answer, one.id)


def _gaps(table: Table, found: tables.Boxes, world: World, evidence: Evidence) -> Iterator[Finding]:
    """Yields the lenses of which a table is silent that has to answer, each once."""
    if not tables.must_answer(table) or tables.gap(found) is None:
        return
    is_price = table.needed or table.id == PRICE_LIST
    wanted = [world.used(table, None)]
    for _ in range(_MOST_GAPS):
        answer = world.ask(wanted, world.accepted, lambda spec: evidence.is_unanswered(table, spec))
        if answer.possible is False:
            return
        spec = answer.spec
        if spec is None:
            yield unknown(table.id, "no row of it holds", answer, "gap")
            return
        design, material = spec.lens.design, spec.lens.material
        name = _name(world.catalog, design, material)
        what = "price" if is_price else "answer"
        says = f"it has no {what} for {name} as ordered, to which nothing else objects; add a row for it."
        kind = Kind.UNPRICED if is_price else Kind.GAP
        yield Finding(kind, table.id, says, (spec,), of=f"{design} in {material}")
        wanted.append(world.other_lens(design, material))


def _unreachable(table: Table, row: Row, world: World, evidence: Evidence) -> Iterator[Finding]:
    where = f"{table.id}/{row.id}"
    used = world.used(table, row)
    answer = world.ask([used], world.accepted, lambda spec: evidence.shows_use(table, row, spec))
    if answer.possible is False:
        refused = world.ask([used], [world.available], lambda spec: evidence.answers(table, row, spec)).spec
        says = f"it is never used: what it answers is refused by {' or '.join(answer.because) or 'the order itself'}."
        yield Finding(Kind.UNREACHABLE_ROW, where, says, (refused,) if refused else ())
    elif not answer.spec and not evidence.search(lambda: evidence.uses(table, row), answer.near):
        yield unknown(where, "it is used", answer, "used")


def _name(catalog: Catalog, design: str, material: str) -> str:
    return f"{catalog.designs[design].name} in {catalog.materials[material].name}"


# ── blanks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def blanks(world: World, evidence: Evidence) -> Iterator[Found]:
    """Yields, for each base curve, in which materials and colours no blank has it for a lens that nothing objects to.

    The sizes and additions of blanks, and the powers of finished ones, are limits in themselves, which an order is told
    of; a base curve is the lab's own affair, and so is that there is a blank at all.
    """
    for row in world.catalog.tables[BASE_CURVE].rows:
        yield tuple(_without_blank(row, world, evidence))


def _without_blank(row: Row, world: World, evidence: Evidence) -> Iterator[Finding]:
    catalog, table = world.catalog, world.catalog.tables[BASE_CURVE]
    wanting: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (design, material), colours in catalog.made.items():
        if _is_for(table, row, catalog, design, material):
            for colour in colours:
                if not _has_base(catalog, row, design, material, colour):
                    wanting[material, colour].append(design)
    used = [world.used(table, row), world.with_prism()]
    lacking = [world.lens(design, *lens[:1], lens[1:]) for lens, designs in wanting.items() for design in designs]
    if not lacking or world.ask([world.variables.any_of(lacking), *used], world.accepted).possible is False:
        return
    for (material, colour), designs in wanting.items():
        examples: dict[str, Spec] = {}
        for design in designs:
            answer = world.ask(
                [world.lens(design, material, [colour]), *used], world.accepted, evidence.is_without_blank
            )
            if answer.spec:
                examples[design] = answer.spec
            elif answer.possible is not False:
                what = f"{_name(catalog, design, material)}, {catalog.colours[colour].name}, has no blank"
                yield unknown(f"{BASE_CURVE}/{row.id}", what, answer, f"{design} in {material}, {colour}")
        if examples:
            yield _no_blank(row, (material, colour), examples, catalog)


def _no_blank(row: Row, lens: tuple[str, str], examples: dict[str, Spec], catalog: Catalog) -> Finding:
    material, colour = lens
    base = spoken(row.then["base"], Unit.DIOPTRE)
    names = ", ".join(catalog.designs[design].name for design in examples)
    stock = [catalog.stock.get((design, material, colour), ()) for design in examples]
    bases = {blank.base for blanks in stock for blank in blanks if not blank.finished}
    kept = ", ".join(spoken(each, Unit.DIOPTRE) for each in sorted(bases))
    says = (
        f"{catalog.materials[material].name}, {catalog.colours[colour].name}: no blank has a base near {base} for "
        f"{names}; there {f'is {kept}' if kept else 'is none at all'}. Stock one, limit the powers by a constraint, "
        f"or say in the table of what is available that it is not made."
    )
    return Finding(
        Kind.NO_BLANK, f"{BASE_CURVE}/{row.id}", says, tuple(examples.values()), of=f"{material}, {colour}"
    )


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
    """Tells whether there are blanks to surface of the base that a row wants, for either eye; or finished ones alone."""
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
