"""The one error shape: what every error carries, and that the registry of reasons is whole."""

import re
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2
from lensmesh.errors.v1 import reason_pb2

from chassis import errors, interceptor
from chassis.errors import FieldInvalid, Internal, MeshError, Unavailable

_ROOT = Path(__file__).parents[3]
_REGISTRY = (_ROOT / "proto/lensmesh/errors/v1/reason.proto").read_text()
_ROOMS = ("chassis", "gateway", "services", "lims_client", "cli", "runtime")
REASONS = {errors.travelling_name(name): name for name, number in reason_pb2.Reason.items() if number}


def tree(root: type[MeshError] = MeshError) -> Iterator[type[MeshError]]:
    """Yields every error of the chassis."""
    for each in root.__subclasses__():
        if each.__module__ == errors.__name__:
            yield each
            yield from tree(each)


ERRORS = list(tree())


def made(error: type[MeshError]) -> MeshError:
    """Returns such an error."""
    return error([("order.name", "must be a name")]) if issubclass(error, FieldInvalid) else error("what is wrong")  # type: ignore[arg-type]


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_carries_its_code_and_a_reason_of_the_registry(error: type[MeshError]) -> None:
    """As ErrorInfo, in our domain, beside a sentence."""
    status = made(error).status()
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.domain == "lensmesh"
    assert info.reason in REASONS
    assert status.code == error.code.value[0] != grpc.StatusCode.OK.value[0]
    assert status.message


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_has_the_code_that_the_registry_documents_for_its_reason(error: type[MeshError]) -> None:
    """One reason, one code, as written in the contract."""
    assert f" {error.code.name}." in comment_of(REASONS[error.reason])


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_is_drawn_in_the_modules_tree(error: type[MeshError]) -> None:
    """With its reason."""
    assert re.search(rf"── {error.__name__} +{error.reason}\b", errors.__doc__ or "")


def comment_of(name: str) -> str:
    """Returns the comment of a reason in the registry."""
    found = re.search(rf"((?: *//.*\n)+) *{name} = ", _REGISTRY)
    assert found, f"{name} has no comment"
    return " ".join(line.strip().removeprefix("//").strip() for line in found[1].splitlines())


@pytest.mark.parametrize("name", sorted(REASONS.values()))
def test_every_reason_is_documented_with_a_code_and_an_example(name: str) -> None:
    """A program branches on it; its author must know when it comes."""
    comment = comment_of(name)
    assert "Example: " in comment
    assert any(f" {code.name}" in comment for code in grpc.StatusCode)


@pytest.mark.parametrize("name", sorted(REASONS.values()))
def test_every_reason_is_given_somewhere(name: str) -> None:
    """A reason that nothing gives is a promise that nothing keeps."""
    sources = (file.read_text() for room in _ROOMS for file in (_ROOT / room).rglob("*.py"))
    assert any(re.search(rf"\b{name}\b", source) for source in sources)


def test_invalid_fields_are_named_each_with_what_it_must_be() -> None:
    """In the details all, in the sentence the first five."""
    error = FieldInvalid([(f"field{number}", "must be something else") for number in range(7)])
    bad = error_details_pb2.BadRequest()
    assert error.status().details[1].Unpack(bad)
    assert [violation.field for violation in bad.field_violations] == [f"field{number}" for number in range(7)]
    assert error.message.startswith("field0: must be something else; field1: ")
    assert error.message.endswith("; and 2 more")
    assert error.metadata == {"field": "field0"}


def test_no_more_fields_are_named_than_a_trailer_holds() -> None:
    """And the sentence says how many there are."""
    error = FieldInvalid([(f"radii[{number}]", "must be a radius") for number in range(1000)])
    bad = error_details_pb2.BadRequest()
    assert error.status().details[1].Unpack(bad)
    assert len(bad.field_violations) == 25
    assert error.message.endswith("; and 995 more")
    assert interceptor._fitting(error.status()) == error.status(), "it fits as it is"


def test_what_does_not_fit_into_a_trailer_leaves_its_last_details_not_its_reason() -> None:
    """Also with a sentence longer than anybody reads."""
    huge = error_details_pb2.DebugInfo(detail="x" * 40_000)
    small = error_details_pb2.Help()
    status = interceptor._fitting(Internal("é" * 5000, metadata={"trace_id": "1"}, details=(small, huge)).status())
    assert [detail.TypeName().rpartition(".")[2] for detail in status.details] == ["ErrorInfo", "Help"]
    assert status.ByteSize() < 24 * 1024
    assert status.message.endswith("é…")


def test_unavailable_says_when_to_try_again() -> None:
    """In the details."""
    retry = error_details_pb2.RetryInfo()
    assert Unavailable("later", retry_after_seconds=2.5).status().details[1].Unpack(retry)
    assert retry.retry_delay.ToMilliseconds() == 2500
