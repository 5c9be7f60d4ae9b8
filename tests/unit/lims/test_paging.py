"""Page tokens and sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import PageTokenInvalid
from services.lims.model import State
from services.lims.paging import page_size, read_token, write_token

states = st.frozensets(st.sampled_from(State))


@given(after=st.integers(1, 2**63 - 1), states=states)
def test_a_token_reads_back_under_its_own_filter(after: int, states: frozenset[State]) -> None:
    """And is short enough for the contract."""
    token = write_token(after, states)

    assert read_token(token, states) == after
    assert len(token) <= 128


@given(states, states)
def test_a_token_is_refused_under_another_filter(one: frozenset[State], other: frozenset[State]) -> None:
    """It would skip jobs."""
    if one != other:
        with pytest.raises(PageTokenInvalid):
            read_token(write_token(7, one), other)


@given(st.text(min_size=1))
def test_whatever_is_no_token_is_refused_and_nothing_else_happens(text: str) -> None:
    """A foreign token is the caller's mistake, not a fault of ours."""
    with pytest.raises(PageTokenInvalid):
        read_token(text, frozenset())


@pytest.mark.parametrize(("asked", "size"), [(0, 50), (1, 1), (500, 500), (501, 500)])
def test_a_page_is_as_large_as_asked_within_bounds(asked: int, size: int) -> None:
    """0 is the default."""
    assert page_size(asked, default=50, most=500) == size
