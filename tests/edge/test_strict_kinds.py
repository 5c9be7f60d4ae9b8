"""The strict reading of what the contracts do not hold yet: maps, open messages, messages within themselves.

Whoever adds one should not have to think of the edge. Only the filter is asked, in a real Envoy that answers 200 to
what it lets through.
"""

import json
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from google.protobuf import descriptor_pb2, struct_pb2

from gateway.contract import Binding, ContractError, Policy, Rpc
from gateway.extensions import extension
from gateway.strict import FILTER, Strictness
from runtime.envoy import program
from runtime.ports import free_port
from tests.edge.envoy import until

Kind = descriptor_pb2.FieldDescriptorProto
_ONE, _MANY = Kind.LABEL_OPTIONAL, Kind.LABEL_REPEATED
RPC = Rpc(
    service="t.Trees",
    method="Plant",
    request="t.Tree",
    response="t.Tree",
    server_streaming=False,
    bindings=(Binding("POST", "/v1/trees", "*"),),
    policy=Policy(roles=(), callers=(), tenant_field="", public=True, deadline=timedelta(seconds=1)),
)


def contract(*more: Kind) -> descriptor_pb2.FileDescriptorSet:
    """A message that holds a map, itself, and everything open."""
    files = descriptor_pb2.FileDescriptorSet()
    struct_pb2.DESCRIPTOR.CopyToProto(files.file.add())
    files.file.add(name="google/protobuf/any.proto", package="google.protobuf").message_type.add(name="Any")
    file = files.file.add(name="t.proto", package="t", syntax="proto3")
    file.dependency.extend(["google/protobuf/struct.proto", "google/protobuf/any.proto"])
    tree = file.message_type.add(name="Tree")
    tree.field.extend(
        [
            Kind(name="name", number=1, type=Kind.TYPE_STRING, label=_ONE, json_name="name"),
            Kind(name="tree", number=2, type=Kind.TYPE_MESSAGE, label=_ONE, type_name=".t.Tree", json_name="tree"),
            Kind(name="by_name", number=3, type=Kind.TYPE_MESSAGE, label=_MANY, type_name=".t.Tree.ByNameEntry"),
            *(
                Kind(
                    name=kind.lower() + suffix,
                    number=number,
                    type=Kind.TYPE_MESSAGE,
                    label=label,
                    type_name=f".google.protobuf.{kind}",
                )
                for number, (kind, suffix, label) in enumerate(
                    [("Struct", "", _ONE), ("Value", "", _ONE), ("ListValue", "", _ONE), ("Struct", "s", _MANY)], 4
                )
            ),
            *more,
        ]
    )
    entry = tree.nested_type.add(name="ByNameEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=Kind.TYPE_STRING, label=_ONE)
    entry.field.add(name="value", number=2, type=Kind.TYPE_MESSAGE, label=_ONE, type_name=".t.Tree")
    return files


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of an Envoy that only reads strictly."""
    strictness, port, folder = Strictness(contract()), free_port(), tmp_path_factory.mktemp("strict")
    reading = dict(strictness.reading(RPC, RPC.bindings[0]))
    route = {
        "match": {"prefix": "/"},
        "direct_response": {"status": 200},
        "metadata": {"filter_metadata": {FILTER: reading}},
    }
    manager = extension(
        "envoy.filters.network.http_connection_manager",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="strict",
        route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        http_filters=[
            strictness.lua_filter([RPC]),
            extension("envoy.filters.http.router", "filters.http.router.v3.Router"),
        ],
    )
    listener: dict[str, Any] = {
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [manager]}],
    }
    config = folder / "envoy.json"
    config.write_text(json.dumps({"static_resources": {"listeners": [listener]}}))
    process = subprocess.Popen([program(), "-c", config, "--disable-hot-restart", "-l", "error"])
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        try:
            until(lambda: _answers(client))
            yield client
        finally:
            process.terminate()
            process.wait(10)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/").is_success
    except httpx.TransportError:
        return False


def nested(text: str, times: int) -> str:
    """A tree within a tree within a tree."""
    return '{"tree":' * times + text + "}" * times


@pytest.mark.parametrize(
    "body",
    [
        '{"byName":{"oak":{"name":"a"},"*":{},"":{},"by_name":{}}}',
        '{"byName":{"\\u006fak":{},"beech":{}}}',
        '{"byName":null}',
        '{"struct":{"any":{"key":[1,null,[{"x":true}]]}}}',
        '{"struct":null,"structs":[{},{"a":1}]}',
        '{"value":1}',
        '{"value":[null,[[]]]}',
        '{"value":{"a":{"b":{}}}}',
        '{"listvalue":[null,[1],{"a":"b"}]}',
        nested('{"name":"a"}', 63),
        '{"value":' + "[" * 63 + "]" * 63 + "}",
    ],
)
def test_what_is_open_is_open(strict: httpx.Client, body: str) -> None:
    """Any key of a map, anything in a Struct, a Value or a ListValue; a message in itself to a depth of 64."""
    answer = strict.post("/", content=body)
    assert answer.is_success, answer.text


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('{"byName":{"oak":{"nmae":"a"}}}', 'There is no field "byName.oak.nmae".'),
        ('{"tree":{"tree":{"byName":{"oak":{"x":1}}}}}', 'There is no field "tree.tree.byName.oak.x".'),
        ('{"byName":{"oak":{},"oak":{}}}', 'The field "byName.oak" is there twice.'),
        ('{"byName":{"oak":{},"\\u006fa\\u006B":{}}}', 'The field "byName.oak" is there twice.'),
        ('{"byName":{"\u00e9":{},"\\u00e9":{}}}', 'The field "byName.\u00e9" is there twice.'),
        ('{"byName":{"\U0001f332":{},"\\ud83c\\udf32":{}}}', 'The field "byName.\U0001f332" is there twice.'),
        ('{"byName":{"\u20ac":{},"\\u20AC":{}}}', 'The field "byName.\u20ac" is there twice.'),
        ('{"byName":{"a\\\\n":{},"a\\u005cn":{}}}', 'The field "byName.a\\n" is there twice.'),
        ('{"byName":[]}', 'The field "byName" takes an object.'),
        ('{"byName":{"oak":[]}}', 'The field "byName.oak" takes an object.'),
        ('{"struct":{"a":1,"a":2}}', 'The field "struct.a" is there twice.'),
        ('{"struct":[1]}', 'The field "struct" takes an object.'),
        ('{"value":[{"a":[{"b":1,"b":1}]}]}', 'The field "value[0].a[0].b" is there twice.'),
        ('{"name":"a","tree":{"name":"b"},"name":"c"}', 'The field "name" is there twice.'),
        ("{'name':1}", "The body is not JSON at byte 2."),
        ('{"struct":{a:1}}', "The body is not JSON at byte 12."),
        (nested("{}", 64), "The body is nested more than 64 levels deep."),
        ('{"value":' + "[" * 100, "The body is nested more than 64 levels deep."),
    ],
)
def test_what_is_open_is_still_read_strictly(strict: httpx.Client, body: str, sentence: str) -> None:
    """Nothing twice, however it is spelt; nothing unknown below; JSON all the way down."""
    answer = strict.post("/", content=body.encode())
    assert (answer.status_code, answer.text) == (400, sentence)


def test_what_nobody_could_check_stops_the_build() -> None:
    """A field that is dropped inside an Any would be dropped in silence."""
    any_field = Kind(
        name="payload", number=9, type=Kind.TYPE_MESSAGE, label=_ONE, type_name=".google.protobuf.Any", json_name="p"
    )
    with pytest.raises(ContractError, match=r"t.Tree.payload: what is inside a google.protobuf.Any"):
        Strictness(contract(any_field)).lua_filter([RPC])
