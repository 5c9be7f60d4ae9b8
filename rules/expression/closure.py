"""A checked expression as a Python function of its scope's nouns: how one spec is decided.

The typed tree is put into Python's own syntax tree and compiled; no source text is made. Numbers are Python's, which
agree with 64 bits because the check proved that nothing leaves them. A noun is any object with the attributes of its
fields; an absent optional is None, and is never reached, because the check proved that `has(…)` stands before it.
"""

import ast
from collections.abc import Callable, Sequence
from types import CodeType, FunctionType
from typing import Any

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
from rules.expression.view import Scope

_RELATIONS: dict[Relation, ast.cmpop] = {
    Relation.EQUAL: ast.Eq(),
    Relation.UNEQUAL: ast.NotEq(),
    Relation.LESS: ast.Lt(),
    Relation.AT_MOST: ast.LtE(),
    Relation.GREATER: ast.Gt(),
    Relation.AT_LEAST: ast.GtE(),
}

_BINARY: dict[Operator, ast.operator] = {
    Operator.ADD: ast.Add(),
    Operator.SUBTRACT: ast.Sub(),
    Operator.MULTIPLY: ast.Mult(),
    Operator.QUOTIENT: ast.FloorDiv(),
    Operator.REMAINDER: ast.Mod(),
}

_FUNCTIONS = {"abs": abs, "max": max, "min": min, "len": len}
_CALLED = {Operator.ABSOLUTE: "abs", Operator.GREATEST: "max", Operator.LEAST: "min"}


def closure(checked: Checked) -> Callable[..., bool]:
    """Return the function that answers a checked expression.

    It takes the nouns of the scope by position, in the scope's order, and never raises for nouns whose fields are what
    the scope says they are.
    """
    return _function(checked.scope, _Writer().written(checked.root))


def closures(checked: Sequence[Checked], scope: Scope) -> Callable[..., tuple[bool, ...]]:
    """Return the function that answers several checked expressions of a scope, in half the time it takes one by one.

    It is called as `closure` has it, and answers in the order of the expressions.
    """
    writer = _Writer()
    return _function(scope, ast.Tuple([writer.written(each.root) for each in checked], ast.Load()))


def _function(scope: Scope, body: ast.expr) -> Callable[..., Any]:
    nouns = [ast.arg(noun.name) for noun in scope.nouns]
    function = ast.Lambda(ast.arguments(nouns, [], None, [], [], None, []), body)
    compiled = compile(ast.fix_missing_locations(ast.Expression(function)), "<expression>", "eval")
    code = next(constant for constant in compiled.co_consts if isinstance(constant, CodeType))
    return FunctionType(code, {"__builtins__": _FUNCTIONS}, "holds")


class _Writer:
    """Writes a typed tree as Python's."""

    def __init__(self) -> None:
        self._kept = 0
        self._by_type: dict[type, Callable[..., ast.expr]] = {
            Read: lambda node: _attribute(node.noun, node.field.name),
            Number: lambda node: ast.Constant(node.value),
            Text: lambda node: ast.Constant(node.value),
            Truth: lambda node: ast.Constant(node.value),
            Size: lambda node: _call("len", self.written(node.texts)),
            Arithmetic: self._arithmetic,
            Has: lambda node: _compare(_attribute(node.noun, node.field.name), ast.IsNot(), ast.Constant(None)),
            Comparison: self._comparison,
            Among: self._among,
            Contains: lambda node: _compare(self.written(node.value), ast.In(), self.written(node.texts)),
            Not: lambda node: ast.UnaryOp(ast.Not(), self.written(node.operand)),
            Junction: self._junction,
            Choice: self._choice,
        }

    def written(self, node: Node) -> ast.expr:
        """Return the Python expression of a node."""
        return self._by_type[type(node)](node)

    def _comparison(self, node: Comparison) -> ast.expr:
        return _compare(self.written(node.left), _RELATIONS[node.relation], self.written(node.right))

    def _among(self, node: Among) -> ast.expr:
        values = ast.Set([ast.Constant(each.value) for each in node.values])  # becomes a frozenset when compiled
        return _compare(self.written(node.value), ast.In(), values)

    def _junction(self, node: Junction) -> ast.expr:
        return ast.BoolOp(ast.And() if node.both else ast.Or(), [self.written(node.left), self.written(node.right)])

    def _choice(self, node: Choice) -> ast.expr:
        return ast.IfExp(self.written(node.condition), self.written(node.yes), self.written(node.no))

    def _arithmetic(self, node: Arithmetic) -> ast.expr:
        operator = node.operator
        if operator in {Operator.QUOTIENT, Operator.REMAINDER} and node.operands[0].low < 0:
            return self._towards_zero(node)
        operands = [self.written(operand) for operand in node.operands]
        if operator is Operator.NEGATE:
            return ast.UnaryOp(ast.USub(), operands[0])
        if operator in _BINARY:
            return ast.BinOp(operands[0], _BINARY[operator], operands[1])
        if operator is not Operator.ABSOLUTE and len(operands) == 1:
            return operands[0]  # the greatest of one number, which Python's max does not take
        return _call(_CALLED[operator], *operands)

    def _towards_zero(self, node: Arithmetic) -> ast.expr:
        """Return ``x // by if (x := …) >= 0 else -(-x // by)``: CEL rounds towards zero, where Python rounds down."""
        dividend, divisor = node.operands
        name = f"_{self._kept}"
        self._kept += 1
        keep = ast.NamedExpr(ast.Name(name, ast.Store()), self.written(dividend))

        def divided(x: ast.expr) -> ast.expr:
            return ast.BinOp(x, _BINARY[node.operator], self.written(divisor))

        kept = ast.Name(name, ast.Load())
        below = ast.UnaryOp(ast.USub(), divided(ast.UnaryOp(ast.USub(), kept)))
        return ast.IfExp(_compare(keep, ast.GtE(), ast.Constant(0)), divided(kept), below)


def _attribute(noun: str, field: str) -> ast.expr:
    return ast.Attribute(ast.Name(noun, ast.Load()), field, ast.Load())


def _call(function: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(function, ast.Load()), list(arguments), [])


def _compare(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.expr:
    return ast.Compare(left, [operator], [right])
