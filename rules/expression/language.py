"""CEL itself: a source to its syntax tree, parsed and type-checked by `cel-expr-python`.

The nouns of a scope are declared to CEL as protobuf messages, made here and kept in a pool of their own: only so does
it know of presence, and `has(…)` of an absent field is false. A given is a variable with a dot in its name, and a unit
is a function of a decimal literal.

The library hands out its checked tree as a serialized `cel.expr.CheckedExpr` (github.com/google/cel-spec,
proto/cel/expr/checked.proto and syntax.proto). No package that can be installed beside ours ships those contracts, so
the few fields that are read here are described here.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from cel_expr_python import cel  # type: ignore[import-untyped]  # its stubs lack the mark that says so
from cel_expr_python.ext import ext_math  # type: ignore[import-untyped]
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from optics.numbers import round_half_away
from rules.expression.complaints import complaint, name_before, place_of
from rules.expression.tree import ExpressionError, Place
from rules.expression.view import Kind, Noun, Scope
from rules.units import UNITS_BY_SYMBOL

LONGEST = 4_000
"""Longest source that is looked at, in characters. Longer, and nobody could review it."""


# ── the syntax tree ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Name:
    """A variable: a noun or, with its dot, a given."""

    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal; `text` is how a decimal is written in the source."""

    value: bool | int | float | str
    place: Place
    text: str = ""


@dataclass(frozen=True, slots=True)
class Select:
    """A field of something, or (`test`) whether it is there."""

    operand: "Syntax"
    field: str
    test: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or a function with its arguments, the one before the dot first."""

    function: str
    arguments: "tuple[Syntax, ...]"
    place: Place


@dataclass(frozen=True, slots=True)
class Items:
    """A list, as written."""

    items: "tuple[Syntax, ...]"
    place: Place


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something of CEL that no expression of ours can hold, and what it is."""

    what: str
    place: Place


Syntax: TypeAlias = Name | Constant | Select | Call | Items | Foreign


# ── what CEL is told ──────────────────────────────────────────────────────────────────────────────────────────────────

_PACKAGE = "view"

_CEL_TYPES = {
    Kind.INT: FieldDescriptorProto.TYPE_INT64,
    Kind.BOOL: FieldDescriptorProto.TYPE_BOOL,
    Kind.TEXT: FieldDescriptorProto.TYPE_STRING,
    Kind.TEXTS: FieldDescriptorProto.TYPE_STRING,
}


@lru_cache(maxsize=64)
def _pool(nouns: tuple[Noun, ...]) -> DescriptorPool:
    file = FileDescriptorProto(name=f"{_PACKAGE}.proto", package=_PACKAGE, syntax="proto3")
    for noun in nouns:
        message = file.message_type.add(name=noun.name)
        for number, field in enumerate(noun.fields, start=1):
            repeated = field.kind is Kind.TEXTS
            described = message.field.add(
                name=field.name,
                number=number,
                type=_CEL_TYPES[field.kind],
                label=FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL,
            )
            if field.optional:
                described.proto3_optional = True
                described.oneof_index = len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{field.name}")
    pool = DescriptorPool()
    pool.Add(file)
    return pool


def messages(scope: Scope) -> Mapping[str, type[Message]]:
    """Return the message that CEL sees in place of each noun, by the noun's name."""
    pool = _pool(scope.nouns)
    return {noun.name: GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{noun.name}")) for noun in scope.nouns}


def _hundredths(value: float) -> int:
    return round_half_away(value * 100)


_UNIT_FUNCTIONS = [
    cel.FunctionDecl(
        symbol,
        [
            cel.Overload(f"{symbol}_double", cel.Type.INT, [cel.Type.DOUBLE], impl=_hundredths),
            # never admitted; declared so that D(3) can be told how to be written
            cel.Overload(f"{symbol}_int", cel.Type.INT, [cel.Type.INT], impl=_hundredths),
        ],
    )
    for symbol in UNITS_BY_SYMBOL
]


def environment(scope: Scope, given: Collection[str]) -> cel.Env:
    """Return a CEL environment that knows the nouns of a scope, some givens by name, and the units."""
    return _environment(scope.nouns, tuple(sorted(given)))


@lru_cache(maxsize=64)  # the first compilation in an environment costs ten times the next one
def _environment(nouns: tuple[Noun, ...], given: tuple[str, ...]) -> cel.Env:
    variables = {noun.name: cel.Type(f"{_PACKAGE}.{noun.name}") for noun in nouns}
    variables |= {f"given.{name}": cel.Type.INT for name in given}
    return cel.NewEnv(
        descriptor_pool=_pool(nouns), variables=variables, extensions=[ext_math.ExtMath()], functions=_UNIT_FUNCTIONS
    )


# ── what CEL answers ──────────────────────────────────────────────────────────────────────────────────────────────────

_ONE, _MANY = FieldDescriptorProto.LABEL_OPTIONAL, FieldDescriptorProto.LABEL_REPEATED
_INT64, _INT32 = FieldDescriptorProto.TYPE_INT64, FieldDescriptorProto.TYPE_INT32
_BOOL, _STRING = FieldDescriptorProto.TYPE_BOOL, FieldDescriptorProto.TYPE_STRING

_CHECKED_TREE: Mapping[str, Collection[tuple[str, int, FieldDescriptorProto.Label.ValueType, int | str]]] = {
    "Other": (),
    "Constant": (
        ("bool_value", 2, _ONE, _BOOL),
        ("int64_value", 3, _ONE, _INT64),
        ("double_value", 5, _ONE, FieldDescriptorProto.TYPE_DOUBLE),
        ("string_value", 6, _ONE, _STRING),
    ),
    "Ident": (("name", 1, _ONE, _STRING),),
    "Select": (("operand", 1, _ONE, "Expr"), ("field", 2, _ONE, _STRING), ("test_only", 3, _ONE, _BOOL)),
    "Call": (("target", 1, _ONE, "Expr"), ("function", 2, _ONE, _STRING), ("args", 3, _MANY, "Expr")),
    "CreateList": (("elements", 1, _MANY, "Expr"),),
    "Expr": (
        ("id", 2, _ONE, _INT64),
        ("const_expr", 3, _ONE, "Constant"),
        ("ident_expr", 4, _ONE, "Ident"),
        ("select_expr", 5, _ONE, "Select"),
        ("call_expr", 6, _ONE, "Call"),
        ("list_expr", 7, _ONE, "CreateList"),
        ("struct_expr", 8, _ONE, "Other"),
        ("comprehension_expr", 9, _ONE, "Other"),
    ),
    "Position": (("key", 1, _ONE, _INT64), ("value", 2, _ONE, _INT32)),
    "SourceInfo": (("positions", 4, _MANY, "Position"),),
    "CheckedExpr": (("expr", 4, _ONE, "Expr"), ("source_info", 5, _ONE, "SourceInfo")),
}
"""The fields that are read of CEL's checked tree: name, number, whether there are many, and the scalar or message."""


def _checked_class() -> type[Message]:
    file = FileDescriptorProto(name="checked.proto", package="checked", syntax="proto2")
    for name, fields in _CHECKED_TREE.items():
        message = file.message_type.add(name=name)
        if name == "Expr":
            message.oneof_decl.add(name="kind")
        for field, number, label, kind in fields:
            described = message.field.add(name=field, number=number, label=label)
            if name == "Expr" and label == _ONE and isinstance(kind, str):
                described.oneof_index = 0
            if isinstance(kind, str):
                described.type = FieldDescriptorProto.TYPE_MESSAGE
                described.type_name = f".checked.{kind}"
            else:
                described.type = FieldDescriptorProto.Type.ValueType(kind)
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("checked.CheckedExpr"))


_CHECKED = _checked_class()
_FOREIGN = {
    None: "an empty node",
    "struct_expr": "a structure",
    "comprehension_expr": "a loop (all, exists, map, filter)",
}
_CONSTANTS = ("bool_value", "int64_value", "string_value", "double_value")
_DECIMAL = re.compile(r"-?[0-9.]+(?:[eE][+-]?[0-9]+)?")
_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")
_OPERATORS = re.compile(r"_|[-!]_|@in$")


def parse(source: str, scope: Scope, given: Collection[str]) -> Syntax:
    """Return the syntax tree of a source that CEL finds well-formed and well-typed.

    Raises:
        ExpressionError: it is not, in the first place that is not; or it is too long.
    """
    if len(source) > LONGEST:
        raise ExpressionError(f"is longer than {LONGEST} characters; make it several rules", 1, 1)
    if not source.strip():
        raise ExpressionError("is empty", 1, 1)
    if no_text := _NO_TEXT.search(source):
        raise ExpressionError("holds a character that is no text", *place_of(source, no_text.start()))
    try:
        expression = environment(scope, given).compile(source)
    except RuntimeError as error:
        raise complaint(str(error), source, scope, given) from None
    checked: Any = _CHECKED.FromString(AnyMessage.FromString(expression.serialize()).value)
    return _Reader(source, {each.key: each.value for each in checked.source_info.positions}).read(checked.expr)


class _Reader:
    """Reads CEL's checked tree of one source. Its nodes are the messages described above."""

    def __init__(self, source: str, offsets: Mapping[int, int]) -> None:
        self._source = source
        self._offsets = offsets

    def read(self, node: Any) -> Syntax:  # noqa: ANN401 -- a message of a descriptor made at run time, here and below
        """Returns what a node of CEL's is."""
        offset = self._offsets.get(node.id, 0)
        kind = node.WhichOneof("kind")
        if kind in _FOREIGN:
            return Foreign(_FOREIGN[kind], place_of(self._source, offset))
        read: Callable[[Any, int], Syntax] = getattr(self, f"_{kind}")
        return read(getattr(node, kind), offset)

    def _const_expr(self, constant: Any, offset: int) -> Syntax:  # noqa: ANN401
        place = place_of(self._source, offset)
        for name in _CONSTANTS:
            if constant.HasField(name):
                written = _DECIMAL.match(self._source, offset)
                return Constant(getattr(constant, name), place, written[0] if written else "")
        return Foreign("a null, unsigned or bytes literal", place)

    def _ident_expr(self, ident: Any, offset: int) -> Syntax:  # noqa: ANN401
        before = ident.name.rfind(".")  # CEL places a name with a dot in it at the dot
        return Name(ident.name, place_of(self._source, offset - max(before, 0)))

    def _select_expr(self, select: Any, _: int) -> Syntax:  # noqa: ANN401
        operand = self.read(select.operand)
        return Select(operand, select.field, select.test_only, operand.place)

    def _call_expr(self, call: Any, offset: int) -> Syntax:  # noqa: ANN401
        target = [call.target] if call.HasField("target") else []
        if not _OPERATORS.match(call.function):
            offset = name_before(self._source, offset)
        arguments = tuple(self.read(each) for each in [*target, *call.args])
        return Call(call.function, arguments, place_of(self._source, offset))

    def _list_expr(self, items: Any, offset: int) -> Syntax:  # noqa: ANN401
        return Items(tuple(self.read(each) for each in items.elements), place_of(self._source, offset))
