"""The door between the contract's messages and the lab's nouns."""

from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message
from lensmesh.lims.v1.job_pb2 import Job, JobSpec
from lensmesh.type.v1 import frame_pb2, prescription_pb2
from lensmesh.type.v1.frame_pb2 import EyeTrace, Trace
from lensmesh.type.v1.frame_pb2 import Frame as FrameMessage
from lensmesh.type.v1.lens_pb2 import LensSpec
from lensmesh.type.v1.prescription_pb2 import EyePrescription

from optics.dcs.interpretation import interpret
from optics.dcs.records import parse
from rules import lab_file
from rules.load import load
from rules.spec import EdgeType, Eye, Eyes, Frame, FrameMaterial, Lens, Radii, Spec, Traces
from runtime.settings import PROJECT
from services.lims import messages, starter
from services.lims.model import State


def test_every_hundredth_of_the_contract_s_range_becomes_itself() -> None:
    """A double on the lattice turns into its integer exactly, over the whole range of every field."""
    assert all(messages.hundredths(whole / 100) == whole for whole in range(-11_000, 11_001))


def test_an_empty_message_is_an_empty_spec() -> None:
    """Absent is not zero."""
    assert messages.spec(messages.ordered(JobSpec())) == Spec()


def test_zero_is_a_value() -> None:
    """A plano sphere is given."""
    message = JobSpec()
    message.prescription.left.sphere = 0
    message.prescription.left.axis = 180

    assert messages.spec(messages.ordered(message)).left == Eye(sphere=0, axis=180)


@pytest.mark.parametrize(
    ("noun", "message", "apart"),
    [
        (Eye, EyePrescription, {}),
        (Frame, FrameMessage, {"trace": "traces"}),
        (Traces, Trace, {}),
        (Radii, EyeTrace, {}),
        (Lens, LensSpec, {}),
    ],
)
def test_the_rules_nouns_have_the_contract_s_fields(
    noun: type[Eye | Frame | Traces | Radii | Lens], message: type[Message], apart: dict[str, str]
) -> None:
    """A field added to the contract is not forgotten here."""
    told = {apart.get(name, name) for name in message.DESCRIPTOR.fields_by_name}
    assert {field.name for field in fields(noun)} == told


def test_a_trace_arrives_as_it_was_sent() -> None:
    """Also one that is no shape: the rules say so, at its field. What was not traced is absent."""
    message = JobSpec()
    message.frame.trace.right.radii[:] = [2500, 0, 2600]
    message.frame.trace.right.angles[:] = [0, 9000, 4500]
    read = messages.spec(messages.ordered(message)).frame.traces
    assert read == Traces(right=Radii((2500, 0, 2600), (0, 9000, 4500)))
    assert messages.spec(messages.ordered(JobSpec())).frame.traces == Traces()


def test_an_account_is_the_specs_and_not_in_what_is_made() -> None:
    """It chooses the price list; the job's spec is the same for every account."""
    one, other = messages.ordered(JobSpec()), messages.ordered(JobSpec(), "100200")
    assert (messages.spec(one).account, messages.spec(other).account) == ("", "100200")
    assert one.content == other.content


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


@pytest.mark.parametrize("sample", ["progressive-job.oma", "single-vision-job.oma", "frame-only.oma"])
def test_a_spec_is_told_as_it_is_read(sample: str) -> None:
    """Out and in again it is the same, but for the account, which is no part of the message."""
    job = interpret(parse((PROJECT / "samples" / sample).read_bytes()))
    spec = lab_file.read(job, load(starter.files())).spec

    assert messages.spec(messages.ordered(messages.spec_message(spec), spec.account)) == spec


def test_of_an_empty_spec_nothing_is_told() -> None:
    """Absent stays absent."""
    assert messages.spec(messages.ordered(messages.spec_message(Spec()))) == Spec()
