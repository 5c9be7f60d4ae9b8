"""The facts of a decided spec as one record of fixed size, so that a million of them can be decided again in columns.

A record says what the rules were asked about, not what they answered: the measures with all that follows from them, the
lens as it was ordered, the plan that was made of it, and what the tables asked of its blanks. Whether that plan stands
under other rules is told by comparing what they would ask; the geometry is not computed again.

It is little-endian: signed words of 32 bits, then marks of 8 bytes. An absent number is `ABSENT`. A text is its mark, a
hash of it, the empty text zero: whoever reads records knows the texts that rules can name, and takes any other for one
that no rule names. A lens with more coatings or options than there is room for, and numbers beyond 32 bits, make a
record that says only that its spec has to be decided by itself.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter
from typing import Any

import numpy as np

from optics.eyes import Side
from rules.catalog import Catalog
from rules.decision import ENGINE, Asked, Decision, Facts
from rules.expression.view import Field, Kind
from rules.plan import PRISM_THINNING
from rules.spec import EdgeType, Eyes, FrameMaterial, Lens
from rules.view import SUBJECTS, DesignType, EyeFacts, PlanFacts

LAYOUT = 1
"""The version of this layout; 0 in a record that says nothing."""

ABSENT = -(2**31)
"""Stands for a number that is not there."""

COATINGS, OPTIONS = 6, 8
"""As many of each as a record has room for."""

SIDES = {Side.RIGHT: 1, Side.LEFT: 2}
"""The bits of the eyes that a lens is made for."""

EYES, MATERIALS, EDGES = tuple(Eyes), tuple(FrameMaterial), tuple(EdgeType)
"""What the numbers of a record stand for, counted from 0."""


def _numbers(noun: str) -> tuple[Field, ...]:
    return tuple(term.field for term in SUBJECTS[noun].terms.values() if term.field.kind is Kind.INT)


OF_EYE, OF_FRAME, OF_PAIR, OF_PLAN = map(_numbers, ("eye", "frame", "pair", "plan"))
"""The numbers of each noun, in the order in which a record has them."""

_HEAD = ("layout", "engine", "eyes", "sides", "material", "edge_type", "traced", "faulty")
_ASKED = tuple(Asked.__slots__)
_BLOCK = ("planned", "finished", *(f"plan.{each.name}" for each in OF_PLAN), *(f"asked.{name}" for name in _ASKED))

WORDS: tuple[str, ...] = (
    *_HEAD,
    *(f"{side.value}.eye.{each.name}" for side in Side for each in OF_EYE),
    *(f"frame.{each.name}" for each in OF_FRAME),
    *(f"pair.{each.name}" for each in OF_PAIR),
    *(f"{side.value}.{name}" for side in Side for name in _BLOCK),
    "coatings",
    "options",
)
"""The words, by name."""

MARKS: tuple[str, ...] = (
    *(f"{side.value}.blank" for side in Side),
    "stock",
    "account",
    "lens",
    "lens.check",
    "design",
    "material",
    "colour",
    *(f"coating.{at}" for at in range(COATINGS)),
    *(f"option.{at}" for at in range(OPTIONS)),
)
"""The marks, by name. Those of the lens are two of all of it, and one of each thing that was chosen."""

_WORDS = struct.Struct(f"<{len(WORDS)}i")
_NO_MARK = bytes(8)
_PADDING = bytes(-_WORDS.size % 8)

RECORD = np.dtype(
    {
        "names": ["words", "marks"],
        "formats": [("<i4", len(WORDS)), ("<u8", len(MARKS))],
        "offsets": [0, _WORDS.size + len(_PADDING)],
    }
)
"""A record, as numpy reads it."""

SIZE = RECORD.itemsize
"""Bytes of a record."""

_NOTHING = bytes(SIZE)
_READ_EYE, _READ_FRAME, _READ_PAIR, _READ_PLAN, _READ_ASKED = (
    attrgetter(*names)
    for names in (*([each.name for each in of] for of in (OF_EYE, OF_FRAME, OF_PAIR, OF_PLAN)), _ASKED)
)
_NO_EYE: tuple[None, ...] = (None,) * len(OF_EYE)
_NO_PLAN: tuple[int | None, ...] = (0, 0, *(None for _ in OF_PLAN))
_NO_ASKED: tuple[None, ...] = (None,) * len(_ASKED)
_MOST_TEXTS = 16384


def mark(text: str) -> bytes:
    """Returns what a text is known by in a record: 8 bytes, zeros for the empty text."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() if text else _NO_MARK


_mark = lru_cache(_MOST_TEXTS)(mark)


def record(catalog: Catalog, decision: Decision) -> bytes:
    """Returns the record of a spec that was just decided under a catalog.

    Raises:
        ValueError: The decision was read back from what was kept, and its facts are gone.
    """
    facts = decision.facts
    if facts is None:
        raise ValueError("the decision has no facts; only one that was just made has")
    lens = _lens(facts.ordered)
    if lens is None:
        return _NOTHING
    counts, marks = lens
    right, left = facts.eyes.get(Side.RIGHT), facts.eyes.get(Side.LEFT)
    numbers = (
        LAYOUT,
        int(ENGINE),
        _EYES[facts.order.eyes],
        sum(SIDES[side] for side in facts.eyes),
        _MATERIALS[facts.frame.material],
        _EDGES[facts.frame.edge_type],
        facts.frame.traced,
        facts.faulty,
        *_eye(right),
        *_eye(left),
        *_READ_FRAME(facts.frame),
        *_READ_PAIR(facts.pair),
        *_plan(facts, Side.RIGHT),
        *_plan(facts, Side.LEFT),
        *counts,
    )
    try:
        words = _WORDS.pack(*[ABSENT if each is None else each for each in numbers])
    except struct.error:
        return _NOTHING
    return b"".join(
        (
            words,
            _PADDING,
            _blank(facts.plans.get(Side.RIGHT)),
            _blank(facts.plans.get(Side.LEFT)),
            stock(catalog, facts) if facts.chosen else _NO_MARK,
            _mark(facts.order.account),
            marks,
        )
    )


def stock(catalog: Catalog, facts: Facts) -> bytes:
    """Returns the mark of what a lens is chosen and computed from, beside its own facts and what the tables ask."""
    lens = facts.lens
    return mark_of_stock(
        catalog, lens.design, lens.material, lens.colour or catalog.plain_colour, PRISM_THINNING in lens.options
    )


def mark_of_stock(catalog: Catalog, design: str, material: str, colour: str, thinned: bool) -> bytes:  # noqa: FBT001 -- a key like the others
    """Returns a mark of the blanks there are for a lens, of its material and of how it is computed; never zeros."""
    key = design, material, colour, thinned
    known = catalog.marks.get(key)
    if known is None:
        of, kind = catalog.materials[material], catalog.designs[design].type
        blanks = [
            (
                each.id,
                each.base,
                each.front,
                each.diameter,
                each.centre,
                each.edge,
                each.finished,
                each.power,
                each.cylinder,
                each.add,
                each.side and each.side.value,
            )
            for each in catalog.stock.get((design, material, colour), ())
        ]
        said = repr((of.index, of.density, kind is DesignType.MULTIFOCAL, thinned, blanks))
        known = catalog.marks[key] = mark(said)
    return known


_EYES, _MATERIALS, _EDGES = (
    {each.value: number for number, each in enumerate(values)} for values in (EYES, MATERIALS, EDGES)
)


def _eye(eye: EyeFacts | None) -> Sequence[int | None]:
    return _NO_EYE if eye is None else _READ_EYE(eye)


def _plan(facts: Facts, side: Side) -> Sequence[int | None]:
    plan, asked = facts.plans.get(side), facts.asked.get(side)
    return (
        *(_NO_PLAN if plan is None else (1, plan.finished, *_READ_PLAN(plan))),
        *(_NO_ASKED if asked is None else _READ_ASKED(asked)),
    )


def _blank(plan: PlanFacts | None) -> bytes:
    return _NO_MARK if plan is None else _mark(plan.blank)


@lru_cache(_MOST_TEXTS)
def _lens(lens: Lens) -> tuple[tuple[int, int], bytes] | None:
    """Returns how many coatings and options a lens has, and its marks; None where there is no room for them."""
    coatings, options = lens.coatings, lens.options
    if len(coatings) > COATINGS or len(options) > OPTIONS:
        return None
    chosen: list[Any] = [lens.design, lens.material, lens.colour]
    chosen += [*coatings, *[""] * (COATINGS - len(coatings)), *options, *[""] * (OPTIONS - len(options))]
    marks = b"".join(map(mark, chosen))
    counts = len(coatings), len(options)
    return counts, blake2b(repr(counts).encode() + marks, digest_size=16).digest() + marks
