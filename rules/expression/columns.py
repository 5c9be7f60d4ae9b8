"""A checked expression over many specs at once, in numpy: how history is replayed and a change is weighed.

The facts of many specs are laid out in columns, one array for each field, and a checked expression becomes a function
of such columns. It answers what its closure answers for each row. Nothing is short-circuited: an absent number stands
as some number within the bounds of its field, and whatever is made of it is masked by the `has(…)` that guards it.

A text is held as a code of the columns' own vocabulary; several texts as one mask for each text that occurs.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import attrgetter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rules.expression.check import Checked
from rules.expression.tree import (
    Among,
    Arithmetic,
    Choice,
    Comparison,
    Contains,
    Has,
    Junction,
    Node,
    Not,
    Number,
    Operator,
    Read,
    Relation,
    Size,
    Text,
    Truth,
)
from rules.expression.view import Field, Kind, Scope

Mask: TypeAlias = NDArray[np.bool_]
Numbers: TypeAlias = NDArray[np.int64]

_NEVER = -1
"""The code of a text that no row has."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The facts of many specs. Every array has one element for each row, and is found by its field's path."""

    count: int
    """How many rows there are."""
    numbers: dict[str, Numbers] = field(default_factory=dict)
    """INT fields; an absent one stands as 0, or as the bound next to it."""
    truths: dict[str, Mask] = field(default_factory=dict)
    """BOOL fields; an absent one stands as false."""
    texts: dict[str, Numbers] = field(default_factory=dict)
    """TEXT fields, as codes of the vocabulary; an absent one stands as -1."""
    vocabulary: dict[str, int] = field(default_factory=dict)
    """The code of every text that any TEXT field has."""
    members: dict[str, dict[str, Mask]] = field(default_factory=dict)
    """TEXTS fields: for every text that occurs, the rows that have it."""
    sizes: dict[str, Numbers] = field(default_factory=dict)
    """TEXTS fields: how many texts a row has."""
    present: dict[str, Mask] = field(default_factory=dict)
    """Optional fields: the rows in which they are there."""


def columns_of(
    scope: Scope, rows: Sequence[Sequence[object]], reads: Collection[tuple[str, Field]] | None = None
) -> Columns:
    """Return the columns of many specs.

    Args:
        scope: Which nouns a row holds.
        rows: The nouns of each spec, in the scope's order, as a closure takes them.
        reads: Which fields are laid out, as `Checked.reads` tells them; None: all of them.

    Raises:
        ValueError: a number lies beyond the bounds of its field, on which the checks of every expression stand.
    """
    columns = Columns(len(rows))
    for number, noun in enumerate(scope.nouns):
        nouns = [row[number] for row in rows]
        for each in noun.fields:
            if reads is None or (noun.name, each) in reads:
                read = attrgetter(each.name)
                _lay_out(columns, f"{noun.name}.{each.name}", each, [read(value) for value in nouns])
    return columns


def _lay_out(columns: Columns, path: str, read: Field, values: list[Any]) -> None:
    if read.optional:
        columns.present[path] = np.fromiter((value is not None for value in values), np.bool_, columns.count)
    match read.kind:
        case Kind.INT:
            columns.numbers[path] = _numbers(path, read, values)
        case Kind.BOOL:
            columns.truths[path] = np.fromiter((value is True for value in values), np.bool_, columns.count)
        case Kind.TEXT:
            words = columns.vocabulary
            codes = (_NEVER if value is None else words.setdefault(value, len(words)) for value in values)
            columns.texts[path] = np.fromiter(codes, np.int64, columns.count)
        case Kind.TEXTS:
            columns.sizes[path] = np.fromiter(map(len, values), np.int64, columns.count)
            columns.members[path] = _members(values)


def _numbers(path: str, read: Field, values: list[Any]) -> Numbers:
    low, high = read.low or 0, read.high or 0
    instead = min(max(0, low), high)
    for value in values:
        if value is not None and not low <= value <= high:
            raise ValueError(f"{path} is {value} in some row; it lies between {low} and {high}")
    return np.fromiter((instead if value is None else value for value in values), np.int64, len(values))


def _members(values: list[Collection[str]]) -> dict[str, Mask]:
    members: dict[str, Mask] = {}
    for row, texts in enumerate(values):
        for text in texts:
            if text not in members:
                members[text] = np.zeros(len(values), np.bool_)
            members[text][row] = True
    return members


_Column: TypeAlias = Callable[[Columns], Any]
"""Gives one array, or one value for all rows."""

_RELATIONS: Mapping[Relation, Callable[..., Any]] = {
    Relation.EQUAL: np.equal,
    Relation.UNEQUAL: np.not_equal,
    Relation.LESS: np.less,
    Relation.AT_MOST: np.less_equal,
    Relation.GREATER: np.greater,
    Relation.AT_LEAST: np.greater_equal,
}


def _quotient(dividend: Numbers, divisor: Numbers) -> Numbers:
    """Return the quotient rounded towards zero. The remainder has the dividend's sign: no step leaves 64 bits."""
    whole: Numbers = (dividend - np.fmod(dividend, divisor)) // divisor
    return whole


_OPERATORS: Mapping[Operator, Callable[..., Any]] = {
    Operator.NEGATE: np.negative,
    Operator.ABSOLUTE: np.absolute,
    Operator.ADD: np.add,
    Operator.SUBTRACT: np.subtract,
    Operator.MULTIPLY: np.multiply,
    Operator.QUOTIENT: _quotient,
    Operator.REMAINDER: np.fmod,
    Operator.GREATEST: lambda *operands: reduce(np.maximum, operands),
    Operator.LEAST: lambda *operands: reduce(np.minimum, operands),
}


def columns(checked: Checked) -> Callable[[Columns], Mask]:
    """Return the function that answers a checked expression for every row of some columns of its scope."""
    answer = _column(checked.root)

    def holds(facts: Columns) -> Mask:
        return np.array(np.broadcast_to(answer(facts), facts.count), np.bool_)

    return holds


def _column(node: Node) -> _Column:
    return _BY_TYPE[type(node)](node)


def _read(node: Read) -> _Column:
    path = node.path
    match node.field.kind:
        case Kind.INT:
            return lambda facts: facts.numbers[path]
        case Kind.BOOL:
            return lambda facts: facts.truths[path]
        case _:
            return lambda facts: facts.texts[path]


def _constant(value: np.generic) -> _Column:
    return lambda _: value


def _text(node: Text) -> _Column:
    value = node.value
    return lambda facts: np.int64(facts.vocabulary.get(value, _NEVER))


def _size(node: Size) -> _Column:
    path = node.texts.path
    return lambda facts: facts.sizes[path]


def _has(node: Has) -> _Column:
    path = node.path
    return lambda facts: facts.present[path]


def _arithmetic(node: Arithmetic) -> _Column:
    calculate = _OPERATORS[node.operator]
    operands = [_column(operand) for operand in node.operands]
    return lambda facts: calculate(*(operand(facts) for operand in operands))


def _comparison(node: Comparison) -> _Column:
    compare, left, right = _RELATIONS[node.relation], _column(node.left), _column(node.right)
    return lambda facts: compare(left(facts), right(facts))


def _among(node: Among) -> _Column:
    value, among = _column(node.value), [_column(each) for each in node.values]

    def holds(facts: Columns) -> Mask:
        found = value(facts)
        return reduce(np.bitwise_or, (np.equal(found, each(facts)) for each in among))

    return holds


def _contains(node: Contains) -> _Column:
    path, text = node.texts.path, node.value.value
    return lambda facts: facts.members[path].get(text, np.False_)


def _not(node: Not) -> _Column:
    operand = _column(node.operand)
    return lambda facts: np.logical_not(operand(facts))


def _junction(node: Junction) -> _Column:
    join = np.logical_and if node.both else np.logical_or
    left, right = _column(node.left), _column(node.right)
    return lambda facts: join(left(facts), right(facts))


def _choice(node: Choice) -> _Column:
    condition, yes, no = _column(node.condition), _column(node.yes), _column(node.no)
    return lambda facts: np.where(condition(facts), yes(facts), no(facts))


_BY_TYPE: Mapping[type, Callable[[Any], _Column]] = {
    Read: _read,
    Number: lambda node: _constant(np.int64(node.value)),
    Truth: lambda node: _constant(np.bool_(node.value)),
    Text: _text,
    Size: _size,
    Arithmetic: _arithmetic,
    Has: _has,
    Comparison: _comparison,
    Among: _among,
    Contains: _contains,
    Not: _not,
    Junction: _junction,
    Choice: _choice,
}
