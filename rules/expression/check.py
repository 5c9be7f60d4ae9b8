"""Checks an expression: its source to the typed tree, or an error with its place and the way out.

CEL has already said that the source is well-formed and that its types fit. What is checked here is what CEL does not
know, so that whatever is admitted gives yes or no for every spec there can be:

    subset    only what every compiler of ours can do (see the room's own page)
    presence  an optional field is read only where `has(…)` of it holds: to the right of `&&` when the left asked for
              it, to the right of `||` when the left asked for its absence, in the branches of `? :`; through `!`
    units     what is compared, added or chosen between has one unit; 0 has any
    texts     a text that is compared with a field is in the field's domain
    bounds    from the bounds of the fields: no number can leave 64 bits, and nothing divides by zero

How units go through arithmetic, with x in dioptres:

    x + D(0.25), -x, math.abs(x)     dioptres
    x * 2, x / 2                     dioptres; a product of two measures is refused
    x / D(0.25)                      a plain number: how many quarters
    x % D(0.25)                      dioptres: what is left above whole quarters
    x % 25                           a plain number: the same in hundredths, so that x % 25 in [0, 12] can be said
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import NoReturn

from optics.numbers import NotANumberError, OffLatticeError, parse_decimal
from rules.expression import language
from rules.expression.complaints import FUNCTIONS
from rules.expression.language import Call, Constant, Items, Name, Select, Syntax
from rules.expression.tree import (
    Among,
    Arithmetic,
    Choice,
    Comparison,
    Contains,
    ExpressionError,
    Has,
    Junction,
    Node,
    Not,
    Number,
    Numeric,
    Operator,
    Place,
    Read,
    Relation,
    Size,
    Text,
    Truth,
    kind,
    walk,
)
from rules.expression.view import INT64_MAX, INT64_MIN, Field, Given, Kind, Scope, UnknownNameError, meant
from rules.units import UNITS_BY_SYMBOL, Unit, written

_Present = frozenset[str]
"""The optional fields, by path, that are known to be there."""

_NOTHING: _Present = frozenset()


@dataclass(frozen=True, slots=True)
class Checked:
    """An expression that has been checked, and cannot fail.

    Attributes:
        source: As it was written.
        scope: The nouns it can see, in the order its closure takes them.
        given: The numbers it calls by name.
        root: Its typed tree, which is yes or no.
    """

    source: str
    scope: Scope
    given: Mapping[str, Given]
    root: Node

    @property
    def reads(self) -> frozenset[tuple[str, Field]]:
        """The fields it looks at, each with its noun's name."""
        return frozenset((node.noun, node.field) for node in walk(self.root) if isinstance(node, Read | Has))


def check(
    source: str,
    scope: Scope,
    *,
    given: Mapping[str, Given] | None = None,
    domains: Mapping[str, Collection[str]] | None = None,
) -> Checked:
    """Return the checked expression.

    Args:
        source: The expression, in CEL.
        scope: What it can see.
        given: The numbers it may call by name, in 1/100 of their unit.
        domains: The values of every domain that a field of the scope names, such as the catalog's materials.

    Raises:
        ExpressionError: it cannot be used; says why, the way out, and where.
        KeyError: a domain that a field names is not in `domains`.
    """
    given, domains = dict(given or {}), domains or {}
    checker = _Checker(scope, given, domains)
    root = checker.read(language.parse(source, scope, given), _NOTHING)
    if kind(root) is not Kind.BOOL:
        _refuse(root.place, f"gives {kind(root).value}; what a rule asks gives yes or no")
    return Checked(source, scope, given, root)


def _refuse(place: Place, message: str) -> NoReturn:
    raise ExpressionError(message, *place)


class _Checker:
    """Reads syntax into the typed tree, knowing at each point which optional fields are there."""

    def __init__(self, scope: Scope, given: Mapping[str, Given], domains: Mapping[str, Collection[str]]) -> None:
        self._scope = scope
        self._given = given
        self._domains = domains
        self._every = frozenset(f"{noun.name}.{field.name}" for noun in scope.nouns for field in noun.fields)
        self._calls: dict[str, Callable[[Call, _Present], Node]] = {
            "_&&_": self._junction,
            "_||_": self._junction,
            "!_": self._not,
            "_?_:_": self._choice,
            "@in": self._in,
            "size": self._size,
            **dict.fromkeys(_RELATIONS, self._comparison),
            **dict.fromkeys(_ARITHMETIC, self._arithmetic),
            **dict.fromkeys(_DIVISIONS, self._division),
            **dict.fromkeys(UNITS_BY_SYMBOL, self._measure),
        }

    def read(self, syntax: Syntax, present: _Present) -> Node:
        """Return the node that a piece of syntax is."""
        match syntax:
            case Constant():
                return self._constant(syntax)
            case Name():
                return self._name(syntax)
            case Select():
                return self._select(syntax, present)
            case Call():
                call = self._calls.get(syntax.function)
                if call is None:
                    name = syntax.function.strip("_")
                    _refuse(syntax.place, f"{name} cannot be used; there are: {', '.join(FUNCTIONS)}")
                return call(syntax, present)
            case Items():
                _refuse(syntax.place, "a list stands only to the right of in, or in math.greatest and math.least")
            case _:
                _refuse(syntax.place, f"{syntax.what} cannot be used")

    # ── what stands for itself ────────────────────────────────────────────────────────────────────────────────────────

    def _constant(self, constant: Constant) -> Node:
        match constant.value:
            case bool():
                return Truth(constant.value, constant.place)
            case int():
                return Number(constant.value, None, constant.place)
            case str():
                return Text(constant.value, constant.place)
            case _:
                _refuse(constant.place, f"{constant.text} is written with its unit: D({constant.text}) or mm(…)")

    def _name(self, name: Name) -> Node:
        prefix, _, rest = name.name.partition(".")
        if prefix != "given" or rest not in self._given:
            _refuse(name.place, f"{name.name} is no value; read one of its fields")
        measure = self._given[rest]
        return _bounded(Number(measure.value, measure.unit, name.place, name.name))

    def _measure(self, call: Call, _: _Present) -> Node:
        symbol = call.function
        literal = call.arguments[0]
        if not (isinstance(literal, Constant) and literal.text):
            _refuse(call.place, f"{symbol} takes a number as it is written: {symbol}(3.00)")
        if not isinstance(literal.value, float):
            _refuse(
                literal.place, f"write {symbol}({literal.text}.00): with its decimals, so that nobody reads hundredths"
            )
        try:
            return Number(parse_decimal(literal.text, 2), UNITS_BY_SYMBOL[symbol], call.place)
        except OffLatticeError:
            _refuse(literal.place, f"{literal.text} is finer than 0.01, and nothing is held finer than that")
        except NotANumberError:
            _refuse(literal.place, f"{literal.text} is no plain decimal of at most nine digits")

    def _select(self, select: Select, present: _Present) -> Node:
        if not isinstance(select.operand, Name):
            _refuse(select.place, "only nouns have fields, and what stands before the dot is none")
        noun = select.operand.name
        try:
            found = self._scope.noun(noun).field(select.field)
        except UnknownNameError as error:
            raise ExpressionError(str(error), *select.place) from None
        path = f"{noun}.{select.field}"
        if select.test:
            if not found.optional:
                _refuse(select.place, f"{path} is always there{_INSTEAD_OF_HAS.get(found.kind, '').format(path)}")
            return Has(noun, found, select.place)
        if found.optional and path not in present:
            _refuse(select.place, f"{path} may be absent; ask first: has({path}) && …")
        return Read(noun, found, select.place)

    def _size(self, call: Call, present: _Present) -> Node:
        texts = self.read(call.arguments[0], present)
        if not (isinstance(texts, Read) and kind(texts) is Kind.TEXTS):
            _refuse(call.place, "size counts the texts of a field, as in size(lens.coatings)")
        return Size(texts, call.place)

    # ── numbers ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _number(self, syntax: Syntax, present: _Present) -> Numeric:
        node = self.read(syntax, present)
        if kind(node) is not Kind.INT or not isinstance(node, Numeric):
            _refuse(node.place, f"{node} is {kind(node).value}; here stands a number")
        return node

    def _arithmetic(self, call: Call, present: _Present) -> Node:
        operator, verb = _ARITHMETIC[call.function]
        arguments = call.arguments
        if operator in {Operator.GREATEST, Operator.LEAST} and isinstance(arguments[0], Items):
            arguments = arguments[0].items
        operands = tuple(self._number(each, present) for each in arguments)
        if not operands:
            _refuse(call.place, f"{operator.value} of nothing is nothing")
        measured = [each for each in operands if not _is_zero(each)] or operands
        if operator is Operator.MULTIPLY:
            unit = _product(operands[0], operands[1], call.place)
        else:
            units = {_one_unit(measured[0], each, verb, call.place) for each in measured}
            unit = units.pop() if len(units) == 1 else measured[0].unit and measured[0].unit.dimension
        return _made(operator, operands, unit, call.place)

    def _division(self, call: Call, present: _Present) -> Node:
        operator = _DIVISIONS[call.function]
        dividend, divisor = (self._number(each, present) for each in call.arguments)
        if not (isinstance(divisor, Number) and divisor.value > 0):
            way_out = f"what divides is a number above zero, as it is written: x {operator.value} 25"
            _refuse(divisor.place, f"divides by {divisor}; {way_out}")
        same = divisor.unit is None
        if not same:
            _one_unit(dividend, divisor, "divided", call.place)
        keeps = same if operator is Operator.QUOTIENT else not same
        return _made(operator, (dividend, divisor), dividend.unit if keeps else None, call.place)

    # ── truths ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _truth(self, syntax: Syntax, present: _Present) -> Node:
        node = self.read(syntax, present)
        if kind(node) is not Kind.BOOL:
            _refuse(node.place, f"{node} is {kind(node).value}; here stands a yes or no")
        return node

    def _not(self, call: Call, present: _Present) -> Node:
        return Not(self._truth(call.arguments[0], present), call.place)

    def _junction(self, call: Call, present: _Present) -> Node:
        both = call.function == "_&&_"
        left = self._truth(call.arguments[0], present)
        asked = _asked(left, self._every)
        right = self._truth(call.arguments[1], present | (asked.if_true if both else asked.if_false))
        return Junction(both, left, right, call.place)

    def _choice(self, call: Call, present: _Present) -> Node:
        condition = self._truth(call.arguments[0], present)
        asked = _asked(condition, self._every)
        yes = self.read(call.arguments[1], present | asked.if_true)
        no = self.read(call.arguments[2], present | asked.if_false)
        if kind(yes) is Kind.INT and isinstance(yes, Numeric) and kind(no) is Kind.INT and isinstance(no, Numeric):
            unit = _one_unit(yes, no, "chosen between", call.place)
            low, high = min(yes.low, no.low), max(yes.high, no.high)
            return Choice(condition, yes, no, Kind.INT, unit, low, high, call.place)
        if kind(yes) is Kind.BOOL and kind(no) is Kind.BOOL:
            return Choice(condition, yes, no, Kind.BOOL, None, 0, 0, call.place)
        _refuse(call.place, "? : chooses between two numbers, or between yes and no")

    def _comparison(self, call: Call, present: _Present) -> Node:
        relation = _RELATIONS[call.function]
        left, right = (self.read(each, present) for each in call.arguments)
        compared = kind(left)
        if compared is not kind(right) or compared is Kind.TEXTS:
            _refuse(call.place, f"{left} and {right} cannot be compared")
        if compared is Kind.INT and isinstance(left, Numeric) and isinstance(right, Numeric):
            _one_unit(left, right, "compared", call.place)
        elif relation not in {Relation.EQUAL, Relation.UNEQUAL}:
            _refuse(call.place, f"{compared.value} is neither less nor more than another; there are == and !=")
        elif compared is Kind.TEXT:
            self._comparable_texts(left, right, call.place)
        return Comparison(relation, left, right, compared, call.place)

    def _comparable_texts(self, left: Node, right: Node, place: Place) -> None:
        if isinstance(left, Read) and isinstance(right, Text):
            self._known(right, left)
        elif isinstance(left, Text) and isinstance(right, Read):
            self._known(left, right)
        elif not (isinstance(left, Read) and isinstance(right, Read)):
            _refuse(place, "compares two texts that never change; one side is a field")
        elif left.field.domain != right.field.domain:
            _refuse(place, f"{left} and {right} have no values in common that they could be compared by")

    def _in(self, call: Call, present: _Present) -> Node:
        wanted, among = call.arguments
        value = self.read(wanted, present)
        if not isinstance(among, Items):
            texts = self.read(among, present)
            if not (isinstance(texts, Read) and isinstance(value, Text)):
                _refuse(
                    call.place,
                    'in is for values in brackets, x in [a, b], or for a text in texts, "hc" in lens.coatings',
                )
            return Contains(texts, self._known(value, texts), call.place)
        if not among.items:
            _refuse(among.place, "nothing is in an empty list")
        items = [self.read(item, present) for item in among.items]
        if kind(value) is Kind.INT and isinstance(value, Numeric):
            numbers = tuple(item for item in items if isinstance(item, Number))
            if len(numbers) < len(items):
                _refuse(among.place, "the values in the brackets are numbers as they are written, or givens")
            for number in numbers:
                _one_unit(value, number, "compared", number.place)
            return Among(value, numbers, call.place)
        if isinstance(value, Read) and kind(value) is Kind.TEXT:
            texts_written = tuple(self._known(item, value) for item in items)
            return Among(value, texts_written, call.place)
        _refuse(
            call.place,
            f"{value} is {kind(value).value}; to the left of in stands a number or a field with a text",
        )

    def _known(self, text: Node, read: Read) -> Text:
        """Return a text after checking that the field could have it."""
        if not isinstance(text, Text):
            _refuse(text.place, f"the values of {read.path} are written there, in quotes")
        domain = read.field.domain
        values = self._domains[domain] if isinstance(domain, str) else domain
        may_be_empty = isinstance(domain, str) and read.field.kind is Kind.TEXT
        if values is not None and text.value not in values and not (may_be_empty and not text.value):
            _refuse(text.place, f'{read.path} is never "{text.value}"; {meant(text.value, values)}')
        return text


# ── presence ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Asked:
    """The optional fields that are there whenever a truth is true, and those whenever it is false."""

    if_true: _Present = _NOTHING
    if_false: _Present = _NOTHING

    @property
    def opposite(self) -> "_Asked":
        """What the opposite of the truth asked."""
        return _Asked(self.if_false, self.if_true)


def _asked(node: Node, every: _Present) -> _Asked:
    """Return what a truth asked; of one that never comes to pass it is every field there is."""
    match node:
        case Has():
            return _Asked(if_true=frozenset({node.path}))
        case Truth():
            return _Asked(if_false=every) if node.value else _Asked(if_true=every)
        case Not():
            return _asked(node.operand, every).opposite
        case Junction():
            left, right = _asked(node.left, every), _asked(node.right, every)
            if not node.both:  # a || b is !(!a && !b)
                left, right = left.opposite, right.opposite
            # false: the left one is, or it is true and the right one is false
            joined = _Asked(left.if_true | right.if_true, left.if_false & (left.if_true | right.if_false))
            return joined if node.both else joined.opposite
        case Choice():
            asked, yes, no = (_asked(each, every) for each in (node.condition, node.yes, node.no))
            return _Asked(
                (asked.if_true | yes.if_true) & (asked.if_false | no.if_true),
                (asked.if_true | yes.if_false) & (asked.if_false | no.if_false),
            )
        case _:
            return _Asked()


# ── units ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _one_unit(left: Numeric, right: Numeric, verb: str, place: Place) -> Unit | None:
    """Return the one unit that two numbers have."""
    if left.unit is right.unit or _is_zero(right):
        return left.unit
    if _is_zero(left):
        return right.unit
    if left.unit and right.unit:
        if left.unit.dimension is right.unit.dimension:
            return left.unit.dimension
        _refuse(
            place,
            f"{left} is in {left.unit.words} and {right} in {right.unit.words}; they cannot be {verb}",
        )
    plain, measure = (right, left) if left.unit else (left, right)
    way_out = f"they cannot be {verb}"
    if isinstance(plain, Number) and measure.unit:
        way_out = f"write it with its unit, as in {written(plain.value * measure.unit.scale, measure.unit)}"
    unit = measure.unit.words if measure.unit else ""
    _refuse(place, f"{plain} has no unit and {measure} is in {unit}; {way_out}")


def _is_zero(node: Numeric) -> bool:
    """Tell whether a number is never anything but nothing, which is the same in every unit."""
    return node.unit is None and node.low == 0 == node.high


def _product(left: Numeric, right: Numeric, place: Place) -> Unit | None:
    if left.unit and right.unit:
        _refuse(place, f"{left} and {right} both have a unit; a measure is multiplied by a plain number")
    return left.unit or right.unit


# ── bounds ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _made(operator: Operator, operands: tuple[Numeric, ...], unit: Unit | None, place: Place) -> Numeric:
    """Return the number that an operator makes: as it stands where nothing in it ever changes."""
    low, high = _BOUNDS[operator](*operands)
    made = Arithmetic(operator, operands, unit, low, high, place)
    _bounded(made)
    return Number(low, unit, place) if all(isinstance(each, Number) for each in operands) else made


def _bounded(node: Numeric) -> Numeric:
    if node.low < INT64_MIN or node.high > INT64_MAX:
        _refuse(node.place, f"{node} could be {node.low} to {node.high}, which is beyond 64 bits")
    return node


def _towards_zero(dividend: int, divisor: int) -> int:
    return dividend // divisor if dividend >= 0 else -(-dividend // divisor)


def _absolute(x: Numeric) -> tuple[int, int]:
    return max(0, x.low, -x.high), max(x.high, -x.low)


def _multiply(x: Numeric, y: Numeric) -> tuple[int, int]:
    corners = [x.low * y.low, x.low * y.high, x.high * y.low, x.high * y.high]
    return min(corners), max(corners)


def _quotient(x: Numeric, by: Numeric) -> tuple[int, int]:
    return _towards_zero(x.low, by.low), _towards_zero(x.high, by.low)


def _remainder(x: Numeric, by: Numeric) -> tuple[int, int]:
    if x.low == x.high:
        rest = x.low - _towards_zero(x.low, by.low) * by.low
        return rest, rest
    most = by.low - 1
    return max(-most, min(x.low, 0)), min(most, max(x.high, 0))


_BOUNDS: Mapping[Operator, Callable[..., tuple[int, int]]] = {
    Operator.NEGATE: lambda x: (-x.high, -x.low),
    Operator.ABSOLUTE: _absolute,
    Operator.ADD: lambda x, y: (x.low + y.low, x.high + y.high),
    Operator.SUBTRACT: lambda x, y: (x.low - y.high, x.high - y.low),
    Operator.MULTIPLY: _multiply,
    Operator.QUOTIENT: _quotient,
    Operator.REMAINDER: _remainder,
    Operator.GREATEST: lambda *all_: (max(each.low for each in all_), max(each.high for each in all_)),
    Operator.LEAST: lambda *all_: (min(each.low for each in all_), min(each.high for each in all_)),
}


# ── CEL's names ───────────────────────────────────────────────────────────────────────────────────────────────────────

_RELATIONS = {f"_{relation.value}_": relation for relation in Relation}

_ARITHMETIC = {
    "-_": (Operator.NEGATE, ""),
    "math.abs": (Operator.ABSOLUTE, ""),
    "_+_": (Operator.ADD, "added"),
    "_-_": (Operator.SUBTRACT, "subtracted"),
    "_*_": (Operator.MULTIPLY, "multiplied"),
    "math.@max": (Operator.GREATEST, "compared"),
    "math.@min": (Operator.LEAST, "compared"),
}
"""Each with what is done to two numbers, for a sentence."""

_DIVISIONS = {"_/_": Operator.QUOTIENT, "_%_": Operator.REMAINDER}

_INSTEAD_OF_HAS = {
    Kind.TEXT: '; ask whether it is chosen: {} != ""',
    Kind.TEXTS: "; ask how many there are: size({}) > 0",
}
