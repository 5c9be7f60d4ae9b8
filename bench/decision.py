"""What a decision costs, in microseconds of CPU, and the same rules in other engines, in the same run.

    python -m bench.decision [--runs N] [--json FILE]

A decision here is that of two eyes which can be made: with its blanks, curves, programs, route, price and lead time.
Every spec is a fresh one (`bench.specs`). *Everything* computes the smallest blank and the thickness over the traced
shapes of 400 points; *rules alone* is the same spec decided with the geometry that an earlier decision left, as when
a form asks again after a coating was changed.

The parts are measured one by one, on what a decision hands them, and so with everything at hand: they add up to less
than it. What else is left are the built-in checks, the lead time, and putting it all together.

Peers are in `bench.peers`. What their time holds is said with each figure: *ready* is without making their context of
our facts, *from facts* with it. Ours needs no such context.

CPU is that of the whole process with all its threads, so nothing is hidden on another core. What a yardstick took in
the same run tells how fast the machine was in it.
"""

import argparse
import gc
import json
import os
import platform
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import compress, islice
from pathlib import Path
from time import process_time_ns
from typing import Any, TypeAlias

from bench import peers, specs
from optics import layout
from optics.eyes import Side
from optics.numbers import Thousandths
from optics.power import SpheroCylinder
from optics.prism import Prism
from optics.shape import Shape
from optics.thickness import Solid, solid
from optics.trace import Trace, mirrored
from rules.catalog import Catalog
from rules.decide import decide
from rules.decision import Geometry
from rules.facts import Case, take
from rules.load import load
from rules.plan import plan
from rules.price import price
from rules.spec import Spec
from rules.words import objection
from services.lims import starter

Figure: TypeAlias = dict[str, Any]
Run: TypeAlias = Callable[[], object]

RUNS = 9
SPECS = 250
"""Specs of one run."""

RULES_ALONE, EVERYTHING = 150.0, 1000.0
"""What was asked for at most, in microseconds."""


# ── one order, and all that is measured of it ─────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Order:
    """A spec, and what a decision of it hands to its parts and to the peers."""

    drawn: specs.Drawn
    case: Case
    views: tuple[tuple[str, peers.Nouns], ...]
    asked: tuple[peers.LookUp, ...]
    singly: tuple[peers.Question, ...]
    together: tuple[peers.Question, ...]


def order_of(catalog: Catalog, drawn: specs.Drawn) -> Order:
    """Returns a spec with all that is measured of it."""
    asked = peers.look_ups(catalog, drawn.spec, drawn.geometry)
    return Order(
        drawn=drawn,
        case=take(catalog, drawn.spec, drawn.geometry),
        views=peers.views(catalog, drawn.spec, drawn.geometry),
        asked=asked,
        singly=peers.singly(asked),
        together=peers.together(asked),
    )


@dataclass(slots=True)
class Costs:
    """What was measured: by name, a median for each run, in microseconds of CPU."""

    medians: dict[str, list[float]] = field(default_factory=dict)
    _took: dict[str, list[int]] = field(default_factory=dict)

    def measure(self, name: str, runs: Sequence[Run]) -> None:
        """Notes what each of `runs` takes, called once."""
        took = self._took.setdefault(name, [])
        for run in runs:
            began = process_time_ns()
            run()
            took.append(process_time_ns() - began)

    def close(self) -> None:
        """Ends a run. What looking at the clock takes, two thirds of a microsecond, is taken off."""
        self.measure("", [_nothing] * 1000)
        clock = statistics.median(self._took.pop(""))
        for name, took in self._took.items():
            self.medians.setdefault(name, []).append((statistics.median(took) - clock) / 1000)
        self._took.clear()

    def ratio(self, above: str, below: str) -> list[float]:
        """Returns what one costs in units of another, run by run."""
        return [one / other for one, other in zip(self.medians[above], self.medians[below], strict=True)]


class Bench:
    """A catalog with orders for it, and every measure that is taken of them."""

    def __init__(self, catalog: Catalog, runs: int, count: int) -> None:
        """Draws so many orders for each of so many runs, and sets up the peers."""
        self._catalog = catalog
        drawn = specs.accepted(catalog, seed=1)
        refused = specs.refused(catalog, seed=2)
        self._orders = [[order_of(catalog, each) for each in islice(drawn, count)] for _ in range(runs)]
        self._refused = [list(islice(refused, count // 4)) for _ in range(runs)]
        everything = [order for orders in self._orders for order in orders]
        self._cel = peers.Cel(catalog)
        self._zen = peers.Zen(
            catalog, [question for order in everything for question in (*order.singly, *order.together)]
        )
        self.look_ups = statistics.mean(len(order.asked) for order in everything)
        self.questions = statistics.mean(len(order.together) for order in everything)
        self.constraints = statistics.mean(
            sum(len(catalog.objections[scope][1]) for scope, _ in order.views) for order in everything
        )

    def measure(self) -> Costs:
        """Takes every measure in turn, run by run; none always goes first."""
        costs = Costs()
        for run, (orders, refused) in enumerate(zip(self._orders, self._refused, strict=True)):
            measures = (self._decisions, self._parts, self._of_tables, self._of_constraints)
            for at in range(len(measures)):
                measures[(at + run) % len(measures)](costs, orders)
            self._refusals(costs, refused)
            costs.measure("yardstick", [_yardstick] * len(orders))
            costs.close()
        return costs

    def _decisions(self, costs: Costs, orders: Sequence[Order]) -> None:
        catalog = self._catalog
        costs.measure("rules alone", [_decision(catalog, each.drawn, kept=True) for each in orders])
        costs.measure("everything", [_decision(catalog, each.drawn, kept=False) for each in orders])

    def _refusals(self, costs: Costs, refused: Sequence[specs.Drawn]) -> None:
        catalog = self._catalog
        costs.measure("refused", [_decision(catalog, each, kept=True) for each in refused])
        costs.measure("message", [_message(catalog, each) for each in refused])

    def _parts(self, costs: Costs, orders: Sequence[Order]) -> None:
        catalog = self._catalog
        costs.measure("facts", [_facts(catalog, each) for each in orders])
        costs.measure("constraints", [_constraints(catalog, each) for each in orders])
        costs.measure("plan", [_plan(each) for each in orders])
        costs.measure("price", [_price(each) for each in orders])
        costs.measure("geometry", [_geometry(each) for each in orders])

    def _of_tables(self, costs: Costs, orders: Sequence[Order]) -> None:
        costs.measure("tables", [_look_ups(each) for each in orders])
        for name, questions in (
            ("zen, a call a table", [each.singly for each in orders]),
            ("zen, a call for all of one context", [each.together for each in orders]),
        ):
            costs.measure(f"{name}, ready", [self._asked_of_zen(each) for each in questions])
            costs.measure(f"{name}, from facts", [self._asked_of_zen_from_facts(each) for each in questions])

    def _asked_of_zen(self, questions: Sequence[peers.Question]) -> Run:
        answer = self._zen.answer
        contexts = [(each, self._zen.context(each)) for each in questions]
        return lambda: [answer(question, context) for question, context in contexts]

    def _asked_of_zen_from_facts(self, questions: Sequence[peers.Question]) -> Run:
        """Makes one context for all questions about the same facts."""
        answer, context = self._zen.answer, self._zen.context
        by_facts: dict[int, tuple[peers.Question, list[peers.Question]]] = {}
        first: list[peers.Question] = []
        for question in questions:
            at = next((at for at, known in enumerate(first) if known.nouns == question.nouns), len(first))
            if at == len(first):
                first.append(question)
            by_facts.setdefault(at, (question, []))[1].append(question)
        groups = tuple(by_facts.values())

        def run() -> None:
            for one, asked in groups:
                made = context(one)
                for question in asked:
                    answer(question, made)

        return run

    def _of_constraints(self, costs: Costs, orders: Sequence[Order]) -> None:
        cel = self._cel
        costs.measure("constraints beside CEL", [_constraints(self._catalog, each) for each in orders])
        for name, ask in (("cel, one by one", cel.one_by_one), ("cel, a list of all", cel.at_once)):
            costs.measure(f"{name}, ready", [_asked_of_cel(cel, ask, each) for each in orders])
            costs.measure(f"{name}, from facts", [_asked_of_cel_from_facts(cel, ask, each) for each in orders])


def _nothing() -> None:
    """Does nothing."""


def _yardstick() -> None:
    """Does what takes always the same: it tells runs on a busy machine from those on a quiet one."""
    total = 0
    for number in range(1000):
        total += number * number


def _decision(catalog: Catalog, drawn: specs.Drawn, *, kept: bool) -> Run:
    spec: Spec = drawn.copy()
    geometry = drawn.geometry if kept else None
    return lambda: decide(catalog, spec, kept=geometry)


def _facts(catalog: Catalog, order: Order) -> Run:
    spec = order.drawn.copy()
    return lambda: take(catalog, spec, order.drawn.geometry)


def _constraints(catalog: Catalog, order: Order) -> Run:
    asked = [(catalog.objections[scope][0], nouns) for scope, nouns in order.views]

    def run() -> None:
        for ask, nouns in asked:
            ask(*nouns)

    return run


def _plan(order: Order) -> Run:
    return lambda: plan(order.case, [])


def _price(order: Order) -> Run:
    facts = plan(order.case, []).facts
    return lambda: price(order.case, facts, [])


def _look_ups(order: Order) -> Run:
    asked = tuple((each.table, each.nouns) for each in order.asked)

    def run() -> None:
        for table, nouns in asked:
            table.find(nouns)

    return run


def _message(catalog: Catalog, drawn: specs.Drawn) -> Run:
    """Says the first thing that a constraint objects to."""
    case = take(catalog, drawn.spec, drawn.geometry)
    sides = (*case.sides, None, *case.sides)
    for side, (scope, nouns) in zip(sides, peers.views(catalog, drawn.spec, drawn.geometry), strict=False):
        ask, constraints = catalog.objections[scope]
        for constraint in compress(constraints, ask(*nouns)):
            return lambda: objection(case, constraint, nouns, side)
    raise LookupError("no constraint objects to what was drawn as refused")


def _geometry(order: Order) -> Run:
    spec = order.drawn.copy()
    return lambda: solids(order.case, spec, order.drawn.geometry)


def solids(case: Case, spec: Spec, geometry: Mapping[Side, Geometry]) -> dict[Side, tuple[Thousandths, Solid]]:
    """Returns the smallest blank and the solid of each lens by optics alone, from what a decision computed them from.

    Raises:
        LookupError: It computed none.
    """
    made = {}
    for side in case.sides:
        eye, ground, outline, (inwards, up) = (
            case.eyes[side],
            geometry[side].ground,
            _shape(spec, side),
            case.centration[side],
        )
        if ground is None:
            raise LookupError(f"no lens was made for the {side.name} eye")
        made[side] = (
            layout.minimum_blank(outline, side, inwards, up),
            solid(
                outline,
                side,
                inwards,
                up,
                prescription=SpheroCylinder(eye.sphere or 0, eye.cylinder or 0, eye.axis or 180),
                prism=Prism(eye.prism_horizontal or 0, (eye.prism_vertical or 0) - ground.thinning),
                add=ground.add,
                front=ground.front,
                index=ground.index,
                centre_min=ground.centre,
                edge_min=ground.edge,
            ),
        )
    return made


def _shape(spec: Spec, side: Side) -> Shape:
    right, left = spec.frame.traces.right, spec.frame.traces.left
    own, other = (right, left) if side is Side.RIGHT else (left, right)
    if own is not None:
        return Shape.of_trace(Trace(side, own.radii))
    if other is not None:
        return Shape.of_trace(mirrored(Trace(Side.LEFT if side is Side.RIGHT else Side.RIGHT, other.radii)))
    raise LookupError("neither lens was traced")


_Ask: TypeAlias = Callable[[str, Any], object]


def _asked_of_cel(cel: peers.Cel, ask: _Ask, order: Order) -> Run:
    activations = [(scope, cel.activation(scope, nouns)) for scope, nouns in order.views]
    return lambda: [ask(scope, activation) for scope, activation in activations]


def _asked_of_cel_from_facts(cel: peers.Cel, ask: _Ask, order: Order) -> Run:
    return lambda: [ask(scope, cel.activation(scope, nouns)) for scope, nouns in order.views]


# ── the figures ───────────────────────────────────────────────────────────────────────────────────────────────────────


def figures(runs: int = RUNS, count: int = SPECS) -> list[Figure]:
    """Returns what decisions cost, over so many runs of so many specs each."""
    catalog = load(starter.files())
    bench = Bench(catalog, runs, count)
    with _settled():
        costs = bench.measure()
    return [*_ours(costs), *_of_zen(bench, costs), *_of_cel(bench, costs)]


def _ours(costs: Costs) -> Iterator[Figure]:
    took = costs.medians
    yield _figure("yardstick: to add up 1,000 squares", "µs CPU", took["yardstick"])
    yield _figure(f"a decision, rules alone (asked: {RULES_ALONE:.0f} at most)", "µs CPU", took["rules alone"])
    names = ("facts", "constraints", "plan", "price")
    for name, words in zip(
        names, ("facts", "constraints", "plan, with its tables", "price, with its tables"), strict=True
    ):
        yield _figure(f"  of it {words}", "µs CPU", took[name])
    yield _figure(f"a decision, everything (asked: {EVERYTHING:.0f} at most)", "µs CPU", took["everything"])
    yield _figure("  of it geometry of both lenses", "µs CPU", took["geometry"])
    yield _figure("a decision that refuses, rules alone", "µs CPU", took["refused"])
    yield _figure("  of it one message", "µs CPU", took["message"])


def _of_zen(bench: Bench, costs: Costs) -> Iterator[Figure]:
    name = f"tables of a decision, {bench.look_ups:.0f} look-ups"
    yield _figure(name, "µs CPU", costs.medians["tables"])
    for way, words in (
        ("zen, a call a table", "a call for each"),
        ("zen, a call for all of one context", f"{bench.questions:.0f} calls"),
    ):
        for made in ("ready", "from facts"):
            yield _figure(f"  zen-engine over ours, {words}, {made}", "ratio", costs.ratio(f"{way}, {made}", "tables"))


def _of_cel(bench: Bench, costs: Costs) -> Iterator[Figure]:
    ours = "constraints beside CEL"
    yield _figure(f"constraints of a decision, {bench.constraints:.0f} answers", "µs CPU", costs.medians[ours])
    for way, words in (("cel, one by one", "one by one"), ("cel, a list of all", "as one list")):
        for made in ("ready", "from facts"):
            yield _figure(f"  cel-expr-python over ours, {words}, {made}", "ratio", costs.ratio(f"{way}, {made}", ours))


def _figure(name: str, unit: str, runs: Sequence[float]) -> Figure:
    return {"name": name, "unit": unit, "median": statistics.median(runs), "least": min(runs), "most": max(runs)}


@contextmanager
def _settled() -> Iterator[None]:
    """Keeps what was prepared out of the collector's way: a service has no thousands of specs in memory."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def main() -> None:
    """Prints what decisions cost."""
    parser = argparse.ArgumentParser(prog="python -m bench.decision", description="What a decision costs.")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"interleaved runs ({RUNS})")
    parser.add_argument("--specs", type=int, default=SPECS, help=f"specs of each run ({SPECS})")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    arguments = parser.parse_args()
    measured = figures(arguments.runs, arguments.specs)
    made_on = machine()
    print(", ".join(f"{name} {value}" for name, value in made_on.items()))
    for each in measured:
        numbers = (f"{each[column]:8.1f}" for column in ("median", "least", "most"))
        print(f"{each['name']:70} {' '.join(numbers)} {each['unit']}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": made_on, "figures": measured}, indent=2) + "\n")


def machine() -> Mapping[str, object]:
    """Returns what it was measured on."""
    return {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}


if __name__ == "__main__":
    main()
