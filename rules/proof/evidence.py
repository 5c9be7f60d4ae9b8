"""Specs that the engine has decided in the course of an examination, and what they show: no example without it.

To decide a spec costs a thirtieth of what it costs to ask the solver for one. So what is only looked for, such as a
lens for which a row answers, is first looked for among orders that lie near those that were found before (`trials`).
Where they show it, that is enough; where they do not, it says nothing, and the solver is asked.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from rules.catalog import Catalog, Constraint, Severity
from rules.decide import IMPOSSIBLE_LENS, NO_BLANK, NOT_SET, decide
from rules.decision import Decision
from rules.facts import take
from rules.plan import SURFACING, plan
from rules.price import PRICE_LIST, asked
from rules.proof.formulas import is_solvable
from rules.proof.tables import Values
from rules.proof.trials import nearby, trials
from rules.spec import Spec
from rules.tables import Row, Table
from rules.view import OF_EYE, OF_PAIR, OF_PLAN, PriceFacts

_AFFAIRS = frozenset({NO_BLANK, NOT_SET, IMPOSSIBLE_LENS})
"""What an order can be refused for that is the lab's own affair, and not the order's."""


class Evidence:
    """What the engine says of some specs."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._decisions: dict[Spec, Decision] = {}
        self._used: dict[tuple[str, str], Spec] = {}
        self._silent: set[str] = set()
        self._objected: dict[str, Spec] = {}
        self._alone: set[str] = set()
        self._accepted: dict[tuple[str, str], Spec] = {}
        self._trials = trials(self._accepted)
        self._of_plan = {each.id: each.scope == OF_PLAN.name for each in catalog.constraints}
        self._refusing = {
            each.id for each in catalog.constraints if each.severity is Severity.ERROR and is_solvable(each)
        }

    def add(self, spec: Spec) -> Decision:
        """Returns the decision of a spec, and keeps what it shows."""
        known = self._decisions.get(spec)
        if known is None:
            known = self._decisions[spec] = decide(self._catalog, spec)
            self._keep(spec, known)
        return known

    def _keep(self, spec: Spec, decision: Decision) -> None:
        lens = spec.lens.design, spec.lens.material
        fired = {each.rule for each in decision.fired} & self._of_plan.keys()
        self._objected = {**dict.fromkeys(fired, spec), **self._objected}
        self._alone |= {each for each in fired if self._is_alone(each, fired)}
        if decision.accepted:
            self._accepted.setdefault(lens, spec)
        if not self._is_refused(decision):
            for used in decision.fired:
                self._used.setdefault((used.rule, used.row), spec)
        if lens in self._catalog.made:
            self._silent |= {
                name
                for name, of_plan in self._of_plan.items()
                if name not in fired and (decision.lenses or not of_plan)
            }

    @staticmethod
    def _is_refused(decision: Decision) -> bool:
        """Tells whether an order is refused, and not for the lab's own affairs alone."""
        return any(
            each.severity is Severity.ERROR and (each.rule or each.code not in _AFFAIRS) for each in decision.violations
        )

    def _is_alone(self, constraint: str, fired: Collection[str]) -> bool:
        """Tells whether of those that object none but a constraint refuses, or only some that come after it."""
        return not any(
            each != constraint and each in self._refusing and (self._of_plan[constraint] or not self._of_plan[each])
            for each in fired
        )

    def objects(self, constraint: str, spec: Spec, besides: Collection[str] = ()) -> bool:
        """Tells whether a constraint objects to a spec, and none of some others does."""
        fired = {each.rule for each in self.add(spec).fired}
        return constraint in fired and fired.isdisjoint(besides)

    def is_alone(self, constraint: Constraint) -> bool:
        """Tells whether a spec was seen to which a constraint objects and no other that refuses."""
        return constraint.id in self._alone

    def accepts(self, design: str, material: str) -> bool:
        """Tells whether a lens was seen to which nothing objects."""
        return (design, material) in self._accepted

    def try_near(self, design: str, material: str) -> bool:
        """Tells whether what was accepted of a design is accepted in another material, or else of another design."""
        for (of_design, _), spec in list(self._accepted.items()):
            if of_design == design:
                self.add(replace(spec, lens=replace(spec.lens, material=material)))
                if self.accepts(design, material):
                    return True
        return False

    def search(self, shown: Callable[[], bool], tried: Iterator[Spec] | None = None) -> bool:
        """Tries orders, as long as something is not shown and there are some left; tells whether it is shown then.

        Args:
            shown: Tells whether it is.
            tried: The orders; unless they are said, those near what was accepted that were not tried yet.
        """
        while not shown():
            spec = next(self._trials if tried is None else tried, None)
            if spec is None:
                return False
            self.add(spec)
        return True

    def look_around(self) -> None:
        """Tries what is near the lenses that were accepted, by which much is shown that would be asked for else."""
        for spec in nearby(dict(self._accepted), self._catalog):
            self.add(spec)

    def passes(self, constraint: str, spec: Spec) -> bool:
        """Tells whether a constraint does not object to a spec."""
        return constraint not in {each.rule for each in self.add(spec).fired}

    def objected(self, constraint: Constraint) -> Spec | None:
        """Returns a spec to which a constraint objects; None where none was seen."""
        return self._objected.get(constraint.id)

    def is_silent(self, constraint: Constraint) -> bool:
        """Tells whether a spec was seen to which a constraint does not object."""
        return constraint.id in self._silent

    def uses(self, table: Table, row: Row) -> bool:
        """Tells whether a spec was seen for which a row answers, refused for the lab's own affairs at most."""
        return (table.id, row.id) in self._used

    def shows_use(self, table: Table, row: Row, spec: Spec) -> bool:
        """Tells whether a row answers for a spec that is refused for the lab's own affairs at most."""
        return not self._is_refused(self.add(spec)) and self.answers(table, row, spec)

    def answers(self, table: Table, row: Row, spec: Spec) -> bool:
        """Tells whether a row answers for a spec."""
        return any((each.rule, each.row) == (table.id, row.id) for each in self.add(spec).fired)

    def is_unanswered(self, table: Table, spec: Spec) -> bool:
        """Tells whether a table is asked of a spec, no row holds, and that is objected to."""
        return NOT_SET in {each.code for each in self.add(spec).violations} and any(
            table.find(nouns) is None for nouns in self._asked(table, spec)
        )

    def asked_in_vain(self, table: Table, spec: Spec) -> Values:
        """Returns what a table is asked of a spec, by path, where no row holds; nothing where one does."""
        for nouns in self._asked(table, spec):
            if table.find(nouns) is None:
                return {each.path: getattr(nouns[each.noun], each.field.name) for each in table.columns}
        return {}

    def is_without_blank(self, spec: Spec) -> bool:
        """Tells whether a spec is refused because there is no blank for it."""
        return NO_BLANK in {each.code for each in self.add(spec).violations}

    def hold_at_once(self, table: Table, rows: tuple[Row, Row], spec: Spec) -> bool:
        """Tells whether the table is asked of a spec and both rows hold."""
        return any(
            all(
                condition.holds(getattr(nouns[column.noun], column.field.name))
                for row in rows
                for column in table.columns
                if (condition := row.when.get(column.name)) is not None
            )
            for nouns in self._asked(table, spec)
        )

    def _asked(self, table: Table, spec: Spec) -> Iterator[tuple[object, ...]]:
        """Yields the nouns that the engine asks a table with."""
        case = take(self._catalog, spec, {})
        plans = plan(case, []).facts if table.scope.name == OF_PLAN.name else {}
        if table.charge:
            found = self._catalog.tables[PRICE_LIST].find(case.of_pair)
            for _, item, nouns in asked(case, table, plans) if found else ():
                yield *nouns, PriceFacts(found.then["list"] if found else "", item)
        elif table.scope.name == OF_PAIR.name:
            yield case.of_pair
        elif table.scope.name == OF_EYE.name:
            yield from (case.of_eye(side) for side in case.sides)
        else:
            for side, facts in plans.items():
                if not (facts.finished and table.id in SURFACING):
                    yield case.of_plan(side, facts)
