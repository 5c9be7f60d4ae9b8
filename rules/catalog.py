"""What can be ordered from a lab, with the constraints and tables that decide it: frozen, complete and consistent.

Made by `load`, which lets nothing through that refers to what is not there. What a decision would otherwise work out
each time is worked out once, when a catalog is made: what is made in what, and which blanks there are for it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TypeAlias

from optics.eyes import Side
from optics.numbers import Hundredths, Thousandths
from optics.tolerances import Profile
from rules.calendar import Calendar
from rules.expression.check import Checked
from rules.expression.closure import closures
from rules.expression.view import Given, Scope
from rules.floor import Breakage
from rules.tables import Fired, Span, Table
from rules.view import (
    COATINGS,
    COLOURS,
    DESIGNS,
    MATERIALS,
    OPTIONS,
    SCOPES,
    DesignType,
    EyeFacts,
    FrameFacts,
    LensFacts,
    OrderFacts,
    PairFacts,
    Spot,
)

AVAILABILITY = "availability"
"""The table that says which design is made in which material and colour."""


class Severity(IntEnum):
    """How much a violation weighs, as the contract counts it."""

    INFO = 1
    WARNING = 2
    ERROR = 3


# ── what can be ordered ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class PartnerCode:
    """A partner's name for an entry, as it stands in a DCS record.

    Attributes:
        label: DCS label ("LNAM").
        code: The value of the record.
    """

    label: str
    code: str


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that can be ordered.

    Attributes:
        id: Catalog id; stable across revisions.
        name: Name for people.
        partner_codes: The names partners know it by.
        reason: Where what is said of it comes from; empty where it says nothing that needs one.
    """

    id: str
    name: str
    partner_codes: tuple[PartnerCode, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Design(Entry):
    """A lens design and its kind."""

    type: DesignType = DesignType.SINGLE_VISION


@dataclass(frozen=True, slots=True)
class Material(Entry):
    """A lens material.

    Attributes:
        index: Refractive index in 1/1000.
        wavelength: Where it was measured, in 1/100 nm.
        abbe: Abbe number in 1/100.
        density: In 1/100 g/cm3.
        impact: Class of its impact resistance, in the lab's own word.
    """

    index: Thousandths = 0
    wavelength: Hundredths = 0
    abbe: Hundredths = 0
    density: Hundredths = 0
    impact: str = ""


@dataclass(frozen=True, slots=True)
class Choice(Entry):
    """A colour, a coating or an option. Of one `group` a lens carries one at most; an empty group clashes with none."""

    group: str = ""


@dataclass(frozen=True, slots=True)
class Station:
    """A place on the lab's floor.

    Attributes:
        id: What its scanner calls itself.
        name: What the lab calls it.
        description: What a customer is told while a job is there.
        minutes: Working minutes that a job normally takes there, waiting included.
        picks: Whether blanks are taken from stock there.
        inspects: Whether a job leaves it only with a passing inspection of every lens that is in work.
    """

    id: str
    name: str
    description: str
    minutes: int = 0
    picks: bool = False
    inspects: bool = False


@dataclass(frozen=True, slots=True)
class Blank:
    """What a lens is made from.

    Attributes:
        id: Catalog id.
        material: Id of its material.
        colours: Ids of the colours it comes in.
        types: The kinds of design that can be made from it.
        designs: Ids of designs that can, beside those kinds.
        base: Nominal base curve, in 1/100 D.
        front: True front curve, in 1/100 D of the tooling index 1.530.
        diameter: In 1/100 mm.
        centre: Thickness at its centre, in 1/100 mm; of a finished one, the lens's.
        edge: Thickness at its edge; 0 where that is not said.
        finished: Its power is in it; it is not surfaced.
        power: Of a finished one, the spheres it comes in (minus cylinder form).
        cylinder: Of a finished one, the minus cylinders.
        add: The addition that is cast in; None where there is none.
        side: The eye it is for; None for both.
        opc: Its Optical Product Code; empty where it has none.
        reason: Where the numbers come from.
    """

    id: str
    material: str
    colours: tuple[str, ...]
    types: tuple[DesignType, ...]
    designs: tuple[str, ...]
    base: Hundredths
    front: Hundredths
    diameter: Hundredths
    centre: Hundredths
    edge: Hundredths = 0
    finished: bool = False
    power: Span = (None, None)
    cylinder: Span = (None, None)
    add: Hundredths | None = None
    side: Side | None = None
    opc: str = ""
    reason: str = ""


Shelf: TypeAlias = Mapping[Hundredths, tuple[Blank, ...]]
"""Blanks by base curve: of one base the finished ones first, and the smaller before the larger."""


# ── the rules ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Constraint:
    """What is objected to.

    Attributes:
        id: Its name, one of a kind.
        scope: What it sees ("eye", "pair", "plan").
        given: Its named numbers.
        refuse: The expression; where it is true, the constraint objects.
        at: What an objection belongs to.
        shows: The field whose value an objection begins with; None where it begins with none.
        severity: How much it weighs.
        code: Code of the violation.
        says: The way out, in the words of the trade.
        reason: Where it comes from.
        checked: The same, as it was checked; of a loaded catalog it is never None.
        fired: What there is to tell when it objects, by side.
    """

    id: str
    scope: str
    given: Mapping[str, Given]
    refuse: str
    at: Spot
    shows: Spot | None
    severity: Severity
    code: str
    says: str
    reason: str
    checked: Checked | None = field(compare=False, repr=False)
    fired: Mapping[Side | None, Fired] = field(compare=False, repr=False)


# ── the whole ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything of one revision, by id and in the order in which the engineer wrote it.

    Attributes:
        made: For each design and material that go together, the ids of the colours they come in.
        stock: The blanks for a design in a material and colour, smallest first.
        shelves: The same as they are looked through: the finished ones, those to surface, and all of them.
        objections: The constraints of each scope, behind the function that tells which of them object.
        charges: The tables that charge.
        breakages: The reasons for which a lens is spoilt on the floor; none in a catalog that has no such list.
        calendar: When the lab works; None where nothing is due.
        remakes: The policy of what is charged of a remake; None where there is none.
        marks: What tells one stock of blanks from another, as it is worked out (`rules.replay.record.mark`).
    """

    stations: Mapping[str, Station]
    materials: Mapping[str, Material]
    designs: Mapping[str, Design]
    colours: Mapping[str, Choice]
    coatings: Mapping[str, Choice]
    options: Mapping[str, Choice]
    blanks: Mapping[str, Blank]
    constraints: tuple[Constraint, ...]
    tables: Mapping[str, Table]
    tolerances: Mapping[str, Profile]
    made: Mapping[tuple[str, str], tuple[str, ...]] = field(init=False, compare=False, repr=False)
    stock: Mapping[tuple[str, str, str], tuple[Blank, ...]] = field(init=False, compare=False, repr=False)
    shelves: Mapping[tuple[str, str, str], tuple[Shelf, ...]] = field(init=False, compare=False, repr=False)
    objections: Mapping[str, tuple[Callable[..., tuple[bool, ...]], tuple[Constraint, ...]]] = field(
        init=False, compare=False, repr=False
    )
    charges: tuple[Table, ...] = field(init=False, compare=False, repr=False)
    breakages: Mapping[str, Breakage] = field(default_factory=dict)
    calendar: Calendar | None = None
    remakes: Table | None = None
    marks: dict[tuple[str, str, str, bool], bytes] = field(init=False, default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        stock = _stock(self)
        worked_out: dict[str, object] = {
            "made": _made(self),
            "stock": stock,
            "shelves": {key: tuple(_shelves(blanks)) for key, blanks in stock.items()},
            "objections": {name: _objections(self.constraints, scope) for name, scope in SCOPES.items()},
            "charges": tuple(table for table in self.tables.values() if table.charge),
        }
        for name, value in worked_out.items():
            object.__setattr__(self, name, value)

    @property
    def picking(self) -> str:
        """The station at which blanks are taken from stock; empty where there is none."""
        return next((station.id for station in self.stations.values() if station.picks), "")

    @property
    def plain_colour(self) -> str:
        """The colour of a lens for which none was chosen: the one that the catalog names first."""
        return next(iter(self.colours), "")

    def entries(self, domain: str) -> Mapping[str, Entry]:
        """Returns what can be ordered of one kind ("coatings"), by id; nothing of a kind that cannot be ordered."""
        kinds: Mapping[str, Mapping[str, Entry]] = {
            DESIGNS: self.designs,
            MATERIALS: self.materials,
            COLOURS: self.colours,
            COATINGS: self.coatings,
            OPTIONS: self.options,
        }
        return kinds.get(domain, {})

    def materials_of(self, design: str) -> tuple[str, ...]:
        """Returns the ids of the materials a design is made in."""
        return tuple(material for material in self.materials if (design, material) in self.made)

    def without(self, rule: str, row: str = "") -> "Catalog":
        """Returns the catalog without a constraint, or without a row of a table; cheaper than to load it again.

        Raises:
            KeyError: There is no such constraint, table or row.
        """
        if not row:
            rest = tuple(each for each in self.constraints if each.id != rule)
            if len(rest) == len(self.constraints):
                raise KeyError(rule)
            return replace(self, constraints=rest)
        table = self.tables[rule].without(row)
        return replace(self, tables={**self.tables, rule: table})


def _made(catalog: Catalog) -> dict[tuple[str, str], tuple[str, ...]]:
    """Asks the table of what is available for everything there is."""
    table = catalog.tables.get(AVAILABILITY)
    if table is None:
        return {}
    lens = LensFacts()
    nouns = (EyeFacts("right"), EyeFacts("left"), PairFacts(), FrameFacts(), lens, OrderFacts())
    made: dict[tuple[str, str], tuple[str, ...]] = {}
    for design in catalog.designs.values():
        for material in catalog.materials.values():
            lens.design, lens.type, lens.material = design.id, design.type.value, material.id
            colours = []
            for lens.colour in catalog.colours:
                row = table.find(nouns)
                if row is not None and row.then["made"]:
                    colours.append(lens.colour)
            if colours:
                made[design.id, material.id] = tuple(colours)
    return made


def _objections(
    constraints: Sequence[Constraint], scope: Scope
) -> tuple[Callable[..., tuple[bool, ...]], tuple[Constraint, ...]]:
    of_scope = tuple((each, each.checked) for each in constraints if each.scope == scope.name and each.checked)
    return closures([checked for _, checked in of_scope], scope), tuple(each for each, _ in of_scope)


def _stock(catalog: Catalog) -> dict[tuple[str, str, str], tuple[Blank, ...]]:
    stock: dict[tuple[str, str, str], list[Blank]] = {}
    for blank in sorted(catalog.blanks.values(), key=lambda blank: (blank.diameter, blank.id)):
        for design in catalog.designs.values():
            if design.type in blank.types or design.id in blank.designs:
                for colour in blank.colours:
                    stock.setdefault((design.id, blank.material, colour), []).append(blank)
    return {key: tuple(blanks) for key, blanks in stock.items()}


def _shelves(blanks: Sequence[Blank]) -> Iterator[Shelf]:
    """Yields the shelves that are looked through, one after the other, for a blank for every lens of a pair."""
    for kinds in ((True,), (False,), (True, False)):
        shelf: dict[Hundredths, tuple[Blank, ...]] = {}
        for finished in kinds:
            for blank in blanks:
                if blank.finished is finished:
                    shelf[blank.base] = (*shelf.get(blank.base, ()), blank)
        if shelf and (len(kinds) == 1 or len({blank.finished for blank in blanks}) > 1):
            yield shelf
