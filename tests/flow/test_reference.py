"""The published description of REST: served, readable, and true of the mesh that serves it."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from runtime import state
from tests.flow.conftest import ROOT, Mesh, running

# How far a job has to be for what is shown to be done with it; any other operation is shown on a new one.
BROUGHT_TO = {
    "ScanOut": "picking",
    "PickBlanks": "picking",
    "ReportBreakage": "surfacing",
    "ReverseBreakage": "surfacing",
    "RecordInspection": "inspection",
}
OPERATIONS = tuple(yaml.safe_load((ROOT / "gateway" / "examples.yaml").read_text()))


@pytest.fixture(scope="session")
def mesh() -> Iterator[Mesh]:
    """A mesh in which nobody works: what is shown of the floor is done here."""
    with running(LENSMESH_SIMULATE="false") as started:
        yield started


@pytest.fixture(scope="session")
def anybody(mesh: Mesh) -> Iterator[httpx.Client]:
    """A browser that has not signed in."""
    running = state.read(mesh.home)
    assert running is not None
    with httpx.Client(base_url=running.http_url, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def optician(mesh: Mesh) -> Iterator[httpx.Client]:
    """An optician's program."""
    with mesh.rest() as client:
        yield client


@pytest.fixture(scope="session")
def operator(mesh: Mesh) -> Iterator[httpx.Client]:
    """A program of the lab."""
    with mesh.rest("lab_operator", practice="") as client:
        yield client


@pytest.fixture(scope="session")
def engineer(mesh: Mesh) -> Iterator[httpx.Client]:
    """A program of who keeps the lab's rules."""
    with mesh.rest("principal_engineer", practice="") as client:
        yield client


@pytest.fixture(scope="session")
def document(anybody: httpx.Client) -> dict[str, Any]:
    """The document as it is served."""
    served: dict[str, Any] = anybody.get("/openapi.json").json()
    return served


class Example:
    """An operation of the document and the request that it shows."""

    def __init__(self, document: dict[str, Any], name: str) -> None:
        self.document = document
        self.path, self.verb, self.operation = next(
            (path, verb, operation)
            for path, item in document["paths"].items()
            for verb, operation in item.items()
            if operation["operationId"] == name
        )

    def request(self, client: httpx.Client, **instead: str) -> httpx.Request:
        """The request as shown, with some path parameters replaced."""
        shown = [each for each in self.operation["parameters"] if "example" in each]
        in_path = {each["name"]: each["example"] for each in shown if each["in"] == "path"} | instead
        query = {each["name"]: each["example"] for each in shown if each["in"] == "query"}
        body: dict[str, Any] = {}
        for kind, content in self.operation.get("requestBody", {}).get("content", {}).items():
            example = content["example"]
            sent = example if isinstance(example, str) else json.dumps(example)
            body = {"content": sent.encode(), "headers": {"content-type": kind}}
        path = self.path.removeprefix("/v1").format(**in_path)
        return client.build_request(self.verb.upper(), path, params=query, **body)

    @property
    def roles(self) -> str:
        """Whom it is for."""
        told: str = self.operation["description"].rpartition("For: ")[2]
        return told

    def answer_schema(self) -> dict[str, Any]:
        """The schema of what is answered; of one event, where that is a stream."""
        (content,) = self.operation["responses"]["200"]["content"].values()
        schema: dict[str, Any] = content["schema"]
        return schema.get("contentSchema", schema)

    def holds(self, answer: str) -> None:
        """Hold an answer to its schema; in decimals, because 0.29 is no multiple of 0.01 in binary."""
        schema = json.dumps(self.answer_schema() | {"components": self.document["components"]})
        OAS31Validator(json.loads(schema, parse_float=Decimal)).validate(json.loads(answer, parse_float=Decimal))


def new_order(document: dict[str, Any], client: httpx.Client) -> str:
    """Make an order as the document shows it; returns its id."""
    request = Example(document, "CreateOrder").request(client)
    request.url = request.url.copy_with(query=None)
    name: str = client.send(request).raise_for_status().json()["name"]
    return name.rpartition("/")[2]


def new_job(document: dict[str, Any], optician: httpx.Client, operator: httpx.Client, station: str) -> str:
    """Make a job of such an order, and bring it to a station; returns its number."""
    order = new_order(document, optician)
    submitted = optician.post(f"/practices/demo/orders/{order}:submit", json={"requestId": str(uuid4())})
    name: str = submitted.raise_for_status().json()["job"]
    route = operator.get(f"/lims/{name}").raise_for_status().json()["route"]
    for each in route[: route.index(station) + 1] if station else ():
        operator.post(f"/lims/{name}:scan", json={"station": each}).raise_for_status()
    return name.rpartition("/")[2]


_REPEATING = """constraints:
  - {id: cylinder-far-beyond, scope: eye, refuse: has(eye.cylinder) && math.abs(eye.cylinder) > D(9.00), at: cylinder,
     severity: error, code: OUT_OF_RANGE, says: choose a weaker one., reason: what the example shows}
"""


def new_draft(engineer: httpx.Client, wanted: str) -> str:
    """Make a draft of what is in force; returns its id.

    One to be published has a constraint more, which repeats another as the example's override says; one to be published
    or scheduled is checked.
    """
    draft = engineer.post("/lims/drafts", json={"note": "as it is"}).raise_for_status().json()
    path = f"/{draft['name']}"
    if wanted in {"PublishDraft", "ScheduleDraft"}:
        constraints = {**draft["files"]["constraints"], "constraints-more.yaml": _REPEATING}
        if wanted == "ScheduleDraft":
            del constraints["constraints-more.yaml"]
        change = {"files": {"constraints": constraints}}
        engineer.patch(f"/lims{path}", params={"updateMask": "files.constraints"}, json=change).raise_for_status()
    if wanted in {"PublishDraft", "ScheduleDraft"}:
        engineer.post(f"/lims{path}:check", json={"secondsEach": 10}, timeout=110).raise_for_status()
    return path.rpartition("/")[2]


def is_as_at_first(engineer: httpx.Client) -> bool:
    """Whether what is in force is what the first revision holds."""
    revisions = engineer.get("/lims/revisions").raise_for_status().json()["revisions"]
    return bool(revisions[0]["digest"] == revisions[-1]["digest"])


def published(document: dict[str, Any], engineer: httpx.Client) -> httpx.Request:
    """A request that publishes another catalog than the first."""
    example = Example(document, "PublishDraft")
    request = example.request(engineer, draft=new_draft(engineer, "PublishDraft"))
    body = json.loads(request.content) | {"requestId": str(uuid4())}
    return engineer.build_request(request.method, request.url, json=body)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_can_be_called_as_its_example_shows(
    document: dict[str, Any], optician: httpx.Client, operator: httpx.Client, engineer: httpx.Client, name: str
) -> None:
    """By those it is for; and answers what its schema says."""
    example = Example(document, name)
    client = next(
        client
        for role, client in (("optician", optician), ("lab operator", operator), ("principal engineer", engineer))
        if role in example.roles
    )
    instead = {"order": new_order(document, optician)} if "{order}" in example.path else {}
    if "{job}" in example.path:
        instead = {"job": new_job(document, optician, operator, BROUGHT_TO.get(name, ""))}
    if "{draft}" in example.path:
        instead = {"draft": new_draft(engineer, name)}
    if name == "ReverseBreakage":  # there has to be one
        broken = {"sides": ["SIDE_RIGHT"], "reason": "scratch"}
        operator.post(f"/lims/jobs/{instead['job']}:break", json=broken).raise_for_status()
    if name == "SetReorderLevel":  # of what is kept
        operator.send(Example(document, "CountBlanks").request(operator)).raise_for_status()
    if name == "DeleteAccount":  # there has to be one
        operator.send(Example(document, "SetAccount").request(operator)).raise_for_status()
    if name == "RollBack" and is_as_at_first(engineer):  # there has to be something to take back
        engineer.send(published(document, engineer)).raise_for_status()
    request = example.request(client, **instead)
    if name == "ScheduleDraft":  # whenever the test runs, it is for tomorrow
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        body = json.loads(request.content) | {"publishTime": tomorrow.isoformat()}
        request = client.build_request(request.method, request.url, json=body)
    answer = client.send(request, stream=True)
    try:
        if answer.headers["content-type"] == "application/pdf":
            assert answer.read().startswith(b"%PDF-")
            return
        if "text/event-stream" not in answer.headers["content-type"]:
            assert answer.is_success, answer.read()
            example.holds(answer.read().decode())
            return
        events = (line.removeprefix("data: ") for line in answer.iter_lines() if line)
        example.holds(next(events))
    finally:
        answer.close()


def test_every_operation_has_been_called(document: dict[str, Any]) -> None:
    """The test above leaves none out."""
    operations = {each["operationId"] for item in document["paths"].values() for each in item.values()}
    assert operations == set(OPERATIONS)


def test_a_refusal_is_as_described(document: dict[str, Any], optician: httpx.Client) -> None:
    """The one error shape, and a reason that the operation's failures name."""
    example = Example(document, "CreateOrder")
    request = example.request(optician)
    body = {"prescription": {"right": {"prizm": 1}}}
    answer = optician.post(str(request.url), json=body)
    OAS31Validator({"$ref": "#/components/schemas/Error", "components": document["components"]}).validate(answer.json())
    info = answer.json()["details"][0]
    assert (answer.status_code, info["metadata"]["field"]) == (400, "prescription.right.prizm")
    assert info["reason"] in example.operation["responses"]["400"]["content"]["application/json"]["examples"]


def test_the_document_is_valid_and_of_this_version(document: dict[str, Any], mesh: Mesh) -> None:
    """As it comes over the wire."""
    validate(document)
    assert document["info"]["version"] in (ROOT / "pyproject.toml").read_text()
    assert mesh is not None


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/openapi.json", "application/json"),
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/", "text/html; charset=utf-8"),
        ("/docs/docs.js", "text/javascript; charset=utf-8"),
        ("/docs/docs.css", "text/css; charset=utf-8"),
        ("/docs/assets/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    ],
)
def test_the_pages_are_for_anybody_and_are_fetched_once(anybody: httpx.Client, path: str, kind: str) -> None:
    """Without a token, of the right type, and kept by the browser for as long as they are unchanged."""
    answer = anybody.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    again = anybody.get(path, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert anybody.head(path).headers["content-type"] == kind


def test_the_page_asks_no_other_host(anybody: httpx.Client) -> None:
    """Everything it loads is on the edge, and is there."""
    page = anybody.get("/docs").text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert "/openapi.json" in anybody.get("/docs/docs.js").text
    for address in loaded:
        assert address.startswith(("/docs/", "data:", "/openapi.json"))
        assert address.startswith("data:") or anybody.get(address).is_success


@pytest.mark.parametrize(
    "path", ["/docs/nothing", "/docs/assets", "/docs/assets/", "/docs/assets/nothing.js", "/docs/docs.html/x"]
)
def test_what_is_not_there_is_said_in_the_one_shape(anybody: httpx.Client, path: str) -> None:
    """No folder is listed."""
    answer = anybody.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, 5)
    assert answer.json()["details"][0]["reason"] == "UNKNOWN_ROUTE"


@pytest.mark.parametrize("path", ["/docs/../v1/practices/demo/orders", "/docs/%2e%2e/%2e%2e/etc/passwd", "/docsx"])
def test_the_pages_open_nothing_else(anybody: httpx.Client, path: str) -> None:
    """What is not below them asks for a token as ever."""
    assert anybody.get(path).status_code == httpx.codes.UNAUTHORIZED


def test_pages_are_only_read(anybody: httpx.Client) -> None:
    """There is nothing to write."""
    assert anybody.post("/docs").status_code == httpx.codes.UNAUTHORIZED
