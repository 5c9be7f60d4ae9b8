"""The bounds of the contract, held at the door."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.lims.v1.lims_service_pb2 import CreateJobRequest, ListJobsRequest
from lensmesh.order.v1.order_service_pb2 import UpdateOrderRequest
from lensmesh.type.v1.prescription_pb2 import EyePrescription, Prescription

from chassis.errors import FieldInvalid
from chassis.validation import validate

BOUNDS = {  # as the comments of prescription.proto say, in hundredths
    "sphere": (-3000, 3000),
    "cylinder": (-1500, 1500),
    "add": (0, 600),
    "prism_horizontal": (-2000, 2000),
    "prism_vertical": (-2000, 2000),
    "distance_pd": (1500, 5000),
    "near_pd": (1500, 5000),
    "fitting_height": (0, 7000),
}
ON_THE_LATTICE = st.sampled_from(sorted(BOUNDS)).flatmap(
    lambda field: st.tuples(st.just(field), st.integers(*BOUNDS[field]))
)


def paths(request: object) -> list[str]:
    """Returns the paths of the fields that are refused."""
    with pytest.raises(FieldInvalid) as error:
        validate(request)  # type: ignore[arg-type]
    return [violation.field for violation in error.value.details[0].field_violations]  # type: ignore[attr-defined]


def test_a_nested_field_is_named_by_its_whole_path() -> None:
    """As the caller spells it."""
    spec = JobSpec(prescription=Prescription(left=EyePrescription(axis=190)))
    request = CreateJobRequest(handoff_id="0192f0c1-2222-7000-8000-000000000001", spec=spec)
    assert "spec.prescription.left.axis" in paths(request)


def test_an_element_of_a_list_is_named_by_its_index() -> None:
    """Each one that is wrong, not the list."""
    assert paths(ListJobsRequest(states=[1, 0, 2, 99])) == ["states[1]", "states[3]"]


def test_a_rule_over_the_whole_message_names_the_request() -> None:
    """It belongs to no one field."""
    request = UpdateOrderRequest()
    request.order.SetInParent()
    assert "request" in paths(request)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", sorted(BOUNDS))
def test_what_is_no_number_is_refused(field: str, value: float) -> None:
    """In every measure: NaN and the infinities."""
    assert paths(EyePrescription(**{field: value})) == [field] * len(paths(EyePrescription(**{field: value})))


@given(ON_THE_LATTICE)
def test_every_hundredth_within_the_bounds_passes(measure: tuple[str, int]) -> None:
    """However binary spells it."""
    field, hundredths = measure
    validate(EyePrescription(**{field: hundredths / 100}))


@given(ON_THE_LATTICE, st.sampled_from([0.001, -0.001, 0.005, 1e-9]))
def test_what_lies_beside_a_hundredth_is_refused(measure: tuple[str, int], beside: float) -> None:
    """By any third decimal, and by less."""
    field, hundredths = measure
    with pytest.raises(FieldInvalid, match=r"no more than two decimals|must be"):
        validate(EyePrescription(**{field: hundredths / 100 + beside}))


@pytest.mark.parametrize("field", sorted(BOUNDS))
def test_the_bounds_themselves_are_in_and_the_next_hundredth_is_out(field: str) -> None:
    """On both sides."""
    low, high = BOUNDS[field]
    for inside in (low, high):
        validate(EyePrescription(**{field: inside / 100}))
    for outside in (low - 1, high + 1):
        assert paths(EyePrescription(**{field: outside / 100})) == [field]


def test_nothing_said_is_nothing_wrong() -> None:
    """An absent measure was not given; zero is a value, and has to be one that can be."""
    validate(EyePrescription())
    assert paths(EyePrescription(distance_pd=0)) == ["distance_pd"]
