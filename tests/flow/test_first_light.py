"""From a lab file to a shipped job, through the real edge, by the command line and by REST."""

import json
import os
import re
import signal
import time
import uuid
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from runtime import postgres
from runtime.layout import Layout
from tests.flow.conftest import ROOT, Mesh

REAL = ROOT.parent / "shared" / "data" / "oma"
SAMPLE = "samples/progressive-job.oma"
real_files = pytest.mark.skipif(not REAL.exists(), reason="the real files lie beside the project in ../shared")


def test_the_newcomers_line_ends_with_a_shipped_job(mesh: Mesh) -> None:
    """Import, submit and watch in one line: both eyes, the job's name, every status to SHIPPED."""
    said = mesh.run("orders", "import", SAMPLE, "--submit", "--watch")
    assert re.search(r"jobs/\d+", said)
    statuses = re.findall(r"^\d\d:\d\d:\d\d\s+(\w+)", said, flags=re.MULTILINE)
    assert statuses[0] in {"SUBMITTED", "SENT_TO_LAB"}
    assert "IN_PRODUCTION" in statuses
    assert statuses[-1] == "SHIPPED"


@real_files
def test_a_real_lab_file_ends_with_a_shipped_job(mesh: Mesh) -> None:
    """R360_3: the prescription, the frame and the measures as in the file, one job, shipped."""
    said = mesh.run("orders", "import", str(REAL / "R360_3.oma"), "--submit", "--watch")
    right = next(line for line in said.splitlines() if line.startswith("Right"))
    left = next(line for line in said.splitlines() if line.startswith("Left"))
    assert right.split()[2:] == ["-0.50", "-1.25", "140°", "+1.25", "31.00", "\N{EN DASH}", "16.00"]
    assert left.split()[2:] == ["+0.50", "-3.00", "15°", "+1.25", "31.00", "\N{EN DASH}", "16.00"]
    assert re.search(r"A 51\.00\s+B 44\.01\s+DBL 20\.00", said)
    assert "SHIPPED" in said


@real_files
@pytest.mark.parametrize("name", ["R360_1", "R1000_1", "R1000_2", "TRCFMT6"])
def test_each_other_real_file_is_a_draft_or_refused_by_what_it_lacks(mesh: Mesh, name: str) -> None:
    """No prescription, no order, and the sentence names the label; else a draft whose violations name the fields."""
    without_prescription = name != "R360_1"
    said = mesh.run("orders", "import", str(REAL / f"{name}.oma"), code=int(without_prescription))
    assert ("SPH" in said) if without_prescription else ("prescription.right.distance_pd" in said)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"R=" + b"2500;" * 2_000_000, id="a line of 10 MB"),
        pytest.param(b"REQ=FIL\n\0\0\0\nSPH=1.00\n", id="NUL bytes"),
        pytest.param(b"\x1cREQ=FIL\r\nJOB=1\r\n", id="a truncated packet"),
        pytest.param(bytes(range(256)) * 40, id="a binary"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_is_no_lab_file_is_refused_by_a_sentence(mesh: Mesh, tmp_path: Path, content: bytes) -> None:
    """The command says what is wrong; the mesh goes on."""
    file = tmp_path / "file.oma"
    file.write_bytes(content)
    said = mesh.run("orders", "import", str(file), code=1)
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) <= 3
    assert mesh.run("status")


def test_json_is_what_rest_says(mesh: Mesh) -> None:
    """With --json every line is a REST document, from the import's answer to the shipped order."""
    imported, submitted, *watched = mesh.documents("orders", "import", SAMPLE, "--submit", "--watch")
    assert imported["order"]["name"] == submitted["name"]
    assert submitted["job"].startswith("jobs/")
    assert [message["update"]["state"] for message in watched if "update" in message][-1] == "STATE_SHIPPED"


def order_body(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON
    """A makeable order as JSON."""
    eye = {"sphere": -1.25, "cylinder": -0.5, "axis": 90, "add": 2, "distancePd": 32, "fittingHeight": 19}
    return {
        "eyes": "EYES_BOTH",
        "prescription": {"right": eye, "left": eye},
        "frame": {"a": 52, "b": 38, "dbl": 18, "edgeType": "EDGE_TYPE_BEVEL"},
        "lens": {"design": "comfort-pal", "material": "mr8", "colour": "clear"},
        **changes,
    }


def test_rest_creates_validates_submits_and_streams(mesh: Mesh) -> None:
    """As a practice's own software would."""
    with mesh.rest() as rest:
        created = rest.post("/practices/demo/orders", json=order_body()).raise_for_status().json()
        name = created["name"]
        validated = rest.post(f"/{name}:validate", json={}).raise_for_status().json()
        assert validated["accepted"] is True
        submitted = rest.post(f"/{name}:submit", json={}).raise_for_status().json()
        assert submitted["state"] == "STATE_SENT_TO_LAB"
        with rest.stream("GET", f"/{name}:watch", params={"cursor": "0"}, timeout=30) as stream:
            assert stream.headers["content-type"] == "text/event-stream"
            states = []
            for line in stream.iter_lines():
                if line.startswith("data: ") and "update" in (message := json.loads(line[6:])):
                    states.append(message["update"]["state"])
                if states[-1:] == ["STATE_SHIPPED"]:
                    break
    assert states[:3] == ["STATE_DRAFT", "STATE_SUBMITTED", "STATE_SENT_TO_LAB"]


REFUSED = [
    pytest.param("GET", "/nothing", None, 404, "UNKNOWN_ROUTE", id="unknown path"),
    pytest.param("DELETE", "/practices/demo/orders", None, 405, "UNKNOWN_ROUTE", id="wrong method"),
    pytest.param("GET", "/practices/demo/orders?states=LOST", None, 400, "REQUEST_MALFORMED", id="bad enum in a query"),
    pytest.param(
        "POST", "/practices/demo/orders", {"eyes": "THREE"}, 400, "REQUEST_MALFORMED", id="bad enum in a body"
    ),
    pytest.param(
        "POST",
        "/practices/demo/orders",
        {"prescription": {"right": {"axis": 190}}},
        400,
        "FIELD_INVALID",
        id="a field out of its bounds",
    ),
    pytest.param("GET", "/practices/other/orders", None, 404, "NOT_FOUND", id="another practice"),
    pytest.param(
        "GET",
        "/practices/other/orders/01a20bdc-3a3c-7fb0-af3e-b0b229a6aaa6",
        None,
        404,
        "NOT_FOUND",
        id="another practice's order",
    ),
    pytest.param("GET", "/practices/demo/orders:watch?cursor=hello", None, 400, "CURSOR_INVALID", id="bad cursor"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "reason"), REFUSED)
def test_every_refusal_has_the_one_shape(
    mesh: Mesh,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    status: int,
    reason: str,
) -> None:
    """Whoever refuses, edge or service: code, message, and an ErrorInfo with the reason."""
    with mesh.rest() as rest:
        answer = rest.request(method, path, json=body)
    assert answer.status_code == status
    assert set(answer.json()) == {"code", "message", "details"}
    (info,) = [detail for detail in answer.json()["details"] if detail["@type"].endswith("google.rpc.ErrorInfo")]
    assert (info["reason"], info["domain"]) == (reason, "lensmesh")


def test_without_a_token_nothing_is_told(mesh: Mesh) -> None:
    """401, in the one shape, with the way out."""
    with mesh.rest() as rest:
        answer = rest.get("/practices/demo/orders", headers={"authorization": ""})
    assert answer.status_code == 401
    assert "authorization" in answer.json()["message"]


def test_the_same_create_and_submit_ten_times_are_one_order_and_one_job(mesh: Mesh) -> None:
    """Clients repeat what they are not sure of."""
    identifiers = ["5d0c1c9e-5f43-4f4d-8b8e-3f1f0c5f7a01", "5d0c1c9e-5f43-4f4d-8b8e-3f1f0c5f7a02"]
    with mesh.rest() as rest:
        names, jobs = set(), set()
        for _ in range(10):
            created = rest.post("/practices/demo/orders", params={"requestId": identifiers[0]}, json=order_body())
            names.add(created.raise_for_status().json()["name"])
            submitted = rest.post(f"/{next(iter(names))}:submit", json={"requestId": identifiers[1]})
            jobs.add(submitted.raise_for_status().json()["job"])
    assert len(names) == len(jobs) == 1


async def test_sql_as_the_services_role_shows_no_rows_without_a_tenant(mesh: Mesh) -> None:
    """Row-level security holds whatever the code forgets; with a tenant its own rows are there."""
    mesh.run("orders", "import", SAMPLE, "--submit")
    layout = Layout(mesh.home)
    port = int(mesh.process("postgres")["port"])
    server = postgres.prepare(layout.data / "postgres", layout.keys / "postgres.secret", port)
    for service, table, tenant in (("order", "orders", "practices/demo"), ("lims", "job", "labs/main")):
        connection = await asyncpg.connect(server.url(service, f"{service}_service"))
        try:
            assert await connection.fetchval(f"select count(*) from {table}") == 0  # noqa: S608 -- a row of this table
            async with connection.transaction():
                await connection.execute("select set_config('lensmesh.tenant', $1, true)", tenant)
                assert await connection.fetchval(f"select count(*) from {table}") > 0  # noqa: S608 -- as above
            assert await connection.fetchval(f"select count(*) from {table}") == 0  # noqa: S608 -- as above
        finally:
            await connection.close()


def test_a_second_up_says_it_is_up(mesh: Mesh) -> None:
    """And starts nothing."""
    assert "up already" in mesh.run("up")


def _until_taken(request: httpx.Request, rest: httpx.Client) -> dict[str, Any]:
    """Sends a request as often as the edge says nobody is there: it looks twice a second for what came back."""
    give_up = time.monotonic() + 20
    while (answer := rest.send(request)).status_code == httpx.codes.SERVICE_UNAVAILABLE:
        assert time.monotonic() < give_up, answer.text
        time.sleep(0.2)
    return dict(answer.raise_for_status().json())


def test_what_dies_comes_back_and_loses_nothing(mesh: Mesh) -> None:
    """Every process of the mesh is killed while orders are under way; each order ships, once."""
    with mesh.rest() as rest:
        names = []
        for victim in ("order", "lims", "envoy", "nats", "postgres"):
            create, submit = str(uuid.uuid4()), str(uuid.uuid4())
            created = _until_taken(
                rest.build_request("POST", "/practices/demo/orders", params={"requestId": create}, json=order_body()),
                rest,
            )
            _until_taken(rest.build_request("POST", f"/{created['name']}:submit", json={"requestId": submit}), rest)
            names.append(created["name"])
            killed = int(mesh.process(victim)["pid"])
            os.kill(killed, signal.SIGKILL)
            mesh.until_back(victim, killed)
    for name in names:
        assert "SHIPPED" in mesh.run("orders", "watch", name)
