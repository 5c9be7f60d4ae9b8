"""Expressions and conditions as formulas of z3, over variables that stand for the fields of nouns.

A number is an Int within the bounds of its field, a yes or no a Bool, a TEXT an Int that is the place of its value in
the domain, and TEXTS a Bool for each value they may hold and an Int for how many they are. What may be absent has a
Bool more, and some value even where it is absent: the check of an expression has seen to it that `has(…)` guards it.

A formula over z3's unbounded integers says what the closure says, because nothing leaves 64 bits.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import z3  # type: ignore[import-untyped]

from rules.catalog import Constraint
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
    walk,
)
from rules.expression.view import Field, Kind
from rules.tables import NOT_SAID, Is, OneOf, SomeOf, Within
from rules.tables import Condition as Asked

Formula: TypeAlias = Any
"""A term of z3, which has no types of its own to tell."""

Names: TypeAlias = Mapping[str, str]
"""Which variables stand for a noun: ``{"eye": "right"}``. A noun that is not named stands for itself."""

Words: TypeAlias = Callable[[Field], Sequence[str]]
"""The values of a TEXT or TEXTS field, of one that can be anything those that rules name and one more."""


def solvable(root: Node) -> bool:
    """Tells whether an expression lies in the subset that is solved: no product of two numbers that change."""
    return not any(
        isinstance(node, Arithmetic)
        and node.operator is Operator.MULTIPLY
        and not any(isinstance(each, Number) for each in node.operands)
        for node in walk(root)
    )


def is_solvable(constraint: Constraint) -> bool:
    """Tells whether a constraint lies in the subset that is solved."""
    return constraint.checked is not None and solvable(constraint.checked.root)


class Variables:
    """The variables of all fields, each made when it is first asked for."""

    def __init__(self, words: Words, context: Formula) -> None:
        self.words = words
        self.context = context
        self.bounds: list[Formula] = []
        """What holds of every variable by itself, since it was last taken away."""
        self._made: dict[str, Formula] = {}

    def true(self, *, value: bool = True) -> Formula:
        """Returns what always holds, or never."""
        return z3.BoolVal(value, self.context)

    def _make(self, name: str, make: Callable[[str, Formula], Formula]) -> Formula:
        if name not in self._made:
            self._made[name] = make(name, self.context)
        return self._made[name]

    def truth(self, name: str) -> Formula:
        """Returns a yes or no that is called by any name."""
        return self._make(name, z3.Bool)

    def read(self, path: str, field: Field) -> Formula:
        """Returns the value of a field that holds one."""
        if field.kind is Kind.BOOL:
            return self.truth(path)
        if path in self._made:
            return self._made[path]
        value = self._make(path, z3.Int)
        low, high = (field.low or 0, field.high or 0) if field.kind is Kind.INT else (0, len(self.words(field)) - 1)
        self.bounds += [value >= low, value <= high]
        return value

    def has(self, path: str, field: Field) -> Formula:
        """Returns whether a field is there."""
        return self.truth(f"has {path}") if field.optional else self.true()

    def is_text(self, path: str, field: Field, text: str) -> Formula:
        """Returns whether a TEXT has a value."""
        words = self.words(field)
        return self.read(path, field) == words.index(text) if text in words else self.true(value=False)

    def member(self, path: str, field: Field, text: str) -> Formula:
        """Returns whether TEXTS have a value."""
        return self.truth(f"{text} in {path}") if text in self.words(field) else self.true(value=False)

    def size(self, path: str, field: Field) -> Formula:
        """Returns how many TEXTS are."""
        name = f"size {path}"
        if name not in self._made:
            size = self._make(name, z3.Int)
            self.bounds.append(size >= (field.low or 0))
            if field.high is not None:
                self.bounds.append(size <= field.high)
        return self._made[name]

    def any_of(self, formulas: Sequence[Formula]) -> Formula:
        """Returns whether one of some formulas holds."""
        return z3.Or(*formulas) if formulas else self.true(value=False)

    def all_of(self, formulas: Sequence[Formula]) -> Formula:
        """Returns whether all of some formulas hold."""
        return z3.And(*formulas) if formulas else self.true()


# ── expressions ───────────────────────────────────────────────────────────────────────────────────────────────────────

_RELATIONS: Mapping[Relation, Callable[[Formula, Formula], Formula]] = {
    Relation.EQUAL: lambda left, right: left == right,
    Relation.UNEQUAL: lambda left, right: left != right,
    Relation.LESS: lambda left, right: left < right,
    Relation.AT_MOST: lambda left, right: left <= right,
    Relation.GREATER: lambda left, right: left > right,
    Relation.AT_LEAST: lambda left, right: left >= right,
}


def absolute(x: Formula) -> Formula:
    """Returns the amount of a number."""
    return z3.If(x >= 0, x, -x)


def greatest(*numbers: Formula) -> Formula:
    """Returns the greatest of some numbers."""
    found, *others = numbers
    for each in others:
        found = z3.If(each > found, each, found)
    return found


def least(*numbers: Formula) -> Formula:
    """Returns the least of some numbers."""
    found, *others = numbers
    for each in others:
        found = z3.If(each < found, each, found)
    return found


def halved(x: Formula) -> Formula:
    """Returns half of a number, halves away from zero."""
    return z3.If(x >= 0, (x + 1) / 2, -((-x + 1) / 2))


_OPERATORS: Mapping[Operator, Callable[..., Formula]] = {
    Operator.NEGATE: lambda x: -x,
    Operator.ABSOLUTE: absolute,
    Operator.ADD: lambda x, y: x + y,
    Operator.SUBTRACT: lambda x, y: x - y,
    Operator.MULTIPLY: lambda x, y: x * y,
    # z3 rounds down where the divisor is above zero
    Operator.QUOTIENT: lambda x, by: z3.If(x >= 0, x / by, -((-x) / by)),
    Operator.REMAINDER: lambda x, by: z3.If(x >= 0, x % by, -((-x) % by)),
    Operator.GREATEST: greatest,
    Operator.LEAST: least,
}


def formula(node: Node, variables: Variables, names: Names) -> Formula:
    """Returns the formula of a node."""
    return _Writer(variables, names).written(node)


class _Writer:
    """Writes a typed tree as a formula."""

    def __init__(self, variables: Variables, names: Names) -> None:
        self._variables = variables
        self._names = names
        self._by_type: dict[type, Callable[..., Formula]] = {
            Number: lambda node: z3.IntVal(node.value, variables.context),
            Truth: lambda node: variables.true(value=node.value),
            Size: lambda node: variables.size(self._path(node.texts), node.texts.field),
            Read: lambda node: variables.read(self._path(node), node.field),
            Has: lambda node: variables.has(self._path(node), node.field),
            Contains: lambda node: variables.member(self._path(node.texts), node.texts.field, node.value.value),
            Not: lambda node: z3.Not(self.written(node.operand)),
            Junction: self._junction,
            Comparison: self._comparison,
            Among: self._among,
            Choice: lambda node: z3.If(*map(self.written, (node.condition, node.yes, node.no))),
            Arithmetic: self._arithmetic,
        }

    def written(self, node: Node) -> Formula:
        """Returns the formula of a node; of a TEXT, the place of its value in the domain."""
        return self._by_type[type(node)](node)

    def _path(self, node: Read | Has) -> str:
        return f"{self._names.get(node.noun, node.noun)}.{node.field.name}"

    def _junction(self, node: Junction) -> Formula:
        join = z3.And if node.both else z3.Or
        return join(self.written(node.left), self.written(node.right))

    def _comparison(self, node: Comparison) -> Formula:
        left, right = (node.right, node.left) if isinstance(node.left, Text) else (node.left, node.right)
        if isinstance(left, Read) and isinstance(right, Text):
            found = self._variables.is_text(self._path(left), left.field, right.value)
            return found if node.relation is Relation.EQUAL else z3.Not(found)
        return _RELATIONS[node.relation](self.written(left), self.written(right))

    def _among(self, node: Among) -> Formula:
        if isinstance(node.value, Read) and node.value.field.kind is Kind.TEXT:
            path, field = self._path(node.value), node.value.field
            return z3.Or(*(self._variables.is_text(path, field, str(each.value)) for each in node.values))
        value = self.written(node.value)
        return z3.Or(*(value == each.value for each in node.values))

    def _arithmetic(self, node: Arithmetic) -> Formula:
        return _OPERATORS[node.operator](*map(self.written, node.operands))


# ── conditions of a table ─────────────────────────────────────────────────────────────────────────────────────────────


def condition(asked: Asked, path: str, field: Field, variables: Variables) -> Formula:
    """Returns whether a field meets the condition of a row."""
    match asked:
        case OneOf():
            texts = asked.values | (NOT_SAID if asked.absent else frozenset())
            return variables.any_of([variables.is_text(path, field, each) for each in sorted(texts)])
        case SomeOf():
            some = variables.any_of([variables.member(path, field, each) for each in sorted(asked.values)])
            none = z3.Not(variables.any_of([variables.member(path, field, each) for each in variables.words(field)]))
            return z3.Or(some, none) if asked.absent else some
        case Within():
            value, has = variables.read(path, field), variables.has(path, field)
            spans = [
                variables.all_of([*([] if low is None else [value >= low]), *([] if high is None else [value <= high])])
                for low, high in asked.spans
            ]
            within = z3.And(has, variables.any_of(spans))
            return z3.Or(z3.Not(has), within) if asked.absent else within
        case Is():
            value = variables.read(path, field)
            return value if asked.value else z3.Not(value)
