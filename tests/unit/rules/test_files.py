"""A catalog's files as texts: what is read, what is refused, and which area each belongs to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import files
from rules.files import Area, FileError

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
DATA = st.recursive(TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))


@given(content=st.dictionaries(TEXTS, DATA, max_size=4))
def test_what_is_written_is_read_again(content: object) -> None:
    """As it was: every scalar a text, so that no number is rounded."""
    assert files.read(files.written(content)) == content


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\na: 2", "line 2: 'a' stands there twice"),
        ("a: &it 1\nb: *it", "line 2: .*aliases are not read"),
        ("--- {a: 1}\n--- {b: 1}", "line 2: a second document begins"),
        ("? [a]\n: b", "line 1: a list or mapping cannot be the name of a field"),
        ("a: [1", "line 2: "),
        ("a: \x00", "is no YAML text"),
        ("[" * 100_000, "line 1: is nested more than 16 deep"),
    ],
)
def test_what_a_reviewer_would_not_see_is_refused(text: str, says: str) -> None:
    """At its line; also what would exhaust the stack of who reads it."""
    with pytest.raises(FileError, match=says):
        files.read(text)


@pytest.mark.parametrize(
    ("text", "area"),
    [
        ("", Area.CATALOG),
        ("- a list", Area.CATALOG),
        ("constraints: []", Area.CONSTRAINTS),
        ("constraints: []\ntables: []", Area.CATALOG),
        ("tolerances: []", Area.TOLERANCES),
        ("tables: []", Area.TABLES),
        ("tables: nothing", Area.TABLES),
        ("tables: [{id: routes}]", Area.TABLES),
        ("tables: [{id: routes}, {id: coating, charge: coating}]", Area.TABLES),
        ("tables: [{id: price-list}, {id: coating, charge: coating}]", Area.PRICES),
    ],
)
def test_a_file_belongs_to_the_area_of_what_it_holds(text: str, area: Area) -> None:
    """Sections decide, and whether all tables are about money."""
    assert files.area(files.read(text)) is area
