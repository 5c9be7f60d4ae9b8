"""The typed tree of a checked expression: what closures, columns and proofs are made from.

Numbers are integers; each numeric node says its unit (None: a plain number), and between which bounds it lies whenever
every field lies between its own. All bounds are within 64 bits. What divides is above zero. What may be absent is read
only where a `Has` of it is known to hold, so a node can be evaluated in any order as long as an absent field is given
some number within its bounds. A node's text is CEL again, with every bracket written.

    number   Number  Read  Size  Arithmetic  Choice
    truth    Truth   Read  Has  Comparison  Among  Contains  Not  Junction  Choice
    text     Text    Read
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeAlias

from rules.expression.view import MOST_TEXTS, Field, Kind
from rules.units import Unit, written


class Place(NamedTuple):
    """Where something is written: line and column, both from 1."""

    line: int
    column: int


class ExpressionError(ValueError):
    """An expression cannot be used; the message says why and the way out, the place says where."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message, line, column)
        self.message = message
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


class Operator(Enum):
    """What arithmetic does."""

    NEGATE = "-_"
    ABSOLUTE = "math.abs"
    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    QUOTIENT = "/"  # rounds towards zero; the divisor is a Number above zero
    REMAINDER = "%"  # has the sign of the dividend; the divisor is a Number above zero
    GREATEST = "math.greatest"
    LEAST = "math.least"


_FUNCTIONS = frozenset({Operator.ABSOLUTE, Operator.GREATEST, Operator.LEAST})


class Relation(Enum):
    """How two values are compared."""

    EQUAL = "=="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="


# ── numbers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Number:
    """A number that never changes: a literal, a given, or what arithmetic on such came to."""

    value: int
    unit: Unit | None
    place: Place
    name: str = ""
    """``given.low`` where it was one."""

    @property
    def low(self) -> int:
        """The value."""
        return self.value

    @property
    def high(self) -> int:
        """The value."""
        return self.value

    def __str__(self) -> str:
        return self.name or written(self.value, self.unit)


@dataclass(frozen=True, slots=True)
class Size:
    """How many values a TEXTS field has."""

    texts: "Read"
    place: Place

    @property
    def unit(self) -> None:
        """A count has none."""
        return

    @property
    def low(self) -> int:
        """The fewest there can be."""
        return self.texts.field.low or 0

    @property
    def high(self) -> int:
        """The most there can be."""
        return MOST_TEXTS if self.texts.field.high is None else self.texts.field.high

    def __str__(self) -> str:
        return f"size({self.texts})"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """A number made from numbers: one operand, two, or any count for the greatest and the least."""

    operator: Operator
    operands: "tuple[Numeric, ...]"
    unit: Unit | None
    low: int
    high: int
    place: Place

    def __str__(self) -> str:
        operands = [_in_brackets(operand) for operand in self.operands]
        if self.operator is Operator.NEGATE:
            return f"-{operands[0]}"
        if self.operator in _FUNCTIONS:
            return f"{self.operator.value}({', '.join(map(str, self.operands))})"
        return f" {self.operator.value} ".join(operands)


# ── fields ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Read:
    """The value of a field, of any kind."""

    noun: str
    field: Field
    place: Place

    @property
    def path(self) -> str:
        """How it is written: ``eye.sphere``."""
        return f"{self.noun}.{self.field.name}"

    @property
    def unit(self) -> Unit | None:
        """The field's unit."""
        return self.field.unit

    @property
    def low(self) -> int:
        """The least a number can be."""
        return self.field.low or 0

    @property
    def high(self) -> int:
        """The most a number can be."""
        return self.field.high or 0

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class Has:
    """Whether an optional field is there."""

    noun: str
    field: Field
    place: Place

    @property
    def path(self) -> str:
        """How the field is written: ``eye.sphere``."""
        return f"{self.noun}.{self.field.name}"

    def __str__(self) -> str:
        return f"has({self.path})"


# ── truths ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Truth:
    """True or false, as written."""

    value: bool
    place: Place

    def __str__(self) -> str:
        return "true" if self.value else "false"


@dataclass(frozen=True, slots=True)
class Text:
    """A text, as written."""

    value: str
    place: Place

    def __str__(self) -> str:
        return json.dumps(self.value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values compared: two numbers of one unit, or, for (in)equality only, two truths or two texts."""

    relation: Relation
    left: "Node"
    right: "Node"
    kind: Kind
    """What both sides are."""
    place: Place

    def __str__(self) -> str:
        return f"{_in_brackets(self.left)} {self.relation.value} {_in_brackets(self.right)}"


@dataclass(frozen=True, slots=True)
class Among:
    """Whether a number or a TEXT is one of some that are written there."""

    value: "Numeric"
    values: tuple[Number, ...] | tuple[Text, ...]
    place: Place

    def __str__(self) -> str:
        return f"{_in_brackets(self.value)} in [{', '.join(map(str, self.values))}]"


@dataclass(frozen=True, slots=True)
class Contains:
    """Whether a TEXTS field has a value."""

    texts: Read
    value: Text
    place: Place

    def __str__(self) -> str:
        return f"{self.value} in {self.texts}"


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a truth."""

    operand: "Node"
    place: Place

    def __str__(self) -> str:
        return f"!{_in_brackets(self.operand)}"


@dataclass(frozen=True, slots=True)
class Junction:
    """Two truths joined: both, or at least one of them."""

    both: bool
    left: "Node"
    right: "Node"
    place: Place

    def __str__(self) -> str:
        return f"{_in_brackets(self.left)} {'&&' if self.both else '||'} {_in_brackets(self.right)}"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of two numbers (of one unit) or of two truths, by a third."""

    condition: "Node"
    yes: "Node"
    no: "Node"
    kind: Kind
    unit: Unit | None
    low: int
    high: int
    place: Place

    def __str__(self) -> str:
        return f"{_in_brackets(self.condition)} ? {_in_brackets(self.yes)} : {_in_brackets(self.no)}"


Numeric: TypeAlias = Number | Size | Arithmetic | Read | Choice
"""A node that can be a number; a Read and a Choice also hold other kinds."""

Node: TypeAlias = Numeric | Text | Truth | Has | Comparison | Among | Contains | Not | Junction
"""A node of the tree."""


def kind(node: Node) -> Kind:
    """Return what a node is."""
    match node:
        case Number() | Size() | Arithmetic():
            return Kind.INT
        case Text():
            return Kind.TEXT
        case Read():
            return node.field.kind
        case Choice():
            return node.kind
        case _:
            return Kind.BOOL


def parts(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly below one."""
    found: list[Node] = []
    for name in node.__slots__:
        value = getattr(node, name)
        found += [each for each in (value if isinstance(value, tuple) else (value,)) if isinstance(each, Node)]
    return tuple(found)


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it."""
    yield node
    for part in parts(node):
        yield from walk(part)


def _in_brackets(node: Node) -> str:
    """Return how a node is written as an operand of another."""
    compound = Comparison | Among | Contains | Junction | Choice | Not
    operation = isinstance(node, Arithmetic) and node.operator not in _FUNCTIONS
    return f"({node})" if operation or isinstance(node, compound) else str(node)
