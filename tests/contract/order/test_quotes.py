"""What an order would cost and how it would come out: told by the lab, kept on the order, forgotten with a change."""

from typing import Any

from lensmesh.order.v1 import order_pb2
from lensmesh.order.v1 import order_service_pb2 as rpc
from lensmesh.type.v1.prescription_pb2 import SIDE_LEFT, SIDE_RIGHT
from lensmesh.type.v1.quote_pb2 import Quote

from tests.contract.order.practice import DEMO, Practice
from tests.support.calls import refusal
from tests.support.orders import eye, makeable


def validated(practice: Practice, name: str) -> rpc.ValidateOrderResponse:
    """Asks the lab about an order."""
    answer: rpc.ValidateOrderResponse = practice.call("ValidateOrder", rpc.ValidateOrderRequest(name=name))
    return answer


def changed(practice: Practice, name: str, **changes: Any) -> order_pb2.Order:  # noqa: ANN401 -- fields of an order
    """Changes an order."""
    patch = order_pb2.Order(name=name, **changes)
    answer: order_pb2.Order = practice.call("UpdateOrder", rpc.UpdateOrderRequest(order=patch))
    return answer


def test_a_validation_tells_price_time_and_lenses_and_keeps_them(practice: Practice) -> None:
    """Line by line, for each lens; the draft holds the same afterwards, also in the list."""
    drafted = practice.create()
    assert not drafted.HasField("quote")
    answer = validated(practice, drafted.name)

    quote = answer.quote
    assert sum(line.amount.minor_units for line in quote.price.lines) == quote.price.total.minor_units > 0
    assert quote.lead_time_days > 0
    assert quote.catalog_revision == answer.catalog_revision
    assert [lens.side for lens in quote.lenses] == [SIDE_RIGHT, SIDE_LEFT]
    for lens in quote.lenses:
        assert lens.blank_diameter > 50
        assert 0 < lens.edge_thinnest <= lens.edge_thickest
        assert lens.centre_thickness > 0
        assert lens.weight > 0
    kept = practice.get(drafted.name)
    assert (kept.quote, kept.etag, kept.catalog_revision) == (quote, drafted.etag, answer.catalog_revision)
    listed = practice.call("ListOrders", rpc.ListOrdersRequest(parent=DEMO, page_size=1)).orders
    assert [order.quote for order in listed] == [quote]


def test_a_change_forgets_the_quote_and_another_validation_tells_the_new_one(practice: Practice) -> None:
    """A price that is not that of the order is worse than none."""
    drafted = practice.create()
    before = validated(practice, drafted.name).quote
    assert not changed(practice, drafted.name, lens={"coatings": ["hc"]}).HasField("quote")
    assert not practice.get(drafted.name).HasField("quote")
    after = validated(practice, drafted.name).quote
    assert after.price.total.minor_units != before.price.total.minor_units
    assert [lens.weight for lens in after.lenses] == [lens.weight for lens in before.lenses]


def test_a_note_keeps_the_quote(practice: Practice) -> None:
    """It changes nothing of what is made."""
    drafted = practice.create()
    quote = validated(practice, drafted.name).quote
    assert practice.call("AddNote", rpc.AddNoteRequest(name=drafted.name, text="hello")).quote == quote


def test_an_order_that_cannot_be_made_has_a_price_but_no_lenses(practice: Practice) -> None:
    """So a form shows what it will cost while it is still being written."""
    drafted = practice.create(prescription={"right": eye(add=0.0), "left": eye()})
    answer = validated(practice, drafted.name)
    assert not answer.accepted
    assert answer.quote.price.total.minor_units > 0
    assert not answer.quote.lenses


def test_an_order_of_nothing_yet_is_validated_without_a_quote(practice: Practice) -> None:
    """There is nothing to charge."""
    drafted = practice.call("CreateOrder", rpc.CreateOrderRequest(parent=DEMO, order=order_pb2.Order()))
    assert not validated(practice, drafted.name).HasField("quote")


def test_an_order_at_the_lab_holds_what_it_was_accepted_at(practice: Practice) -> None:
    """Whether or not it was validated before; and keeps it while it is made."""
    promised = practice.create()
    quote = validated(practice, promised.name).quote
    assert practice.submit(promised.name).quote == quote

    sent = practice.submit(practice.create().name)
    assert (sent.quote, sent.quote.catalog_revision) == (quote, sent.catalog_revision)
    assert practice.get(sent.name).quote == quote


def test_an_order_the_lab_refuses_keeps_what_was_said(practice: Practice, optician: str) -> None:
    """The refusal adds its objections."""
    drafted = practice.create(prescription={"right": eye(add=0.0), "left": eye()})
    quote = validated(practice, drafted.name).quote
    refused = refusal(practice.stub.SubmitOrder, rpc.SubmitOrderRequest(name=drafted.name), optician)
    assert refused.reason == "NOT_MAKEABLE"
    kept = practice.get(drafted.name)
    assert kept.violations
    assert kept.quote == quote


def test_a_quote_that_a_caller_sends_is_ignored(practice: Practice) -> None:
    """It is the lab's to say; an order can be sent back as it was read."""
    sent = makeable(quote=Quote(lead_time_days=0, catalog_revision=7))
    drafted = practice.call("CreateOrder", rpc.CreateOrderRequest(parent=DEMO, order=sent))
    assert not drafted.HasField("quote")
    validated(practice, drafted.name)
    assert not practice.call("UpdateOrder", rpc.UpdateOrderRequest(order=practice.get(drafted.name))).HasField("quote")
