"""Pages of a list."""

import base64
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lensmesh.lims.v1.lims_service_pb2 import ListJobsRequest
from lensmesh.order.v1.order_service_pb2 import ListOrdersRequest

from chassis import pages
from chassis.errors import PageTokenInvalid

DEMO = ListOrdersRequest(parent="practices/demo", states=[1, 2])


@pytest.mark.parametrize(("asked", "given_"), [(0, 50), (1, 1), (500, 500), (501, 500), (2**31 - 1, 500)])
def test_a_page_is_as_large_as_asked_within_the_contract(asked: int, given_: int) -> None:
    """0 is 50, more than 500 is 500."""
    assert pages.of(ListOrdersRequest(page_size=asked), str).size == given_


@given(st.text(max_size=60))
def test_a_token_continues_where_its_page_ended(last: str) -> None:
    """Whatever the list calls that place, and with another page size."""
    token = pages.of(DEMO, str).next_token(last)
    following = ListOrdersRequest(parent="practices/demo", states=[1, 2], page_size=7, page_token=token)
    assert pages.of(following, str).after == last


def test_the_token_of_a_uuid_fits_the_contracts_bound() -> None:
    """Or the next page could not be asked for."""
    assert len(pages.of(DEMO, UUID).next_token(UUID("0192f0c1-2222-7000-8000-000000000001"))) <= 128


@pytest.mark.parametrize(
    "other",
    [
        ListOrdersRequest(parent="practices/other", states=[1, 2]),
        ListOrdersRequest(parent="practices/demo", states=[1]),
        ListOrdersRequest(parent="practices/demo"),
        ListJobsRequest(states=[1, 2]),
    ],
)
def test_a_token_of_another_list_is_refused(other: ListOrdersRequest | ListJobsRequest) -> None:
    """Another practice's, with other filters, or of something else."""
    other.page_token = pages.of(DEMO, str).next_token("last")
    with pytest.raises(PageTokenInvalid, match="begin without a token"):
        pages.of(other, str)


@pytest.mark.parametrize("token", ["hello", "é", "====", "_", base64.urlsafe_b64encode(b"\xff\xff").decode(), " "])
def test_nonsense_is_refused(token: str) -> None:
    """With the same sentence."""
    with pytest.raises(PageTokenInvalid):
        pages.of(ListOrdersRequest(parent="practices/demo", page_token=token), str)


def test_a_place_that_the_list_cannot_read_is_refused() -> None:
    """A token pieced together from a real one and nonsense."""
    token = pages.of(DEMO, str).next_token("nonsense")
    with pytest.raises(PageTokenInvalid):
        pages.of(ListOrdersRequest(parent="practices/demo", states=[1, 2], page_token=token), UUID)


def test_without_a_token_a_list_begins() -> None:
    """At its beginning."""
    assert pages.of(DEMO, str).after is None
