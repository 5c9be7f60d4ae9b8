"""What becomes of past orders under other rules, and which rule makes the difference."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.catalog import Catalog, Severity
from rules.decide import decide
from rules.decision import Decision
from rules.replay.comparison import Kind, compare, made_otherwise, money
from rules.replay.record import record
from rules.replay.replay import Replay, replay
from rules.spec import EdgeType, Lens, Spec
from tests.unit.rules.drawn import likely
from tests.unit.rules.test_replay import (
    EDITS,
    Edit,
    answering,
    changed,
    edited,
    limited,
    turned,
    weighing,
    without,
    without_entry,
    without_table,
)


def kinds(before: Decision, after: Decision) -> set[Kind]:
    """Returns what is otherwise of two decisions."""
    match before.accepted, after.accepted:
        case False, True:
            return {Kind.NEWLY_ACCEPTED}
        case True, False:
            return {Kind.NEWLY_REFUSED}
        case False, False:
            return set()
    made = [(each.lenses, each.route, each.lead_time_days) for each in (before, after)]
    costs = [(each.price.total, each.price.currency) if each.price else None for each in (before, after)]
    different = {Kind.REPLANNED: made[0] != made[1], Kind.REPRICED: costs[0] != costs[1]}
    return {kind for kind, differs in different.items() if differs}


def told(base: Catalog, target: Catalog, ordered: Sequence[Spec]) -> list[set[tuple[Kind, str]] | None]:
    """Returns what is otherwise of each order; None of those that have to be decided singly."""
    before, after = replay(base, target, b"".join(record(base, decide(base, spec)) for spec in ordered))
    found: list[set[tuple[Kind, str]] | None] = [
        None if single else set() for single in (before.singly | after.singly).tolist()
    ]
    for change in compare(before, after):
        for row in change.rows.tolist():
            of_row = found[row]
            assert of_row is not None
            of_row.add((change.kind, change.rule))
    return found


def only(base: Catalog, target: Catalog, spec: Spec) -> set[tuple[str, str]]:
    """Returns what is otherwise of one order, decided anew under both as a preview decides singly."""
    decisions = [decide(catalog, spec) for catalog in (base, target)]
    before, after = (
        Replay(catalog)(record(catalog, decision))[0]
        for catalog, decision in zip((base, target), decisions, strict=True)
    )
    otherwise = np.array([made_otherwise(*decisions)])
    return {(change.kind.value, change.rule) for change in compare(before, after, otherwise)}


@settings(max_examples=150, deadline=None)
@given(ordered=st.lists(likely, min_size=1, max_size=12), before=edited, after=edited)
def test_what_is_otherwise_is_what_two_decisions_differ_in(
    lab: Catalog, ordered: list[Spec], before: list[Edit], after: list[Edit]
) -> None:
    """Accepted or refused, how it is made, what it costs."""
    base, target = changed(lab, before), changed(lab, [*before, *after])
    for spec, found in zip(ordered, told(base, target, ordered), strict=True):
        if found is not None:
            assert {kind for kind, _ in found} == kinds(decide(base, spec), decide(target, spec)), spec


@pytest.mark.parametrize("edit", EDITS)
def test_a_change_of_one_rule_is_put_down_to_that_rule_or_to_none(lab: Catalog, spec: Spec, edit: Edit) -> None:
    """And the same catalog changes nothing."""
    target = edit(lab)

    assert only(lab, lab, spec) == set()
    assert all(kind in {each.value for each in Kind} for kind, _ in only(lab, target, spec))


@pytest.mark.parametrize(
    ("edit", "change"),
    [
        (without("power-low"), ("newly accepted", "power-low")),
        (limited("power-low", low=-2000), ("newly accepted", "power-low")),
    ],
)
def test_what_was_refused_by_one_constraint_is_accepted_for_want_of_it(
    lab: Catalog, spec: Spec, edit: Edit, change: tuple[str, str]
) -> None:
    """Gone, or of another limit."""
    strong = replace(spec, right=replace(spec.right, sphere=-850), left=replace(spec.left, sphere=-850))

    assert only(lab, edit(lab), strong) == {change}


@pytest.mark.parametrize(
    ("edit", "changes"),
    [
        (limited("thick-edge", high=100), set()),
        (weighing("power-low", Severity.ERROR), set()),
        (without("lenses", "pal"), {("newly refused", "lenses/pal")}),
        (without("lead-time", "other"), {("newly refused", "lead-time/other")}),
        (without_table("lead-time"), {("replanned", "lead-time/other")}),
        (without("availability", "pal"), {("newly refused", "availability")}),
        (answering("availability", "pal", made=False), {("newly refused", "availability/pal")}),
        (without_entry("colours", "clear"), {("newly refused", "")}),
        (without("edge", "rim"), {("newly refused", "edge/rim")}),
        (without("base-curve", "minus"), {("newly refused", "base-curve/minus")}),
        (answering("lenses", "pal", amount=9900), {("repriced", "lenses/pal")}),
        (answering("coatings", "hc", amount=0), {("repriced", "coatings/hc")}),
        (without("coatings", "hc"), {("repriced", "coatings/hc")}),
        (answering("price-list", "all", list="friends"), {("repriced", "price-list/all")}),
        (answering("price-list", "all", currency="SEK"), {("repriced", "price-list/all")}),
        (answering("edge", "rim", program="E-2"), {("replanned", "edge/rim")}),
        (answering("generate", "rest", program=""), {("replanned", "generate/rest")}),
        (answering("routes", "all", stations=("make", "ship")), {("replanned", "routes/all")}),
        (turned("routes"), set()),
        (answering("minimum-thickness", "minus", centre=230), {("replanned", "minimum-thickness/minus")}),
        (without_entry("blanks", "sf-cr39-400-65"), {("replanned", ""), ("repriced", "oversize/large")}),
    ],
)
def test_a_difference_is_put_down_to_the_rule_that_alone_makes_it(
    lab: Catalog, spec: Spec, edit: Edit, changes: set[tuple[str, str]]
) -> None:
    """What objects, what is missing, or what answers otherwise now."""
    assert only(lab, edit(lab), spec) == changes


def test_of_two_rules_that_refuse_none_is_named(lab: Catalog, spec: Spec) -> None:
    """Neither of them alone would change it."""
    target = changed(lab, [limited("power-low", low=0), without("lead-time", "other")])
    both = changed(lab, [limited("power-low", low=0), weighing("edge-type", Severity.ERROR)])
    unsaid = replace(spec, frame=replace(spec.frame, edge_type=EdgeType.UNSAID))

    assert only(lab, target, spec) == {("newly refused", "power-low")}
    assert only(lab, both, unsaid) == {("newly refused", "")}


def test_stations_in_another_order_are_another_route(lab: Catalog, spec: Spec) -> None:
    """Though every lens passes the same ones."""
    stations = dict(reversed(list(lab.stations.items())))

    assert only(lab, replace(lab, stations=stations), spec) == {("replanned", "")}


def test_money_is_summed_by_currency(lab: Catalog, spec: Spec) -> None:
    """Of the orders that have a price."""
    catalog = answering("price-list", "friends", currency="SEK")(lab)
    ordered = [spec, replace(spec, account="A-1"), replace(spec, lens=Lens("stock", "cr39")), spec]
    (outcome,) = Replay(catalog)(b"".join(record(catalog, decide(catalog, each)) for each in ordered))
    prices = [decide(catalog, each).price for each in ordered]

    totals = [price.total if price else None for price in prices]
    assert totals == [13250, 9250, None, 13250]
    assert money(outcome, np.arange(4)) == {"EUR": 26500, "SEK": 9250}
    assert money(outcome, np.array([2])) == {}
