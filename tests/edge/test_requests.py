"""A request that is not what the contract says is refused whole; nothing of it is dropped in silence."""

import socket
from http.client import HTTPResponse
from typing import Any

import httpx
import pytest
from lensmesh.order.v1 import order_pb2

from tests.edge.conftest import NewSettings, RunEdge
from tests.edge.envoy import Edge
from tests.edge.replies import refused
from tests.edge.stand_in import StandIn
from tests.edge.tokens import Signer

ORDERS = "/v1/practices/seaview/orders"
ORDER = f"{ORDERS}/a1"
KIB = 1024

BAD_QUERIES = {
    "pageSize=many": "page_size: invalid value",
    "states=STATE_NOPE": "states: invalid value",
    "pageSize=1&pageSize=2": 'The query parameter "pageSize" is there twice.',
    "page_size=1&pageSize=2": 'The query parameter "pageSize" is there twice.',
    "p%61geSize=1&pageSize=2": 'The query parameter "pageSize" is there twice.',
    "pageSize": 'The query parameter "pageSize" has no value: write it as name=value.',
    "parent=practices/other": 'The query cannot set "parent": the path or the body does.',
    "%70arent=practices/other": 'The query cannot set "parent": the path or the body does.',
}

BAD_BODIES = {
    '{"eyes": "EYES_NOPE"}': "order.eyes: invalid value",
    '{"lab": "labs/a", "lab": "labs/b"}': 'The field "lab" is there twice.',
    '{"labStatus": "a", "lab_status": "b"}': 'The field "lab_status" is there twice.',
    '{"lens": {"design": "a", "\\u0064esign": "b"}}': 'The field "lens.design" is there twice.',
    '{"lab": {"a": 1}}': 'The field "lab" takes a plain value.',
    '{"lens": "progressive"}': 'The field "lens" takes an object.',
    '{"notes": {"text": "a"}}': 'The field "notes" takes a list.',
    '{"lens": {"options": "a"}}': 'The field "lens.options" takes a list.',
    '{"lens": {"options": ["a", ["b"]]}}': 'The field "lens.options[1]" takes a plain value.',
    '{"lens": {"options": [null]}}': 'The field "lens.options[0]" takes a plain value.',
    '{"lens": [{"design": "a"}]}': 'The field "lens" takes an object.',
    '{"submitTime": {"seconds": 1}}': 'The field "submitTime" takes a plain value.',
    '[{"lab": "labs/a"}]': "The body takes an object.",
    "{'lab': 'labs/a'}": "The body is not JSON at byte 2.",
    '{lab: "labs/a"}': "The body is not JSON at byte 2.",
    '{"lab": "labs/a",}': "The body is not JSON at byte 18.",
    '{"lab": "labs/a"]': "The body is not JSON at byte 17.",
    '{"lab": "labs/a"} {}': "Something follows the end of the body's JSON, at byte 19.",
    '{"lab": "labs/a"': "The body ends in the middle of its JSON.",
    '{"lab" "labs/a"}': "The body is not JSON at byte 8.",
    '{"lab": "labs/a\n"}': "A string does not end, is not UTF-8 or holds a control character, at byte 16.",
    r'{"lab": "\x"}': "A string holds an escape that JSON does not know, at byte 11.",
    r'{"lab": "\ud83d"}': "A string holds an escape that JSON does not know, at byte 16.",
    '{"catalogRevision": 01}': "The body is not JSON at byte 22.",
    '{"catalogRevision": .5}': "The body is not JSON at byte 21.",
    '{"catalogRevision": NaN}': "The body is not JSON at byte 21.",
    '{"lab": nul}': "The body is not JSON at byte 12.",
    "   ": "The body ends in the middle of its JSON.",
}


@pytest.mark.parametrize("query", BAD_QUERIES)
def test_a_query_that_is_not_in_the_contract_is_refused(rest: httpx.Client, services: StandIn, query: str) -> None:
    """Bad numbers, bad enums and parameters that contradict something are 400, with the parameter named."""
    found = refused(rest.get(f"{ORDERS}?{query}"))
    assert (found.status, found.code, found.reason) == (400, 3, "REQUEST_MALFORMED")
    assert BAD_QUERIES[query] in found.message
    assert not services.calls


@pytest.mark.parametrize(
    ("query", "name"), [("nope=1", "nope"), ("pageSize.a=1", "pageSize.a"), ("=1", ""), ("a%C3%A9=1", "aé")]
)
def test_an_unknown_query_parameter_is_named(rest: httpx.Client, services: StandIn, query: str, name: str) -> None:
    """As an unknown field of a body is."""
    found = refused(rest.get(f"{ORDERS}?{query}"))
    assert (found.status, found.code, found.reason, found.field) == (400, 3, "UNKNOWN_FIELD", name)
    assert found.message.startswith(f'There is no query parameter "{name}". ')
    assert not services.calls


@pytest.mark.parametrize("body", BAD_BODIES)
def test_a_body_that_is_not_in_the_contract_is_refused(rest: httpx.Client, services: StandIn, body: str) -> None:
    """Double fields, bad enums, values of another kind and almost-JSON are 400, with the place named."""
    found = refused(rest.post(ORDERS, content=body))
    assert (found.status, found.code, found.reason) == (400, 3, "REQUEST_MALFORMED")
    assert BAD_BODIES[body] in found.message
    assert not services.calls


@pytest.mark.parametrize(
    ("body", "order"),
    [
        ('{"customerReference": "PO-1"}', order_pb2.Order(customer_reference="PO-1")),
        ('{"customer_reference": "PO-1"}', order_pb2.Order(customer_reference="PO-1")),
        (' { "lens" : { "options" : [ "a" , "b" ] } } ', order_pb2.Order(lens={"options": ["a", "b"]})),
        ('{"eyes": 1, "notes": [], "frame": null}', order_pb2.Order(eyes=1)),  # type: ignore[arg-type]
        (r'{"lab": "a\"\\\/\b\n\u00e9"}', order_pb2.Order(lab='a"\\/\b\né')),
        (
            '{"prescription": {"right": {"sphere": -1.25e0, "axis": 0}}}',
            order_pb2.Order(prescription={"right": {"sphere": -1.25, "axis": 0}}),
        ),
        ('{"submitTime": "2026-01-02T03:04:05Z"}', order_pb2.Order(submit_time={"seconds": 1767323045})),
    ],
)
def test_a_body_in_the_contract_arrives_as_it_was_written(
    rest: httpx.Client, services: StandIn, body: str, order: order_pb2.Order
) -> None:
    """Both spellings of a field, nulls, escapes and white space are JSON's, and pass."""
    assert rest.post(ORDERS, content=body).status_code == httpx.codes.OK
    assert services.calls[0].request.order == order


def test_a_body_may_be_left_out_where_it_says_nothing(rest: httpx.Client, services: StandIn) -> None:
    """`curl -X POST …:validate` needs no `-d '{}'`."""
    assert rest.post(f"{ORDER}:validate").status_code == httpx.codes.OK
    assert services.calls[0].request.name == "practices/seaview/orders/a1"


def test_a_body_on_a_get_is_told_where_its_values_go(rest: httpx.Client, services: StandIn) -> None:
    """It would be dropped in silence."""
    found = refused(rest.request("GET", ORDER, json={"a": 1}))
    assert found.message.endswith("This path takes no body; send its values in the query.")
    assert not services.calls


def test_a_body_cannot_contradict_the_path(rest: httpx.Client, services: StandIn) -> None:
    """The name in the path decides whose order it is, so the body cannot name another."""
    found = refused(rest.post(f"{ORDER}:submit", json={"name": "practices/other/orders/b2"}))
    assert (found.status, found.reason) == (400, "REQUEST_MALFORMED")
    assert not services.calls


@pytest.mark.parametrize(
    ("verb", "path", "query"),
    [
        ("GET", ORDER, "name=practices/other/orders/b2"),
        ("POST", ORDERS, "parent=practices/other"),
        ("POST", ORDERS, "order.lab=labs/b"),
        ("PATCH", ORDER, "order.name=practices/other/orders/b2"),
        ("POST", f"{ORDER}:submit", "requestId=a"),
        ("POST", f"{ORDERS}:import", "file.data=YQ"),
    ],
)
def test_a_query_cannot_speak_for_path_or_body(
    rest: httpx.Client, services: StandIn, verb: str, path: str, query: str
) -> None:
    """Left to itself, Envoy would let `?name=` make one order of the path another."""
    found = refused(rest.request(verb, f"{path}?{query}"))
    assert (found.status, found.reason) == (400, "REQUEST_MALFORMED")
    assert found.message.endswith("the path or the body does.")
    assert not services.calls


def test_a_query_in_the_contract_arrives(rest: httpx.Client, services: StandIn) -> None:
    """Lists repeat, both spellings are known, an update mask is its own notation."""
    rest.get(f"{ORDERS}?states=STATE_DRAFT&states=STATE_SHIPPED&page_size=5&")
    assert services.calls[0].request.page_size == 5
    assert list(services.calls[0].request.states) == [order_pb2.Order.STATE_DRAFT, order_pb2.Order.STATE_SHIPPED]
    rest.patch(f"{ORDER}?updateMask=lab,prescription.right.sphere", json={"lab": "labs/a"})
    assert list(services.calls[1].request.update_mask.paths) == ["lab", "prescription.right.sphere"]


def test_a_refusal_that_repeats_the_request_is_still_json(rest: httpx.Client) -> None:
    """Also when what it repeats is no text at all."""
    assert refused(rest.get(ORDERS, params=b"a%FF%22=1")).status == httpx.codes.BAD_REQUEST
    for key in ("ü".encode() * 100, "aü".encode() * 60, b'\\"' * 3, b"%REQ(authorization)%", b"%" * 9, b"\\u0000"):
        assert refused(rest.post(ORDERS, content=b'{"' + key + b'": 1}')).status == httpx.codes.BAD_REQUEST


def test_the_bytes_of_a_lab_file_arrive_untouched(rest: httpx.Client, services: StandIn) -> None:
    """An import's body is the file itself, whatever is in it; the choices come in the query."""
    file = bytes(range(256)) * 4
    answer = rest.post(
        f"{ORDERS}:import",
        params={"design": "a", "remember": "true"},
        content=file,
        headers={"content-type": "text/x-dcs"},
    )
    assert answer.status_code == httpx.codes.OK
    request = services.calls[0].request
    assert (request.file.data, request.file.content_type) == (file, "text/x-dcs")
    assert (request.design, request.remember) == ("a", True)


@pytest.mark.parametrize("size", [900 * KIB, 1024 * KIB])
def test_a_lab_file_of_up_to_one_mebibyte_is_taken(rest: httpx.Client, services: StandIn, size: int) -> None:
    """The largest body anybody sends, in one piece."""
    assert rest.post(f"{ORDERS}:import", content=b"a" * size).status_code == httpx.codes.OK
    assert len(services.calls[0].request.file.data) == size


@pytest.mark.parametrize("path", [f"{ORDERS}:import", ORDERS])
@pytest.mark.parametrize("size", [1025 * KIB, 1100 * KIB, 10_000_000])
def test_a_larger_body_is_refused(rest: httpx.Client, services: StandIn, path: str, size: int) -> None:
    """413 in the one shape, for files as for JSON."""
    found = refused(rest.post(path, content=b'"' + b"a" * (size - 2) + b'"'))
    assert (found.status, found.code, found.reason) == (413, 8, "BODY_TOO_LARGE")
    assert not services.calls


def test_a_large_answer_arrives_whole(rest: httpx.Client, services: StandIn) -> None:
    """A long list is larger than the request limit, and whole."""
    services.answers["/lensmesh.order.v1.OrderService/GetOrder"] = lambda _request, _context: order_pb2.Order(
        lab_status="x" * 3_000_000
    )
    assert len(rest.get(ORDER).json()["labStatus"]) == 3_000_000


def test_fields_that_cannot_be_absent_are_always_there(rest: httpx.Client, services: StandIn) -> None:
    """`accepted: false` is an answer; what is optional and not said stays absent."""
    services.answers["/lensmesh.order.v1.OrderService/GetOrder"] = lambda _request, _context: order_pb2.Order(
        prescription={"right": {"sphere": 0.0}}
    )
    assert rest.post(f"{ORDER}:validate").json() == {"accepted": False, "violations": [], "catalogRevision": "0"}
    order = rest.get(ORDER).json()
    assert order["state"] == "STATE_UNSPECIFIED"
    assert order["prescription"] == {"right": {"sphere": 0}}
    assert "frame" not in order


@pytest.mark.parametrize(
    "path",
    [
        "/v1/practices/seaview%2Forders/a1",
        "/v1/practices/seaview%2forders/a1",
        "/v1/practices/seaview%5Corders/a1",
        "/v1/practices/sea%00view/orders",
    ],
)
def test_an_escape_that_moves_a_segment_is_refused(rest: httpx.Client, services: StandIn, path: str) -> None:
    """An escaped slash would be one segment to the edge and two to a service."""
    found = refused(rest.get(path))
    assert (found.status, found.code, found.reason) == (400, 3, "REQUEST_MALFORMED")
    assert not services.calls


@pytest.mark.parametrize("path", ["/v1/x/../practices/seaview/orders/a1", "/v1//practices/seaview///orders/a1"])
def test_one_path_has_one_spelling(edge: Edge, rest: httpx.Client, services: StandIn, path: str) -> None:
    """Dots and doubled slashes are resolved before anything is decided."""
    text = f"GET {path} HTTP/1.1\r\nhost: edge\r\nauthorization: {rest.headers['authorization']}\r\n\r\n"
    assert raw(edge, text).status_code == httpx.codes.OK
    assert services.calls[0].request.name == "practices/seaview/orders/a1"


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GARBAGE\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nhost: edge\r\n\r\n", 426),
        ("POST / HTTP/1.1\r\nhost: edge\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nhost: edge\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: edge\r\nx_practice: a\r\n\r\n", 400),
        (f"GET / HTTP/1.1\r\nhost: edge\r\nx: {'a' * 40_000}\r\n\r\n", 431),
    ],
    ids=["no HTTP", "no host", "HTTP/1.0", "two lengths", "two different lengths", "underscore", "large header"],
)
def test_what_is_no_proper_http_is_refused_in_the_one_shape(edge: Edge, request_text: str, status: int) -> None:
    """Also what never becomes a request is answered as everything else is."""
    found = refused(raw(edge, request_text))
    assert (found.status, found.reason) == (status, "REQUEST_MALFORMED")


@pytest.mark.parametrize("rest_of_it", ["", "content-length: 9\r\n\r\n"], ids=["headers", "body"])
def test_a_request_that_does_not_come_to_its_end_is_given_up(
    new_settings: NewSettings, run_edge: RunEdge, signer: Signer, rest_of_it: str
) -> None:
    """Who dribbles a request holds no memory for long."""

    def hasten(bootstrap: dict[str, Any]) -> None:
        manager = bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        manager["request_headers_timeout"] = manager["request_timeout"] = "0.2s"

    begun = f"POST {ORDERS} HTTP/1.1\r\nhost: edge\r\nauthorization: Bearer {signer.token()}\r\n"
    with run_edge(new_settings(1), hasten) as edge:
        found = refused(raw(edge, begun + rest_of_it))
    assert (found.status, found.code, found.reason) == (408, 4, "DEADLINE_EXCEEDED")


def raw(edge: Edge, request: str) -> httpx.Response:
    """Send bytes as they are, and read the answer."""
    with socket.create_connection(("127.0.0.1", edge.settings.http_port), timeout=5) as connection:
        connection.sendall(request.encode())
        answer = HTTPResponse(connection)
        answer.begin()
        return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())
