"""Specs that the engine has decided in the course of an examination, and what they show: no example without it."""

from collections.abc import Collection, Iterator

from rules.catalog import Catalog, Constraint, Severity
from rules.decide import decide
from rules.decision import Decision
from rules.facts import take
from rules.plan import SURFACING, plan
from rules.price import PRICE_LIST, asked
from rules.spec import Spec
from rules.tables import Row, Table
from rules.view import OF_EYE, OF_PAIR, OF_PLAN, PriceFacts


class Evidence:
    """What the engine says of some specs."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._decisions: dict[Spec, Decision] = {}
        self._used: dict[tuple[str, str], Spec] = {}
        self._silent: set[str] = set()
        self._objected: set[str] = set()

    def add(self, spec: Spec) -> Decision:
        """Returns the decision of a spec, and keeps what it shows."""
        known = self._decisions.get(spec)
        if known is None:
            known = self._decisions[spec] = decide(self._catalog, spec)
            fired = {each.rule for each in known.fired}
            self._objected |= fired
            refused = any(each.rule and each.severity is Severity.ERROR for each in known.violations)
            for each in () if refused else known.fired:
                self._used.setdefault((each.rule, each.row), spec)
            if (spec.lens.design, spec.lens.material) in self._catalog.made:
                self._silent |= {
                    each.id
                    for each in self._catalog.constraints
                    if each.id not in fired and (each.scope != OF_PLAN.name or known.lenses)
                }
        return known

    def objects(self, constraint: str, spec: Spec, besides: Collection[str] = ()) -> bool:
        """Tells whether a constraint objects to a spec, and none of some others does."""
        fired = {each.rule for each in self.add(spec).fired}
        return constraint in fired and fired.isdisjoint(besides)

    def has_objected(self, constraint: Constraint) -> bool:
        """Tells whether a spec was seen to which a constraint objects."""
        return constraint.id in self._objected

    def is_silent(self, constraint: Constraint) -> bool:
        """Tells whether a spec was seen to which a constraint does not object."""
        return constraint.id in self._silent

    def uses(self, table: Table, row: Row) -> bool:
        """Tells whether a spec was seen that no constraint refuses and for which a row answers."""
        return (table.id, row.id) in self._used

    def answers(self, table: Table, row: Row, spec: Spec) -> bool:
        """Tells whether a row answers for a spec."""
        return any((each.rule, each.row) == (table.id, row.id) for each in self.add(spec).fired)

    def is_unanswered(self, table: Table, spec: Spec) -> bool:
        """Tells whether the table is asked of a spec and no row holds."""
        return any(table.find(nouns) is None for nouns in self._asked(table, spec))

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
