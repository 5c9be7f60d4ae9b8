"""The OpenAPI document says of the edge what the contracts say."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from gateway.contract import ContractError, Rpc
from gateway.described import Described
from gateway.openapi import document
from gateway.schemas import Schemas
from gateway.settings import IMAGE
from gateway.web import DOCUMENT

VERBS = ("get", "post", "patch", "put", "delete")


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """The document, made now."""
    return document(IMAGE.read_bytes(), "1.2.3")


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation with its path and verb."""
    for path, item in described["paths"].items():
        yield from ((path, verb, item[verb]) for verb in VERBS if verb in item)


def operation(described: dict[str, Any], name: str) -> dict[str, Any]:
    """One operation by its id."""
    return next(each for _, _, each in operations(described) if each["operationId"] == name)


def schema(described: dict[str, Any], name: str) -> dict[str, Any]:
    """One component schema."""
    found: dict[str, Any] = described["components"]["schemas"][name]
    return found


def test_it_is_openapi(described: dict[str, Any]) -> None:
    """Of version 3.1, by the judgement of the specification's own schema."""
    validate(described)
    assert described["openapi"].startswith("3.1")
    assert described["info"]["version"] == "1.2.3"


def test_what_is_served_is_what_the_contracts_say_now(described: dict[str, Any]) -> None:
    """All but the version, which is the product's."""
    served = json.loads(DOCUMENT.read_text())
    assert served | {"info": None} == described | {"info": None}


def test_every_annotated_rpc_is_an_operation(described: dict[str, Any], rpcs: tuple[Rpc, ...]) -> None:
    """By each of its bindings, and nothing else is there."""
    annotated = [rpc.method for rpc in rpcs for _ in rpc.bindings]
    assert sorted(each["operationId"] for _, _, each in operations(described)) == sorted(annotated)


def test_a_resource_name_becomes_its_parts(described: dict[str, Any]) -> None:
    """Each with the bounds that the contract gives it."""
    submit = described["paths"]["/v1/practices/{practice}/orders/{order}:submit"]["post"]
    assert [(each["name"], each["schema"]["pattern"]) for each in submit["parameters"]] == [
        ("practice", "^[a-z0-9][a-z0-9-]{0,62}$"),
        ("order", "^[0-9a-f-]{36}$"),
    ]


def test_the_query_holds_what_neither_path_nor_body_says(described: dict[str, Any]) -> None:
    """With `body: "*"` that is nothing."""
    queries = {
        each["operationId"]: [one["name"] for one in each["parameters"] if one["in"] == "query"]
        for _, _, each in operations(described)
    }
    assert queries["ImportOrder"] == ["design", "material", "remember", "requestId"]
    assert queries["ListOrders"] == ["pageSize", "pageToken", "states"]
    assert queries["UpdateOrder"] == ["updateMask"]
    assert queries["SubmitOrder"] == []


def test_a_body_is_a_message_the_rest_of_the_request_or_bytes(described: dict[str, Any]) -> None:
    """As the annotation has it."""
    bodies = {
        name: operation(described, name)["requestBody"]["content"] for name in ("CreateOrder", "AddNote", "ImportOrder")
    }
    assert bodies["CreateOrder"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Order"}
    assert set(bodies["AddNote"]["application/json"]["schema"]["properties"]) == {"text", "requestId"}
    assert bodies["AddNote"]["application/json"]["schema"]["required"] == ["text"]
    assert set(bodies["ImportOrder"]) == {"application/octet-stream"}


def test_bounds_are_the_contracts(described: dict[str, Any]) -> None:
    """Numbers, texts, lists and enums."""
    eye = schema(described, "EyePrescription")["properties"]
    assert (eye["sphere"]["minimum"], eye["sphere"]["maximum"], eye["sphere"]["x-decimal-places"]) == (-30, 30, 2)
    assert "multipleOf" not in eye["sphere"]  # to most validators 0.07 is no multiple of 0.01
    assert (eye["axis"]["minimum"], eye["axis"]["maximum"]) == (1, 180)
    assert schema(described, "EyeTrace")["properties"]["radii"]["maxItems"] == 2048
    lens = schema(described, "LensSpec")["properties"]["coatings"]
    assert (lens["maxItems"], lens["uniqueItems"]) == (8, True)
    assert schema(described, "Note")["properties"]["text"]["maxLength"] == 2000
    states = next(each for each in operation(described, "ListOrders")["parameters"] if each["name"] == "states")
    assert states["schema"]["items"]["not"] == {"enum": ["STATE_UNSPECIFIED"]}
    assert "STATE_UNSPECIFIED" in schema(described, "Order.State")["enum"]


def test_absence_is_told_as_protobufs_json_has_it(described: dict[str, Any]) -> None:
    """What may be left out may be null, 64 bits are text, and what the service sets is not asked for."""
    order = schema(described, "Order")
    assert schema(described, "EyePrescription")["properties"]["sphere"]["type"] == ["number", "null"]
    assert order["properties"]["catalogRevision"]["type"] == "string"
    assert order["properties"]["createTime"]["format"] == "date-time"
    assert order["properties"]["name"]["readOnly"] is True
    assert "readOnly" not in order["properties"]["customerReference"]
    assert "required" not in order
    assert set(schema(described, "OrderUpdate")["required"]) >= {"order", "sequence", "violations"}
    assert "time" not in schema(described, "OrderUpdate")["required"]


def test_what_is_refused_at_the_edge_is_refused_by_the_schema(described: dict[str, Any]) -> None:
    """Unknown fields, in every message that is sent; what is only answered may grow."""
    for sent in ("Order", "EyePrescription", "Frame", "LensSpec"):
        assert schema(described, sent)["additionalProperties"] is False
    assert "additionalProperties" not in schema(described, "ListOrdersResponse")


def test_every_failure_is_told_by_status_and_reason(described: dict[str, Any]) -> None:
    """Those of the RPC's comment in its words, those of any operation in the registry's."""
    responses = operation(described, "SubmitOrder")["responses"]
    assert "- `NOT_MAKEABLE`: The lab refuses it" in responses["400"]["description"]
    assert "- `ETAG_MISMATCH`: The etag sent is not the current one" in responses["409"]["description"]
    assert set(responses["409"]["content"]["application/json"]["examples"]) == {"ETAG_MISMATCH", "REQUEST_ID_REUSED"}
    assert {"401", "403", "404", "413", "429", "500", "503", "504"} <= set(responses)
    assert "413" not in operation(described, "GetOrder")["responses"]


def test_every_reason_that_is_told_is_in_the_registry(described: dict[str, Any]) -> None:
    """The comments of the contract name no other."""
    reasons = schema(described, "Reason")["enum"]
    for _, _, each in operations(described):
        for status, response in each["responses"].items():
            examples = response["content"].get("application/json", {}).get("examples", {})
            assert set(examples) <= set(reasons), (each["operationId"], status)


def test_a_watch_is_a_stream_of_events(described: dict[str, Any]) -> None:
    """Each of which is a message of the contract."""
    content = operation(described, "WatchOrder")["responses"]["200"]["content"]
    assert content["text/event-stream"]["schema"]["contentSchema"]["$ref"].endswith("/WatchOrderResponse")


def test_an_answer_that_is_no_json_says_what_it_is(described: dict[str, Any]) -> None:
    """A ticket is a PDF, not a message with bytes in it."""
    content = operation(described, "GetJobTicket")["responses"]["200"]["content"]
    assert content["application/pdf"]["schema"] == {"type": "string", "contentMediaType": "application/pdf"}


def test_examples_keep_the_schema(described: dict[str, Any]) -> None:
    """Requests and answers; tests/flow sends the requests to a mesh."""
    for _, _, each in operations(described):
        holders = [each["requestBody"]] if "requestBody" in each else []
        holders += each["responses"].values()
        for kind, content in (item for holder in holders for item in holder["content"].items()):
            if kind != "application/json":
                continue
            examples = [content["example"]] if "example" in content else []
            examples += [example["value"] for example in content.get("examples", {}).values()]
            assert examples
            for example in examples:
                conforms(described, content["schema"], example)


def conforms(described: dict[str, Any], schema: dict[str, Any], instance: object) -> None:
    """Hold a document to a schema; in decimals, because 0.29 is no multiple of 0.01 in binary."""
    whole, said = json.loads(
        json.dumps([schema | {"components": described["components"]}, instance]), parse_float=Decimal
    )
    OAS31Validator(whole).validate(said)


def test_an_operation_without_an_example_stops_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says which."""
    empty = tmp_path / "examples.yaml"
    empty.write_text("{}")
    monkeypatch.setattr("gateway.openapi._EXAMPLES", empty)
    with pytest.raises(ContractError, match="has no example"):
        document(IMAGE.read_bytes(), "1")


def test_two_messages_of_one_name_stop_the_build() -> None:
    """One would describe the other."""
    files = descriptor_pb2.FileDescriptorSet()
    for package in ("lensmesh.a.v1", "lensmesh.b.v1"):
        files.file.add(name=package, package=package).message_type.add(name="Same")
    schemas = Schemas(Described(files), sent=())
    schemas.reference("lensmesh.a.v1.Same")
    with pytest.raises(ContractError, match="would both be called Same"):
        schemas.reference("lensmesh.b.v1.Same")
