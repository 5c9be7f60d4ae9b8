"""A spec as the rules see it: nouns with fields, what follows from them, and the words in which each is spoken of.

Constraints and tables are written over this view. Each field is declared once, with its kind, unit and bounds (which
are the contract's, or follow from them) and the words an optician uses for it. A field that was not given, or whose
own fields were not all given, is absent: constraints judge what is there, and ask for what is not with ``!has(…)``.

    eye     what was ordered for one eye, and
            power_low, power_high  power in the principal meridians, lower and higher; the same in either convention
            power_strongest        the one of them that is stronger, with its sign; of two alike the minus one
            power_amount           the same without its sign
            cylinder_amount        the cylinder's amount, whatever its sign
            spherical_equivalent   sphere and half the cylinder, halves away from zero
            prism                  amount of the prescribed prism, from its horizontal and vertical parts; rounded up
            near_inset             distance PD less near PD
            height_clearance       frame B less the fitting height: what is left above the fitting point
            decentration_in        (A + DBL) / 2 less the distance PD: from the box centre towards the nose
            decentration_up        fitting height less half of B: from the box centre upwards
            decentration           amount of both, rounded up; without a height the lens is centred half way up
            minimum_blank          diameter of the smallest blank without any allowance, rounded up: over the traced
                                   shape, else by ED + 2 * decentration; without an ED over a common shape in the box
    frame   the boxing measures (a traced frame has those of its trace where none were given), and
            ed_excess  ED less the larger of A and B: never negative on a real shape
            ed_slack   ED less the diagonal of the box (rounded up): never positive on a real shape
    pair    what compares the two eyes, absent for a single lens:
            anisometropia       difference of the two spherical equivalents; rounded up
            opposite_spheres    the smaller of two spheres of opposite sign, as an amount; 0 where the signs agree
            opposite_cylinders  the same of the two cylinders: one is written in plus and the other in minus cylinder
    lens    what was chosen from the catalog; what the catalog does not have counts as not chosen
    order   which eyes, for whose account
    plan    how the lens of one eye would be made
    price   the account's price list, and the coating or option that is being charged
    remake  a lens that was delivered and is made again: who answers for it, when, and how often before

A scope is the nouns that one constraint or table can see: those of one *eye*, of the *pair*, or of the *plan* for one
eye. What is decided in a scope is decided once for each eye, or once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from optics.eyes import Side
from optics.numbers import Hundredths, Thousandths
from rules.expression.view import Field, Kind, Noun, Scope
from rules.floor import Responsible
from rules.spec import EdgeType, Eyes, FrameMaterial
from rules.units import Unit

MATERIALS, DESIGNS, COLOURS, COATINGS, OPTIONS, BLANKS, STATIONS = (
    "materials",
    "designs",
    "colours",
    "coatings",
    "options",
    "blanks",
    "stations",
)
"""The parts of a catalog whose ids are the values of a field, and the domains' names."""

IMPACTS = "impact classes"
"""The domain of a material's impact class: the classes that the catalog's materials have."""


class DesignType(StrEnum):
    """The kind of a design."""

    SINGLE_VISION = "single-vision"
    MULTIFOCAL = "multifocal"
    PROGRESSIVE = "progressive"
    OCCUPATIONAL = "occupational"
    ANTI_FATIGUE = "anti-fatigue"


SIDE_NAMES: Mapping[Side, str] = {Side.RIGHT: "right", Side.LEFT: "left"}
"""The sides as the contract's fields and an optician's sentence name them."""


def capital(words: str) -> str:
    """Returns words as they begin a sentence."""
    return words[:1].upper() + words[1:]


# ── the declarations ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Term:
    """A field with what is said of it.

    Attributes:
        field: The field.
        words: What an optician calls it, as it stands within a sentence.
        path: Where it stands in the contract, below its noun's own place; empty for what is derived.
        both: The field of the eyes whose two values tell more than its own value does; empty for all others.
    """

    field: Field
    words: str
    path: str = ""
    both: str = ""


def _given(name: str, words: str, unit: Unit, low: Hundredths, high: Hundredths) -> Term:
    """A measure that an order may give."""
    return Term(Field(name, Kind.INT, unit, low, high, optional=True), words, name)


def _derived(name: str, words: str, unit: Unit, low: Hundredths, high: Hundredths) -> Term:
    """A measure that follows from others."""
    return Term(Field(name, Kind.INT, unit, low, high, optional=True), words)


def _text(name: str, words: str, domain: Sequence[str] | str | None, path: str = "") -> Term:
    values = domain if domain is None or isinstance(domain, str) else tuple(domain)
    return Term(Field(name, Kind.TEXT, domain=values), words, path)


def _texts(name: str, words: str, domain: str) -> Term:
    return Term(Field(name, Kind.TEXTS, domain=domain), words, name)


D, AMOUNT, PRISM, MM, DEGREE = (
    Unit.DIOPTRE,
    Unit.DIOPTRE_AMOUNT,
    Unit.PRISM,
    Unit.MILLIMETRE,
    Unit.DEGREE,
)

_EYE = (
    _text("side", "side", ("right", "left")),
    _given("sphere", "sphere", D, -30_00, 30_00),
    _given("cylinder", "cylinder", D, -15_00, 15_00),
    Term(Field("axis", Kind.INT, None, 1, 180, optional=True), "axis", "axis"),
    _given("add", "addition", D, 0, 6_00),
    _given("prism_horizontal", "horizontal prism", PRISM, -20_00, 20_00),
    _given("prism_vertical", "vertical prism", PRISM, -20_00, 20_00),
    _given("distance_pd", "distance PD", MM, 15_00, 50_00),
    _given("near_pd", "near PD", MM, 15_00, 50_00),
    _given("fitting_height", "fitting height", MM, 0, 70_00),
    _derived("power_low", "power", D, -45_00, 45_00),
    _derived("power_high", "power", D, -45_00, 45_00),
    _derived("power_strongest", "power", D, -45_00, 45_00),
    _derived("power_amount", "amount of power", AMOUNT, 0, 45_00),
    _derived("cylinder_amount", "amount of cylinder", AMOUNT, 0, 15_00),
    _derived("spherical_equivalent", "spherical equivalent", D, -37_50, 37_50),
    _derived("prism", "prism", PRISM, 0, 28_29),
    _derived("near_inset", "near inset", MM, -35_00, 35_00),
    _derived("height_clearance", "room above the fitting point", MM, -60_00, 90_00),
    _derived("decentration_in", "decentration in", MM, -37_50, 50_00),
    _derived("decentration_up", "decentration up", MM, -45_00, 65_00),
    _derived("decentration", "decentration", MM, 0, 83_00),
    _derived("minimum_blank", "smallest blank", MM, 0, 290_00),
)
_FRAME = (
    _given("a", "frame A", MM, 20_00, 90_00),
    _given("b", "frame B", MM, 10_00, 90_00),
    _given("dbl", "frame DBL", MM, 5_00, 40_00),
    _given("ed", "frame ED", MM, 20_00, 110_00),
    _given("wrap", "wrap", DEGREE, -5_00, 45_00),
    _given("panto", "pantoscopic tilt", DEGREE, -15_00, 30_00),
    _given("vertex", "vertex distance", MM, 3_00, 30_00),
    _text("material", "frame material", [each.value for each in FrameMaterial], "material"),
    _text("edge_type", "edge type", [each.value for each in EdgeType], "edge_type"),
    Term(Field("traced", Kind.BOOL), "trace", "trace"),
    _derived("ed_excess", "frame ED less the larger of A and B", MM, -70_00, 90_00),
    _derived("ed_slack", "frame ED less the diagonal of the box", MM, -108_00, 88_00),
)
_LENS = (
    _text("design", "design", DESIGNS, "design"),
    _text("type", "kind of design", ("", *(each.value for each in DesignType))),
    _text("material", "material", MATERIALS, "material"),
    _text("colour", "colour", COLOURS, "colour"),
    _texts("coatings", "coatings", COATINGS),
    _texts("options", "options", OPTIONS),
    Term(Field("index", Kind.INT, None, 1000, 3000, optional=True), "refractive index"),
    _text("impact", "impact class", IMPACTS),
)
_ORDER = (
    _text("eyes", "eyes", [each.value for each in Eyes], "eyes"),
    _text("account", "account", None),
)
_PAIR = (
    _derived("anisometropia", "difference between the eyes", AMOUNT, 0, 75_00),
    # the amounts of these two are no values of the order, and nobody would look for them there
    replace(_derived("opposite_spheres", "spheres", AMOUNT, 0, 30_00), both="sphere"),
    replace(_derived("opposite_cylinders", "cylinders", AMOUNT, 0, 15_00), both="cylinder"),
)
_PLAN = (
    _text("blank", "blank", BLANKS),
    Term(Field("blank_diameter", Kind.INT, MM, 0, 150_00), "diameter of the blank"),
    Term(Field("base", Kind.INT, D, -30_00, 30_00), "base curve"),
    Term(Field("front", Kind.INT, D, -30_00, 30_00), "front curve"),
    Term(Field("back_flat", Kind.INT, D, -200_00, 200_00), "flatter back curve"),
    Term(Field("back_steep", Kind.INT, D, -200_00, 200_00), "steeper back curve"),
    Term(Field("centre_thickness", Kind.INT, MM, 0, 300_00), "centre thickness"),
    Term(Field("edge_thinnest", Kind.INT, MM, -300_00, 300_00), "thinnest edge"),
    Term(Field("edge_thickest", Kind.INT, MM, -300_00, 300_00), "thickest edge"),
    Term(Field("weight", Kind.INT, Unit.GRAM, 0, 10_000_00), "weight"),
    Term(Field("finished", Kind.BOOL), "finished blank"),
)
_PRICE = (_text("list", "price list", None), _text("item", "item", None))


@dataclass(frozen=True, slots=True)
class Subject:
    """A noun with what is said of it.

    Attributes:
        noun: The noun.
        words: What stands before the words of its fields ("right eye, "); empty where they say enough.
        path: Its place in the contract; empty for what is derived.
        terms: Its fields by name.
    """

    noun: Noun
    words: str
    path: str
    terms: Mapping[str, Term]


def _subject(name: str, terms: Sequence[Term], *, words: str = "", path: str = "") -> Subject:
    noun = Noun(name, tuple(term.field for term in terms))
    return Subject(noun, words, path, {term.field.name: term for term in terms})


SUBJECTS: Mapping[str, Subject] = {
    subject.noun.name: subject
    for subject in (
        _subject("eye", _EYE),
        _subject("right", _EYE, words="right eye, ", path="prescription.right."),
        _subject("left", _EYE, words="left eye, ", path="prescription.left."),
        _subject("pair", _PAIR),
        _subject("frame", _FRAME, path="frame."),
        _subject("lens", _LENS, path="lens."),
        _subject("order", _ORDER),
        _subject("plan", _PLAN),
        _subject("price", _PRICE),
    )
}
"""Every noun by name. An eye, on its own, is spoken of as its side's noun."""


PRESCRIPTION = "prescription"
"""What an objection to the pair as a whole belongs to."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A field of a scope, as a constraint names it: ``sphere`` of the eye, ``frame.b``, ``plan.edge_thickest``.

    Attributes:
        noun: The noun's name; empty for the prescription as a whole.
        name: The field's.
    """

    noun: str
    name: str

    def path(self, side: str) -> str:
        """Returns the contract path of it, on one eye ("right") where it is one's."""
        if not self.noun:
            return PRESCRIPTION
        subject = SUBJECTS[side if self.noun == "eye" else self.noun]
        return subject.path + subject.terms[self.name].path

    @property
    def term(self) -> Term | None:
        """The field with what is said of it; None for the prescription as a whole."""
        return SUBJECTS[self.noun].terms[self.name] if self.noun else None


def spot(scope: Scope, path: str) -> Spot:
    """Returns what a path stands for in a scope: ``frame.b``, or ``sphere``, which is the eye's.

    Raises:
        UnknownNameError: There is no such noun or field; the message says what was probably meant.
    """
    if path == PRESCRIPTION:
        return Spot("", "")
    noun, field = scope.field(path if "." in path else f"eye.{path}")
    return Spot(noun.name, field.name)


def _scope(name: str, *nouns: str) -> Scope:
    return Scope(name, tuple(SUBJECTS[noun].noun for noun in nouns))


OF_EYE = _scope("eye", "eye", "frame", "lens", "order")
OF_PAIR = _scope("pair", "right", "left", "pair", "frame", "lens", "order")
OF_PLAN = _scope("plan", "eye", "plan", "frame", "lens", "order")
SCOPES: Mapping[str, Scope] = {scope.name: scope for scope in (OF_EYE, OF_PAIR, OF_PLAN)}
"""The scopes by name."""


def with_price(scope: Scope) -> Scope:
    """Returns a scope as a table sees it that charges: with the noun price behind the others."""
    return _scope(scope.name, *(noun.name for noun in scope.nouns), "price")


OF_REMAKE = Scope(
    "remake",
    (
        Noun(
            "remake",
            (
                Field("responsibility", Kind.TEXT, domain=tuple(each.value for each in Responsible)),
                Field("days", Kind.INT, None, 0, 36_500),
                Field("count", Kind.INT, None, 0, 1_000),
                Field("changed", Kind.BOOL),
            ),
        ),
    ),
)
"""What the policy for remakes sees (`rules.floor.RemakeFacts`). Nothing else is asked in this scope."""

# ── the facts: what the nouns are when a spec is decided ──────────────────────────────────────────────────────────────


@dataclass(slots=True)
class EyeFacts:
    """One eye: as ordered, and what follows from it."""

    side: str
    sphere: Hundredths | None = None
    cylinder: Hundredths | None = None
    axis: int | None = None
    add: Hundredths | None = None
    prism_horizontal: Hundredths | None = None
    prism_vertical: Hundredths | None = None
    distance_pd: Hundredths | None = None
    near_pd: Hundredths | None = None
    fitting_height: Hundredths | None = None
    power_low: Hundredths | None = None
    power_high: Hundredths | None = None
    power_strongest: Hundredths | None = None
    power_amount: Hundredths | None = None
    cylinder_amount: Hundredths | None = None
    spherical_equivalent: Hundredths | None = None
    prism: Hundredths | None = None
    near_inset: Hundredths | None = None
    height_clearance: Hundredths | None = None
    decentration_in: Hundredths | None = None
    decentration_up: Hundredths | None = None
    decentration: Hundredths | None = None
    minimum_blank: Hundredths | None = None


@dataclass(slots=True)
class FrameFacts:
    """The frame."""

    a: Hundredths | None = None
    b: Hundredths | None = None
    dbl: Hundredths | None = None
    ed: Hundredths | None = None
    wrap: Hundredths | None = None
    panto: Hundredths | None = None
    vertex: Hundredths | None = None
    material: str = FrameMaterial.UNSAID.value
    edge_type: str = EdgeType.UNSAID.value
    traced: bool = False
    ed_excess: Hundredths | None = None
    ed_slack: Hundredths | None = None


@dataclass(slots=True)
class LensFacts:
    """The lens: what was chosen, as far as the catalog knows it."""

    design: str = ""
    type: str = ""
    material: str = ""
    colour: str = ""
    coatings: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    index: Thousandths | None = None
    impact: str = ""


@dataclass(slots=True)
class OrderFacts:
    """The order: which eyes, and for whose account."""

    eyes: str = Eyes.UNSAID.value
    account: str = ""


@dataclass(slots=True)
class PairFacts:
    """What compares the two eyes."""

    anisometropia: Hundredths | None = None
    opposite_spheres: Hundredths | None = None
    opposite_cylinders: Hundredths | None = None


@dataclass(slots=True)
class PlanFacts:
    """How the lens of one eye would be made."""

    blank: str
    blank_diameter: Hundredths
    base: Hundredths
    front: Hundredths
    back_flat: Hundredths
    back_steep: Hundredths
    centre_thickness: Hundredths
    edge_thinnest: Hundredths
    edge_thickest: Hundredths
    weight: Hundredths
    finished: bool


@dataclass(slots=True)
class PriceFacts:
    """The price list of the account, and what is being charged."""

    list: str = ""
    item: str = ""
