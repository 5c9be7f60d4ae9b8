"""Patches of an order."""

import pytest
from lensmesh.order.v1 import order_pb2
from lensmesh.type.v1 import lens_pb2, prescription_pb2

from chassis.errors import FieldInvalid
from services.order import fields, model


def content() -> order_pb2.Order:
    """Returns what a practice wrote."""
    return order_pb2.Order(
        customer_reference="T-1",
        prescription=prescription_pb2.Prescription(
            right=prescription_pb2.EyePrescription(sphere=-1.0, cylinder=-0.5, axis=90),
        ),
        lens=lens_pb2.LensSpec(design="comfort-pal", coatings=["hc"]),
    )


def patch(**eye: float) -> order_pb2.Order:
    """Returns a patch of the right eye."""
    return order_pb2.Order(
        prescription=prescription_pb2.Prescription(right=prescription_pb2.EyePrescription(**eye)),
    )


def test_without_a_mask_every_value_present_is_taken_and_the_rest_stays() -> None:
    """A patch of one number changes one number."""
    merged = fields.merged(content(), patch(sphere=-2.0), ())
    assert merged.prescription.right.sphere == -2.0
    assert merged.prescription.right.axis == 90
    assert merged.customer_reference == "T-1"


def test_a_masked_value_that_is_absent_is_cleared() -> None:
    """Absence is a value a caller can give."""
    merged = fields.merged(content(), patch(), ["prescription.right.cylinder", "customer_reference"])
    assert not merged.prescription.right.HasField("cylinder")
    assert merged.prescription.right.HasField("axis")
    assert merged.customer_reference == ""


def test_a_masked_message_is_taken_whole() -> None:
    """What the patch's message does not have is gone."""
    merged = fields.merged(content(), patch(sphere=0.0), ["prescription"])
    assert merged.prescription.right.HasField("sphere")
    assert not merged.prescription.right.HasField("axis")


def test_a_list_is_replaced_not_extended() -> None:
    """Coatings are chosen anew."""
    merged = fields.merged(content(), order_pb2.Order(lens=lens_pb2.LensSpec(coatings=["hc-ar"])), ())
    assert list(merged.lens.coatings) == ["hc-ar"]


def test_a_zero_is_a_value() -> None:
    """Plano is not "no sphere"."""
    merged = fields.merged(content(), patch(sphere=0.0), ())
    assert merged.prescription.right.HasField("sphere")
    assert merged.prescription.right.sphere == 0.0


@pytest.mark.parametrize(
    "path",
    ["state", "name", "etag", "job", "violations", "prescription.middle", "lens.coatings.first", "", "lens..design"],
)
def test_a_mask_that_names_what_cannot_be_changed_is_refused_by_name(path: str) -> None:
    """The service's fields, unknown ones and paths into lists are refused."""
    with pytest.raises(FieldInvalid) as refusal:
        fields.merged(content(), order_pb2.Order(), [path])
    assert f"update_mask: {path}" in refusal.value.message


def test_a_patch_never_touches_what_the_service_sets() -> None:
    """State and job in a patch without a mask are ignored."""
    merged = fields.merged(content(), order_pb2.Order(state=model.SHIPPED, job="jobs/1", etag="v9"), ())
    assert merged == content()


def test_the_client_part_is_all_and_only_the_clients() -> None:
    """Every field of the message is either the client's or the service's."""
    ours = {"name", "etag", "state", "violations", "quote", "notes", "job", "lab_status", "catalog_revision"}
    ours |= {"create_time", "update_time", "submit_time"}
    assert set(model.CLIENT_FIELDS) | ours == set(order_pb2.Order.DESCRIPTOR.fields_by_name)
    full = content()
    full.state = model.SHIPPED
    full.job = "jobs/1"
    assert model.client_part(full) == content()


def test_what_goes_to_the_lab_carries_no_identity() -> None:
    """The spec has no field for a patient, a practice, a note or a reference."""
    written = content()
    written.patient_reference = "4711"
    written.notes.add(text="Mrs. Example is in a hurry")
    spec = model.job_spec(written)
    assert b"4711" not in spec.SerializeToString()
    assert {field.name for field in spec.DESCRIPTOR.fields} == {"eyes", "prescription", "frame", "lens"}
