"""Decision tables: which row answers."""

from dataclasses import dataclass
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from rules.expression.view import Field, Kind, Noun, Scope
from rules.tables import Column, Condition, Hit, Is, OneOf, Output, Row, SomeOf, Table, Within, firing
from rules.units import Unit

TEXTS = ("a", "b", "c", "d")
GROUPS = {"a": "one", "b": "one", "c": "two"}


@dataclass
class Thing:
    """A noun with a field of every kind."""

    number: int | None
    text: str
    texts: tuple[str, ...]
    truth: bool


FIELDS = (
    Field("number", Kind.INT, Unit.DIOPTRE, -100, 100, optional=True),
    Field("text", Kind.TEXT),
    Field("texts", Kind.TEXTS),
    Field("truth", Kind.BOOL),
)
SCOPE = Scope("thing", (Noun("thing", FIELDS),))
COLUMNS = tuple(Column(field.name, f"thing.{field.name}", 0, field) for field in FIELDS)

numbers = st.integers(-12, 12)
ends = st.none() | numbers


def _ordered(span: tuple[int | None, int | None]) -> bool:
    return span[0] is None or span[1] is None or span[0] <= span[1]


spans = st.tuples(ends, ends).filter(_ordered)
values = st.frozensets(st.sampled_from(TEXTS), max_size=3)
conditions: dict[str, st.SearchStrategy[Condition]] = {
    "number": st.builds(Within, st.lists(spans, min_size=1, max_size=2).map(tuple), st.booleans()),
    "text": st.builds(OneOf, values, st.booleans()),
    "texts": st.builds(SomeOf, values, st.booleans(), st.just(GROUPS)),
    "truth": st.builds(Is, st.booleans()),
}
whens = st.fixed_dictionaries({}, optional=conditions)
things = st.builds(
    Thing,
    number=st.none() | numbers,
    text=st.sampled_from(("", "unsaid", "e", *TEXTS)),
    texts=st.lists(st.sampled_from(("e", *TEXTS)), max_size=3, unique=True).map(tuple),
    truth=st.booleans(),
)


def table(*whens: dict[str, Condition]) -> Table:
    """Returns a table of these rows."""
    rows = tuple(
        Row(str(number), when, {"answer": number}, "", firing("t", str(number))) for number, when in enumerate(whens)
    )
    return Table("t", SCOPE, Hit.FIRST, COLUMNS, {"answer": Output.DAYS}, rows)


def holds(row: Row, thing: Thing) -> bool:
    """Tells whether a row holds, by asking each of its conditions."""
    return all(condition.holds(getattr(thing, name)) for name, condition in row.when.items())


@given(rows=st.lists(whens, max_size=12), thing=things)
def test_the_index_finds_what_reading_row_by_row_finds(rows: list[dict[str, Condition]], thing: Thing) -> None:
    """The first row whose conditions all hold, or none."""
    asked = table(*rows)

    assert asked.find((thing,)) == next((row for row in asked.rows if holds(row, thing)), None)


@given(rows=st.lists(whens, min_size=2, max_size=4), thing=things)
def test_two_rows_that_hold_at_once_are_known_to_meet(rows: list[dict[str, Condition]], thing: Thing) -> None:
    """So of a unique table, where none meet, one row holds at most."""
    groups = [GROUPS[each] for each in thing.texts if each in GROUPS]
    if len(set(groups)) < len(groups):
        return  # such a lens clashes with itself, and is refused
    for one, other in combinations(table(*rows).rows, 2):
        if holds(one, thing) and holds(other, thing):
            assert one.meets(other)
            assert other.meets(one)


@given(one=whens, other=whens, thing=things)
def test_a_row_that_covers_another_holds_wherever_that_does(
    one: dict[str, Condition], other: dict[str, Condition], thing: Thing
) -> None:
    """Behind it, the other one is never used."""
    wide, narrow = table(one, other).rows

    if wide.covers(narrow) and holds(narrow, thing):
        assert holds(wide, thing)


def test_intervals_that_touch_meet_and_neighbours_do_not() -> None:
    """Both ends belong to an interval; on the lattice the next one begins a hundredth further."""
    assert Within(((None, -25),)).meets(Within(((-25, None),)))
    assert not Within(((None, -25),)).meets(Within(((-24, None),)))


def test_coatings_of_one_group_are_never_on_one_lens_and_others_may_be() -> None:
    """So rows for each of a group are apart, and rows for two groups are not."""
    assert not SomeOf(frozenset({"a"}), groups=GROUPS).meets(SomeOf(frozenset({"b"}), groups=GROUPS))
    assert SomeOf(frozenset({"a"}), groups=GROUPS).meets(SomeOf(frozenset({"c"}), groups=GROUPS))
    assert SomeOf(frozenset({"d"}), groups=GROUPS).meets(SomeOf(frozenset({"a"}), groups=GROUPS))


def test_what_is_absent_meets_no_interval_and_no_text() -> None:
    """A row asks for it by name."""
    nothing = Thing(None, "", (), truth=False)

    assert table({"number": Within(((None, None),))}).find((nothing,)) is None
    assert table({"text": OneOf(frozenset(TEXTS))}).find((nothing,)) is None
    assert table({"texts": SomeOf(frozenset(TEXTS))}).find((nothing,)) is None
    for name in ("number", "text", "texts"):
        absent: dict[str, Condition] = {"number": Within((), absent=True), "text": OneOf(frozenset(), absent=True)}
        when: dict[str, Condition] = {name: absent.get(name, SomeOf(frozenset(), absent=True))}
        assert table(when).find((nothing,)) is not None


def test_a_table_without_a_row_answers_as_if_the_row_had_never_been_there() -> None:
    """The next one that holds is found."""
    asked = table({}, {})

    first, second = (
        asked.find((Thing(0, "", (), truth=True),)),
        asked.without("0").find((Thing(0, "", (), truth=True),)),
    )
    assert (first, second) == asked.rows
