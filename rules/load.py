"""Makes a catalog of plain data, or says everything that is wrong with the data.

The data is what an engineer reviews: named files, each with sections, each a list of entries. All scalars are text,
also the numbers ("-8.00"), so that nothing is rounded on the way here. In which file a section stands is the engineer's
choice; a section may be spread over several files.

::

    materials:                                  designs:
      - id: cr39                                  - id: comfort-pal
        name: CR-39                                 name: Comfort progressive
        index: 1.498                                type: progressive
        wavelength: 587.56
        abbe: 58.0                              coatings:      # colours and options alike
        density: 1.32                             - {id: hc, name: Hard coat, group: surface}
        impact: basic

    blanks:
      - id: sf-cr39-400-70
        material: cr39
        colours: [clear]
        types: [single-vision, progressive]     # or designs: [...], or both
        base: 4.00                              # nominal
        front: 4.12                             # true, in the tooling index 1.530
        diameter: 70.00
        centre: 8.00                            # of a finished one, the lens's; edge: where it is known
      - {id: f-cr39-070, ..., finished: yes, power: "-4.00 .. 0.00", cylinder: "-2.00 .. 0.00"}
      - {id: ft28-cr39-600-r-200, ..., add: 2.00, side: right, opc: "9999912342"}

    constraints:
      - id: power-low-cr39
        scope: eye                              # eye, pair or plan
        given: {low: -8.00 D}
        refuse: lens.material == "cr39" && has(eye.power_low) && eye.power_low < given.low
        at: sphere                              # what an objection belongs to; "prescription" is the pair
        shows: eye.power_low                    # what it begins with; `at` unless said
        severity: error
        code: OUT_OF_RANGE
        says: "{material} is ground down to {low}; choose a higher index."
        reason: where it comes from

    tables:
      - id: minimum-thickness
        scope: eye
        hit: first                              # or unique
        inputs: {type: lens.type, power: eye.power_strongest, options: lens.options}
        outputs: {centre: mm, edge: mm}
        rows:
          - {id: pal-minus, type: [progressive], power: ".. -0.25", centre: 1.50, edge: 1.00, reason: ...}
      - {id: coatings, charge: coating, label: "{item}", inputs: {item: price.item}, outputs: {amount: money}, ...}

    stations:                                   # in the order of the floor; the last one ships
      - {id: picking, name: Stock room, description: Preparing, minutes: 60, picks: yes}
      - {id: inspection, name: Power and fit, description: Final inspection, minutes: 120, inspects: yes}

What the floor has beside its stations (`breakages`, `calendars`, `remakes`) stands in `rules.load_floor`.

A condition of a row is a list of texts, an interval or a list of intervals (ends included; an end may be left out),
yes or no, or ``absent``; a list may hold ``absent`` among others. What a row leaves out, holds.

Every fault names the file, the entry and the field, in an expression also line and column, and all of them are reported
at once. Beyond what is missing, unknown or misspelt, a catalog is refused that contradicts itself: rows of a ``unique``
table that hold at once, rows that can never be used, a lens that is made but has no blank, a route that does not end
where it ships, a text in braces that cannot be filled in, an optical product code whose check digit is wrong.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from string import Formatter
from typing import TypeVar

from optics.numbers import NumberError, format_decimal, parse_decimal
from optics.opc import is_opc
from optics.tolerances import Profile, ProfileError, profile_from
from rules.catalog import (
    AVAILABILITY,
    Blank,
    Catalog,
    Choice,
    Constraint,
    Design,
    Entry,
    Material,
    PartnerCode,
    Severity,
    Station,
)
from rules.decide import LEAD_TIME
from rules.expression.check import check
from rules.expression.tree import ExpressionError
from rules.expression.view import Field, Given, Kind, Scope, UnknownNameError
from rules.facts import NAMES, OUT_OF_RANGE
from rules.floor import Breakage
from rules.load_floor import breakage, calendar, check_policy, misplaced
from rules.plan import BASE_CURVE, MINIMUM_THICKNESS, ROUTES, STEPS
from rules.price import PRICE_LIST
from rules.reading import Item, parse_span, read_items
from rules.tables import Charge, Column, Condition, Hit, Is, OneOf, Output, Row, SomeOf, Table, Value, Within, firing
from rules.view import (
    BLANKS,
    COATINGS,
    COLOURS,
    DESIGNS,
    IMPACTS,
    MATERIALS,
    OF_EYE,
    OF_PAIR,
    OF_PLAN,
    OF_REMAKE,
    OPTIONS,
    SCOPES,
    SIDE_NAMES,
    DesignType,
    Spot,
    spot,
    with_price,
)
from rules.words import sayable

SECTIONS = (
    "stations",
    "breakages",
    "calendars",
    "remakes",
    "materials",
    "designs",
    "colours",
    "coatings",
    "options",
    "blanks",
    "constraints",
    "tables",
    "tolerances",
)
"""The sections a file may hold."""

_NEEDED = ("stations", "materials", "designs", "colours", "blanks", "tables")
_ENTRY_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_STATION_ID = re.compile(r"[a-z][a-z0-9-]{0,62}")  # and of what is reported there
_GIVEN = re.compile(r"[a-z][a-z0-9_]{0,62}")
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,62}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_LABELS = ("LNAM", "LMATID", "COLR", "ACOAT")
_SEVERITIES = {severity.name.lower(): severity for severity in Severity}
_SIDES = {name: side for side, name in SIDE_NAMES.items()}
_ABSENT = "absent"
_MOST_MINUTES = 60_000  # a hundred days of ten hours, at one station
_YES_NO = {"yes": True, "no": False}
_OF_ROW = ("id", "reason")  # what a row has beside its columns

N = TypeVar("N", Design, Material, Choice, Station, Breakage, Blank, Constraint)


class CatalogError(ValueError):
    """The data is no catalog.

    Attributes:
        faults: Everything that is wrong with it, each with file, entry and field.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        """Takes the faults; at least one."""
        super().__init__("this is no catalog:\n  " + "\n  ".join(faults))
        self.faults = tuple(faults)


def load(files: Mapping[str, object], *, draft: bool = False) -> Catalog:
    """Returns the catalog that some files hold; the keys are their names.

    Args:
        files: What they hold.
        draft: It is to be examined before anything is decided by it (`rules.proof`): what rows of a table do to each
            other, and whether there is a blank for whatever is made, is left to that, which shows it by examples.

    Raises:
        CatalogError: Something is missing, unknown, misspelt, out of order, said twice, or contradicts something else.
    """
    faults: list[str] = []
    sections = _sections(files, faults)
    materials = _by_id(sections["materials"], _material)
    stations = _by_id(sections["stations"], _station)
    breakages = _by_id(sections["breakages"], lambda item: breakage(item, item.matching("id", _STATION_ID), stations))
    working = calendar(sections["calendars"])
    designs = _by_id(sections["designs"], _design)
    colours, coatings, options = (_by_id(sections[name], _choice) for name in ("colours", "coatings", "options"))
    blanks = _by_id(sections["blanks"], lambda item: _blank(item, materials, colours, designs))
    known = _Known(
        domains={
            MATERIALS: materials.keys(),
            DESIGNS: designs.keys(),
            COLOURS: colours.keys(),
            COATINGS: coatings.keys(),
            OPTIONS: options.keys(),
            BLANKS: blanks.keys(),
            IMPACTS: {material.impact for material in materials.values()},
        },
        groups={each.id: each.group for each in (*coatings.values(), *options.values()) if each.group},
        stations=tuple(stations),
        draft=draft,
    )
    constraints = _by_id(sections["constraints"], lambda item: _constraint(item, known))
    tables = _tables(sections["tables"], known, constraints)
    tolerances = _tolerances(sections["tolerances"])
    remakes = _remakes(sections["remakes"], known, {*constraints, *tables})
    for item in (item for items in sections.values() for item in items):
        item.refuse_the_rest()
    faults += misplaced(stations)
    faults += _ambiguous_codes((designs, materials, colours, coatings, options))
    faults += _missing_tables(tables)
    faults += _confused_lists(tables)
    if faults:
        raise CatalogError(faults)
    catalog = Catalog(
        stations=stations,
        materials=materials,
        designs=designs,
        colours=colours,
        coatings=coatings,
        options=options,
        blanks=blanks,
        constraints=tuple(constraints.values()),
        tables=tables,
        tolerances=tolerances,
        breakages=breakages,
        calendar=working,
        remakes=remakes,
    )
    # whether it all goes together can be told of what is a catalog in itself
    faults += () if draft else _missing_blanks(catalog)
    if faults:
        raise CatalogError(faults)
    return catalog


def load_stations(files: Mapping[str, object]) -> Mapping[str, Station]:
    """Returns the stations that some files hold, and looks at nothing else: the files may be of an earlier format.

    Raises:
        CatalogError: The stations are faulty, or there are none.
    """
    faults: list[str] = []
    sections = [content.get("stations", []) for content in files.values() if isinstance(content, Mapping)]
    items = [item for section in sections for item in read_items("stations", section, faults)]
    stations = _by_id(items, _station)
    if not stations:
        faults.append("no file has stations")
    if faults:
        raise CatalogError(faults)
    return stations


@dataclass(frozen=True, slots=True)
class _Known:
    """What constraints and tables may refer to."""

    domains: Mapping[str, Collection[str]]
    groups: Mapping[str, str]
    stations: Sequence[str]
    draft: bool = False


def _sections(files: Mapping[str, object], faults: list[str]) -> dict[str, list[Item]]:
    sections: dict[str, list[Item]] = {name: [] for name in SECTIONS}
    for file, content in files.items():
        if not isinstance(content, Mapping):
            faults.append(f"{file}: holds no sections")
            continue
        for name, value in content.items():
            if name in sections:
                sections[name] += read_items(f"{file}: {name}", value, faults)
            else:
                faults.append(f"{file}: {name}: is no section; one of: {', '.join(SECTIONS)}")
    faults.extend(f"no file has {name}" for name in _NEEDED if not sections[name])
    return sections


def _by_id(items: Sequence[Item], read: Callable[[Item], N]) -> dict[str, N]:
    entries: dict[str, N] = {}
    for item in items:
        entry = read(item)
        if entry.id in entries:
            item.fault("id", "is taken by an entry before")
        if entry.id:
            entries[entry.id] = entry
    return entries


# ── what can be ordered ───────────────────────────────────────────────────────────────────────────────────────────────


def _id(item: Item) -> str:
    name = item.matching("id", _ENTRY_ID)
    if name == _ABSENT:
        item.fault("id", "means something else in a table; choose another one")
    return name


def _head(item: Item) -> tuple[str, str, tuple[PartnerCode, ...], str]:
    """Reads what every entry begins with: id, name, partner codes and reason."""
    codes = tuple(PartnerCode(each.known("label", _LABELS), each.text("code")) for each in item.inners("partner_codes"))
    return _id(item), item.text("name"), codes, item.text("reason", default="")


def _material(item: Item) -> Material:
    return Material(
        *_head(item),
        index=item.between("index", 1001, 3000, 3),  # a refractive index is more than air's
        wavelength=item.number("wavelength", 2, above=0),
        abbe=item.number("abbe", 2, above=0),
        density=item.between("density", 50, 10_00),  # no lens floats on oil, none is heavier than lead crystal
        impact=item.text("impact", default=""),
    )


def _design(item: Item) -> Design:
    return Design(*_head(item), type=item.one_of("type", DesignType))


def _choice(item: Item) -> Choice:
    return Choice(*_head(item), group=item.text("group", default=""))


def _station(item: Item) -> Station:
    return Station(
        item.matching("id", _STATION_ID),
        item.text("name"),
        item.text("description"),
        minutes=item.between("minutes", 0, _MOST_MINUTES, 0) if item.has("minutes") else 0,
        picks=item.flag("picks"),
        inspects=item.flag("inspects"),
    )


def _blank(item: Item, materials: Collection[str], colours: Collection[str], designs: Collection[str]) -> Blank:
    side = item.known("side", _SIDES, default="")
    opc = item.text("opc", default="")
    blank = Blank(
        id=_id(item),
        material=item.known("material", materials),
        colours=item.texts("colours", colours),
        types=item.several_of("types", DesignType),
        designs=item.texts("designs", designs),
        base=item.between("base", 0, 20_00),
        front=item.between("front", 0, 20_00),
        diameter=item.between("diameter", 40_00, 90_00),
        centre=item.between("centre", 50, 50_00),
        edge=item.between("edge", 50, 50_00) if item.has("edge") else 0,
        finished=item.flag("finished"),
        power=item.span("power", 2),
        cylinder=item.span("cylinder", 2),
        add=item.optional_number("add", 2),
        side=_SIDES[side] if side else None,
        opc=opc,
        reason=item.text("reason", default=""),
    )
    if not blank.colours:
        item.fault("colours", "a blank comes in one at least")
    if not (blank.types or blank.designs):
        item.fault("types", "is missing, and so is designs: nothing can be made of it")
    if opc and not is_opc(opc):
        item.fault("opc", f"{opc!r} is no optical product code: ten digits, the last of which checks the others")
    open_ended = blank.power == (None, None) or blank.cylinder == (None, None)
    if blank.finished and open_ended:
        item.fault("power", "is missing, or cylinder is: a finished blank says which powers it comes in")
    if not blank.finished and (blank.power, blank.cylinder) != ((None, None), (None, None)):
        item.fault("power", "belongs to a finished blank; this one is surfaced to any power")
    return blank


def _tolerances(items: Iterable[Item]) -> dict[str, Profile]:
    profiles: dict[str, Profile] = {}
    for item in items:
        try:
            profile = profile_from({str(name): value for name, value in item.whole().items()})
        except ProfileError as error:
            item.fault("", str(error))
            continue
        if profile.id in profiles:
            item.fault("id", "is taken by an entry before")
        for each in profile.types:
            if each not in list(DesignType):
                item.fault("types", f"there is no {each!r}; it can be: {', '.join(sorted(DesignType))}")
        profiles[profile.id] = profile
    return profiles


# ── constraints ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _given(item: Item, refuse: str) -> dict[str, Given]:
    """Reads the numbers of a constraint that have a name."""
    given: dict[str, Given] = {}
    for each, number in item.measures("given").items():
        if _GIVEN.fullmatch(each):
            given[each] = number
            if not re.search(rf"\bgiven\.{each}\b", refuse):
                item.fault(f"given: {each}", "is not used by the expression")
        else:
            item.fault(f"given: {each}", f"does not match {_GIVEN.pattern}")
    if {"low", "high"} <= given.keys() and given["low"].value > given["high"].value:
        item.fault("given: low", "is above high")
    return given


def _constraint(item: Item, known: _Known) -> Constraint:
    name = item.matching("id", _ENTRY_ID)
    scope = SCOPES.get(item.known("scope", SCOPES), OF_EYE)
    refuse = item.text("refuse")
    given = _given(item, refuse)
    at = _spot(item, "at", item.text("at"), scope)
    shows = _spot(item, "shows", item.text("shows"), scope) if item.has("shows") else at
    if at and at.noun and not (at.term and at.term.path):
        item.fault("at", "is no field of an order; what follows from several is shown, and mended at one of them")
    if shows and not shows.noun:
        shows = None
    says = item.text("says")
    _check_sentence(item, "says", says, sayable(given, shows))
    if says and not says.endswith("."):
        item.fault("says", "ends without a full stop; it is the end of a sentence")
    checked = None
    if refuse:
        try:
            checked = check(refuse, scope, given=given, domains=known.domains)
        except ExpressionError as error:
            item.fault("refuse", str(error))
    return Constraint(
        id=name,
        scope=scope.name,
        given=given,
        refuse=refuse,
        at=at or Spot("", ""),
        shows=shows,
        severity=_SEVERITIES.get(item.known("severity", _SEVERITIES), Severity.ERROR),
        code=item.matching("code", _CODE, default=OUT_OF_RANGE),
        says=says,
        reason=item.text("reason"),
        checked=checked,
        fired=firing(name),
    )


def _spot(item: Item, field: str, path: str, scope: Scope) -> Spot | None:
    try:
        return spot(scope, path) if path else None
    except UnknownNameError as error:
        item.fault(field, str(error))
        return None


def _check_sentence(item: Item, field: str, sentence: str, allowed: Collection[str]) -> None:
    """Notes every word in braces that cannot be filled in."""
    try:
        words = [
            (word, spec, conversion) for _, word, spec, conversion in Formatter().parse(sentence) if word is not None
        ]
    except ValueError as error:
        item.fault(field, f"its braces do not match: {error}")
        return
    for word, spec, conversion in words:
        if word not in allowed or spec or conversion:
            item.fault(field, f"{{{word}}} cannot be filled in; it can hold: {', '.join(sorted(allowed))}")


# ── tables ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Asked:
    """How a table is asked: in which scope, and what it has to answer, and may."""

    scope: Scope
    outputs: Mapping[str, Output]
    may: Mapping[str, Output]
    why: str
    needed: bool = False


def _asked(
    scope: Scope, why: str, *, needed: bool = False, may: Mapping[str, Output] | None = None, **outputs: Output
) -> _Asked:
    return _Asked(scope, outputs, may or {}, why, needed)


_ASKED: Mapping[str, _Asked] = {
    AVAILABILITY: _asked(OF_PAIR, "what is made in what", needed=True, made=Output.YES_NO),
    BASE_CURVE: _asked(
        OF_EYE, "the base curve of a lens", needed=True, base=Output.DIOPTRE, may={"slip": Output.DIOPTRE}
    ),
    MINIMUM_THICKNESS: _asked(
        OF_EYE,
        "how thick a lens has to be",
        needed=True,
        centre=Output.MILLIMETRE,
        edge=Output.MILLIMETRE,
        may={"allowance": Output.MILLIMETRE},
    ),
    **{step: _asked(OF_PLAN, f"the program to {step} by", program=Output.TEXT) for step in STEPS},
    ROUTES: _asked(OF_PLAN, "the way of a lens through the lab", needed=True, stations=Output.TEXTS),
    LEAD_TIME: _asked(OF_PAIR, "how long it takes", days=Output.DAYS),
    PRICE_LIST: _asked(OF_PAIR, "the price list of an account", list=Output.TEXT, currency=Output.TEXT),
}
"""The tables that are asked by id."""

_CHARGED: Mapping[Charge, tuple[Scope, ...]] = {
    Charge.PAIR: (OF_PAIR,),
    Charge.EYE: (OF_EYE, OF_PLAN),
    Charge.COATING: (OF_PAIR,),
    Charge.OPTION: (OF_PAIR,),
}

_AVAILABLE_BY = frozenset({"lens.design", "lens.type", "lens.material", "lens.colour"})

_PLACES = {Output.DAYS: 0}

MOST_ROWS = 1000
"""Rows of one table: each is held against every one before it, so that none is hidden and none overlaps."""

_SENSIBLE: Mapping[Output, tuple[int, int]] = {
    Output.DIOPTRE: (-40_00, 40_00),
    Output.MILLIMETRE: (0, 100_00),
    Output.PRISM: (0, 30_00),
    Output.DEGREE: (-360_00, 360_00),
    Output.GRAM: (0, 1000_00),
    Output.DAYS: (0, 365),
    Output.PERCENT: (-100_00, 1000_00),
    Output.MONEY: (0, 100_000_00),
}
"""What a row may answer with; beyond, it is a slip of the pen. What makes something cheaper is a share."""
_NUMBERS = frozenset(Output) - {Output.TEXT, Output.TEXTS, Output.YES_NO}


def _tables(items: Iterable[Item], known: _Known, taken: Collection[str]) -> dict[str, Table]:
    tables: dict[str, Table] = {}
    for item in items:
        table = _table(item, known)
        if table.id in tables or table.id in taken:
            item.fault("id", "is taken by an entry before")
        tables[table.id] = table
    return tables


def _table(item: Item, known: _Known) -> Table:
    name = item.matching("id", _ENTRY_ID)
    charge = item.one_of("charge", Charge) if item.has("charge") else None
    scope = SCOPES.get(item.known("scope", SCOPES), OF_PAIR)
    label = item.text("label") if charge else ""
    _check_sentence(item, "label", label, {*NAMES, *(("item",) if charge in {Charge.COATING, Charge.OPTION} else ())})
    seen = with_price(scope) if charge else scope
    columns = tuple(_columns(item, seen))
    outputs = _outputs(item)
    if both := {column.name for column in columns} & outputs.keys():
        item.fault("outputs", f"{', '.join(sorted(both))} is an input as well; call one of them otherwise")
    _check_asked(item, name, charge, scope, columns, outputs)
    hit = item.one_of("hit", Hit)

    def check(each: Item, row: Row) -> None:
        if name == ROUTES:
            _check_route(each, row, known)
        if name == PRICE_LIST and not _CURRENCY.fullmatch(row.then.get("currency", "EUR")):
            each.fault("currency", f"does not match {_CURRENCY.pattern}, the code of a currency")

    return Table(
        id=name,
        scope=seen,
        hit=hit,
        columns=columns,
        outputs=outputs,
        rows=_rows(item, name, hit, columns, outputs, known, check),
        charge=charge,
        label=label,
        needed=item.flag("needed") if charge else False,
    )


def _remakes(items: Sequence[Item], known: _Known, taken: Collection[str]) -> Table | None:
    """Reads the policy for remakes, which is a table of a section of its own; None where there is none."""
    for item in items[1:]:
        item.fault("", "a lab has one policy for remakes")
    if not items:
        return None
    item = items[0]
    name = item.matching("id", _ENTRY_ID)
    if name in taken:
        item.fault("id", "is taken by a constraint or a table")
    columns, outputs, hit = tuple(_columns(item, OF_REMAKE)), _outputs(item), item.one_of("hit", Hit)
    if outputs != {"percent": Output.PERCENT}:
        item.fault("outputs", "it tells percent: percent, what is charged of the new job's price, and nothing else")
    rows = _rows(item, name, hit, columns, outputs, known, lambda _each, _row: None)
    policy = Table(name, OF_REMAKE, hit, columns, outputs, rows)
    check_policy(item, policy, draft=known.draft)
    return policy


def _rows(
    item: Item,
    table: str,
    hit: Hit,
    columns: Sequence[Column],
    outputs: Mapping[str, Output],
    known: _Known,
    check: Callable[[Item, Row], None],
) -> tuple[Row, ...]:
    """Reads the rows of a table, and holds each against those before it."""
    rows: dict[str, Row] = {}
    entries = item.inners("rows")
    if len(entries) > MOST_ROWS:
        item.fault(
            "rows", f"are {len(entries)}; a table has {MOST_ROWS} at most: say more in one row, or in two tables"
        )
    for each in entries[:MOST_ROWS]:
        row = _row(each, table, columns, outputs, known)
        if row.id in rows:
            each.fault("id", "is taken by a row before")
        check(each, row)
        if not known.draft:
            _check_against(each, row, rows.values(), hit)
        rows[row.id] = row
    if not rows:
        item.fault("rows", "a table has one at least")
    return tuple(rows.values())


def _columns(item: Item, scope: Scope) -> Iterator[Column]:
    places = {noun.name: place for place, noun in enumerate(scope.nouns)}
    # by name: a stored revision has its keys in that order, and equal files are equal tables
    for name, path in sorted(item.named_texts("inputs").items()):
        if name in _OF_ROW:
            item.fault(f"inputs: {name}", "a row has a field of that name; call it otherwise")
        try:
            noun, field = scope.field(path)
        except UnknownNameError as error:
            item.fault(f"inputs: {name}", str(error))
            continue
        yield Column(name, path, places[noun.name], field)


def _outputs(item: Item) -> dict[str, Output]:
    outputs: dict[str, Output] = {}
    for name, kind in item.named_texts("outputs").items():
        if name in _OF_ROW:
            item.fault(f"outputs: {name}", "a row has a field of that name; call it otherwise")
        if kind in list(Output):
            outputs[name] = Output(kind)
        else:
            item.fault(f"outputs: {name}", f"there is no {kind!r}; it can be: {', '.join(sorted(Output))}")
    return outputs


def _check_asked(
    item: Item, name: str, charge: Charge | None, scope: Scope, columns: Sequence[Column], outputs: Mapping[str, Output]
) -> None:
    """Notes a table that nobody asks, or that answers otherwise than it is asked."""
    asked = _ASKED.get(name)
    if charge:
        if asked:
            item.fault("id", f"is that of the table that tells {asked.why}; what charges needs another one")
        _check_charging(item, charge, scope, outputs)
        return
    if asked is None:
        item.fault("id", f"nobody asks a table of this name; asked are: {', '.join(_ASKED)}, and those that charge")
        return
    if scope is not asked.scope:
        item.fault("scope", f"{asked.why} is asked of: {asked.scope.name}")
    for output, kind in asked.outputs.items():
        if outputs.get(output) is not kind:
            item.fault("outputs", f"{output}: {kind} is missing: it tells {asked.why}")
    for output, kind in outputs.items():
        if {**asked.outputs, **asked.may}.get(output) is not kind:
            item.fault("outputs", f"{output}: {kind} is not asked for")
    if name == AVAILABILITY and not {column.path for column in columns} <= _AVAILABLE_BY:
        item.fault("inputs", f"{asked.why} depends on nothing but {', '.join(sorted(_AVAILABLE_BY))}")


def _check_charging(item: Item, charge: Charge, scope: Scope, outputs: Mapping[str, Output]) -> None:
    if scope not in _CHARGED[charge]:
        scopes = " or ".join(each.name for each in _CHARGED[charge])
        item.fault("scope", f"what is charged for each {charge} is asked of: {scopes}")
    if outputs not in ({"amount": Output.MONEY}, {"share": Output.PERCENT}):
        item.fault("outputs", "a table that charges has one: amount: money, or share: percent")


def _row(item: Item, table: str, columns: Sequence[Column], outputs: Mapping[str, Output], known: _Known) -> Row:
    name = item.matching("id", _ENTRY_ID)
    when = {
        column.name: condition
        for column in columns
        if item.has(column.name) and (condition := _condition(item, column, known)) is not None
    }
    then = {output: _value(item, output, kind) for output, kind in outputs.items()}
    return Row(name, when, then, item.text("reason"), firing(table, name))


def _condition(item: Item, column: Column, known: _Known) -> Condition | None:
    """Reads what a row asks of a column; None where that cannot be read."""
    name, field = column.name, column.field
    raw = item.raw(name)
    given = raw if isinstance(raw, list) else [raw]
    values = [value.strip() for value in given if isinstance(value, str)]
    if not values or len(values) < len(given):
        item.fault(name, "is no condition: a list of texts, an interval, yes or no, or absent")
        return None
    if len(set(values)) < len(values):
        item.fault(name, "says something twice")
    absent = _ABSENT in values
    values = [value for value in values if value != _ABSENT]
    if absent and (field.kind is Kind.BOOL or (field.kind is Kind.INT and not field.optional)):
        item.fault(name, "is never absent")
    match field.kind:
        case Kind.INT:
            return Within(tuple(_spans(item, name, field, values)), absent)
        case Kind.BOOL:
            if values not in (["yes"], ["no"]):
                item.fault(name, "is yes or no")
            return Is(values == ["yes"])
        case kind:
            if not isinstance(raw, list) and not absent:
                item.fault(name, "is not a list of texts")
            _check_domain(item, name, field, values, known)
            if kind is Kind.TEXT:
                return OneOf(frozenset(values), absent)
            return SomeOf(frozenset(values), absent, known.groups)


def _spans(item: Item, name: str, field: Field, values: Sequence[str]) -> Iterator[tuple[int | None, int | None]]:
    for value in values:
        try:
            low, high = parse_span(value, 2 if field.unit else 0)
        except ValueError as error:
            item.fault(name, f"{value!r}: {error}")
            continue
        least, most = field.low or 0, field.high or 0
        if (low is not None and low > most) or (high is not None and high < least):
            item.fault(name, f"{value!r}: never holds, no {name} is like that")
        yield low, high


def _check_domain(item: Item, name: str, field: Field, values: Sequence[str], known: _Known) -> None:
    domain = field.domain
    allowed = known.domains[domain] if isinstance(domain, str) else domain
    if allowed is not None:
        for value in values:
            if value not in allowed:
                item.unknown(name, value, [each for each in allowed if each])


def _value(item: Item, name: str, kind: Output) -> Value:
    """Reads what a row answers; something harmless where that cannot be read."""
    match kind:
        case Output.YES_NO:
            return item.known(name, _YES_NO) == "yes"
        case Output.TEXTS:
            return item.listed(name)
        case Output.TEXT:
            if not item.has(name):
                item.fault(name, "is missing")
            return item.text(name, default="")
        case _:
            text = item.text(name)
            try:
                number = parse_decimal(text, _PLACES.get(kind, 2)) if text else 0
            except NumberError as error:
                item.fault(name, f"{text!r}: {error}")
                return 0
            low, high = _SENSIBLE[kind]
            if not low <= number <= high:
                places = _PLACES.get(kind, 2)
                item.fault(name, f"{text}: it can be {format_decimal(low, places)} to {format_decimal(high, places)}")
            return number


def _check_route(item: Item, row: Row, known: _Known) -> None:
    """Notes a route that does not lead through the floor to where a job ships."""
    stations = row.then.get("stations", ())
    for station in stations:
        if station not in known.stations:
            item.unknown("stations", station, known.stations)
    places = [known.stations.index(station) for station in stations if station in known.stations]
    if any(after <= before for before, after in pairwise(places)):
        item.fault("stations", f"are not in the order of the floor: {', '.join(known.stations)}")
    if known.stations and tuple(stations[-1:]) != known.stations[-1:]:
        item.fault("stations", f"a route ends where a job ships, at {known.stations[-1]}")


def _check_against(item: Item, row: Row, before: Collection[Row], hit: Hit) -> None:
    """Notes a row that holds together with one before it where only one may, or that is never reached behind it."""
    for other in before:
        if hit is Hit.UNIQUE and row.meets(other):
            item.fault("", f"holds at the same time as {other.id}; of a unique table one row holds at most")
        elif hit is Hit.FIRST and other.covers(row):
            item.fault("", f"is never used: {other.id} stands before it and holds wherever it does")


# ── the whole ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _ambiguous_codes(kinds: Iterable[Mapping[str, Entry]]) -> Iterator[str]:
    """Yields a fault for each partner code that stands for two entries: nobody could say which one was ordered."""
    owners: dict[PartnerCode, str] = {}
    for entries in kinds:
        for entry in entries.values():
            for code in entry.partner_codes:
                owner = owners.setdefault(code, entry.id)
                if owner != entry.id:
                    yield f"partner code {code.label}={code.code}: stands for {owner} and for {entry.id}"


def _missing_tables(tables: Collection[str]) -> Iterator[str]:
    for name, asked in _ASKED.items():
        if asked.needed and name not in tables:
            yield f"tables: there is none called {name}; it tells {asked.why}"


def _confused_lists(tables: Mapping[str, Table]) -> Iterator[str]:
    """Yields a fault for each price list that an account may have and nothing is priced in, or the other way round."""
    if PRICE_LIST not in tables:
        return
    lists = {row.then.get("list") for row in tables[PRICE_LIST].rows}
    for table in tables.values():
        for column in (column for column in table.columns if column.path == "price.list"):
            conditions = [row.when.get(column.name) for row in table.rows]
            priced = {each for condition in conditions if isinstance(condition, OneOf) for each in condition.values}
            for each in sorted(priced - lists):
                near = get_close_matches(each, [known for known in lists if isinstance(known, str)], n=1, cutoff=0.5)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                yield f"tables ({table.id}): {column.name}: no account has the price list {each!r}{hint}"
            if table.needed and None not in conditions:
                for each in sorted(str(known) for known in lists - priced):
                    yield f"tables ({table.id}): nothing is priced in the price list {each!r}"


def _missing_blanks(catalog: Catalog) -> Iterator[str]:
    """Yields a fault for each lens that can be ordered and that there is nothing to make from."""
    for (design, material), colours in catalog.made.items():
        for colour in colours:
            if (design, material, colour) not in catalog.stock:
                yield f"{AVAILABILITY}: {design} in {material}, {colour} is made, but there is no blank for it"
