"""Whatever is admitted is answered alike by its closure, by its columns and by CEL itself, and never fails."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rules.expression.check import Checked, check
from rules.expression.closure import closure
from rules.expression.columns import _column, columns, columns_of
from rules.expression.reference import reference
from rules.expression.tree import Comparison, ExpressionError, Numeric, kind, walk
from rules.expression.view import INT64_MAX, INT64_MIN, Field, Given, Kind, Noun, Scope
from rules.units import Unit, written

D, AMOUNT, MM = Unit.DIOPTRE, Unit.DIOPTRE_AMOUNT, Unit.MILLIMETRE
INT, BOOL, TEXT, TEXTS = Kind.INT, Kind.BOOL, Kind.TEXT, Kind.TEXTS

EYE = Noun(
    "eye",
    (
        Field("sphere", INT, D, -4000, 4000, optional=True),
        Field("amount", INT, AMOUNT, 0, 4000, optional=True),
        Field("base", INT, D, 50, 1000),
        Field("axis", INT, None, 1, 180, optional=True),
        Field("shift", INT, None, -3, 4),
        Field("owed", INT, MM, -900, -5, optional=True),
        Field("width", INT, MM, 0, 9000),
        Field("vast", INT, None, INT64_MIN, INT64_MAX),
        Field("large", INT, None, -(2**40), 2**40, optional=True),
        Field("traced", BOOL),
        Field("told", BOOL, optional=True),
        Field("edge", TEXT, domain=("bevel", "groove")),
    ),
)
LENS = Noun(
    "lens",
    (
        Field("material", TEXT, domain="materials"),
        Field("second", TEXT, domain="materials"),
        Field("account", TEXT),
        Field("note", TEXT, optional=True),
        Field("coatings", TEXTS, domain="coatings"),
        Field("tags", TEXTS, high=3),
    ),
)
SCOPE = Scope("test", (EYE, LENS))
DOMAINS = {"materials": ("cr39", "poly", "mr8"), "coatings": ("hc", "ar", "blue")}
GIVEN = {"low": Given(-800, D), "rim": Given(5200, MM), "count": Given(7)}
WORDS = ("", "a", 'quo"te', "wörd", "back\\slash")

FIELDS = [(noun.name, field) for noun in SCOPE.nouns for field in noun.fields]


def values_of(field: Field) -> st.SearchStrategy[Any]:
    """Returns a strategy of what a field can be."""
    values: st.SearchStrategy[Any]
    words = DOMAINS.get(field.domain, ()) if isinstance(field.domain, str) else field.domain or WORDS
    match field.kind:
        case Kind.INT:
            low, high = field.low or 0, field.high or 0
            near = [value for value in (low, high, low + 1, -1, 0, 1, 12, 25, -37, 50) if low <= value <= high]
            values = st.sampled_from(near) | st.integers(low, high)
        case Kind.BOOL:
            values = st.booleans()
        case Kind.TEXT:
            values = st.sampled_from([*words, ""] if isinstance(field.domain, str) else words)
        case Kind.TEXTS:
            values = st.lists(st.sampled_from(words), max_size=3).map(tuple)
    return st.none() | values if field.optional else values


def noun_of(noun: Noun) -> st.SearchStrategy[SimpleNamespace]:
    """Returns a strategy of what a noun can be."""
    return st.builds(SimpleNamespace, **{field.name: values_of(field) for field in noun.fields})


rows = st.lists(st.tuples(noun_of(EYE), noun_of(LENS)), min_size=1, max_size=6)


# ── expressions at random ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Grammar:
    """Writes expressions at random that can be admitted, knowing which optional fields are there."""

    draw: Callable[..., Any]
    deep: int = 3
    present: frozenset[str] = frozenset()

    def pick(self, *choices: Callable[["Grammar"], str]) -> str:
        """Returns what one of some choices writes, a step deeper."""
        return str(self.draw(st.sampled_from(choices))(replace(self, deep=self.deep - 1)))

    def knowing(self, path: str) -> "Grammar":
        """Returns the grammar where a field is there."""
        return replace(self, present=self.present | {path})

    def paths(self, accept: Callable[[Field], bool]) -> list[str]:
        """Returns the fields that can be read here."""
        found = ((f"{noun}.{field.name}", field) for noun, field in FIELDS if accept(field))
        return [path for path, field in found if not field.optional or path in self.present]

    # numbers

    def number(self, unit: Unit | None) -> str:
        """Writes a number of a unit."""
        if self.deep <= 0:
            return self.leaf(unit)
        return self.pick(
            lambda g: g.leaf(unit),
            lambda g: g.leaf(unit),
            lambda g: f"-({g.number(unit)})",
            lambda g: f"math.abs({g.number(unit)})",
            lambda g: f"({g.number(unit)} {g.draw(st.sampled_from('+-'))} {g.number(unit)})",
            lambda g: f"{g.leaf(unit)} * {g.leaf(None)}",
            lambda g: f"{g.small()} * ({g.number(unit)})",
            lambda g: g.divided(unit),
            lambda g: g.extreme(unit),
            lambda g: g.choice(lambda inner: inner.number(unit)),
        )

    def leaf(self, unit: Unit | None) -> str:
        """Writes a number that is not made of others."""
        same = self.paths(lambda field: field.kind is INT and (field.unit and field.unit.dimension) is unit)
        givens = [f"given.{name}" for name, number in GIVEN.items() if number.unit is unit]
        sizes = ["size(lens.coatings)", "lens.tags.size()"] if unit is None else []
        literals = st.integers(-5000, 5000).map(lambda value: written(value, unit))
        return str(self.draw(st.sampled_from([*same, *givens, *sizes, "0"]) | literals))

    def small(self) -> str:
        """Writes a plain literal above zero."""
        return str(self.draw(st.sampled_from([1, 2, 3, 12, 25, 180])))

    def divided(self, unit: Unit | None) -> str:
        """Writes a quotient or a remainder."""
        x, plain = self.number(unit), self.small()
        if unit:
            return str(self.draw(st.sampled_from([f"({x}) / {plain}", f"({x}) % {written(25, unit)}"])))
        measure = self.number(D)
        return str(
            self.draw(
                st.sampled_from(
                    [f"({x}) / {plain}", f"({x}) % {plain}", f"({measure}) % {plain}", f"({measure}) / D(0.25)"]
                )
            )
        )

    def extreme(self, unit: Unit | None) -> str:
        """Writes the greatest or the least of some numbers."""
        numbers = [self.number(unit) for _ in range(self.draw(st.integers(1, 4)))]
        return f"math.{self.draw(st.sampled_from(['greatest', 'least']))}({', '.join(numbers)})"

    # truths

    def truth(self) -> str:
        """Writes a yes or no."""
        if self.deep <= 0:
            return self.pick(Grammar.flag, Grammar.text, Grammar.comparison)
        return self.pick(
            Grammar.flag,
            Grammar.text,
            Grammar.comparison,
            Grammar.comparison,
            Grammar.guarded,
            Grammar.guarded,
            Grammar.guarded,
            lambda g: f"!({g.truth()})",
            lambda g: f"({g.truth()}) {g.draw(st.sampled_from(['&&', '||', '==', '!=']))} ({g.truth()})",
            lambda g: g.choice(Grammar.truth),
        )

    def flag(self) -> str:
        """Writes a yes or no that is not made of others."""
        asked = [f"has({noun}.{field.name})" for noun, field in FIELDS if field.optional]
        return str(self.draw(st.sampled_from(["true", "false", *asked, *self.paths(lambda field: field.kind is BOOL)])))

    def comparison(self) -> str:
        """Writes a comparison of numbers."""
        unit = self.draw(st.sampled_from([None, D, MM]))
        left, right = self.number(unit), self.number(unit)
        if self.draw(st.integers(0, 3)) == 0:
            literals = [written(value, unit) for value in self.draw(st.lists(st.integers(-50, 50), min_size=1))]
            return f"{left} in [{', '.join(literals)}]"
        return f"({left}) {self.draw(st.sampled_from(['==', '!=', '<', '<=', '>', '>=']))} ({right})"

    def text(self) -> str:
        """Writes something about texts."""
        noun, field = self.draw(st.sampled_from([each for each in FIELDS if each[1].kind in {TEXT, TEXTS}]))
        path = f"{noun}.{field.name}"
        words = DOMAINS.get(field.domain, ()) if isinstance(field.domain, str) else field.domain or WORDS
        quoted = ['"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words]
        some = self.draw(st.lists(st.sampled_from(quoted), min_size=1, max_size=3))
        if field.kind is TEXTS:
            return f"{some[0]} in {path}"
        guard = f"has({path}) && " if field.optional else ""
        return guard + str(
            self.draw(
                st.sampled_from(
                    [f"{path} == {some[0]}", f"{some[0]} != {path}", f"{path} in [{', '.join(some)}]"]
                    + (["lens.material == lens.second"] if not guard else [])
                )
            )
        )

    def guarded(self) -> str:
        """Writes something that asks whether a field is there, and may then read it."""
        noun, field = self.draw(st.sampled_from([each for each in FIELDS if each[1].optional]))
        path = f"{noun}.{field.name}"
        known = self.knowing(path)
        return self.pick(
            lambda g: f"has({path}) && ({known.at(g).truth()})",
            lambda g: f"!has({path}) || ({known.at(g).truth()})",
            lambda g: f"has({path}) && ({g.truth()}) && ({known.at(g).truth()})",
            lambda g: f"!(!has({path}) || ({known.at(g).truth()}))",
            lambda g: f"(!has({path}) || ({known.at(g).truth()})) || ({known.at(g).truth()})",
            lambda g: f"has({path}) ? ({known.at(g).truth()}) : ({g.truth()})",
            lambda g: f"((has({path}) || false && has({path})) && ({g.truth()})) && ({known.at(g).truth()})",
            lambda g: f"(!has({path}) ? false : ({known.at(g).truth()})) && ({known.at(g).truth()})",
        )

    def at(self, other: "Grammar") -> "Grammar":
        """Returns the grammar as deep as another."""
        return replace(self, deep=other.deep)

    def choice(self, write: Callable[["Grammar"], str]) -> str:
        """Writes a choice of two."""
        return f"(({self.truth()}) ? ({write(self)}) : ({write(self)}))"


@st.composite
def expressions(draw: Callable[..., Any]) -> Checked:
    """Returns an expression that was admitted."""
    source = Grammar(draw).truth()
    return admitted(source)


def admitted(source: str) -> Checked:
    """Returns the checked expression; one that is too large is passed over."""
    try:
        return check(source, SCOPE, given=GIVEN, domains=DOMAINS)
    except ExpressionError as error:
        assume("64 bits" not in error.message)
        assume("nested too deeply" not in error.message)
        assume("longer than" not in error.message)
        raise


def refusal(source: str) -> ExpressionError | None:
    """Returns what a source is refused with, if it is."""
    try:
        check(source, SCOPE, given=GIVEN, domains=DOMAINS)
    except ExpressionError as error:
        return error
    return None


def row(**fields: object) -> tuple[SimpleNamespace, SimpleNamespace]:
    """Returns a row in which everything optional is absent but for what is given."""
    eye = {"base": 50, "shift": 0, "width": 0, "vast": 0, "traced": False, "edge": "bevel"}
    lens = {"material": "", "second": "", "account": "", "coatings": (), "tags": ()}
    made = []
    for noun, known in (EYE, eye), (LENS, lens):
        names = [field.name for field in noun.fields]
        made.append(SimpleNamespace(**{name: fields.get(name, known.get(name)) for name in names}))
    return made[0], made[1]


@settings(max_examples=250, deadline=None)
@given(checked=expressions(), facts=rows)
def test_closure_columns_and_cel_agree(checked: Checked, facts: list[tuple[SimpleNamespace, SimpleNamespace]]) -> None:
    """On everything that is admitted, for every spec, absent fields included; and none of them raises."""
    by_closure = [closure(checked)(*nouns) for nouns in facts]
    by_columns = columns(checked)(columns_of(SCOPE, facts, checked.reads)).tolist()
    by_cel = [reference(checked)(*nouns) for nouns in facts]

    assert by_closure == by_columns == by_cel
    assert {type(answer) for answer in by_closure} == {bool}


@settings(max_examples=100, deadline=None)
@given(checked=expressions(), facts=rows)
def test_every_number_stays_within_what_its_node_says(
    checked: Checked, facts: list[tuple[SimpleNamespace, SimpleNamespace]]
) -> None:
    """The bounds of the typed tree are what the proof of 64 bits stands on."""
    laid_out = columns_of(SCOPE, facts)
    for node in walk(checked.root):
        if kind(node) is INT and isinstance(node, Numeric):
            values = _column(node)(laid_out)
            assert (values >= node.low).all()
            assert (values <= node.high).all()


@settings(max_examples=100, deadline=None)
@given(checked=expressions())
def test_a_tree_reads_back_from_how_it_is_written(checked: Checked) -> None:
    """The text of a node is the same expression, with every bracket written."""
    text = str(checked.root)

    assert str(admitted(text).root) == text


TOKENS = (
    *("eye.sphere", "eye.axis", "eye.base", "lens.material", "lens.coatings", "eye", "given.low", "given.", "D(1.00)"),
    *("has(", "size(", "math.abs(", "math.greatest(", "(", ")", "[", "]", "{", "}", ",", ":", "?", ".", "\n", "#"),
    *("&&", "||", "!", "==", "<", "+", "-", "*", "/", "%", "in", "0", "25", "1.5", "1e9", "2u", "null", "true"),
    *(
        '"cr39"',
        '"',
        "b''",
        ".exists(x, x)",
        ".map(x, x)",
        "é",
        "😀",
        "\x00",
        "\ud800",
        "9" * 30,
        "D(",
        "mm(",
        "_",
        "\\",
    ),
)


@settings(max_examples=300, deadline=None)
@given(tokens=st.lists(st.sampled_from(TOKENS), max_size=9), between=st.sampled_from(["", " "]))
def test_whatever_is_written_is_admitted_or_refused_at_a_place(tokens: Collection[str], between: str) -> None:
    """No source makes the check fail in another way, and the place lies in the source or just behind it."""
    source = between.join(tokens)
    lines = source.split("\n")
    refused = refusal(source)
    if refused:
        assert 1 <= refused.line <= len(lines)
        assert 1 <= refused.column <= len(lines[refused.line - 1]) + 1
        assert refused.message
    else:
        assert closure(admitted(source))(*row(sphere=0, axis=90)) in {True, False}


@pytest.mark.parametrize("divisor", [1, 7, 25])
@pytest.mark.parametrize("dividend", [INT64_MIN, -51, -50, -25, -24, -1, 0, 1, 24, 25, 51, INT64_MAX])
def test_division_rounds_towards_zero_as_cel_does(dividend: int, divisor: int) -> None:
    """Where Python rounds down, and at both ends of 64 bits."""
    facts = row(vast=dividend)
    towards_zero = abs(dividend) // divisor * (1 if dividend >= 0 else -1)
    rest = dividend - towards_zero * divisor
    for source in (f"eye.vast / {divisor} == {towards_zero}", f"eye.vast % {divisor} == {rest}"):
        checked = admitted(source)
        assert closure(checked)(*facts)
        assert columns(checked)(columns_of(SCOPE, [facts])).all()
        assert reference(checked)(*facts)


@pytest.mark.parametrize("shift", range(-3, 5))
def test_a_small_number_below_zero_is_divided_like_any_other(shift: int) -> None:
    """What is above zero for certain is divided in a shorter way, and nothing else."""
    checked = admitted("eye.shift % 2 == -1 || eye.shift / 2 == -1")

    assert closure(checked)(*row(shift=shift)) == reference(checked)(*row(shift=shift)) == (shift < 0)


@pytest.mark.parametrize("source", ["eye.vast + 1", "eye.vast - 1", "-eye.vast", "math.abs(eye.vast)", "eye.vast * 2"])
def test_a_number_that_could_leave_64_bits_by_one_is_refused(source: str) -> None:
    """So that CEL, which fails there, and Python, which does not, cannot differ."""
    refused = refusal(f"{source} > 0")

    assert refused
    assert "beyond 64 bits" in refused.message
    assert refusal("eye.vast + 0 > 0 && eye.vast / 1 > 0 && eye.vast * 1 > 0") is None


SPANS = ((-7, -2), (-3, 4), (0, 5), (2, 2), (-3, 0))


@pytest.mark.parametrize("x", SPANS)
@pytest.mark.parametrize("y", SPANS)
@pytest.mark.parametrize(
    "source",
    [
        *("-n.x", "math.abs(n.x)", "n.x + n.y", "n.x - n.y", "n.x * n.y", "math.greatest(n.x, n.y)"),
        *("math.least(n.x, n.y)", "n.x / 3", "n.x % 3", "n.x % 25", "(n.yes ? n.x : n.y)"),
    ],
)
def test_the_bounds_of_a_number_are_those_of_what_it_is_made_of(
    source: str, x: tuple[int, int], y: tuple[int, int]
) -> None:
    """They are reached, both of them; only a remainder may stay within."""
    noun = Noun("n", (Field("x", INT, None, *x), Field("y", INT, None, *y), Field("yes", BOOL)))
    scope = Scope("test", (noun,))
    asked = check(f"{source} == 0", scope).root
    assert isinstance(asked, Comparison)
    assert isinstance(asked.left, Numeric)
    every = product(range(x[0], x[1] + 1), range(y[0], y[1] + 1), (True, False))
    values = _column(asked.left)(columns_of(scope, [(SimpleNamespace(x=x, y=y, yes=yes),) for x, y, yes in every]))

    reached = (int(values.min()), int(values.max()))
    said = (asked.left.low, asked.left.high)
    assert said[0] <= reached[0]
    assert said[1] >= reached[1]
    assert "%" in source or said == reached


def test_an_absent_number_stands_within_the_bounds_of_its_field() -> None:
    """As 0 where that is one of its values, as the nearest to it where it is not."""
    laid_out = columns_of(SCOPE, [row()])

    absent = {path: laid_out.numbers[path].tolist() for path in ("eye.sphere", "eye.axis", "eye.owed")}
    assert absent == {"eye.sphere": [0], "eye.axis": [1], "eye.owed": [-5]}
    assert not any(mask.any() for mask in laid_out.present.values())


def test_columns_refuse_a_number_beyond_the_bounds_of_its_field() -> None:
    """The bounds are what keeps the arithmetic within 64 bits."""
    with pytest.raises(ValueError, match=r"eye.axis is 181 in some row; it lies between 1 and 180"):
        columns_of(SCOPE, [row(axis=180), row(axis=181)])


def test_columns_lay_out_what_is_read_and_no_more() -> None:
    """An expression says which fields it looks at."""
    checked = admitted('has(eye.sphere) && eye.sphere < given.low && "hc" in lens.coatings')

    laid_out = columns_of(SCOPE, [row(sphere=-801, coatings=("hc",)), row(sphere=-801), row()], checked.reads)

    assert (set(laid_out.numbers), set(laid_out.members)) == ({"eye.sphere"}, {"lens.coatings"})
    assert columns(checked)(laid_out).tolist() == [True, False, False]


def test_a_text_that_no_row_has_is_not_the_first_one_there_is() -> None:
    """Columns know the texts that occur; an expression may speak of others."""
    facts = columns_of(SCOPE, [row(material="cr39", coatings=("hc",)), row(material="poly")])

    assert columns(admitted('lens.material == "mr8" || "ar" in lens.coatings'))(facts).tolist() == [False, False]
    assert columns(admitted('lens.material in ["mr8", "poly"]'))(facts).tolist() == [False, True]


def test_what_never_changes_still_answers_every_row() -> None:
    """And no rows have no answers."""
    always = admitted("given.low < D(1.00)")

    assert columns(always)(columns_of(SCOPE, [row(), row()])).tolist() == [True, True]
    assert columns(always)(columns_of(SCOPE, [])).tolist() == []
