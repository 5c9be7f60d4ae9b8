"""What the lab says of an order, as its practice sees it, and the account it is asked under."""

from lensmesh.lims.v1.lims_service_pb2 import ValidateJobResponse
from lensmesh.order.v1.order_pb2 import Order
from lensmesh.type.v1.prescription_pb2 import SIDE_LEFT, SIDE_RIGHT
from lensmesh.type.v1.quote_pb2 import Price, Quote, QuotedLens
from lensmesh.type.v1.violation_pb2 import SEVERITY_ERROR

from services.order import model

PRICE = Price(list="standard", total={"currency": "EUR", "minor_units": 12800})


def test_a_quote_holds_what_a_practice_needs_of_a_plan() -> None:
    """Blank, thicknesses and weight of each lens; not the curves and programs it is made by."""
    plan = {"blank": "sf-70", "blank_diameter": 70.0, "base": 4.0, "centre_thickness": 2.0, "edge_thinnest": 2.1}
    plan |= {"edge_thickest": 3.75, "weight": 6.8, "programs": [{"step": "generate", "program": "PAL"}]}
    answer = ValidateJobResponse(
        price=PRICE,
        lead_time_days=0,
        catalog_revision=7,
        lenses=[{"side": SIDE_RIGHT, **plan}, {"side": SIDE_LEFT, **plan}],
    )
    lens = {"blank_diameter": 70.0, "centre_thickness": 2.0, "edge_thinnest": 2.1, "edge_thickest": 3.75, "weight": 6.8}
    assert model.quote(answer) == Quote(
        price=PRICE,
        lead_time_days=0,
        catalog_revision=7,
        lenses=[QuotedLens(side=SIDE_RIGHT, **lens), QuotedLens(side=SIDE_LEFT, **lens)],
    )


def test_what_the_lab_does_not_say_is_absent() -> None:
    """A price without a time, a time without a price, and nothing of either is no quote."""
    assert model.quote(ValidateJobResponse(price=PRICE)) == Quote(price=PRICE)
    assert model.quote(ValidateJobResponse(lead_time_days=3)) == Quote(lead_time_days=3)
    assert model.quote(ValidateJobResponse(accepted=False, catalog_revision=7)) is None


def test_an_order_goes_under_the_account_it_names_or_the_usual_one() -> None:
    """The first of the practice's accounts is the usual one; a practice may have none."""
    assert model.account_of(Order(account="2"), ["1", "2"]) == "2"
    assert model.account_of(Order(), ["1", "2"]) == "1"
    assert model.account_of(Order(), []) == ""


def test_an_account_that_is_not_the_practices_is_objected_to_with_those_that_are() -> None:
    """As an error: it would be charged to somebody else."""
    assert model.account_objection(Order(account="2"), ["1", "2"]) is None
    assert model.account_objection(Order(), []) is None
    objection = model.account_objection(Order(account="3"), ["1", "2"])
    assert objection is not None
    assert (objection.field, objection.severity, list(objection.alternatives)) == (
        "account",
        SEVERITY_ERROR,
        ["1", "2"],
    )
