"""What becomes of past orders from one catalog to another, and which rule makes the difference.

    newly accepted, newly refused   the one refuses, the other does not
    replanned                       both accept, and the lenses are made otherwise: another blank, curve or thickness,
                                    another program or route, or they take longer or shorter
    repriced                        both accept, at another price

An order can be both replanned and repriced. The rule of a change is the constraint, or the table and its row
(``routes/uncut``), that alone makes it: what objects, what is missing, or what answers otherwise now (for a row that is
gone, that row). Where several do, no rule is named: none of them alone would change it. An order that falls under
another price list has that to thank for whatever else its price is made of.

What was decided singly is told in the same way, once new records were made of it under either catalog. Of such a lens
that comes out otherwise, the tables that ask for a blank and a thickness are blamed, and not what follows from them.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from optics.eyes import Side
from rules.catalog import AVAILABILITY, Severity
from rules.decide import LEAD_TIME
from rules.decision import Decision, LensPlan
from rules.expression.columns import Mask, Numbers
from rules.plan import BASE_CURVE, MINIMUM_THICKNESS, ROUTES, STEPS
from rules.price import PRICE_LIST
from rules.replay.replay import Outcome, Question
from rules.tables import Row

_OF_LENS = tuple(name for name in LensPlan.__slots__ if name not in {"blank", "programs", "route"})


class Kind(Enum):
    """What is otherwise."""

    NEWLY_ACCEPTED = "newly accepted"
    NEWLY_REFUSED = "newly refused"
    REPLANNED = "replanned"
    REPRICED = "repriced"


@dataclass(frozen=True, slots=True)
class Change:
    """Some records of which the same is otherwise, by the same rule.

    Attributes:
        kind: What is otherwise.
        rule: The rule that alone makes the difference; empty where none does.
        rows: The records, by number.
    """

    kind: Kind
    rule: str
    rows: NDArray[np.intp]


def compare(before: Outcome, after: Outcome, otherwise: Mask | None = None) -> Iterator[Change]:
    """Yields what is otherwise in a batch, but for the records that one of the catalogs has to decide singly.

    Args:
        before: What the one catalog says.
        after: What the other says, of the same records, or of as many that were made anew under it.
        otherwise: Of new records, those in which a lens has another blank, curve or thickness.
    """
    told = ~(before.singly | after.singly)
    accepted = told & ~before.accepted & after.accepted
    if accepted.any():
        yield from _changes(Kind.NEWLY_ACCEPTED, accepted, _grounds(before, after, accepted))
    refused = told & before.accepted & ~after.accepted
    if refused.any():
        yield from _changes(Kind.NEWLY_REFUSED, refused, _grounds(after, before, refused))
    both = told & before.accepted & after.accepted
    if both.any():
        plans = _plans(before, after, both, otherwise)
        yield from _changes(Kind.REPLANNED, plans.different, plans)
        prices = _prices(before, after, both)
        yield from _changes(Kind.REPRICED, prices.different, prices)


def made_otherwise(before: Decision, after: Decision) -> bool:
    """Tells whether a lens that both decisions make has another blank, curve or thickness in one of them."""
    pairs = zip(before.lenses, after.lenses, strict=True) if before.lenses and after.lenses else ()
    return any(_made(one) != _made(other) for one, other in pairs)


def _made(lens: LensPlan) -> tuple[object, ...]:
    return tuple(getattr(lens, name) for name in _OF_LENS), lens.blank.id


def money(outcome: Outcome, rows: NDArray[np.intp]) -> dict[str, int]:
    """Returns what some records cost together, by currency, in 1/100 of it; nothing of those without a price."""
    lists = outcome.rows.get((PRICE_LIST, None, 0))
    if lists is None:
        return {}
    of, totals = lists[rows], outcome.total[rows]
    sums: dict[str, int] = {}
    for number, row in enumerate(outcome.catalog.tables[PRICE_LIST].rows):
        priced = of == number
        if priced.any():
            currency: str = row.then["currency"]
            sums[currency] = sums.get(currency, 0) + int(totals[priced].sum())
    return sums


# ── in columns ────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Blame:
    """For each record of a batch, the rule that alone makes a difference, as far as one does."""

    _SEVERAL = 0
    """The number of the rule that stands for several, or for none that has a name."""

    def __init__(self, count: int) -> None:
        self.different: Mask = np.zeros(count, np.bool_)
        self.rules: dict[str, int] = {"": self._SEVERAL}
        self.blamed = np.full(count, -1, np.int64)

    def add(self, mask: Mask, rule: str) -> None:
        """Blames a rule for some records, beside what is blamed already."""
        self.add_each(mask, np.full(len(mask), self.number(rule), np.int64))

    def add_each(self, mask: Mask, numbers: Numbers) -> None:
        """Blames a rule for each of some records, by number."""
        self.different |= mask
        first = mask & (self.blamed < 0)
        self.blamed[first] = numbers[first]
        self.blamed[mask & (self.blamed != numbers)] = self._SEVERAL

    def instead(self, mask: Mask, numbers: Numbers) -> None:
        """Blames a rule for each of some records, and nothing else."""
        self.different |= mask
        self.blamed[mask] = numbers[mask]

    def number(self, rule: str) -> int:
        """Returns the number of a rule."""
        return self.rules.setdefault(rule, len(self.rules))

    def of_rows(self, table: str, rows: Sequence[Row], found: Numbers, instead: Numbers | None = None) -> Numbers:
        """Returns the rule that each record's row is; where there is none, another one."""
        numbers = np.array([*(self.number(f"{table}/{row.id}") for row in rows), self.number(table)], np.int64)
        return numbers.take(found) if instead is None else np.where(found >= 0, numbers.take(found), instead)


def _changes(kind: Kind, of: Mask, blame: _Blame) -> Iterator[Change]:
    names = list(blame.rules)
    rows = np.flatnonzero(of)
    blamed = np.maximum(blame.blamed[rows], 0)
    for number in np.unique(blamed).tolist():
        yield Change(kind, names[number], rows[blamed == number])


def _grounds(refusing: Outcome, accepting: Outcome, of: Mask) -> _Blame:
    """Returns what one of two catalogs refuses some records for that the other accepts."""
    blame = _Blame(len(of))
    for constraint, _, mask in refusing.objecting:
        if constraint.severity is Severity.ERROR:
            blame.add(of & mask, constraint.id)
    unavailable = of & refusing.unavailable
    if unavailable.any():
        rows = refusing.catalog.tables[AVAILABILITY].rows
        blame.add_each(unavailable, blame.of_rows(AVAILABILITY, rows, refusing.availability))
    blame.add(of & (refusing.faulty | refusing.wrong), "")
    rest = of & ~blame.different
    for question, missing in refusing.missing:
        lacking = rest & missing
        if lacking.any():
            blame.add_each(lacking, _answering(blame, accepting, question))
    blame.add(of & ~blame.different, "")
    return blame


def _answering(blame: _Blame, outcome: Outcome, question: Question) -> Numbers:
    """Returns the rule that answers a question under a catalog: the row, or the table where there is none."""
    table, rows = outcome.catalog.tables.get(question[0]), outcome.rows.get(question)
    if table is None or rows is None:
        return np.full(len(outcome.accepted), blame.number(question[0]), np.int64)
    return blame.of_rows(table.id, table.rows, rows)


def _plans(before: Outcome, after: Outcome, of: Mask, otherwise: Mask | None) -> _Blame:
    """Returns in which of some records the lenses are made otherwise."""
    blame = _Blame(len(of))
    if otherwise is not None:
        wanted = of & otherwise
        for question in _questions(before, after, (BASE_CURVE, MINIMUM_THICKNESS)):
            _answers(blame, before, after, question, wanted, ("base", "slip", "centre", "edge", "allowance"))
        blame.add(wanted & ~blame.different, "")
        of = of & ~otherwise
    for question in _questions(before, after, (*STEPS, ROUTES, LEAD_TIME)):
        _answers(blame, before, after, question, of, ("program", "stations", "days"))
    if [*before.catalog.stations] != [*after.catalog.stations]:
        blame.add(of & (_routes(before) != _routes(after)), "")
    return blame


def _prices(before: Outcome, after: Outcome, of: Mask) -> _Blame:
    blame = _Blame(len(of))
    charging = [table.id for outcome in (before, after) for table in outcome.catalog.charges]
    for question in _questions(before, after, charging):
        _answers(blame, before, after, question, of, ("amount", "share"))
    lists = PRICE_LIST, None, 0
    currencies = _values(before, lists, ("currency",)), _values(after, lists, ("currency",))
    another = of & _differ(*currencies)
    other_list = of & _differ(_values(before, lists, ("list",)), _values(after, lists, ("list",)))
    blame.instead(another | other_list, _answering(blame, after, lists))
    blame.different = of & ((before.total != after.total) | another)
    return blame


def _questions(before: Outcome, after: Outcome, tables: Sequence[str]) -> list[Question]:
    wanted = set(tables)
    return [each for each in dict.fromkeys((*before.rows, *after.rows)) if each[0] in wanted]


def _answers(
    blame: _Blame, before: Outcome, after: Outcome, question: Question, of: Mask, outputs: Sequence[str]
) -> None:
    """Blames the row of a table for every record to which it answers otherwise than before."""
    different = of & _differ(_values(before, question, outputs), _values(after, question, outputs))
    if not different.any():
        return
    was, now = (_found(outcome, question) for outcome in (before, after))
    tables = [outcome.catalog.tables.get(question[0]) for outcome in (before, after)]
    rows_before, rows_after = (table.rows if table else () for table in tables)
    gone = blame.of_rows(question[0], rows_before, was)
    blame.add_each(different, blame.of_rows(question[0], rows_after, now, gone))


_Values = tuple[Numbers, Sequence[Hashable]]


def _values(outcome: Outcome, question: Question, outputs: Sequence[str]) -> _Values:
    """Returns what a table answers to each record: the number of an answer, and the answers."""
    table = outcome.catalog.tables.get(question[0])
    rows = table.rows if table else ()
    # nothing done, nothing charged and nothing said are one answer
    answers = [tuple(row.then.get(name) or None for name in outputs) for row in rows]
    return _found(outcome, question), [*answers, (None,) * len(outputs)]


def _found(outcome: Outcome, question: Question) -> Numbers:
    rows = outcome.rows.get(question)
    return np.full(len(outcome.accepted), -1, np.int64) if rows is None else rows


def _differ(before: _Values, after: _Values) -> Mask:
    numbers: dict[Hashable, int] = {}
    both = [
        np.array([numbers.setdefault(answer, len(numbers)) for answer in answers], np.int64).take(rows)
        for rows, answers in (before, after)
    ]
    differ: Mask = both[0] != both[1]
    return differ


def _routes(outcome: Outcome) -> NDArray[np.object_]:
    """Returns the route of each record's job, in a word."""
    table, stations = outcome.catalog.tables[ROUTES], list(outcome.catalog.stations)
    found = [_found(outcome, (ROUTES, side, 0)) for side in Side]
    both = found[0] * (len(table.rows) + 1) + found[1]
    kinds, first, inverse = np.unique(both, return_index=True, return_inverse=True)
    routes = np.empty(len(kinds), np.object_)
    for at, row in enumerate(first.tolist()):
        passed = {each for rows in found if rows[row] >= 0 for each in table.rows[rows[row]].then["stations"]}
        routes[at] = " ".join(each for each in stations if each in passed)
    return routes[inverse]
