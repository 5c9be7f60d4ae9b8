"""Decision tables: columns that ask, rows that answer, and an index that finds the row.

A table is asked with the nouns of its scope. Each input column reads one field; a row holds where each of its
conditions does, and a column that a row leaves out holds for everything. A condition asks a TEXT for one of several
values, TEXTS for at least one of several, a number for one of several intervals with both ends included, a yes-or-no
for one of the two. An absent number holds for no condition but ``absent``; a text that is not chosen is absent, and so
are texts of which there are none.

Of a table that hits `FIRST`, the first row that holds is the answer. Of one that hits `UNIQUE` no two rows hold at
once; the loader has proven that (`Row.meets`).

The index knows, for every value of a column (of a number: for every stretch between two ends), the rows whose condition
it meets, as the bits of an integer. To look up is to take those integers of all columns and to find the lowest bit that
they have in common.
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from operator import attrgetter
from typing import Any, TypeAlias

from optics.eyes import Side
from rules.expression.view import Field, Kind, Scope

Span: TypeAlias = tuple[int | None, int | None]
"""Numbers from the first to the second, ends included; None for no end."""

Value: TypeAlias = int | str | bool | tuple[str, ...]
"""What a row answers in one output: a number on its lattice, a text, texts, or yes or no."""

NOT_SAID = frozenset({"", "unsaid"})
"""What a TEXT holds that is not chosen."""


class Hit(StrEnum):
    """Which row answers."""

    FIRST = "first"
    UNIQUE = "unique"


class Charge(StrEnum):
    """What a table that charges is asked for: once, once for each eye, or once for each of what was chosen."""

    PAIR = "pair"
    EYE = "eye"
    COATING = "coating"
    OPTION = "option"


class Output(StrEnum):
    """What an output column holds, and in which unit: measures, percent and money in 1/100, days whole."""

    DIOPTRE = "D"
    PRISM = "prism"
    MILLIMETRE = "mm"
    DEGREE = "deg"
    GRAM = "g"
    DAYS = "days"
    PERCENT = "percent"
    MONEY = "money"
    TEXT = "text"
    TEXTS = "texts"
    YES_NO = "yes-no"


# ── conditions ────────────────────────────────────────────────────────────────────────────────────────────────────────
# `meets` tells whether one value can meet two conditions, `covers` whether whatever meets the other meets this one. The
# conditions of one column are of one kind.


@dataclass(frozen=True, slots=True)
class OneOf:
    """A TEXT is one of several values, or not chosen."""

    values: frozenset[str]
    absent: bool = False

    def holds(self, value: str) -> bool:
        """Tells whether a value meets it."""
        return value in self.values or (self.absent and value in NOT_SAID)

    def meets(self, other: "Condition") -> bool:
        """Tells whether one value can meet both."""
        return isinstance(other, OneOf) and (bool(self.values & other.values) or (self.absent and other.absent))

    def covers(self, other: "Condition") -> bool:
        """Tells whether whatever meets the other meets this."""
        return isinstance(other, OneOf) and other.values <= self.values and (self.absent or not other.absent)


@dataclass(frozen=True, slots=True)
class SomeOf:
    """TEXTS have at least one of several values, or are none at all.

    Attributes:
        values: The values.
        absent: None at all will do as well.
        groups: The group of each value that has one; of one group a lens carries one value at most.
    """

    values: frozenset[str]
    absent: bool = False
    groups: Mapping[str, str] = field(default_factory=dict, hash=False)

    def holds(self, value: Collection[str]) -> bool:
        """Tells whether some texts meet it."""
        return any(each in self.values for each in value) if value else self.absent

    def meets(self, other: "Condition") -> bool:
        """Tells whether some texts, of one group one at most, can meet both."""
        return isinstance(other, SomeOf) and (
            (self.absent and other.absent)
            or any(
                mine == theirs or not self.groups.get(mine) or self.groups.get(mine) != self.groups.get(theirs)
                for mine in self.values
                for theirs in other.values
            )
        )

    def covers(self, other: "Condition") -> bool:
        """Tells whether whatever meets the other meets this."""
        return isinstance(other, SomeOf) and other.values <= self.values and (self.absent or not other.absent)


@dataclass(frozen=True, slots=True)
class Within:
    """A number lies in one of several intervals, or is absent."""

    spans: tuple[Span, ...]
    absent: bool = False

    def holds(self, value: int | None) -> bool:
        """Tells whether a number meets it."""
        if value is None:
            return self.absent
        return any((low is None or low <= value) and (high is None or value <= high) for low, high in self.spans)

    def meets(self, other: "Condition") -> bool:
        """Tells whether one number can meet both."""
        return isinstance(other, Within) and (
            (self.absent and other.absent)
            or any(
                _begins_by(mine[0], theirs[1]) and _begins_by(theirs[0], mine[1])
                for mine in self.spans
                for theirs in other.spans
            )
        )

    def covers(self, other: "Condition") -> bool:
        """Tells whether each interval of the other lies in one of this."""
        return (
            isinstance(other, Within)
            and (self.absent or not other.absent)
            and all(any(_contains(outer, inner) for outer in self.spans) for inner in other.spans)
        )


@dataclass(frozen=True, slots=True)
class Is:
    """A yes-or-no is one of the two."""

    value: bool

    def holds(self, value: bool) -> bool:  # noqa: FBT001 -- it is the value that is asked about
        """Tells whether it is."""
        return value is self.value

    def meets(self, other: "Condition") -> bool:
        """Tells whether both ask for the same."""
        return self == other

    def covers(self, other: "Condition") -> bool:
        """Tells whether both ask for the same."""
        return self == other


Condition: TypeAlias = OneOf | SomeOf | Within | Is


def _begins_by(low: int | None, high: int | None) -> bool:
    return low is None or high is None or low <= high


def _contains(outer: Span, inner: Span) -> bool:
    return (outer[0] is None or (inner[0] is not None and outer[0] <= inner[0])) and (
        outer[1] is None or (inner[1] is not None and inner[1] <= outer[1])
    )


# ── rows and tables ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Fired:
    """A constraint that objected, or a table's row that was used.

    Attributes:
        rule: Id of the constraint or the table.
        row: Id of the row; empty for a constraint.
        side: The eye it was asked of; None for what is asked once.
    """

    rule: str
    row: str
    side: Side | None


def firing(rule: str, row: str = "") -> Mapping[Side | None, Fired]:
    """Returns what there is to tell when a constraint objects or a row is used, for each eye and for none."""
    return {side: Fired(rule, row, side) for side in (None, *Side)}


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        id: Its name, one of a kind in the table.
        when: Its conditions, by column.
        then: What it answers, by output.
        reason: Where it comes from.
        fired: What there is to tell when it is used, by side.
    """

    id: str
    when: Mapping[str, Condition]
    then: Mapping[str, Any]
    reason: str
    fired: Mapping[Side | None, Fired] = field(compare=False, repr=False)

    def meets(self, other: "Row") -> bool:
        """Tells whether both rows can hold at once."""
        return all(mine.meets(other.when[name]) for name, mine in self.when.items() if name in other.when)

    def covers(self, other: "Row") -> bool:
        """Tells whether this row holds wherever the other does."""
        return all(name in other.when and mine.covers(other.when[name]) for name, mine in self.when.items())


@dataclass(frozen=True, slots=True)
class Column:
    """An input.

    Attributes:
        name: What the rows call it.
        path: The field it reads (``lens.material``).
        noun: Which of the scope's nouns that is, counted from 0.
        field: The field.
    """

    name: str
    path: str
    noun: int
    field: Field


Look: TypeAlias = Callable[[Any], int]
"""From the value of a field to the rows whose condition it meets, as bits."""


@dataclass(frozen=True, slots=True)
class Table:
    """A decision table.

    Attributes:
        id: What it is asked for by.
        scope: The nouns it sees; with price where it charges.
        hit: Which row answers.
        columns: The inputs.
        outputs: What each output holds.
        rows: The rows, in order.
        charge: What it charges for; None where it does not charge.
        label: What it charges for, in the words of an invoice.
        needed: Without a row that holds, what is ordered has no price.
    """

    id: str
    scope: Scope
    hit: Hit
    columns: tuple[Column, ...]
    outputs: Mapping[str, Output]
    rows: tuple[Row, ...]
    charge: Charge | None = None
    label: str = ""
    needed: bool = False
    _index: tuple[tuple[int, Callable[[object], Any], Look], ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", tuple(_indexed(self.columns, self.rows)))

    def find(self, nouns: Sequence[object]) -> Row | None:
        """Returns the row that answers for the nouns of the scope; None where no row holds."""
        bits = -1
        for position, read, look in self._index:
            bits &= look(read(nouns[position]))
            if not bits:
                return None
        first = (bits & -bits).bit_length() - 1
        return self.rows[first] if first < len(self.rows) else None

    def without(self, row: str) -> "Table":
        """Returns the table without the row of that id."""
        return replace(self, rows=tuple(each for each in self.rows if each.id != row))


# ── the index ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _indexed(columns: Sequence[Column], rows: Sequence[Row]) -> "list[tuple[int, Callable[[object], Any], Look]]":
    return [
        (column.noun, attrgetter(column.field.name), _look(column, rows))
        for column in columns
        if any(column.name in row.when for row in rows)
    ]


def _look(column: Column, rows: Sequence[Row]) -> Look:
    conditions = [row.when.get(column.name) for row in rows]
    match column.field.kind:
        case Kind.INT:
            return _look_at_number(conditions)
        case Kind.TEXTS:
            return _look_at_texts(conditions)
        case Kind.TEXT:
            return _look_at_text(conditions)
        case Kind.BOOL:
            yes, no = _bits(conditions, True), _bits(conditions, False)  # noqa: FBT003 -- the two values there are
            return lambda value: yes if value else no


def _bits(conditions: Sequence[Condition | None], value: Any) -> int:  # noqa: ANN401 -- as the column holds it
    """Returns the rows that leave the column out or whose condition a value meets."""
    return sum(1 << place for place, each in enumerate(conditions) if each is None or each.holds(value))


_OTHER = "\0"  # a text that no rule names


def _look_at_text(conditions: Sequence[Condition | None]) -> Look:
    named = {value for each in conditions if isinstance(each, OneOf) for value in each.values} | NOT_SAID
    bits = {value: _bits(conditions, value) for value in named}
    others = _bits(conditions, _OTHER)
    get = bits.get
    return lambda value: get(value, others)


def _look_at_texts(conditions: Sequence[Condition | None]) -> Look:
    named = {value for each in conditions if isinstance(each, SomeOf) for value in each.values}
    bits = {value: _bits(conditions, (value,)) for value in named}
    none, others = _bits(conditions, ()), _bits(conditions, (_OTHER,))

    def look(values: Sequence[str]) -> int:
        if not values:
            return none
        found = others
        for value in values:
            found |= bits.get(value, 0)
        return found

    return look


def _look_at_number(conditions: Sequence[Condition | None]) -> Look:
    spans = [span for each in conditions if isinstance(each, Within) for span in each.spans]
    # a stretch begins where an interval does, and behind the end of one
    begins = sorted({low for low, _ in spans if low is not None} | {high + 1 for _, high in spans if high is not None})
    before = begins[0] - 1 if begins else 0
    stretches = [_bits(conditions, at) for at in (before, *begins)]
    absent = _bits(conditions, None)
    return lambda value: absent if value is None else stretches[bisect_right(begins, value)]
