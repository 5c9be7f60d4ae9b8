"""A stand-in edge that answers what a test tells it to, and the command line as a user types it."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cli import main
from runtime import state
from runtime.layout import Layout
from runtime.state import MeshState, ProcessId
from tests.cli.lab import Lab, ServedLab, serving

Reply = Callable[[BaseHTTPRequestHandler], None]

ORDER_ID = "0198c0de-0000-7000-8000-000000000001"
ORDER_NAME = f"practices/demo/orders/{ORDER_ID}"


# ── the mesh's answers ────────────────────────────────────────────────────────────────────────────────────────────────


def order(**changes: object) -> dict[str, Any]:
    """An order as REST shows it: all that is in a progressive job's file."""
    return {
        "name": ORDER_NAME,
        "etag": "7",
        "state": "STATE_DRAFT",
        "lab": "labs/demo",
        "customerReference": "900001",
        "patientReference": "5093",
        "eyes": "EYES_BOTH",
        "prescription": {
            "right": {
                "sphere": -2.25,
                "cylinder": -0.75,
                "axis": 175,
                "add": 2,
                "distancePd": 32,
                "nearPd": 29.75,
                "fittingHeight": 19,
            },
            "left": {
                "sphere": 0.5,
                "cylinder": -1,
                "axis": 10,
                "add": 2.25,
                "distancePd": 31.5,
                "nearPd": 29.25,
                "fittingHeight": 18.5,
            },
        },
        "frame": {
            "a": 51.82,
            "b": 38.31,
            "dbl": 18,
            "ed": 52.49,
            "material": "FRAME_MATERIAL_PLASTIC",
            "edgeType": "EDGE_TYPE_BEVEL",
            "wrap": 5,
            "panto": -8,
            "vertex": 13,
            "trace": {"right": {"radii": [2500] * 400}, "left": {"radii": [2500] * 400}},
        },
        "lens": {"design": "comfort-pal", "material": "mr8", "colour": "clear", "coatings": ["hc-ar"], "options": []},
        "violations": [],
        "notes": [],
        "job": "",
        "labStatus": "",
        "catalogRevision": "1",
        "createTime": "2026-03-01T10:00:00Z",
        "updateTime": "2026-03-01T10:00:00Z",
    } | changes


def update(state: str, lab_status: str = "", **changes: object) -> dict[str, Any]:
    """A change of the order, as a watch tells it."""
    return {
        "order": ORDER_NAME,
        "sequence": "1",
        "etag": "7",
        "state": f"STATE_{state}",
        "job": "jobs/7",
        "labStatus": lab_status,
        "violations": [],
        "time": "2026-03-01T10:00:00Z",
    } | changes


def error(code: int, message: str, reason: str, *details: dict[str, Any]) -> dict[str, Any]:
    """An error in the mesh's one shape."""
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "lensmesh", "metadata": {}}
    return {"code": code, "message": message, "details": [info, *details]}


VIOLATIONS = {
    "@type": "type.googleapis.com/lensmesh.type.v1.Violations",
    "violations": [
        {
            "code": "NOT_IN_CATALOG",
            "severity": "SEVERITY_ERROR",
            "field": "lens.design",
            "message": "The file's LNAM=2950 is no design of the catalog.",
            "alternatives": ["comfort-pal", "comfort-pal-short"],
        }
    ],
}


# ── the stand-in ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


def answer(document: object, status: int = 200, content_type: str = "application/json") -> Reply:
    """A reply with one JSON document, or with a text that is none."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        body = (document if isinstance(document, str) else json.dumps(document)).encode()
        handler.send_response(status)
        handler.send_header("content-type", content_type)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def drop(handler: BaseHTTPRequestHandler) -> None:
    """No reply: the connection is closed."""
    handler.close_connection = True


def stream(*messages: dict[str, Any], begun: str = "", hold: Callable[[], object] | None = None) -> Reply:
    """A reply that streams messages and is then cut: after the beginning of another one, or after `hold` returns."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        for chunk in (*(f"data: {json.dumps(message)}\n\n" for message in messages), begun):
            if chunk:
                handler.wfile.write(f"{len(chunk):x}\r\n{chunk}\r\n".encode())
                handler.wfile.flush()
        if hold is not None:
            hold()
        handler.close_connection = True

    return reply


@dataclass
class StandIn:
    """An edge whose replies a test writes: for each method and path the next one, and the last for ever."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    _replies: dict[tuple[str, str], list[Reply]] = field(default_factory=dict)

    def on(self, method: str, path: str, *replies: Reply) -> None:
        """Reply to `method` on `/v1/practices/demo/orders<path>`; on the path itself where it begins with `/v1`."""
        whole = path if path.startswith("/v1/") else f"/v1/practices/demo/orders{path}"
        self._replies[method, whole] = list(replies)

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        """Note a request and reply to it."""
        parts = urlsplit(handler.path)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        body = handler.rfile.read(int(headers.get("content-length", 0)))
        self.requests.append(Request(handler.command, parts.path, parse_qs(parts.query), headers, body))
        replies = self._replies.get((handler.command, parts.path))
        if not replies:
            answer(error(5, f"no {handler.command} on {parts.path}", "UNKNOWN_ROUTE"), 404)(handler)
            return
        (replies.pop(0) if len(replies) > 1 else replies[0])(handler)


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """An edge at LENSMESH_URL, for a user whose token is in LENSMESH_TOKEN."""
    stand_in = StandIn()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            stand_in.take(self)

        do_POST = do_PATCH = do_GET  # noqa: N815 - what the base class calls them

        def log_message(self, *_: object) -> None:
            """A test's output is its own."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        stand_in.url = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("LENSMESH_URL", stand_in.url)
        monkeypatch.setenv("LENSMESH_TOKEN", "a-token")
        yield stand_in
        server.shutdown()
        thread.join()


# ── the command line ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def documents(self) -> list[Any]:
        """What was printed, as one JSON document a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def words(self) -> str:
        """All that was printed, in one line with single spaces."""
        return " ".join((self.out + self.err).split())


Lensmesh = Callable[..., Done]


@pytest.fixture
def lensmesh(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lensmesh:
    """Types a `lensmesh` command on a terminal of 80 columns whose output goes into a pipe."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["lensmesh", *arguments])
        with pytest.raises(SystemExit) as end:
            main.run()
        printed = capsys.readouterr()
        return Done(int(end.value.code or 0), printed.out, printed.err)

    return run


# ── the lab ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def served(keys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedLab]:  # noqa: ANN401 - of the suite's conftest
    """A stand-in lab behind TLS on a free port, known as the mesh that runs here."""
    home, token_file, lab = tmp_path / "home", tmp_path / "token.jwt", Lab()
    Layout(home).state.parent.mkdir(parents=True)
    Layout(home).keys.symlink_to(keys.local.folder)
    token_file.write_text("first")
    monkeypatch.setenv("LENSMESH_HOME", str(home))
    monkeypatch.delenv("LENSMESH_TOKEN", raising=False)
    with serving(lab, keys.local) as port:
        state.write(MeshState(home, ProcessId.own(), {"http_port": 1, "grpc_port": port}))
        yield ServedLab(lab, port, home, token_file)
