"""What the benchmark of decisions compares is alike: peers answer as ours does, and the parts are the decision's."""

from itertools import islice

import pytest

from bench import peers, specs
from bench.decision import Order, order_of, solids
from rules.catalog import Catalog
from rules.decide import decide
from rules.expression.closure import closure
from rules.load import load
from services.lims import starter

ACCEPTED, REFUSED = 40, 20


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The starter catalog, which the benchmark decides by."""
    return load(starter.files())


@pytest.fixture(scope="module")
def accepted(catalog: Catalog) -> list[Order]:
    """Some of the orders that are measured."""
    return [order_of(catalog, each) for each in islice(specs.accepted(catalog, seed=1), ACCEPTED)]


@pytest.fixture(scope="module")
def orders(catalog: Catalog, accepted: list[Order]) -> list[Order]:
    """The same, and some that are refused."""
    return [*accepted, *(order_of(catalog, each) for each in islice(specs.refused(catalog, seed=2), REFUSED))]


def test_no_two_specs_are_alike_and_a_copy_shares_nothing(accepted: list[Order]) -> None:
    """So no cache can answer for the decision."""
    drawn = [each.drawn for each in accepted]

    assert len({each.spec for each in drawn}) == ACCEPTED
    for each in drawn:
        copied = each.copy()
        assert copied == each.spec
        assert copied.frame.traces is not each.spec.frame.traces
        assert len((copied.frame.traces.right or copied.frame.traces.left or pytest.fail("untraced")).radii) == 400


def test_zen_engine_answers_with_the_rows_of_ours(catalog: Catalog, orders: list[Order]) -> None:
    """Asked one by one, and together."""
    questions = [question for order in orders for question in (*order.singly, *order.together)]
    zen = peers.Zen(catalog, questions)

    for question in questions:
        assert zen.rows(question) == peers.rows(question), question.key
    assert len({row for question in questions for row in peers.rows(question)}) > 20


def test_cel_answers_every_constraint_as_ours_does(catalog: Catalog, orders: list[Order]) -> None:
    """Both asked one by one, and all of a scope at once."""
    cel = peers.Cel(catalog)
    one_by_one = {each.id: closure(each.checked) for each in catalog.constraints if each.checked}
    objections = 0
    for order in orders:
        for scope, nouns in order.views:
            activation = cel.activation(scope, nouns)
            ours = peers.verdicts(catalog, scope, nouns)
            objections += sum(ours)
            assert cel.one_by_one(scope, activation) == ours
            assert cel.at_once(scope, activation) == ours
            assert [one_by_one[each.id](*nouns) for each in catalog.objections[scope][1]] == ours
    assert objections >= REFUSED


def test_the_look_ups_that_are_measured_are_those_of_the_decision(catalog: Catalog, accepted: list[Order]) -> None:
    """Whatever row they find, the decision says it was used."""
    for order in accepted:
        fired = {(each.rule, each.row) for each in decide(catalog, order.drawn.spec).fired if each.row}
        found = [(each.table.id, row) for each in order.asked if (row := each.table.find(each.nouns))]

        assert {(table, row.id) for table, row in found} == fired


def test_the_geometry_that_is_measured_is_that_of_the_decision(accepted: list[Order]) -> None:
    """Traces to thicknesses, by optics alone, end where the decision does."""
    for order in accepted:
        for side, (blank, solid) in solids(order.case, order.drawn.copy(), order.drawn.geometry).items():
            kept = order.drawn.geometry[side]
            assert (blank, solid) == (kept.minimum_blank, kept.solid)
