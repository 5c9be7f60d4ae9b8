"""Whatever is in a body, either the service receives all of it or the caller is told: nothing is dropped in silence."""

import http.client
import json
from typing import Any, Self

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.edge.bodies import GETS, ROUTES, Case, Route, cases
from tests.edge.envoy import Edge
from tests.edge.replies import refused
from tests.edge.stand_in import StandIn
from tests.edge.tokens import Signer


def _name(route: Route) -> str:
    return route.rpc.method


class Caller:
    """Sends bodies as they are, over one connection; for the length of a block."""

    def __init__(self, edge: Edge, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", edge.settings.http_port, timeout=20)
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def send(self, route: Route, body: bytes) -> tuple[int, bytes]:
        """Returns the status and the answer."""
        self._connection.request(route.binding.verb, route.path, body, self._headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


def _fault(case: Case, route: Route, status: int, services: StandIn) -> str | None:
    """Says what is wrong with what became of a body; None when nothing is."""
    meant = route.request(case.meant) if case.meant is not None else None
    received = services.calls[0].request if services.calls else None
    if status == httpx.codes.BAD_REQUEST:
        if received is not None:
            return "refused, and yet it reached the service"
        return f"refused, though it is good: {case.body!r}" if case.good and _is_free(case, route) else None
    if status != httpx.codes.OK:
        return f"answered {status}"
    if meant is None:
        return f"accepted, though it means nothing of the contract; the service got {received}"
    return None if received == meant else f"the service got {received} instead of {meant}"


def _is_free(case: Case, route: Route) -> bool:
    """True unless the body says what the path says already, which is refused however it is spelt."""
    assert case.meant is not None
    in_body = {path.removeprefix(f"{route.binding.body}.") for path in route.in_path}
    return not in_body & case.meant.keys()


@pytest.mark.parametrize("route", ROUTES, ids=_name)
@pytest.mark.timeout(600)
def test_a_body_arrives_whole_or_is_refused(
    edge: Edge, signer: Signer, services: StandIn, route: Route, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every field of every message at every depth, in every spelling anybody thought of."""
    faults, accepted, count = [], 0, 0
    with Caller(edge, signer.token(expires_in=1200)) as caller:
        for case in cases(route):
            services.forget()
            status, _ = caller.send(route, case.body)
            fault = _fault(case, route, status, services)
            count += 1
            accepted += status == httpx.codes.OK
            if fault:
                faults.append(f"{case.name}: {fault}")
    with capsys.disabled():
        whole = f"{accepted:,} arrived whole, {count - accepted:,} were refused"
        print(f"\n  {route.rpc.method}: of {count:,} bodies {whole}")  # noqa: T201 -- how much was tried is said
    assert not faults, f"{len(faults)} of {count}:\n" + "\n".join(faults[:40])


@pytest.mark.parametrize("route", GETS, ids=_name)
def test_a_body_where_none_is_read_is_refused(edge: Edge, signer: Signer, services: StandIn, route: Route) -> None:
    """On every route without a body: it would be dropped."""
    with Caller(edge, signer.token()) as caller:
        status, answer = caller.send(route, b"{}")
    assert (status, json.loads(answer)["details"][0]["reason"]) == (400, "REQUEST_MALFORMED")
    assert not services.calls


PRESCRIPTION = '{"prescription":{"right":%s}}'
UNKNOWN = {
    PRESCRIPTION % '{"prizm":1}': "prescription.right.prizm",
    PRESCRIPTION % '{"sphere":1,"prism_horizontl":1}': "prescription.right.prism_horizontl",
    '{"notes":[{"text":"a"},{"txt":"b"}]}': "notes[1].txt",
    '{"violations":[{"alternatives":["a","b"],"fild":"c"}]}': "violations[0].fild",
    '{"\\u0070rism":1}': "prism",
    '{"a\\"b\\\\":1}': 'a"b\\',
    '{"\\ud83d\\ude00\\u00e9":1}': "😀é",
    '{"Lab":"labs/a"}': "Lab",
    '{"":1}': "",
}


@pytest.mark.parametrize("body", UNKNOWN)
def test_an_unknown_field_is_named_by_its_path(rest: httpx.Client, services: StandIn, body: str) -> None:
    """To people in the message, to programs in the metadata, to forms as a field violation; all in the words sent."""
    answer = rest.post("/v1/practices/seaview/orders", content=body)
    found, path = refused(answer), UNKNOWN[body]
    assert (found.status, found.code, found.reason, found.field) == (400, 3, "UNKNOWN_FIELD", path)
    assert found.message.startswith(f'There is no field "{path}". ')
    (violation,) = answer.json()["details"][1]["fieldViolations"]
    assert violation == {"field": path, "description": f'There is no field "{path}".'}
    assert not services.calls


def test_the_pieces_a_body_comes_in_make_no_difference(edge: Edge, signer: Signer, services: StandIn) -> None:
    """Also a name that is cut in the middle is read as one."""
    order = "/v1/practices/seaview/orders"
    with edge.client(signer.token()) as client:
        whole = b'{"customerReference":"PO-1","prescription":{"right":{"sphere":-1.25}}}'
        assert (
            client.post(order, content=(whole[at : at + 1] for at in range(len(whole)))).status_code == httpx.codes.OK
        )
        assert services.calls[0].request.order.customer_reference == "PO-1"
        broken = whole.replace(b"sphere", b"sphare")
        pieces = (broken[at : at + 7] for at in range(0, len(broken), 7))
        assert refused(client.post(order, content=pieces)).field == "prescription.right.sphare"


def _strictly(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Takes the members of an object, each once."""
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError(pairs)
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _read(text: str) -> dict[str, Any] | None:
    """Reads JSON as strictly as RFC 8259 allows; None where it is none, or no object."""
    try:
        read = json.loads(text, object_pairs_hook=_strictly, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


_CREATE = next(route for route in ROUTES if route.rpc.method == "CreateOrder")
_EYES = st.dictionaries(
    st.sampled_from(["sphere", "cylinder", "prismHorizontal", "distance_pd", "prizm"]),
    st.floats(-20, 20).map(lambda value: round(value, 2)),
    max_size=4,
)
_ORDERS = st.fixed_dictionaries(
    {},
    optional={
        "customerReference": st.text(max_size=6),
        "patient_reference": st.text(max_size=6),
        "prescription": st.fixed_dictionaries({}, optional={"right": _EYES, "left": _EYES, "middle": _EYES}),
        "lens": st.fixed_dictionaries(
            {}, optional={"design": st.just("a"), "coatings": st.lists(st.just("b"), max_size=3)}
        ),
        "notes": st.lists(st.fixed_dictionaries({"text": st.text(max_size=3)}), max_size=2),
    },
).flatmap(lambda order: st.sampled_from([json.dumps(order), json.dumps(order, ensure_ascii=False, indent=1)]))
_MARKS = st.text(st.sampled_from("{}[]:,\"'\\/*# \n0123456789.eE+-tfnu\u00e9\u2028\ufeff\0abN"), max_size=3)


@given(order=_ORDERS, damage=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3), _MARKS), max_size=3))
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.timeout(300)
def test_no_damaged_body_gets_through_as_something_else(
    rest: httpx.Client, services: StandIn, order: str, damage: list[tuple[int, int, str]]
) -> None:
    """However a body is damaged: what a strict reader of JSON and of the contract refuses, the edge refuses."""
    for place, removed, inserted in damage:
        order = order[:place] + inserted + order[place + removed :]
    services.forget()
    status = rest.post("/v1/practices/seaview/orders", content=order.encode("utf-8", "surrogatepass")).status_code
    read = _read(order)
    meant = _CREATE.request(read) if read is not None else None
    assert status in {httpx.codes.OK, httpx.codes.BAD_REQUEST}
    if status == httpx.codes.OK and order:
        assert services.calls[0].request == meant
    if status == httpx.codes.BAD_REQUEST:
        assert not services.calls
        assert meant is None or damage
