"""The door between the contract's messages and the lab's nouns."""

from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message
from lensmesh.lims.v1.job_pb2 import Job, JobSpec
from lensmesh.type.v1 import frame_pb2, prescription_pb2
from lensmesh.type.v1.frame_pb2 import Frame as FrameMessage
from lensmesh.type.v1.lens_pb2 import LensSpec
from lensmesh.type.v1.prescription_pb2 import EyePrescription

from rules.spec import EdgeType, Eye, Eyes, Frame, FrameMaterial, Lens, Spec
from services.lims import messages
from services.lims.model import State


def test_every_hundredth_of_the_contract_s_range_becomes_itself() -> None:
    """A double on the lattice turns into its integer exactly, over the whole range of every field."""
    assert all(messages.hundredths(whole / 100) == whole for whole in range(-11_000, 11_001))


def test_an_empty_message_is_an_empty_spec() -> None:
    """Absent is not zero."""
    assert messages.ordered(JobSpec()).spec == Spec()


def test_zero_is_a_value() -> None:
    """A plano sphere is given."""
    message = JobSpec()
    message.prescription.left.sphere = 0
    message.prescription.left.axis = 180

    assert messages.ordered(message).spec.left == Eye(sphere=0, axis=180)


@pytest.mark.parametrize(
    ("noun", "message", "apart"),
    [(Eye, EyePrescription, set()), (Frame, FrameMessage, {"trace"}), (Lens, LensSpec, set())],
)
def test_the_rules_nouns_have_the_contract_s_fields(
    noun: type[Eye | Frame | Lens], message: type[Message], apart: set[str]
) -> None:
    """A field added to the contract is not forgotten here; a trace is no business of the tables."""
    assert {field.name for field in fields(noun)} == set(message.DESCRIPTOR.fields_by_name) - apart


@pytest.mark.parametrize(
    ("table", "enum", "nouns"),
    [
        (messages._EYES, prescription_pb2.Eyes, Eyes),
        (messages._FRAME_MATERIALS, frame_pb2.FrameMaterial, FrameMaterial),
        (messages._EDGE_TYPES, frame_pb2.EdgeType, EdgeType),
    ],
)
def test_every_value_of_an_enumeration_has_its_noun(
    table: Mapping[int, StrEnum], enum: EnumTypeWrapper, nouns: type[StrEnum]
) -> None:
    """Both ways, none left out."""
    assert set(table) == set(enum.values())
    assert set(table.values()) == set(nouns)


def test_the_states_are_the_contract_s() -> None:
    """By name, so that neither side can drift."""
    assert {f"STATE_{state}" for state in State} == set(Job.State.keys()) - {"STATE_UNSPECIFIED"}


def test_one_spec_has_one_serialization() -> None:
    """However it was put together."""
    one, other = JobSpec(), JobSpec()
    one.lens.design, one.eyes = "comfort-pal", prescription_pb2.EYES_BOTH
    other.eyes, other.lens.design = prescription_pb2.EYES_BOTH, "comfort-pal"

    assert messages.ordered(one).content == messages.ordered(other).content
