"""What catalogs say of many specs, from the records of earlier decisions: `rules.decide` over columns.

    refused   by what is wrong in the spec itself, with its lens, or by a constraint; then by a plan that fails; then
              for want of a price or a lead time, in the order of `decide`
    singly    cannot be told from the record: another plan could come out, because a table asks for another blank or
              another thickness, or there are other blanks, or the lens was not planned before; or the record is unread

Where `singly` holds, nothing else of an outcome means anything. Everywhere else it is what `decide` says, but for
words. What two catalogs have in common is worked out once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeAlias

import numpy as np

from optics.eyes import Side
from rules.catalog import Catalog, Constraint, Severity
from rules.decide import LEAD_TIME
from rules.expression.columns import Columns, Mask, Numbers, columns
from rules.expression.view import Scope
from rules.plan import BASE_CURVE, MINIMUM_THICKNESS, ROUTES, STEPS, SURFACING
from rules.price import PRICE_LIST
from rules.replay.lenses import Lenses, Sets
from rules.replay.lookup import NONE, Lookup
from rules.replay.record import ABSENT, COATINGS, EYES, OPTIONS
from rules.replay.rows import Batch, Orders, View
from rules.replay.vocabulary import Vocabulary
from rules.spec import Eyes
from rules.tables import Charge, Table
from rules.view import OF_EYE, OF_PAIR, OF_PLAN, SCOPES

Question: TypeAlias = tuple[str, Side | None, int]
"""A question to a table: its id, the eye, and which of the coatings or options it is about, counted from 0."""

_WHOLE = 100_00
_PRICE_LIST, _PRICE_ITEM = "price.list", "price.item"
_OF_PAIR = None


@dataclass(slots=True)
class Outcome:
    """What one catalog says of each record of a batch.

    Attributes:
        catalog: The catalog.
        singly: The records that have to be decided by themselves.
        accepted: Those that it accepts.
        faulty: Those that are wrong whatever the rules: the eyes are not said, a measure or a trace cannot be.
        wrong: Those whose lens is not in the catalog, or does not go together.
        unavailable: Those whose lens is not made; `availability` has the row that says so.
        availability: The row of that table; -1 where none holds, or design or material is not known.
        objecting: For each constraint and eye, the records it objects to.
        planned: The records with a plan.
        unplanned: Those that a plan was looked for, and failed.
        rows: For each question to a table, the row that answered; -1 where none did or it was not asked.
        missing: For each question that has to be answered, the records to which no row does.
        days: Lead time; -1 where it cannot be told.
        priced: Those with a price.
        total: The price in 1/100 of its currency; where there is none, nothing is meant.
    """

    catalog: Catalog
    singly: Mask
    accepted: Mask
    faulty: Mask
    wrong: Mask
    unavailable: Mask
    availability: Numbers
    planned: Mask
    unplanned: Mask
    days: Numbers
    priced: Mask
    total: Numbers
    objecting: list[tuple[Constraint, Side | None, Mask]] = field(default_factory=list)
    rows: dict[Question, Numbers] = field(default_factory=dict)
    missing: list[tuple[Question, Mask]] = field(default_factory=list)

    def told(self) -> Iterator[tuple[Constraint, Side | None, Mask]]:
        """Yields the constraints whose objections are told: about one thing the gravest, of equals the first."""
        groups: dict[object, list[tuple[Constraint, Side | None, Mask]]] = {}
        for constraint, side, mask in self.objecting:
            groups.setdefault((constraint.code, constraint.at, constraint.shows, side), []).append(
                (constraint, side, mask)
            )
        for group in groups.values():
            before: Mask | None = None
            for constraint, side, mask in sorted(group, key=lambda each: -each[0].severity):
                yield constraint, side, mask if before is None else mask & ~before
                before = mask if before is None else mask | before


class Rules:
    """A catalog, ready to be asked about many records. What it has in common with another one is that one's own."""

    def __init__(self, catalog: Catalog, vocabulary: Vocabulary, like: "Rules | None" = None) -> None:
        self.catalog = catalog
        self.lookups: dict[str, Lookup] = {
            name: like.lookups[name] if like and like.catalog.tables.get(name) == table else Lookup(table, vocabulary)
            for name, table in catalog.tables.items()
        }
        self._answers: dict[tuple[str, str], Any] = {}

    def holds(self, constraint: Constraint, facts: Columns) -> Mask:
        """Returns for which records the expression of a constraint is true."""
        key = constraint.id, constraint.scope
        answer = self._answers.get(key)
        if answer is None:
            if constraint.checked is None:
                raise ValueError(f"the constraint {constraint.id} has not been checked; load the catalog")
            answer = self._answers[key] = columns(constraint.checked)
        holds: Mask = answer(facts)
        return holds


class Replay:
    """Two catalogs, or any number, and what they say of records."""

    def __init__(self, *catalogs: Catalog) -> None:
        """Makes them ready.

        Raises:
            ValueError: Two of their texts have one mark.
        """
        self._vocabulary = Vocabulary(catalogs)
        self._coatings, self._options = Sets(), Sets()
        self._rules: list[Rules] = []
        for catalog in catalogs:
            self._rules.append(Rules(catalog, self._vocabulary, self._rules[0] if self._rules else None))
        self._orders = Orders(self._fresh(), self._vocabulary, self._fresh)

    def __call__(self, records: bytes) -> tuple[Outcome, ...]:
        """Returns what each catalog says of some records.

        Raises:
            ValueError: The bytes are no whole number of records.
        """
        batch = Batch(records)
        numbers, mistaken = self._orders.number(batch)
        batch.unread |= mistaken
        views: list[View] = []
        outcomes = []
        for rules, lenses in zip(self._rules, self._orders.catalogs, strict=True):
            alike = next((view for view in views if view.lenses.sees_as(lenses)), None)
            view = alike or View(batch, lenses, numbers, self._vocabulary)
            views.append(view)
            outcomes.append(_Deciding(rules, view, lenses).outcome())
        return tuple(outcomes)

    def _fresh(self) -> Sequence[Lenses]:
        return [Lenses(rules.catalog, self._vocabulary, self._coatings, self._options) for rules in self._rules]


def replay(base: Catalog, target: Catalog, records: bytes) -> tuple[Outcome, Outcome]:
    """Returns what two catalogs say of some records. Who has more than one batch of them keeps a `Replay`."""
    before, after = Replay(base, target)(records)
    return before, after


class _Deciding:
    """Decides the records of one view by one catalog."""

    def __init__(self, rules: Rules, view: View, lenses: Lenses) -> None:
        self._rules = rules
        self._catalog = rules.catalog
        self._view = view
        self._lenses = lenses
        batch = view.batch
        self._sides = {side: batch.made(side) for side in Side}
        self._nobody: Mask = np.zeros(batch.count, np.bool_)
        self._rows: dict[Question, Numbers] = {}
        self._missing: list[tuple[Question, Mask]] = []
        self._objecting: list[tuple[Constraint, Side | None, Mask]] = []

    def outcome(self) -> Outcome:
        view, batch = self._view, self._view.batch
        wrong, made, known = (self._of_lens(name) for name in ("wrong", "made", "known"))
        faulty = (batch.word("faulty") != 0) | (batch.word("eyes") == EYES.index(Eyes.UNSAID))
        for side in Side:
            self._ask(OF_EYE, side, self._sides[side])
        self._ask(OF_PAIR, None, None)
        attempted = made & (batch.word("sides") != 0)
        wanted, kept = self._kept(attempted)
        planned = wanted & kept & self._was_planned()
        for side in Side:
            self._ask(OF_PLAN, side, planned & self._sides[side])
        unplanned = (attempted & ~planned) | ~self._finished(planned)
        days = self._days(known)
        priced, total = self._price(known, planned)
        refused = faulty | wrong | ~made | unplanned
        for constraint, _, mask in self._objecting:
            if constraint.severity is Severity.ERROR:
                refused |= mask
        tables = self._catalog.tables
        if PRICE_LIST in tables:
            refused |= ~priced
        if LEAD_TIME in tables:
            refused |= days < 0
        return Outcome(
            catalog=self._catalog,
            singly=batch.unread | (wanted & ~kept),
            accepted=~refused,
            faulty=faulty,
            wrong=wrong,
            unavailable=known & ~made,
            availability=self._lenses.of("availability", view.numbers).astype(np.int64),
            planned=planned,
            unplanned=unplanned,
            days=days,
            priced=priced,
            total=total,
            objecting=self._objecting,
            rows=self._rows,
            missing=self._missing,
        )

    # ── constraints ──

    def _ask(self, scope: Scope, side: Side | None, of: Mask | None) -> None:
        """Asks the constraints of a scope, about some records (None: all)."""
        if of is not None and not of.any():
            return
        _, constraints = self._catalog.objections[scope.name]
        for constraint in constraints:
            holds = self._holds(constraint, scope, side)
            if of is not None:
                holds = holds & of
            if holds.any():
                self._objecting.append((constraint, side, holds))

    def _holds(self, constraint: Constraint, scope: Scope, side: Side | None) -> Mask:
        key = (
            constraint.scope,
            constraint.refuse,
            tuple(sorted(constraint.given.items(), key=lambda each: each[0])),
            side,
        )
        known = self._view.known.get(key)
        if known is None:
            known = self._view.known[key] = self._rules.holds(constraint, self._view.seat(scope, side).columns)
        holds: Mask = known.astype(np.bool_, copy=False)
        return holds

    # ── tables ──

    def _of_lens(self, name: str) -> Mask:
        return self._lenses.of(name, self._view.numbers).astype(np.bool_, copy=False)

    def _find(
        self,
        table: str,
        side: Side | None,
        of: Mask,
        *,
        item: int = 0,
        price: Mapping[str, Numbers] | None = None,
        needed: bool = True,
    ) -> Numbers:
        """Returns the row that answers for some records, and notes it and where one is missing; -1 for all others."""
        lookup = self._rules.lookups[table]
        scope = SCOPES[lookup.table.scope.name]
        key = id(lookup), side, item, id(price[_PRICE_LIST]) if price else 0
        found = self._view.known.get(key)
        if found is None:
            found = self._view.known[key] = lookup.find(self._view.seat(scope, side), price or {})
        rows: Numbers = np.where(of, found, NONE)
        self._rows[table, side, item] = rows
        missing = of & (rows < 0)
        if needed and missing.any():
            self._missing.append(((table, side, item), missing))
        return rows

    def _then(self, table: str, rows: Numbers, name: str, instead: int) -> Numbers:
        """Returns what the rows of a table answer in one output; something else where there is no row, or no answer."""
        answers = [row.then.get(name, instead) for row in self._catalog.tables[table].rows]
        return np.array([*answers, instead], np.int64).take(rows)

    # ── the plan ──

    def _kept(self, attempted: Mask) -> tuple[Mask, Mask]:
        """Returns for which records blanks are looked for, and for which of those the plan is the record's."""
        view, batch = self._view, self._view.batch
        wanted = attempted.copy()
        kept = batch.mark("stock") == self._lenses.of("stock", view.numbers)
        for side, made in self._sides.items():
            eye = f"{side.value}.eye."
            there = view.there
            able = attempted & made & there(eye + "sphere")
            able &= (view.numbers_of(eye + "cylinder") == 0) | ~there(eye + "cylinder") | there(eye + "axis")
            able &= ~there(eye + "minimum_blank") | there("frame.b")
            base = self._find(BASE_CURVE, side, able)
            thickness = self._find(MINIMUM_THICKNESS, side, able)
            wanted &= ~made | ((base >= 0) & (thickness >= 0))
            asks = (
                ("base", self._then(BASE_CURVE, base, "base", ABSENT)),
                ("slip", self._then(BASE_CURVE, base, "slip", ABSENT)),
                ("centre", self._then(MINIMUM_THICKNESS, thickness, "centre", ABSENT)),
                ("edge", self._then(MINIMUM_THICKNESS, thickness, "edge", ABSENT)),
                ("allowance", self._then(MINIMUM_THICKNESS, thickness, "allowance", 0)),
            )
            same = np.logical_and.reduce([batch.word(f"{side.value}.asked.{name}") == value for name, value in asks])
            kept &= ~made | same
        return wanted, kept

    def _was_planned(self) -> Mask:
        planned = (self._view.batch.word(f"{side.value}.planned") != 0 for side in Side)
        either: Mask = np.logical_or.reduce(list(planned))
        return either

    def _finished(self, planned: Mask) -> Mask:
        """Looks up the programs and the route; returns which records have all that they need."""
        complete = ~self._nobody
        for side, made in self._sides.items():
            of = planned & made
            surfaced = of & (self._view.batch.word(f"{side.value}.finished") == 0)
            for step in (*STEPS, ROUTES):
                if step == ROUTES or step in self._catalog.tables:
                    asked = surfaced if step in SURFACING else of
                    complete &= ~asked | (self._find(step, side, asked) >= 0)
        return complete

    # ── time and price ──

    def _days(self, known: Mask) -> Numbers:
        if LEAD_TIME not in self._catalog.tables:
            return np.full(self._view.batch.count, NONE, np.int64)
        return self._then(LEAD_TIME, self._find(LEAD_TIME, _OF_PAIR, known), "days", NONE)

    def _price(self, known: Mask, planned: Mask) -> tuple[Mask, Numbers]:
        total = np.zeros(self._view.batch.count, np.int64)
        if PRICE_LIST not in self._catalog.tables:
            return self._nobody.copy(), total
        rows = self._find(PRICE_LIST, _OF_PAIR, known)
        priced, lines = rows >= 0, self._nobody.copy()
        lists = self._lists(rows)
        for table in self._catalog.charges:
            for side, item, of, item_codes in self._questions(table, planned):
                asked = of & priced
                row = self._find(
                    table.id,
                    side,
                    asked,
                    item=item,
                    price={_PRICE_LIST: lists, _PRICE_ITEM: item_codes},
                    needed=table.needed,
                )
                found = row >= 0
                lines |= found
                total += np.where(found, self._amounts(table, row, total), 0)
                if table.needed:
                    priced &= ~asked | found
        priced &= lines
        for table in chain((self._catalog.tables[PRICE_LIST],), self._catalog.charges):
            for question, found_rows in self._rows.items():
                if question[0] == table.id:
                    found_rows[~priced] = NONE
        return priced, total

    def _lists(self, rows: Numbers) -> Numbers:
        """Returns the price list of each record, as a code; the same array for the same rows."""
        view, lookup = self._view, self._rules.lookups[PRICE_LIST]
        key = "lists", id(lookup)
        known = view.known.get(key)
        if known is None:
            code = view.vocabulary.code
            codes = np.array([*(code(row.then["list"]) for row in lookup.table.rows), 0], np.int64)
            known = view.known[key] = codes.take(rows)
        return known.astype(np.int64, copy=False)

    def _questions(self, table: Table, planned: Mask) -> Iterator[tuple[Side | None, int, Mask, Numbers]]:
        """Yields every question to a table that charges: the eye, which item, of which records, and its code."""
        nothing = self._empty()
        match table.charge:
            case Charge.PAIR:
                yield _OF_PAIR, 0, ~self._nobody, nothing
            case Charge.EYE:
                for side, made in self._sides.items():
                    yield side, 0, planned & made if table.scope.name == OF_PLAN.name else made, nothing
            case _:
                name, most = ("coatings", COATINGS) if table.charge is Charge.COATING else ("options", OPTIONS)
                sets, numbers = self._view.sets(f"lens.{name}")
                for item in range(most):
                    items = [
                        self._view.vocabulary.codes[each[item]] if item < len(each) else NONE for each in sets.sets
                    ]
                    codes = np.array(items, np.int64).take(numbers)
                    if not (codes >= 0).any():
                        break
                    yield _OF_PAIR, item, codes >= 0, codes

    def _empty(self) -> Numbers:
        """Returns the code of no item, for all records."""
        known = self._view.known.get("empty")
        if known is None:
            known = self._view.known["empty"] = np.zeros(self._view.batch.count, np.int64)
        return known.astype(np.int64, copy=False)

    def _amounts(self, table: Table, rows: Numbers, total: Numbers) -> Numbers:
        if "amount" in table.outputs:
            return self._then(table.id, rows, "amount", 0)
        part = total * self._then(table.id, rows, "share", 0)
        magnitude = (2 * np.abs(part) + _WHOLE) // (2 * _WHOLE)
        rounded: Numbers = np.where(part < 0, -magnitude, magnitude)
        return rounded
