"""Every reply Envoy makes itself has the one shape, with a reason from the contract's registry."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from google.rpc import error_details_pb2, status_pb2
from lensmesh.errors.v1 import reason_pb2

from gateway.refusals import REFUSALS, Refusal, local_reply_config, reason_name

REASONS = {name.removeprefix("REASON_") for name in reason_pb2.Reason.keys()}  # noqa: SIM118  an enum, not a dict


def mappers() -> Iterator[tuple[Refusal, dict[str, Any], dict[str, Any]]]:
    """Pair each refusal that both protocols know with its native and its REST mapper."""
    rendered = iter(local_reply_config()["mappers"])
    native = [next(rendered) for refusal in REFUSALS if not refusal.unknown_field]
    rest = [mapper for refusal, mapper in zip(REFUSALS, rendered, strict=True) if not refusal.unknown_field]
    yield from zip((refusal for refusal in REFUSALS if not refusal.unknown_field), native, rest, strict=True)


def headers(mapper: dict[str, Any]) -> dict[str, str]:
    """Read the headers a mapper adds."""
    return {each["header"]["key"]: each["header"]["value"] for each in mapper["headers_to_add"]}


@pytest.mark.parametrize(("refusal", "native", "rest"), list(mappers()))
def test_both_protocols_say_the_same(refusal: Refusal, native: dict[str, Any], rest: dict[str, Any]) -> None:
    """Code and reason agree; the native details agree with the native message to the letter, as libraries insist."""
    shape = rest["body_format_override"]["json_format"]
    packed = headers(native)["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(base64.b64decode(packed + "=" * (-len(packed) % 4)))
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert shape["code"] == status.code == int(headers(native)["grpc-status"]) == refusal.code.value[0]
    assert shape["details"][0]["reason"] == info.reason == reason_name(refusal.reason)
    text = native["body_format_override"]["text_format_source"]["inline_string"]
    assert text.replace("%%", "%") == status.message


def test_an_unknown_field_is_named_to_programs_and_to_forms() -> None:
    """In the metadata of the reason and as a field violation, both with the path the strict reading found."""
    (refusal,) = [refusal for refusal in REFUSALS if refusal.unknown_field]
    mapper = local_reply_config()["mappers"][REFUSALS.index(refusal) - len(REFUSALS)]
    info, bad_request = mapper["body_format_override"]["json_format"]["details"]
    assert info["reason"] == "UNKNOWN_FIELD"
    assert info["metadata"]["field"] == bad_request["fieldViolations"][0]["field"] != ""


def test_every_reason_is_one_of_the_contract() -> None:
    """A reason that is renamed there breaks the build here; none is made up."""
    assert {reason_name(refusal.reason) for refusal in REFUSALS} <= REASONS


def test_every_sentence_is_one() -> None:
    """It begins, ends, and needs nothing that is not there."""
    for refusal in REFUSALS:
        sentence = refusal.message.format(cause=refusal.cause or "Something is wrong.")
        assert sentence[0].isupper()
        assert sentence.endswith(".")


def test_the_tables_last_rows_catch_whatever_is_left() -> None:
    """No status of Envoy's gets past the shape: servers' faults are ours, the rest is the request's."""
    *_, servers, clients = REFUSALS
    assert (servers.status, servers.or_above) == (500, True)
    assert (clients.status, clients.or_above) == (400, True)


def test_a_percent_sign_is_not_taken_for_a_command() -> None:
    """Envoy reads `%…%` in what it formats; a sentence means the sign."""
    for _, native, rest in mappers():
        commands = rest["body_format_override"]["json_format"]["message"].replace("%%", "")
        assert commands.count("%") in {0, 2}
        assert "%" not in native["body_format_override"]["text_format_source"]["inline_string"].replace("%%", "")


def test_retrying_is_offered_where_it_helps() -> None:
    """As a header for HTTP and as RetryInfo for programs, or not at all."""
    for refusal, _, rest in mappers():
        kinds = [
            detail["@type"].rpartition(".")[2] for detail in rest["body_format_override"]["json_format"]["details"]
        ]
        assert ("RetryInfo" in kinds) == ("retry-after" in headers(rest)) == (refusal.retry_after is not None)
