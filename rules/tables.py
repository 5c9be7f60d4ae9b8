"""The rows of the rules: what a row says, and the condition under which it holds.

Each row is the engineer's, sentence included. A sentence may name ``{low}`` and ``{high}`` (the interval it stands by,
spoken in its unit), ``{design}``, ``{material}`` and ``{ending}``; the loader refuses any other word in braces.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from optics.eyes import Side
from optics.numbers import Hundredths
from rules.quantities import EYE_FIELDS, FRAME, FRAME_FIELDS, SIDE_NAMES
from rules.spec import EdgeType, Eye, Spec


class Severity(IntEnum):
    """How much a violation weighs, as the contract counts it."""

    INFO = 1
    WARNING = 2
    ERROR = 3


class DesignType(StrEnum):
    """The kind of a design."""

    SINGLE_VISION = "single-vision"
    MULTIFOCAL = "multifocal"
    PROGRESSIVE = "progressive"
    OCCUPATIONAL = "occupational"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What of a spec's choices the catalog knows; None and empty where it is not chosen or not known."""

    design: str
    design_type: DesignType | None
    material: str
    edge_type: EdgeType


@dataclass(frozen=True, slots=True)
class When:
    """The condition of a row. Everything it names must hold; what it does not name, holds.

    Attributes:
        design_types: The design is of one of these kinds.
        designs: It is one of these.
        materials: The material is one of these.
        edge_types: The edge is finished in one of these ways.
        nonzero: These fields of the same eye are given and not zero.
        absent: These fields of the same eye are not given.
    """

    design_types: frozenset[DesignType] = frozenset()
    designs: frozenset[str] = frozenset()
    materials: frozenset[str] = frozenset()
    edge_types: frozenset[EdgeType] = frozenset()
    nonzero: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()

    def chosen(self, chosen: Chosen) -> bool:
        """Tells whether the row is for this choice of lens and edge."""
        return (
            (not self.design_types or chosen.design_type in self.design_types)
            and (not self.designs or chosen.design in self.designs)
            and (not self.materials or chosen.material in self.materials)
            and (not self.edge_types or chosen.edge_type in self.edge_types)
        )

    def seen(self, eye: Eye) -> bool:
        """Tells whether the row is for this eye."""
        return all(getattr(eye, name) for name in self.nonzero) and all(
            getattr(eye, name) is None for name in self.absent
        )


@dataclass(frozen=True, slots=True)
class Interval:
    """Values that are in order, ends included, and what is said of one outside.

    Attributes:
        low: Lowest value; None for no lower end.
        high: Highest value; None for no upper end.
        says: The way out, in the words of the trade.
    """

    low: Hundredths | None
    high: Hundredths | None
    says: str

    def holds(self, value: Hundredths) -> bool:
        """Tells whether a value lies within."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def is_above(self, value: Hundredths) -> bool:
        """Tells whether a value lies beyond the upper end."""
        return self.high is not None and value > self.high

    def distance(self, value: Hundredths) -> Hundredths:
        """Returns how far outside a value lies; 0 within."""
        below = 0 if self.low is None else self.low - value
        above = 0 if self.high is None else value - self.high
        return max(below, above, 0)


@dataclass(frozen=True, slots=True)
class Limit:
    """What a quantity may be. Outside `error` it cannot be made; outside `warning` it can, but look again.

    Attributes:
        quantity: Name of the quantity (`quantities.UNITS`).
        when: The condition.
        code: Code of the violation.
        error: What can be made; None for everything.
        warning: What is common; None for everything.
        reason: Where the limit comes from.
    """

    quantity: str
    when: When
    code: str
    error: Interval | None
    warning: Interval | None
    reason: str

    def objections(self, value: Hundredths) -> Iterator[tuple[Severity, Interval]]:
        """Yields how much an objection to a value weighs, with the interval it is outside of; the gravest first."""
        for severity, interval in ((Severity.ERROR, self.error), (Severity.WARNING, self.warning)):
            if interval is not None and not interval.holds(value):
                yield severity, interval


class Presence(StrEnum):
    """Whether a field has to be given, or must not be (a zero is as good as nothing)."""

    REQUIRED = "required"
    FORBIDDEN = "forbidden"


CHOICES: dict[str, str] = {
    "frame.material": "frame material",
    "frame.edge_type": "edge type",
    "lens.colour": "colour",
    "lens.coatings": "coatings",
}
"""The fields beside the measures that a requirement may ask for, with their words."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A field a requirement looked at.

    Attributes:
        field: Its contract path.
        words: What it is, to an optician.
        value: What it holds; None or empty when it is not given.
    """

    field: str
    words: str
    value: object


@dataclass(frozen=True, slots=True)
class Requirement:
    """What has to be said, or must not be.

    Attributes:
        field: A field of the eye ("add", "axis"), of the frame ("frame.b") or a choice ("lens.colour").
        when: The condition.
        presence: Required or forbidden.
        severity: How much it weighs when it is not so.
        says: The way out, in the words of the trade.
        reason: Where the requirement comes from.
    """

    field: str
    when: When
    presence: Presence
    severity: Severity
    says: str
    reason: str

    def asked(self, spec: Spec) -> Iterator[Asked]:
        """Yields the field wherever the row asks for it in a spec: on each eye it is for, or once."""
        if self.field in ASKABLE_OF_EYE:
            for side, eye in spec.eyes_made():
                if self.when.seen(eye):
                    yield self._of_eye(side, eye)
        else:
            name = self.field.rpartition(".")[2]
            noun = spec.frame if self.field.startswith(FRAME) else spec.lens
            words = CHOICES.get(self.field) or FRAME_FIELDS[name][0]
            yield Asked(self.field, words, getattr(noun, name))

    def _of_eye(self, side: Side, eye: Eye) -> Asked:
        name = SIDE_NAMES[side]
        words = f"{name} eye, {ASKABLE_OF_EYE[self.field]}"
        return Asked(f"prescription.{name}.{self.field}", words, getattr(eye, self.field))

    def is_met_by(self, value: object) -> bool:
        """Tells whether a field's value is as required."""
        if self.presence is Presence.FORBIDDEN:
            return not value
        return value not in (None, "", (), "unsaid")


ASKABLE_OF_EYE: dict[str, str] = {"axis": "axis", **{name: words for name, (words, _) in EYE_FIELDS.items()}}
"""The fields of an eye that a requirement may ask for, with their words."""

ASKABLE: frozenset[str] = frozenset(ASKABLE_OF_EYE) | {FRAME + name for name in FRAME_FIELDS} | frozenset(CHOICES)
"""Every field a requirement may name."""


@dataclass(frozen=True, slots=True)
class Step:
    """The steps in which a power is ordered.

    Attributes:
        quantity: A measure of the eye ("sphere").
        when: The condition.
        endings: The last two decimals that are in order, 0 to 99.
        severity: How much another ending weighs.
        says: The way out, in the words of the trade.
        reason: Where the steps come from.
    """

    quantity: str
    when: When
    endings: frozenset[int]
    severity: Severity
    says: str
    reason: str

    def holds(self, value: Hundredths) -> bool:
        """Tells whether a power is on the steps, whatever its sign."""
        return abs(value) % 100 in self.endings


@dataclass(frozen=True, slots=True)
class Station:
    """A place on the lab's floor.

    Attributes:
        id: What its scanner calls itself.
        name: What the lab calls it.
        description: What a customer is told while a job is there.
    """

    id: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Route:
    """The stations of a job, in order; the last one ships it. The first route that holds is taken.

    Attributes:
        when: The condition.
        stations: Ids of the stations.
    """

    when: When
    stations: tuple[str, ...]
