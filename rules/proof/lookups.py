"""What can be proved of tables: gaps, overlaps, rows and blanks that are never used.

The boxes of a table (`tables`) settle most of it exactly. What only seems to be amiss in a box is looked for among the
orders that no constraint objects to (`world`), and is a finding where the engine confirms one.
"""

from collections.abc import Iterator, Sequence

from rules.catalog import AVAILABILITY, Catalog
from rules.decide import NO_BLANK, NOT_SET
from rules.plan import BASE_CURVE
from rules.price import PRICE_LIST
from rules.proof import tables
from rules.proof.constraints import unknown
from rules.proof.evidence import Evidence
from rules.proof.finding import Finding, Kind
from rules.proof.world import Answer, World
from rules.tables import Hit, OneOf, Row, Table
from rules.units import Unit, spoken
from rules.view import OF_PLAN, SIDE_NAMES

_MOST_GAPS = 5
"""Of one table, after which no more are looked for: they are mostly one gap."""


def examine(table: Table, world: World, evidence: Evidence) -> Iterator[Finding]:
    """Yields what is wrong with a table."""
    try:
        found = tables.boxes(table, tables.axes_of(table, world.catalog))
    except tables.TooManyBoxesError:
        says = f"it has more than {tables.MOST_BOXES} boxes, which are not walked over; make two tables of it."
        yield Finding(Kind.UNKNOWN, table.id, says)
        return
    if table.hit is Hit.UNIQUE:
        yield from _overlaps(table, found, world, evidence)
    unused = list(tables.unused(table, found))
    for row in unused:
        says = "it is never used: it asks for what nothing has, or rows before it hold wherever it does; drop it."
        yield Finding(Kind.UNREACHABLE_ROW, f"{table.id}/{row.id}", says)
    if table.id == AVAILABILITY:
        return
    if tables.must_answer(table) and tables.gap(found) is not None:
        yield from _gaps(table, world, evidence)
    for row in table.rows:
        if row not in unused and not evidence.uses(table, row):
            yield from _unreachable(table, row, world, evidence)


def _overlaps(table: Table, found: tables.Boxes, world: World, evidence: Evidence) -> Iterator[Finding]:
    for one, other, _ in tables.overlaps(table, found):
        answer = world.ask([world.both(table, one, other)])
        where = f"{table.id}/{other.id}"
        if answer.spec and evidence.hold_at_once(table, (one, other), answer.spec):
            says = f"it holds at the same time as {one.id}; of a unique table one row holds at most."
            yield Finding(Kind.OVERLAP, where, says, answer.spec)
        elif answer.possible is not False:
            yield unknown(where, f"it holds at the same time as {one.id}", answer)


def _gaps(table: Table, world: World, evidence: Evidence) -> Iterator[Finding]:
    is_price = table.needed or table.id == PRICE_LIST
    wanted = [world.used(table, None)]
    for _ in range(_MOST_GAPS):
        answer = world.ask(wanted, world.accepted)
        if answer.possible is False:
            return
        spec = answer.spec
        if spec is None or not evidence.is_unanswered(table, spec):
            yield unknown(table.id, "no row of it holds", answer)
            return
        codes = {each.code for each in evidence.add(spec).violations}
        if NOT_SET in codes:
            what = "price" if is_price else "answer"
            says = f"it has no {what} for a lens that nothing else objects to; add a row for it."
            yield Finding(Kind.UNPRICED if is_price else Kind.GAP, table.id, says, spec)
        wanted.append(world.other_lens(spec.lens.design, spec.lens.material))


def _unreachable(table: Table, row: Row, world: World, evidence: Evidence) -> Iterator[Finding]:
    where = f"{table.id}/{row.id}"
    used = world.used(table, row)
    answer = world.ask([used], world.accepted)
    if answer.possible is False:
        refused = world.ask([used], [world.available]).spec
        example = refused if refused and evidence.answers(table, row, refused) else None
        says = f"it is never used: what it answers is refused by {' or '.join(answer.because) or 'the order itself'}."
        yield Finding(Kind.UNREACHABLE_ROW, where, says, example)
    elif not _is_used(table, row, answer, world, evidence):
        yield unknown(where, "it is used", answer)


def _is_used(table: Table, row: Row, answer: Answer, world: World, evidence: Evidence) -> bool:
    """Tells whether the engine confirms a spec for which a row answers."""
    if answer.spec:
        evidence.add(answer.spec)
    is_computed = table.scope.name == OF_PLAN.name or any(each.path == "eye.minimum_blank" for each in table.columns)
    if is_computed and answer.possible:
        for probe in world.probes():
            if evidence.uses(table, row):
                break
            spec = world.ask([world.used(table, row), probe], world.accepted).spec
            if spec:
                evidence.add(spec)
    return evidence.uses(table, row)


# ── blanks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def blanks(world: World, evidence: Evidence) -> Iterator[Finding]:
    """Yields the lenses that nothing objects to and whose base curve no blank has that is there for them.

    The sizes and additions of blanks, and the powers of finished ones, are limits in themselves, which an order is told
    of; a base curve is the lab's own affair.
    """
    catalog, table = world.catalog, world.catalog.tables[BASE_CURVE]
    for (design, material), colours in catalog.made.items():
        for row in table.rows:
            if not _is_for(table, row, catalog, design, material):
                continue
            without = [colour for colour in colours if not _has_base(catalog, row, design, material, colour)]
            if without:
                yield from _without_blank(row, (design, material), without, world, evidence)


def _without_blank(
    row: Row, lens: tuple[str, str], colours: Sequence[str], world: World, evidence: Evidence
) -> Iterator[Finding]:
    catalog, where = world.catalog, f"{BASE_CURVE}/{row.id}"
    name = f"{catalog.designs[lens[0]].name} in {catalog.materials[lens[1]].name}"
    without = ", ".join(catalog.colours[colour].name for colour in colours)
    base = spoken(row.then["base"], Unit.DIOPTRE)
    wanted = [world.lens(*lens, colours), world.used(catalog.tables[BASE_CURVE], row), world.with_prism()]
    answer = world.ask(wanted, world.accepted)
    if answer.spec and NO_BLANK in {each.code for each in evidence.add(answer.spec).violations}:
        says = f"{name}, {without}: no blank has a base near {base}; stock one, or limit the powers."
        yield Finding(Kind.NO_BLANK, where, says, answer.spec)
    elif answer.possible is not False:
        yield unknown(where, f"{name}, {without}, has no blank", answer)


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
    """Tells whether there are blanks to surface of the base that a row wants, for either eye; or none at all."""
    slip, stock = row.then.get("slip"), catalog.stock.get((design, material, colour), ())
    return all(blank.finished for blank in stock) or all(
        any(
            not blank.finished
            and blank.side in {None, side}
            and (slip is None or abs(blank.base - row.then["base"]) <= slip)
            for blank in stock
        )
        for side in SIDE_NAMES
    )
