"""The strict reader knows the shape of every message a request can hold."""

import pytest
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2
from lensmesh.options.v1 import options_pb2

from gateway.contract import Binding, ContractError, Rpc, read_rpcs
from gateway.strict import RAW, Strictness

Kind = descriptor_pb2.FieldDescriptorProto


def field(name: str, number: int, kind: int, message: str = "", *, repeated: bool = False) -> Kind:
    """Describe a field."""
    words = name.split("_")
    return Kind(
        name=name,
        json_name=words[0] + "".join(word.title() for word in words[1:]),
        number=number,
        type=kind,  # type: ignore[arg-type]
        type_name=message or None,
        label=Kind.LABEL_REPEATED if repeated else Kind.LABEL_OPTIONAL,
    )


@pytest.fixture
def strictness() -> Strictness:
    """A package with a tree, a map, a list and an open field in one message."""
    timestamp = descriptor_pb2.FileDescriptorProto(name="google/protobuf/struct.proto", package="google.protobuf")
    timestamp.message_type.add(name="Struct")
    file = descriptor_pb2.FileDescriptorProto(
        name="t.proto", package="t", syntax="proto3", dependency=["google/protobuf/struct.proto"]
    )
    entry = descriptor_pb2.DescriptorProto(
        name="ByNameEntry",
        field=[field("key", 1, Kind.TYPE_STRING), field("value", 2, Kind.TYPE_MESSAGE, ".t.Tree")],
        options=descriptor_pb2.MessageOptions(map_entry=True),
    )
    file.message_type.add(
        name="Tree",
        nested_type=[entry],
        field=[
            field("tree_name", 1, Kind.TYPE_STRING),
            field("branches", 2, Kind.TYPE_MESSAGE, ".t.Tree", repeated=True),
            field("by_name", 3, Kind.TYPE_MESSAGE, ".t.Tree.ByNameEntry", repeated=True),
            field("anything", 4, Kind.TYPE_MESSAGE, ".google.protobuf.Struct"),
            field("evergreen", 5, Kind.TYPE_BOOL),
            field("in_leaf", 6, Kind.TYPE_BOOL, repeated=True),
        ],
    )
    return Strictness(descriptor_pb2.FileDescriptorSet(file=[timestamp, file]))


def test_a_field_has_two_spellings_and_one_number(strictness: Strictness) -> None:
    """So that both spellings together are a field named twice."""
    tree = strictness.shapes(["t.Tree"])["t.Tree"]
    assert tree["tree_name"] == tree["treeName"] == (1, None, "plain")


def test_a_flag_is_no_text_that_says_true(strictness: Strictness) -> None:
    """The transcoder would take either."""
    tree = strictness.shapes(["t.Tree"])["t.Tree"]
    assert tree["evergreen"] == (5, None, "flag")
    assert tree["in_leaf"] == (6, None, "list_of_flag")


def test_messages_may_contain_themselves(strictness: Strictness) -> None:
    """Shapes refer to each other by name, so recursion ends."""
    shapes = strictness.shapes(["t.Tree"])
    assert shapes["t.Tree"]["branches"] == (2, "t.Tree", "list_of_object")
    assert set(shapes) == {"t.Tree", "t.Tree.ByNameEntry"}


def test_a_map_takes_any_key(strictness: Strictness) -> None:
    """Its values still have their shape, and it is no list."""
    shapes = strictness.shapes(["t.Tree"])
    assert shapes["t.Tree"]["by_name"] == (3, "t.Tree.ByNameEntry", "object")
    assert shapes["t.Tree.ByNameEntry"] == {"*": (None, "t.Tree", "object")}


def test_a_well_known_type_is_open(strictness: Strictness) -> None:
    """Its JSON is not an object of its fields."""
    shapes = strictness.shapes(["t.Tree"])
    assert shapes["t.Tree"]["anything"] == (4, None, "object")
    assert "google.protobuf.Struct" not in shapes


def test_every_body_of_the_contracts_is_known(files: descriptor_pb2.FileDescriptorSet, rpcs: tuple[Rpc, ...]) -> None:
    """A message to walk, bytes to leave alone, or nothing."""
    strictness = Strictness(files)
    readings = {rpc.method: strictness.reading(rpc, binding) for rpc in rpcs for binding in rpc.bindings}
    assert readings["CreateOrder"]["body"] == "lensmesh.order.v1.Order"
    assert readings["SubmitOrder"]["body"] == "lensmesh.order.v1.SubmitOrderRequest"
    assert readings["ImportOrder"]["body"] == RAW
    assert readings["GetOrder"]["body"] == ""


def test_what_path_and_body_speak_for_is_taken(files: descriptor_pb2.FileDescriptorSet, rpcs: tuple[Rpc, ...]) -> None:
    """The query is left with the rest; with `body: "*"` there is no rest."""
    strictness = Strictness(files)
    taken = {rpc.method: strictness.reading(rpc, binding)["taken"] for rpc in rpcs for binding in rpc.bindings}
    assert taken["ListOrders"] == ["parent"]
    assert taken["UpdateOrder"] == ["order.name", "order"]
    assert taken["SubmitOrder"] == ["name", ""]


def test_a_body_that_is_no_object_is_refused_at_build(files: descriptor_pb2.FileDescriptorSet) -> None:
    """Only a message's JSON has keys to be strict about."""
    changed = descriptor_pb2.FileDescriptorSet.FromString(files.SerializeToString())
    methods = (method for file in changed.file for service in file.service for method in service.method)
    method = next(method for method in methods if method.name == "AddNote")
    method.options.Extensions[annotations_pb2.http].body = "text"
    rpc = next(rpc for rpc in read_rpcs(changed) if rpc.method == "AddNote")
    assert method.options.HasExtension(options_pb2.policy)
    with pytest.raises(ContractError, match="its body 'text' is no object of fields"):
        Strictness(changed).reading(rpc, Binding("POST", "/v1/a", "text"))
