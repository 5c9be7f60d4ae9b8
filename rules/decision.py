"""What is decided about a spec: the objections, or how it is made, what it costs and how long it takes; and why.

A decision is a value. Two runs over one spec and one catalog are equal, and `Decision.to_bytes` writes equal decisions
as equal bytes, so that a stored one can be held against what the rules say today.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from optics.eyes import Side
from optics.numbers import Hundredths, Thousandths
from optics.thickness import Solid
from rules.catalog import Blank, Severity
from rules.spec import Lens
from rules.tables import Fired
from rules.view import EyeFacts, FrameFacts, LensFacts, OrderFacts, PairFacts, PlanFacts

ENGINE = "1"
"""The version of the engine. It rises when the same catalog and spec may be decided otherwise than before."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An objection.

    Attributes:
        code: Stable, for programs.
        severity: How much it weighs.
        field: The contract path it is about.
        message: What is wrong and the way out, in the words of the trade.
        alternatives: Catalog ids that would do instead, nearest first.
        rule: The constraint that objects; empty for what every catalog objects to.
    """

    code: str
    severity: Severity
    field: str
    message: str
    alternatives: tuple[str, ...] = ()
    rule: str = ""


@dataclass(frozen=True, slots=True)
class LensPlan:
    """How one lens is made.

    Attributes:
        side: The eye it is for.
        blank: What it is made from.
        base: Nominal base curve of the blank, in hundredths of a dioptre.
        front: Its true front curve in dioptres of the tooling index 1.530.
        back_flat: Back curve in the flatter meridian, the same; negative is concave.
        back_steep: Back curve in the steeper meridian.
        minimum_blank: The diameter the shape asks for, with the lab's allowance, in hundredths of a millimetre; 0 for a
            lens that is delivered as round as its blank.
        centre: Thickness at the centre, in hundredths of a millimetre.
        edge_thinnest: Thickness where the edge is thinnest.
        edge_thinnest_angle: Where that is: degrees counter-clockwise from 3 o'clock, seen from the front.
        edge_thickest: Thickness where the edge is thickest.
        edge_thickest_angle: Where that is.
        weight: Weight of the edged lens in hundredths of a gram.
        estimated: Whether edge and weight are those of a common shape in the box, for want of a trace.
        programs: The steps that are done, each with the program a machine is given, in the order of the work.
        route: The stations the lens passes, by id.
    """

    side: Side
    blank: Blank
    base: Hundredths
    front: Hundredths
    back_flat: Hundredths
    back_steep: Hundredths
    minimum_blank: Hundredths
    centre: Hundredths
    edge_thinnest: Hundredths
    edge_thinnest_angle: int
    edge_thickest: Hundredths
    edge_thickest_angle: int
    weight: Hundredths
    estimated: bool
    programs: tuple[tuple[str, str], ...]
    route: tuple[str, ...]

    @property
    def finished(self) -> bool:
        """Whether the blank has its power already and is not surfaced."""
        return self.blank.finished


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One charge.

    Attributes:
        label: What it is for, in the words of an invoice.
        side: The eye it is for; None for the pair.
        amount: In 1/100 of the currency; negative is a reduction.
        table: The table that charges it.
        row: The row of it.
    """

    label: str
    side: Side | None
    amount: int
    table: str
    row: str


@dataclass(frozen=True, slots=True)
class Price:
    """What it costs.

    Attributes:
        list: The price list of the account.
        currency: ISO 4217 code.
        lines: Every charge, in the order of the tables.
        total: Their sum, in 1/100 of the currency.
    """

    list: str
    currency: str
    lines: tuple[PriceLine, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Ground:
    """What a solid was computed from beside the prescription and the shape: the blank, the material and the minima.

    Attributes:
        front: True power of the front surface in the material, in thousandths of a dioptre.
        index: Refractive index in 1/1000.
        centre: Least thickness at the centre, in hundredths of a millimetre.
        edge: Least thickness at the edge.
        add: Addition that is ground into the surface, in hundredths of a dioptre; 0 for a segment, which is an insert.
        thinning: Base-down prism ground to make the pair thinner, in hundredths of a prism dioptre.
        diameter: Diameter of a lens that is delivered round, in hundredths of a millimetre; 0 for one cut to a shape.
    """

    front: Thousandths
    index: Thousandths
    centre: Hundredths
    edge: Hundredths
    add: Hundredths
    thinning: Hundredths
    diameter: Hundredths


@dataclass(frozen=True, slots=True)
class Geometry:
    """The arithmetic of one lens over its traced shape, which a later decision of the same spec need not repeat.

    Attributes:
        a: Width of the box around the trace, in 1/1000 mm; 0 where there is none, or it is no shape.
        b: Height of the box.
        ed: Effective diameter about the box centre.
        minimum_blank: Smallest blank without any allowance, in 1/1000 mm; None where the measures do not give it.
        ground: What the solid was computed from; None where it was not.
        solid: Curves, thicknesses and volume.
    """

    a: Thousandths
    b: Thousandths
    ed: Thousandths
    minimum_blank: Thousandths | None
    ground: Ground | None = None
    solid: Solid | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the tables asked of one lens's blank, in 1/100 D and 1/100 mm.

    Attributes:
        base: The base curve that is wanted.
        slip: How far a blank's may lie from it; None where that is not limited.
        centre: Least thickness at the centre.
        edge: Least thickness at the edge.
        allowance: What is added to the smallest blank.
    """

    base: Hundredths
    slip: Hundredths | None
    centre: Hundredths
    edge: Hundredths
    allowance: Hundredths


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision was made of: what other rules would have to be asked about the same spec (`rules.replay`).

    Attributes:
        eyes: The eyes a lens is made for.
        pair: What compares them.
        frame: The frame.
        order: Eyes and account.
        ordered: The lens as it was ordered.
        lens: The lens as far as the catalog knows it.
        faulty: The spec is wrong in itself, under whatever rules.
        asked: What the tables asked of the blanks; of the eyes that they were asked about and answered.
        chosen: Blanks were looked for.
        plans: How the lenses would be made; none where no blanks were found. A refused spec has them as well.
    """

    eyes: Mapping[Side, EyeFacts]
    pair: PairFacts
    frame: FrameFacts
    order: OrderFacts
    ordered: Lens
    lens: LensFacts
    faulty: bool
    asked: Mapping[Side, Asked]
    chosen: bool
    plans: Mapping[Side, PlanFacts]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules say of a spec.

    Attributes:
        violations: Every objection, the gravest first.
        lenses: How each lens is made; none when it cannot be.
        route: The stations the job passes, by id, in order; empty when it cannot be made.
        lead_time_days: Working days until it ships; None where that cannot be told.
        price: What it costs; None where that cannot be told.
        fired: Every constraint that objected and every row that was used, in the order of the work.
        revision: The catalog revision it was decided under, as the caller named it.
        engine: Version of the engine.
        geometry: The arithmetic behind it, by side, to decide the same spec again with.
        facts: What it was made of; None of one that was read back from what was kept.
    """

    violations: tuple[Violation, ...]
    lenses: tuple[LensPlan, ...]
    route: tuple[str, ...]
    lead_time_days: int | None
    price: Price | None
    fired: tuple[Fired, ...]
    revision: str
    engine: str = ENGINE
    geometry: Mapping[Side, Geometry] = field(default_factory=dict, compare=False, repr=False)
    facts: Facts | None = field(default=None, compare=False, repr=False)

    @property
    def accepted(self) -> bool:
        """Whether it can be made: no violation is an error."""
        return all(violation.severity < Severity.ERROR for violation in self.violations)

    def to_bytes(self) -> bytes:
        """Returns the decision as canonical JSON: equal decisions are equal bytes.

        Every number is an integer on the lattice its field names; enumerations are their words; a lens's blank is its
        id. The geometry is not in it: it is a way to the result, not the result.
        """
        return json.dumps(_plain(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _plain(decision: Decision) -> dict[str, object]:
    price = decision.price
    return {
        "accepted": decision.accepted,
        "engine": decision.engine,
        "fired": [[each.rule, each.row, each.side] for each in decision.fired],
        "lead_time_days": decision.lead_time_days,
        "lenses": [_plain_lens(each) for each in decision.lenses],
        "price": price
        and {
            "currency": price.currency,
            "lines": [[each.label, each.side, each.amount, each.table, each.row] for each in price.lines],
            "list": price.list,
            "total": price.total,
        },
        "revision": decision.revision,
        "route": decision.route,
        "violations": [
            {
                "alternatives": each.alternatives,
                "code": each.code,
                "field": each.field,
                "message": each.message,
                "rule": each.rule,
                "severity": each.severity.name,
            }
            for each in decision.violations
        ],
    }


def _plain_lens(lens: LensPlan) -> dict[str, object]:
    plain: dict[str, object] = {name: getattr(lens, name) for name in LensPlan.__slots__}
    return {**plain, "blank": lens.blank.id}
