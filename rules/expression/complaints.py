"""CEL's own errors in the words of the scope: what is wrong, the way out, and the place where it is written.

CEL places what it finds wrong at an operator, at the dot before a field, or at the bracket behind a function's name.
Here a place is where the thing begins: the operator, the field's name, the function's name.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeAlias

from rules.expression.tree import ExpressionError, Place
from rules.expression.view import Scope, UnknownNameError, meant
from rules.units import UNITS_BY_SYMBOL

FUNCTIONS = ("has", "size", "math.abs", "math.greatest", "math.least", *UNITS_BY_SYMBOL)
"""The functions that an expression can call."""

_REPORT = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_CALLED = re.compile(r"[A-Za-z0-9_.]+\s*$")
_PATH = re.compile(r"[\w.]+")
_TYPE = re.compile(r"[\w.]+(?:\([^()]*\))?")
_TYPE_WORDS = {
    "int": "a number",
    "string": "a text",
    "bool": "a yes or no",
    "list(string)": "texts",
    "list(int)": "a list of numbers",
    "null_type": "null",
}
_NAMESPACES = frozenset({"math", "cel", "optional", "strings", "sets", "proto"})


def place_of(source: str, offset: int) -> Place:
    """Return the line and column of a character of the source."""
    return Place(source.count("\n", 0, offset) + 1, offset - source.rfind("\n", 0, offset))


def name_before(source: str, bracket: int) -> int:
    """Return where the name begins that stands before a function's bracket."""
    called = _CALLED.search(source, 0, bracket)
    return called.start() if called else bracket


def complaint(report: str, source: str, scope: Scope, given: Collection[str]) -> ExpressionError:
    """Return the first error of a report of CEL's."""
    if "recursion" in report:
        return ExpressionError("is nested too deeply, or adds up too many things; make it several rules", 1, 1)
    found = _REPORT.search(report)
    if found is None:
        return ExpressionError(f"CEL cannot use it: {report}", 1, 1)
    line, column, said = int(found[1]), int(found[2]), found[3].removesuffix(" [INVALID_ARGUMENT]")
    offset = sum(len(before) + 1 for before in source.split("\n")[: line - 1]) + column - 1
    for pattern, translate in _TRANSLATIONS:
        if match := pattern.search(said):
            words, offset = translate(_Reported(match, source, offset, scope, given))
            return ExpressionError(words, *place_of(source, offset))
    return ExpressionError(said, line, column)


@dataclass(frozen=True, slots=True)
class _Reported:
    """An error that CEL reported, with what it is about."""

    match: re.Match[str]
    source: str
    offset: int
    scope: Scope
    given: Collection[str]

    @property
    def start(self) -> int:
        """Where the thing begins, if it is a function."""
        called = self.source.startswith("(", self.offset)
        return name_before(self.source, self.offset) if called else self.offset


_Translation: TypeAlias = Callable[[_Reported], tuple[str, int]]
"""Gives the words of an error, and the offset where it is."""


def _no_field(error: _Reported) -> tuple[str, int]:
    field, noun = error.match[1], error.match[2]
    read = re.compile(rf"\.\s*({re.escape(field)})\b").search(error.source, error.offset)
    return _unknown(error.scope, f"{noun}.{field}"), read.start(1) if read else error.offset


def _no_name(error: _Reported) -> tuple[str, int]:
    path = error.match[1]
    name, _, rest = path.partition(".")
    start = error.start
    if start == error.offset:  # no function; CEL places a name with dots at the last one
        start = max(start - max(path.rfind("."), 0), 0)
    if name == "given":
        return (
            f"there is no given {rest}; {meant(rest, error.given)}" if rest else "say which given: given.low"
        ), start
    if name in _NAMESPACES:
        whole = _PATH.match(error.source, start)
        path = whole[0] if whole else path
    if name in _NAMESPACES or (start != error.offset and "." not in path):
        return f"there is no function {path}; there are: {', '.join(FUNCTIONS)}", start
    return _unknown(error.scope, path), start


def _no_overload(error: _Reported) -> tuple[str, int]:
    operator = error.match[1].strip("_@").replace("_", " ").replace("math.@", "math.")
    kinds = _TYPE.findall(error.match[2])
    if "double" in kinds:
        return "a decimal is written with its unit, as in D(3.00) or mm(52.00), and as a literal", error.start
    nouns = [kind.removeprefix("view.") for kind in kinds if kind.startswith("view.")]
    if nouns:
        return f"{nouns[0]} is no value; read one of its fields", error.start
    words = [_TYPE_WORDS.get(kind, kind) for kind in kinds]
    return f"{operator} does not work on {' and '.join(words)}", error.start


def _syntax(error: _Reported) -> tuple[str, int]:
    if "'<EOF>'" in error.match[1]:
        return "ends too early: something is missing at the end, or a bracket is open", error.offset
    return f"cannot be read: {error.match[1]}", error.offset


def _unknown(scope: Scope, path: str) -> str:
    try:
        scope.field(path)
    except UnknownNameError as error:
        return str(error)
    return f"{path} cannot be used here"


_TRANSLATIONS: tuple[tuple[re.Pattern[str], _Translation], ...] = (
    (re.compile(r"undefined field '(\w+)' not found in struct 'view\.(\w+)'"), _no_field),
    (re.compile(r"undeclared reference to '([^']*)'"), _no_name),
    (re.compile(r"found no matching overload for '([^']*)' applied to '(.*)'"), _no_overload),
    (re.compile(r"Syntax error: (.*?)(?: expecting .*)?$"), _syntax),
    (
        re.compile(r"has\(\) argument must be"),
        lambda error: ("has asks about a field, as in has(eye.add)", error.offset),
    ),
    (
        re.compile(r"cannot be the operand of a select operation"),
        lambda error: ("only nouns have fields, and what stands before this dot is none", error.offset),
    ),
    (
        re.compile(r"invalid u?int literal"),
        lambda error: ("is beyond the whole numbers there are (64 bits)", error.offset),
    ),
)
