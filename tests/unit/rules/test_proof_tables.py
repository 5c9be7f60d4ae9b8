"""The boxes of a table: what they tell is what asking the table at every point tells."""

from dataclasses import dataclass, replace
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from rules.catalog import Catalog
from rules.expression.view import Field, Kind, Noun, Scope
from rules.proof import tables
from rules.tables import NOT_SAID, Column, Condition, Hit, Is, OneOf, Output, Row, SomeOf, Table, Within, firing
from rules.units import Unit


@dataclass
class Thing:
    """A noun with a field of every kind."""

    number: int | None
    text: str
    texts: tuple[str, ...]
    truth: bool


WORDS = ("", "a", "b", "c")
GROUPS = {"a": "one", "b": "one"}
FIELDS = (
    Field("number", Kind.INT, Unit.DIOPTRE, -3, 3, optional=True),
    Field("text", Kind.TEXT, domain=WORDS),
    Field("texts", Kind.TEXTS, domain=WORDS[1:]),
    Field("truth", Kind.BOOL),
)
SCOPE = Scope("thing", (Noun("thing", FIELDS),))
COLUMNS = tuple(Column(field.name, f"thing.{field.name}", 0, field) for field in FIELDS)
SETS = ((), ("a",), ("b",), ("c",), ("a", "c"), ("b", "c"))  # a and b are of one group
EVERYTHING = [
    Thing(*values)
    for values in product((None, *range(-3, 4)), WORDS, SETS, (False, True))  # type: ignore[arg-type]
]

ends = st.none() | st.integers(-4, 4)
spans = st.tuples(ends, ends).filter(lambda span: span[0] is None or span[1] is None or span[0] <= span[1])
some = st.frozensets(st.sampled_from(WORDS[1:]), max_size=3)
conditions: dict[str, st.SearchStrategy[Condition]] = {
    "number": st.builds(Within, st.lists(spans, min_size=1, max_size=2).map(tuple), st.booleans()),
    "text": st.builds(OneOf, some, st.booleans()),
    "texts": st.builds(SomeOf, some, st.booleans(), st.just(GROUPS)),
    "truth": st.builds(Is, st.booleans()),
}
whens = st.lists(st.fixed_dictionaries({}, optional=conditions), min_size=1, max_size=6)


def table(whens: list[dict[str, Condition]], hit: Hit = Hit.FIRST) -> Table:
    """Returns a table of these rows."""
    rows = tuple(
        Row(str(number), when, {"answer": number}, "", firing("t", str(number))) for number, when in enumerate(whens)
    )
    return Table("t", SCOPE, hit, COLUMNS, {"answer": Output.DAYS}, rows)


def holding(asked: Table, thing: Thing) -> frozenset[str]:
    """Returns the rows that hold, by asking each of its conditions."""
    return frozenset(
        row.id
        for row in asked.rows
        if all(condition.holds(getattr(thing, name)) for name, condition in row.when.items())
    )


def named(asked: Table, bits: int) -> frozenset[str]:
    """Returns the rows that some bits stand for."""
    return frozenset(row.id for place, row in enumerate(asked.rows) if bits >> place & 1)


@given(whens=whens)
def test_the_boxes_are_the_sets_of_rows_that_hold_at_every_point(
    lab: Catalog, whens: list[dict[str, Condition]]
) -> None:
    """No more and no fewer; each with a point at which they do."""
    asked = table(whens)
    # an input that no row asks for is everything
    found = tables.boxes(asked, tables.axes_of(asked, lab))

    assert {named(asked, bits) for bits in found} == {holding(asked, thing) for thing in EVERYTHING}
    for bits, values in found.items():
        thing = Thing(*(values[f"thing.{field.name}"] for field in FIELDS))
        assert holding(asked, thing) == named(asked, bits)


@given(whens=whens)
def test_gaps_overlaps_and_unused_rows_are_those_of_every_point(
    lab: Catalog, whens: list[dict[str, Condition]]
) -> None:
    """Exactly: a table is gapless when the walk says so, and a row is unused when it is."""
    asked = table(whens)
    found = tables.boxes(asked, tables.axes_of(asked, lab))
    held = [holding(asked, thing) for thing in EVERYTHING]
    answers = [asked.find((thing,)) for thing in EVERYTHING]

    assert (tables.gap(found) is not None) == (None in answers)
    overlapping = {(one.id, other.id) for one, other, _ in tables.overlaps(asked, found)}
    assert overlapping == {(one, other) for rows in held for one in rows for other in rows if int(one) < int(other)}
    assert list(tables.unused(asked, found)) == [row for row in asked.rows if row not in answers]


def test_neighbours_on_the_lattice_leave_no_gap(lab: Catalog) -> None:
    """The next number behind -0.01 is 0.00; between -0.02 and 0.00 there is one."""
    whole = table([{"number": Within(((None, -1),), absent=True)}, {"number": Within(((0, None),))}])
    holed = table([{"number": Within(((None, -2),), absent=True)}, {"number": Within(((0, None),))}])

    assert tables.gap(tables.boxes(whole, tables.axes_of(whole, lab))) is None
    missed = tables.gap(tables.boxes(holed, tables.axes_of(holed, lab)))
    assert missed is not None
    assert missed["thing.number"] == -1


def test_only_what_is_available_is_asked_of_a_base_curve(lab: Catalog) -> None:
    """A design that is not made in glass leaves no gap in glass; and a sphere is always there."""
    asked = lab.tables["base-curve"]

    assert tables.gap(tables.boxes(asked, tables.axes_of(asked, lab))) is None
    lenses = {(values["lens.design"], values["lens.material"]) for values in tables._lenses(asked, lab)}
    assert lenses == set(lab.made)


def test_a_table_of_too_many_boxes_is_not_followed(lab: Catalog) -> None:
    """It says so."""
    numbers = tuple(Field(f"n{place}", Kind.INT, None, 0, 100) for place in range(4))
    columns = tuple(Column(field.name, f"thing.{field.name}", 0, field) for field in numbers)
    rows = tuple(
        Row(f"{place}-{value}", {f"n{place}": Within(((value, value),))}, {}, "", firing("t"))
        for place in range(4)
        for value in range(30)
    )
    asked = replace(table([{}]), scope=Scope("thing", (Noun("thing", numbers),)), columns=columns, rows=rows)

    try:
        tables.boxes(asked, tables.axes_of(asked, lab))
    except tables.TooManyBoxesError:
        return
    raise AssertionError


def test_what_is_not_said_is_absent() -> None:
    """The domain of a frame's material has a word for it."""
    assert "unsaid" in NOT_SAID
