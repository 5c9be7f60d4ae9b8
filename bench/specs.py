"""Orders by the thousand, each unlike any other: prescriptions, frames, traces of 400 points and what goes with them.

A decision that is measured has to be a fresh one, or a cache would be measured. So specs are drawn at random, from what
practices order and a catalog has, and every one that is timed is a copy without an object in common with
what was decided before: a service has each from the wire as well.
"""

import math
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

import numpy as np

from optics.eyes import Side
from optics.numbers import Hundredths, to_hundredths
from optics.shape import Shape
from optics.trace import Trace
from rules.catalog import Catalog, Choice
from rules.decide import decide
from rules.decision import Geometry
from rules.spec import EdgeType, Eye, Eyes, Frame, FrameMaterial, Lens, Radii, Spec, Traces
from rules.tables import OneOf
from rules.view import DesignType

POINTS = 400
"""Points of a trace: what tracers send."""

_ANGLES = np.arange(POINTS) * (2 * math.pi / POINTS)
_QUARTER = 25
_EDGES = (EdgeType.BEVEL, EdgeType.BEVEL, EdgeType.MINI_BEVEL, EdgeType.GROOVE, EdgeType.RIMLESS)
_MATERIALS = (FrameMaterial.PLASTIC, FrameMaterial.METAL, FrameMaterial.OPTYL, FrameMaterial.RIMLESS)
_ADDS = {
    DesignType.SINGLE_VISION: None,
    DesignType.MULTIFOCAL: (1_00, 3_00),
    DesignType.PROGRESSIVE: (1_00, 3_00),
    DesignType.OCCUPATIONAL: (1_00, 2_50),
    DesignType.ANTI_FATIGUE: (50, 1_00),
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A spec that can be made, and what a decision of it leaves for the next one."""

    spec: Spec
    geometry: Mapping[Side, Geometry]

    def copy(self) -> Spec:
        """Returns the spec anew, as if it had just come in."""
        copied: Spec = pickle.loads(pickle.dumps(self.spec))  # noqa: S301 -- it was written one call before
        return copied


def accepted(catalog: Catalog, seed: int) -> Iterator[Drawn]:
    """Yields specs of two eyes, without end, that are accepted and have a price; no two are alike."""
    for spec in specs(catalog, seed):
        decision = decide(catalog, spec)
        if decision.accepted and decision.price is not None and len(decision.lenses) == len(Side):
            yield Drawn(spec, decision.geometry)


def refused(catalog: Catalog, seed: int) -> Iterator[Drawn]:
    """Yields specs of two eyes, without end, that a constraint objects to; no two are alike."""
    for spec in specs(catalog, seed):
        decision = decide(catalog, spec)
        if not decision.accepted and any(each.rule for each in decision.violations):
            yield Drawn(spec, decision.geometry)


def specs(catalog: Catalog, seed: int) -> Iterator[Spec]:
    """Yields specs of two eyes, without end; no two are alike. Whether they can be made is left to chance."""
    random = Random(seed)  # noqa: S311 -- a sample, no secret
    seen: set[Spec] = set()
    while True:
        spec = _spec(catalog, random)
        if spec not in seen:
            seen.add(spec)
            yield spec


def _spec(catalog: Catalog, random: Random) -> Spec:
    lens = _lens(catalog, random)
    frame = _frame(random)
    add = _add(catalog.designs[lens.design].type, random)
    sphere = _QUARTER * round(random.gauss(-1.5, 2.5) * 100 / _QUARTER)
    right, left = (_eye(random, frame, sphere + random.choice((0, 0, -25, 25, 50)), add) for _ in Side)
    return Spec(Eyes.BOTH, right, left, frame, lens, random.choice(_accounts(catalog)))


def _eye(random: Random, frame: Frame, sphere: Hundredths, add: Hundredths | None) -> Eye:
    cylinder = -_QUARTER * random.choice((0, 0, 1, 2, 3, 4, 5, 8, 12))
    pd = random.randrange(29_00, 34_50, 50)
    prismatic = random.random() < 0.1  # noqa: PLR2004 -- one in ten
    return Eye(
        sphere=sphere,
        cylinder=cylinder,
        axis=random.randint(1, 180) if cylinder else None,
        add=add,
        prism_horizontal=_QUARTER * random.randint(-8, 8) if prismatic else None,
        prism_vertical=_QUARTER * random.randint(-6, 6) if prismatic else None,
        distance_pd=pd,
        near_pd=pd - 2_00 if add else None,
        fitting_height=(frame.b or 0) // 2 + random.randrange(1_50, 5_00, 50),
    )


def _add(kind: DesignType, random: Random) -> Hundredths | None:
    bounds = _ADDS[kind]
    return random.randrange(bounds[0], bounds[1] + 1, _QUARTER) if bounds else None


def _lens(catalog: Catalog, random: Random) -> Lens:
    design, material = random.choice(tuple(catalog.made))
    colour = random.choice(catalog.made[design, material])
    coatings = _some(catalog.coatings, random)
    options = _some(catalog.options, random) if random.random() < 0.5 else ()  # noqa: PLR2004 -- every other one
    return Lens(design, material, colour, coatings, options)


def _some(entries: Mapping[str, Choice], random: Random) -> tuple[str, ...]:
    """Returns up to two entries that go together."""
    chosen: list[Choice] = []
    for entry in random.sample(tuple(entries.values()), min(random.choice((0, 1, 1, 2)), len(entries))):
        if not entry.group or all(entry.group != other.group for other in chosen):
            chosen.append(entry)
    return tuple(entry.id for entry in chosen)


def _accounts(catalog: Catalog) -> tuple[str, ...]:
    """Returns the accounts that any table tells apart, and one that none does."""
    named = {
        value
        for table in catalog.tables.values()
        for column in table.columns
        if column.path == "order.account"
        for row in table.rows
        if isinstance(condition := row.when.get(column.name), OneOf)
        for value in condition.values
    }
    return ("", *sorted(named))


def _frame(random: Random) -> Frame:
    """Returns a frame with the measures of its trace; of every fourth one side alone was traced."""
    right = _radii(random)
    left = None if random.random() < 0.25 else _mirrored(right, random)  # noqa: PLR2004 -- every fourth
    shape = Shape.of_trace(Trace(Side.RIGHT, right.radii))
    edge = random.choice(_EDGES)
    return Frame(
        a=to_hundredths(shape.a),
        b=to_hundredths(shape.b),
        dbl=random.randrange(16_00, 21_00, 50),
        ed=to_hundredths(shape.ed),
        wrap=random.randrange(0, 8_00, 50),
        panto=random.randrange(4_00, 12_00, 50),
        vertex=random.randrange(11_00, 15_00, 50),
        material=FrameMaterial.RIMLESS if edge is EdgeType.RIMLESS else random.choice(_MATERIALS[:3]),
        edge_type=edge,
        traces=Traces(right, left),
    )


def _radii(random: Random) -> Radii:
    """Returns a shape as it is traced: a superellipse, bent a little, about an origin beside its box centre."""
    half_a, half_b = random.uniform(23.5, 27.5), random.uniform(14.5, 20.0)
    exponent = random.uniform(2.4, 4.0)
    radii = (np.abs(np.cos(_ANGLES) / half_a) ** exponent + np.abs(np.sin(_ANGLES) / half_b) ** exponent) ** (
        -1 / exponent
    )
    for harmonic in range(1, 5):
        radii += random.uniform(0, 0.6 / harmonic) * np.cos(harmonic * _ANGLES + random.uniform(0, 2 * math.pi))
    return Radii(tuple(round(100 * radius) for radius in radii.tolist()))


def _mirrored(radii: Radii, random: Random) -> Radii:
    """Returns the other side's shape as a tracer finds it: the mirror image, within some hundredths."""
    count = len(radii.radii)
    return Radii(tuple(radii.radii[(count // 2 - at) % count] + random.randint(-2, 2) for at in range(count)))
