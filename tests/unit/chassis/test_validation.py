"""The bounds of the contract, held at the door."""

import math
from collections.abc import Iterator

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.lims.v1.lims_service_pb2 import CreateJobRequest, ListJobsRequest, ValidateJobRequest
from lensmesh.options.v1 import options_pb2
from lensmesh.order.v1.order_service_pb2 import CreateOrderRequest, ListOrdersRequest, UpdateOrderRequest
from lensmesh.type.v1.prescription_pb2 import EyePrescription, Prescription

from chassis import validation
from chassis.errors import FieldInvalid, UnknownField
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


NEWER = b"\xa2\x06\x03new"  # field 100, three bytes: of a contract that is still to come
HANDOFF = "0192f0c1-2222-7000-8000-000000000001"


def messages_of(kind: Descriptor, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yields the path of every message within a message."""
    for field in kind.fields:
        if field.message_type is not None:
            yield (*path, field.name)
            yield from messages_of(field.message_type, (*path, field.name))


@pytest.mark.parametrize("path", [(), *messages_of(JobSpec.DESCRIPTOR)], ids=lambda path: ".".join(path) or "itself")
@pytest.mark.parametrize("kind", [CreateJobRequest, ValidateJobRequest])
def test_a_closed_message_holds_nothing_unknown_at_any_depth(kind: type[Message], path: tuple[str, ...]) -> None:
    """A prism that a newer client sends and an older server drops is a wrong lens."""
    request = kind(spec=JobSpec(eyes=1))
    holder = request.spec  # type: ignore[attr-defined]
    for name in path:
        holder = getattr(holder, name)
    holder.MergeFromString(NEWER)
    with pytest.raises(UnknownField, match="use its version of the contract") as error:
        validate(request)
    assert error.value.metadata["field"] == ".".join(("spec", *path, "100"))
    assert error.value.reason == "UNKNOWN_FIELD"


def test_elsewhere_a_newer_field_is_tolerated() -> None:
    """An older server serves newer clients: around a closed message, and where nothing is closed."""
    create = CreateJobRequest(handoff_id=HANDOFF, spec=JobSpec(eyes=1))
    order = CreateOrderRequest(parent="practices/demo")
    order.order.MergeFromString(NEWER)
    for request in (create, order):
        request.MergeFromString(NEWER)
        validate(request)


def test_lists_and_maps_of_a_closed_message_are_looked_through() -> None:
    """Each element is named by its place."""
    kind = descriptor_pb2.FieldDescriptorProto
    repeated, message = kind.LABEL_REPEATED, kind.TYPE_MESSAGE
    file = descriptor_pb2.FileDescriptorProto(name="t.proto", package="t", syntax="proto3")
    file.dependency.append("lensmesh/options/v1/options.proto")
    tree = file.message_type.add(name="Tree")
    tree.options.Extensions[options_pb2.closed] = True
    tree.field.add(name="branches", number=1, type=message, label=repeated, type_name=".t.Tree")
    tree.field.add(name="named", number=2, type=message, label=repeated, type_name=".t.Tree.NamedEntry")
    entry = tree.nested_type.add(name="NamedEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=kind.TYPE_STRING, label=kind.LABEL_OPTIONAL)
    entry.field.add(name="value", number=2, type=message, label=kind.LABEL_OPTIONAL, type_name=".t.Tree")
    pool = descriptor_pool.Default()
    pool.Add(file)  # type: ignore[no-untyped-call]
    made = message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Tree"))()
    made.branches.add()  # type: ignore[attr-defined]
    made.branches.add().named["oak"].MergeFromString(NEWER)  # type: ignore[attr-defined]
    with pytest.raises(UnknownField) as error:
        validate(made)
    assert error.value.metadata["field"] == "branches[1].named[oak].100"


def test_a_request_that_holds_nothing_closed_is_not_looked_through() -> None:
    """So that being careful with one message costs the others nothing."""
    assert validation._ways(ListOrdersRequest.DESCRIPTOR, False) == ()  # noqa: FBT003 -- as it is declared
    assert [kind.name for kind, _ in validation._ways(CreateJobRequest.DESCRIPTOR, False)] == ["JobSpec"]  # noqa: FBT003


def test_a_list_is_looked_at_by_its_length_before_its_items() -> None:
    """Wherever it stands, it is named alone: what is wrong with its items nobody has to work out."""
    request = CreateOrderRequest(parent="nobody")
    request.order.frame.trace.left.radii.extend([9999] * 3000)
    request.order.lens.coatings.extend(["X Y"] * 9)
    assert validation.broken(request) == [
        ("order.frame.trace.left.radii", "must hold no more than 2048 items, not 3000"),
        ("order.lens.coatings", "must hold no more than 8 items, not 9"),
    ]
