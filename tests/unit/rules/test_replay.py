"""Deciding many specs again from their records comes to what deciding each of them singly comes to."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optics.eyes import Side
from rules.catalog import Catalog, Severity
from rules.decide import decide
from rules.decision import Decision
from rules.expression.check import check
from rules.expression.view import Given
from rules.replay import rows
from rules.replay.record import MARKS, SIZE, record
from rules.replay.replay import Outcome, Replay, replay
from rules.spec import Frame, Lens, Radii, Spec, Traces
from rules.tables import Fired, Table
from rules.view import DesignType
from tests.unit.rules.drawn import likely, specs

Edit: TypeAlias = Callable[[Catalog], Catalog]


# ── edits, as an engineer makes them ──────────────────────────────────────────────────────────────────────────────────


def without(rule: str, row: str = "") -> Edit:
    """Takes out a constraint or a row."""
    return lambda catalog: catalog.without(rule, row)


def answering(table: str, row: str, **then: object) -> Edit:
    """Has a row answer otherwise."""

    def edit(catalog: Catalog) -> Catalog:
        old = catalog.tables[table]
        rows = tuple(replace(each, then={**each.then, **then}) if each.id == row else each for each in old.rows)
        return with_table(catalog, replace(old, rows=rows))

    return edit


def turned(table: str) -> Edit:
    """Puts the rows of a table into the opposite order."""
    return lambda catalog: with_table(
        catalog, replace(catalog.tables[table], rows=tuple(reversed(catalog.tables[table].rows)))
    )


def with_table(catalog: Catalog, table: Table) -> Catalog:
    """Returns a catalog with another table of the same name."""
    return replace(catalog, tables={**catalog.tables, table.id: table})


def without_table(name: str) -> Edit:
    """Takes out a table."""
    return lambda catalog: replace(
        catalog, tables={each: table for each, table in catalog.tables.items() if each != name}
    )


def limited(rule: str, **given: int) -> Edit:
    """Sets other numbers in a constraint."""

    def edit(catalog: Catalog) -> Catalog:
        old = next(each for each in catalog.constraints if each.id == rule)
        assert old.checked
        new = {name: Given(given.get(name, each.value), each.unit) for name, each in old.given.items()}
        checked = check(old.refuse, old.checked.scope, given=new, domains=DOMAINS)
        changed = replace(old, given=new, checked=checked)
        return replace(catalog, constraints=tuple(changed if each is old else each for each in catalog.constraints))

    return edit


def weighing(rule: str, severity: Severity) -> Edit:
    """Gives a constraint another severity."""
    return lambda catalog: replace(
        catalog,
        constraints=tuple(
            replace(each, severity=severity) if each.id == rule else each for each in catalog.constraints
        ),
    )


def without_entry(part: str, entry: str) -> Edit:
    """Takes out what can be ordered."""

    def edit(catalog: Catalog) -> Catalog:
        entries: Any = {part: {name: each for name, each in getattr(catalog, part).items() if name != entry}}
        return replace(catalog, **entries)

    return edit


def entry_with(part: str, entry: str, **fields: object) -> Edit:
    """Says something else of what can be ordered."""

    def edit(catalog: Catalog) -> Catalog:
        entries = getattr(catalog, part)
        changed_entries: Any = {part: {**entries, entry: replace(entries[entry], **fields)}}
        return replace(catalog, **changed_entries)

    return edit


DOMAINS = {
    "materials": ("cr39", "mr10", "glass"),
    "designs": ("pal", "plain", "ft", "stock"),
    "colours": ("clear", "grey", "photo"),
    "coatings": ("hc", "ar", "top"),
    "options": ("prism-thinning", "polish", "dip"),
    "blanks": (),
    "stations": (),
    "impact classes": ("basic", "glass"),
}
EDITS: Sequence[Edit] = (
    *map(without, ("axis", "add", "power-low", "power-high", "sphere-steps", "photo-glass", "thick-edge", "signs")),
    limited("power-low", low=-500),
    limited("power-high", high=300),
    limited("thick-edge", high=400),
    weighing("sphere-steps", Severity.ERROR),
    weighing("thick-edge", Severity.ERROR),
    weighing("power-low", Severity.WARNING),
    weighing("power-thick", Severity.ERROR),
    without("lead-time", "other"),
    answering("lead-time", "vacuum", days=7),
    turned("lead-time"),
    without_table("lead-time"),
    answering("lenses", "pal", amount=9900),
    answering("single", "one", share=-5005),
    answering("single", "one", share=12345),
    answering("coatings", "ar", amount=-1),
    without("lenses", "plain"),
    without("lenses", "friends"),
    answering("price-list", "all", list="friends"),
    answering("price-list", "friends", currency="SEK"),
    turned("price-list"),
    without("price-list", "all"),
    without_table("price-list"),
    answering("oversize", "large", amount=7700),
    turned("generate"),
    without("generate", "rest"),
    without_table("generate"),
    answering("edge", "rim", program="E-OTHER"),
    without("edge", "no-rim"),
    answering("routes", "all", stations=("make", "edge", "ship")),
    without("routes", "round"),
    turned("routes"),
    answering("base-curve", "minus", base=200),
    answering("base-curve", "plano", slip=0),
    without("base-curve", "plus"),
    answering("minimum-thickness", "minus", centre=180),
    answering("minimum-thickness", "plus", allowance=900),
    without("minimum-thickness", "rimless"),
    answering("availability", "plain", made=False),
    without("availability", "tints"),
    without("availability", "only-clear"),
    without_entry("colours", "photo"),
    without_entry("coatings", "ar"),
    without_entry("options", "prism-thinning"),
    without_entry("designs", "pal"),
    without_entry("materials", "mr10"),
    without_entry("blanks", "sf-cr39-400-65"),
    without_entry("blanks", "f-cr39-70"),
    entry_with("blanks", "sf-cr39-400-65", front=420),
    entry_with("materials", "cr39", density=140),
    entry_with("materials", "mr10", index=1660),
    entry_with("materials", "cr39", impact="glass"),
    entry_with("designs", "plain", type=DesignType.PROGRESSIVE),
    entry_with("designs", "ft", type=DesignType.SINGLE_VISION),
    entry_with("coatings", "top", group="surface"),
    entry_with("options", "dip", group=""),
)
edited = st.lists(st.sampled_from(EDITS), max_size=3)


def changed(catalog: Catalog, edits: Sequence[Edit]) -> Catalog:
    """Returns a catalog after some edits; one that an earlier one has made impossible is passed over."""
    for edit in edits:
        try:
            catalog = edit(catalog)
        except (KeyError, StopIteration):
            continue
    return catalog


# ── what a replay says, and what a decision does ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Said:
    """What was decided of one spec, but for words."""

    accepted: bool
    told: frozenset[tuple[str, Severity, Side | None]]
    fired: frozenset[Fired]
    days: int | None
    price: int | None
    programs: frozenset[tuple[str, Side, str]]
    route: frozenset[str]


def by_decision(decision: Decision) -> Said:
    """Returns what a decision says."""
    return Said(
        decision.accepted,
        frozenset(
            (each.rule, each.severity, _side_of(each.field, each.rule, decision))
            for each in decision.violations
            if each.rule
        ),
        frozenset(decision.fired),
        decision.lead_time_days,
        decision.price.total if decision.price else None,
        frozenset((step, lens.side, program) for lens in decision.lenses for step, program in lens.programs),
        frozenset(decision.route),
    )


def _side_of(field: str, rule: str, decision: Decision) -> Side | None:
    """Returns the eye an objection is about: the one in its field, where the constraint is asked of an eye."""
    sides = {each.side for each in decision.fired if each.rule == rule and not each.row}
    if len(sides) == 1:
        return sides.pop()
    return Side.RIGHT if ".right." in field else Side.LEFT


def by_replay(outcome: Outcome, at: int) -> Said:
    """Returns what a replay says of one record."""
    fired = {Fired(constraint.id, "", side) for constraint, side, mask in outcome.objecting if mask[at]}
    programs = set()
    stations: set[str] = set()
    accepted = bool(outcome.accepted[at])
    for (name, side, _), found in outcome.rows.items():
        if found[at] < 0:
            continue
        row = outcome.catalog.tables[name].rows[found[at]]
        fired.add(Fired(name, row.id, side))
        if "program" in row.then and row.then["program"] and accepted and side:
            programs.add((name, side, row.then["program"]))
        if name == "routes" and accepted:
            stations.update(row.then["stations"])
    if outcome.availability[at] >= 0:
        fired.add(Fired("availability", outcome.catalog.tables["availability"].rows[outcome.availability[at]].id, None))
    return Said(
        accepted,
        frozenset((constraint.id, constraint.severity, side) for constraint, side, mask in outcome.told() if mask[at]),
        frozenset(fired),
        int(outcome.days[at]) if outcome.days[at] >= 0 else None,
        int(outcome.total[at]) if outcome.priced[at] else None,
        frozenset(programs),
        frozenset(stations),
    )


def compare(old: Catalog, base: Catalog, target: Catalog, ordered: Sequence[Spec]) -> int:
    """Holds a replay against single decisions; returns how many of the answers it could tell."""
    records = b"".join(record(old, decide(old, spec)) for spec in ordered)
    told = 0
    for catalog, outcome in zip((base, target), replay(base, target, records), strict=True):
        for at, spec in enumerate(ordered):
            if not outcome.singly[at]:
                told += 1
                assert by_replay(outcome, at) == by_decision(decide(catalog, spec)), spec
    return told


@settings(max_examples=250, deadline=None)
@given(ordered=st.lists(likely, min_size=1, max_size=12), earlier=edited, before=edited, after=edited)
def test_replayed_orders_are_decided_as_they_are_one_by_one(
    lab: Catalog, ordered: list[Spec], earlier: list[Edit], before: list[Edit], after: list[Edit]
) -> None:
    """Whatever was changed since they were decided first, and whatever is changed now: but for words, all of it."""
    compare(changed(lab, earlier), changed(lab, before), changed(lab, [*before, *after]), ordered)


@settings(max_examples=100, deadline=None)
@given(ordered=st.lists(specs, min_size=1, max_size=12), before=edited, after=edited)
def test_so_is_whatever_else_is_written_into_an_order(
    lab: Catalog, ordered: list[Spec], before: list[Edit], after: list[Edit]
) -> None:
    """Numbers that cannot be, texts that nobody knows, traces that are no shape."""
    compare(lab, changed(lab, before), changed(lab, after), ordered)


@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_is_told_of_orders_of_every_kind(lab: Catalog, edit: Edit) -> None:
    """One after the other, over the same hundred orders; most of the answers need no geometry."""
    ordered = _hundred()
    told = compare(lab, lab, edit(lab), ordered)
    assert told >= len(ordered)  # everything under the first catalog but what no record has room for


_ORDERED: list[Spec] = []


def _hundred() -> list[Spec]:
    if not _ORDERED:

        @settings(max_examples=120, database=None, derandomize=True, deadline=None)
        @given(spec=likely)
        def collect(spec: Spec) -> None:
            _ORDERED.append(spec)

        collect()
    return _ORDERED


# ── what a record cannot tell ─────────────────────────────────────────────────────────────────────────────────────────


def singly(catalog: Catalog, content: bytes) -> bool:
    """Tells whether a record's spec has to be decided by itself."""
    (outcome,) = Replay(catalog)(content)
    return bool(outcome.singly[0])


def test_a_decision_read_back_from_what_was_kept_has_no_record(catalog: Catalog, spec: Spec) -> None:
    """Its facts are gone; a record made of none would lie."""
    with pytest.raises(ValueError, match="only one that was just made"):
        record(catalog, replace(decide(catalog, spec), facts=None))


def test_a_record_has_one_size_whatever_was_ordered(catalog: Catalog, spec: Spec) -> None:
    """And bytes that are no whole number of records are refused."""
    assert {len(record(catalog, decide(catalog, each))) for each in (spec, Spec())} == {SIZE}
    with pytest.raises(ValueError, match="no whole number of records"):
        Replay(catalog)(record(catalog, decide(catalog, spec))[:-1])


def test_a_lens_with_more_on_it_than_a_record_has_room_for_is_decided_by_itself(catalog: Catalog, spec: Spec) -> None:
    """So is a record of another layout or of another engine."""
    loaded = replace(spec, lens=replace(spec.lens, options=tuple(f"option-{at}" for at in range(9))))
    content = record(catalog, decide(catalog, spec))

    assert singly(catalog, record(catalog, decide(catalog, loaded)))
    assert not singly(catalog, content)
    assert singly(catalog, b"\2" + content[1:])
    assert singly(catalog, content[:4] + b"\7" + content[5:])


def test_a_shape_larger_than_any_that_may_be_given_is_decided_by_itself(catalog: Catalog, spec: Spec) -> None:
    """A square of 80 mm has an ED of 113 mm, beyond the bounds that the proofs of expressions stand on."""
    angles = [math.radians(each) for each in range(360)]
    square = Radii(tuple(round(4000 / max(abs(math.cos(each)), abs(math.sin(each)))) for each in angles))
    traced = replace(spec, frame=replace(spec.frame, a=None, b=None, ed=None, traces=Traces(right=square)))
    decision = decide(catalog, traced)
    assert decision.facts is not None
    assert (decision.facts.frame.ed or 0) > 110_00

    assert singly(catalog, record(catalog, decision))


def test_two_lenses_with_one_mark_are_not_taken_for_each_other(catalog: Catalog, spec: Spec) -> None:
    """The second one is decided by itself."""
    other = record(catalog, decide(catalog, replace(spec, lens=Lens("plain", "cr39"))))
    mine = record(catalog, decide(catalog, spec))
    at = SIZE - 8 * (len(MARKS) - MARKS.index("lens"))
    forged = other[:at] + mine[at : at + 8] + other[at + 8 :]
    (outcome,) = Replay(catalog)(mine + forged)

    assert outcome.singly.tolist() == [False, True]


def test_lenses_are_forgotten_before_they_fill_the_memory(lab: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said of an order does not depend on which ones came before it."""
    monkeypatch.setattr(rows, "_MOST_LENSES", 4)
    ordered = _hundred()
    records = [record(lab, decide(lab, spec)) for spec in ordered]
    asked = Replay(lab, lab.without("prism"))
    for spec, content in zip(ordered, records, strict=True):
        for outcome in asked(content):
            if not outcome.singly[0]:
                assert by_replay(outcome, 0) == by_decision(decide(outcome.catalog, spec))


def test_a_gap_in_the_frame_does_not_make_a_plan(catalog: Catalog, spec: Spec) -> None:
    """What cannot be planned under any rules is told without deciding it again."""
    gap = replace(spec, frame=Frame(a=5100, dbl=2000, edge_type=spec.frame.edge_type))
    content = record(catalog, decide(catalog, gap))
    (outcome,) = Replay(answering("base-curve", "minus", base=200)(catalog))(content)

    assert (bool(outcome.singly[0]), bool(outcome.unplanned[0])) == (by_decision(decide(catalog, gap)).accepted, True)
