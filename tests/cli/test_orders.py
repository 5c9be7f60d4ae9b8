"""The `orders` commands against a stand-in edge: what is sent, and what a user reads."""

import base64
import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from runtime.layout import Layout
from runtime.settings import PROJECT
from tests.cli.conftest import (
    ORDER_ID,
    ORDER_NAME,
    VIOLATIONS,
    Lensmesh,
    StandIn,
    answer,
    drop,
    error,
    order,
    stream,
    update,
)

SAMPLE = str(PROJECT / "samples" / "progressive-job.oma")
IMPORTED = {"order": order(), "diagnostics": []}
SUBMITTED = order(state="STATE_SENT_TO_LAB", job="jobs/7", labStatus="Received by the lab")
WATCH = f"/{ORDER_ID}:watch"
SUBMIT = f"/{ORDER_ID}:submit"


# ── import ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_import_shows_both_eyes_as_in_the_file(edge: StandIn, lensmesh: Lensmesh) -> None:
    """Signed powers with two decimals, the axis in degrees, monocular PDs and heights in mm."""
    edge.on("POST", ":import", answer(IMPORTED))
    done = lensmesh("orders", "import", SAMPLE)
    assert done.code == 0, done.err
    assert "Right (OD) -2.25 -0.75 175° +2.00 32.00 29.75 19.00" in done.words
    assert "Left (OS) +0.50 -1.00 10° +2.25 31.50 29.25 18.50" in done.words
    assert "A 51.82 B 38.31 DBL 18.00 ED 52.49" in done.words
    assert "plastic, bevel, wrap 5.00°, panto -8.00°, vertex 13.00 mm traced: 400 points right, 400 left" in done.words
    assert "design comfort-pal material mr8 colour clear coatings hc-ar" in done.words
    assert f"bin/lensmesh orders submit {ORDER_ID}" in done.words


def test_an_import_sends_the_bytes_as_they_are(edge: StandIn, lensmesh: Lensmesh) -> None:
    """The choices and the request id are in the query, the file is the body."""
    edge.on("POST", ":import", answer(IMPORTED))
    lensmesh("orders", "import", SAMPLE, "--design", "comfort-pal", "--material", "mr8", "--remember")
    (request,) = edge.requests
    assert request.body == Path(SAMPLE).read_bytes()
    assert request.headers["content-type"] == "application/octet-stream"
    assert request.headers["authorization"] == "Bearer a-token"
    assert UUID(request.query.pop("requestId")[0])
    assert request.query == {"design": ["comfort-pal"], "material": ["mr8"], "remember": ["true"]}


def test_prism_is_shown_by_its_base(edge: StandIn, lensmesh: Lensmesh) -> None:
    """In or out, up or down, without signs; an eye without prism shows none."""
    prescription = {"right": {"prismHorizontal": 1.5, "prismVertical": -0.75}, "left": {"sphere": 0}}
    edge.on("POST", ":import", answer({"order": order(prescription=prescription)}))
    done = lensmesh("orders", "import", SAMPLE)
    assert "1.50 in" in done.out
    assert "0.75 down" in done.out
    assert "Left (OS) 0.00" + 7 * " \N{EN DASH}" in done.words


def test_an_order_fits_into_80_columns(edge: StandIn, lensmesh: Lensmesh) -> None:
    """Also with prism; nothing is cut or wrapped inside the table."""
    prism = order()["prescription"]
    prism["right"] |= {"prismHorizontal": -1.5, "prismVertical": -10.75}
    edge.on("POST", ":import", answer({"order": order(prescription=prism)}))
    done = lensmesh("orders", "import", SAMPLE)
    assert max(map(len, done.out.splitlines())) <= 80
    assert "…" not in done.out


def test_a_pipe_gets_neither_colour_nor_lines(edge: StandIn, lensmesh: Lensmesh) -> None:
    """No escape sequences, no box drawing."""
    edge.on("POST", ":import", answer({"order": order(violations=VIOLATIONS["violations"])}))
    done = lensmesh("orders", "import", SAMPLE)
    assert "\x1b" not in done.out
    assert not set("│─┃━╭╮╰╯┏┓") & set(done.out)


DIAGNOSTICS = [
    {"severity": "SEVERITY_INFO", "label": "OMAV", "line": 2, "message": "Not needed."},
    {"severity": "SEVERITY_WARNING", "label": "AX", "line": 9, "message": "Axis 0 is read as 180."},
    {"severity": "SEVERITY_ERROR", "label": "CYL", "line": 8, "message": "abc is no number."},
]


def test_notes_about_the_file_are_counted_and_worse_is_listed(edge: StandIn, lensmesh: Lensmesh) -> None:
    """By line, with the label; `--verbose` lists the notes too."""
    edge.on("POST", ":import", answer({"order": order(), "diagnostics": DIAGNOSTICS}))
    done = lensmesh("orders", "import", SAMPLE)
    assert "error line 8 CYL abc is no number. warning line 9 AX Axis 0 is read as 180." in done.words
    assert "1 more note about the file" in done.words
    assert "Not needed." not in done.out
    assert "note line 2 OMAV Not needed." in lensmesh("orders", "import", SAMPLE, "-v").words


def test_what_the_lab_objects_to_is_shown_with_what_would_do(edge: StandIn, lensmesh: Lensmesh) -> None:
    """At its field, with the catalog's nearest entries."""
    edge.on("POST", ":import", answer({"order": order(violations=VIOLATIONS["violations"])}))
    done = lensmesh("orders", "import", SAMPLE)
    assert "error at lens.design The file's LNAM=2950 is no design of the catalog." in done.words
    assert "instead: comfort-pal, comfort-pal-short" in done.words


# ── submit and watch ──────────────────────────────────────────────────────────────────────────────────────────────────


def _told(cursor: str, state: str, lab_status: str = "", **changes: object) -> dict[str, Any]:
    return {"cursor": cursor, "update": update(state, lab_status, **changes)}


COMPLETE = {"cursor": "9", "end": {"reason": "REASON_COMPLETE"}}
DRAINING = {"cursor": "2", "end": {"reason": "REASON_SERVER_DRAINING"}}
HEARTBEAT = {"cursor": "2", "heartbeat": {"time": "2026-03-01T10:00:00Z"}}


def test_import_submit_watch_goes_from_the_file_to_the_door(edge: StandIn, lensmesh: Lensmesh) -> None:
    """The job, then a line for every change of status, then the end."""
    edge.on("POST", ":import", answer(IMPORTED))
    edge.on("POST", SUBMIT, answer(SUBMITTED))
    told = [
        _told("1", "SENT_TO_LAB", "Received by the lab"),
        _told("2", "IN_PRODUCTION", "Surfacing"),
        HEARTBEAT,
        _told("3", "IN_PRODUCTION", "Surfacing"),  # a note was added: no change of status
        _told("4", "SHIPPED", "Shipped"),
    ]
    edge.on("GET", WATCH, stream(*told))
    done = lensmesh("orders", "import", SAMPLE, "--submit", "--watch")
    assert done.code == 0, done.err
    assert "Submitted: SENT_TO_LAB, jobs/7." in done.out
    last = [line.split(maxsplit=1)[1] for line in done.out.splitlines()[-4:-1]]
    assert [" ".join(line.split()) for line in last] == [
        "SENT_TO_LAB Received by the lab",
        "IN_PRODUCTION Surfacing",
        "SHIPPED Shipped",
    ]
    assert done.out.endswith("Shipped: the lenses are on their way.\n")


def test_json_is_the_rest_json_and_nothing_else(edge: StandIn, lensmesh: Lensmesh) -> None:
    """One document a line: import, submit, and every message of the watch."""
    edge.on("POST", ":import", answer(IMPORTED))
    edge.on("POST", SUBMIT, answer(SUBMITTED))
    told = [_told("1", "SENT_TO_LAB"), HEARTBEAT, _told("2", "SHIPPED")]
    edge.on("GET", WATCH, stream(*told))
    done = lensmesh("orders", "import", SAMPLE, "--submit", "--watch", "--json")
    assert done.documents == [IMPORTED, SUBMITTED, *told]
    assert done.err == ""


def test_a_watch_that_is_cut_goes_on_after_the_last_message(edge: StandIn, lensmesh: Lensmesh) -> None:
    """Half a message is none: it is told again. Nothing is missing, nothing comes twice."""
    first = [_told("1", "SENT_TO_LAB"), _told("2", "IN_PRODUCTION", "Surfacing")]
    second = [_told("3", "IN_PRODUCTION", "Polishing"), _told("4", "SHIPPED"), COMPLETE]
    edge.on("GET", WATCH, stream(*first, begun='data: {"cursor":"3","upd'), drop, stream(*second))
    done = lensmesh("orders", "watch", ORDER_ID, "--json")
    assert [told["cursor"] for told in done.documents] == ["1", "2", "3", "4"]
    assert [request.query.get("cursor") for request in edge.requests] == [None, ["2"], ["2"]]


def test_a_watch_goes_on_when_its_server_goes_away(edge: StandIn, lensmesh: Lensmesh) -> None:
    """SERVER_DRAINING is no end to the user."""
    edge.on("GET", WATCH, stream(_told("1", "SENT_TO_LAB"), DRAINING), stream(_told("3", "SHIPPED")))
    done = lensmesh("orders", "watch", ORDER_ID)
    assert (done.code, "SHIPPED" in done.out) == (0, True)
    assert edge.requests[1].query == {"cursor": ["2"]}


def test_a_watch_ends_when_it_is_complete(edge: StandIn, lensmesh: Lensmesh) -> None:
    """It is not opened again."""
    edge.on("GET", ":watch", stream(_told("1", "DISPENSED"), COMPLETE))
    done = lensmesh("orders", "watch")
    assert (done.code, len(edge.requests)) == (0, 1)
    assert f"{ORDER_ID} " in done.out


def test_a_watch_shows_the_error_it_ends_with(edge: StandIn, lensmesh: Lensmesh) -> None:
    """An error after the first message comes as a message, and ends the command with 1."""
    fault = error(11, "the cursor is older than what is kept", "CURSOR_EXPIRED")
    edge.on("GET", WATCH, stream(_told("1", "SENT_TO_LAB"), {"cursor": "1", "error": fault}))
    done = lensmesh("orders", "watch", ORDER_ID)
    assert done.code == 1
    assert "lensmesh: The cursor is older than what is kept." in done.words


def test_an_order_the_lab_refuses_after_all_ends_with_its_objections(edge: StandIn, lensmesh: Lensmesh) -> None:
    """NEEDS_ATTENTION is where following stops, with 1."""
    refused = _told("2", "NEEDS_ATTENTION", violations=VIOLATIONS["violations"])
    edge.on("GET", WATCH, stream(_told("1", "SUBMITTED"), refused))
    done = lensmesh("orders", "watch", ORDER_ID)
    assert done.code == 1
    assert "instead: comfort-pal" in done.out
    assert done.out.endswith("The lab does not make it as it is.\n")


def test_ctrl_c_ends_a_watch_with_the_command_that_goes_on(edge: StandIn) -> None:
    """No traceback; the cursor of the last message is in the command."""
    stop = threading.Event()
    edge.on("GET", WATCH, stream(_told("41", "IN_PRODUCTION", "Surfacing"), hold=lambda: stop.wait(20)))
    with subprocess.Popen(
        [PROJECT / "bin" / "lensmesh", "orders", "watch", ORDER_ID],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        assert "Surfacing" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    stop.set()
    assert process.returncode == 130
    assert f"bin/lensmesh orders watch {ORDER_ID} --cursor 41" in err
    assert "Traceback" not in err


# ── what the lab says, and what to type next ──────────────────────────────────────────────────────────────────────────


def _violation(field: str, code: str = "OUT_OF_RANGE", severity: str = "ERROR", *instead: str) -> dict[str, Any]:
    return {
        "code": code,
        "severity": f"SEVERITY_{severity}",
        "field": field,
        "message": "It is so.",
        "alternatives": list(instead),
    }


def _verdict(*violations: dict[str, Any]) -> dict[str, Any]:
    accepted = all(each["severity"] != "SEVERITY_ERROR" for each in violations)
    return {"accepted": accepted, "violations": list(violations), "catalogRevision": "3"}


def test_a_written_order_is_decided_while_it_is_written(edge: StandIn, lensmesh: Lensmesh) -> None:
    """Create and update ask the lab, show what it objects to, and the next command; the draft is kept."""
    edge.on("POST", "", answer(order()))
    edge.on("PATCH", f"/{ORDER_ID}", answer(order()))
    edge.on("POST", f"/{ORDER_ID}:validate", answer(_verdict(_violation("prescription.right.add", "NOT_GIVEN"))))
    created = lensmesh("orders", "create", str(PROJECT / "samples" / "order.json"))
    updated = lensmesh("orders", "update", ORDER_ID, "--material", "cr39")
    for done in (created, updated):
        assert done.code == 0, done.err
        assert "The lab objects: error at prescription.right.add It is so." in done.words
        assert (
            f"""echo '{{"prescription": {{"right": {{"add": VALUE}}}}}}' | bin/lensmesh orders update {ORDER_ID} -"""
            in done.out
        )
        assert f"orders update {ORDER_ID} --design ID --material ID" in done.out


def test_a_lab_that_cannot_be_asked_does_not_undo_what_was_written(edge: StandIn, lensmesh: Lensmesh) -> None:
    """The draft is shown, with the command that asks again."""
    edge.on("POST", "", answer(order()))
    edge.on("POST", f"/{ORDER_ID}:validate", answer(error(14, "the lab cannot be reached", "UNAVAILABLE"), 503))
    done = lensmesh("orders", "create", str(PROJECT / "samples" / "order.json"))
    assert (done.code, "State DRAFT" in done.words) == (0, True)
    assert "The lab could not be asked: The lab cannot be reached." in done.err
    assert f"bin/lensmesh orders validate {ORDER_ID}" in done.err


@pytest.mark.parametrize(
    ("violations", "heading", "step"),
    [
        ([_violation("lens.colour", "NOT_GIVEN", "INFO")], "The lab can make it; note:", "Submit it: "),
        ([_violation("prescription", "X", "WARNING")], "The lab can make it; look again:", "Submit it: "),
        ([_violation("lens.material", "X", "ERROR", "poly", "cr39")], "The lab objects:", " --material poly\n"),
        ([_violation("lens.design", "NOT_GIVEN")], "The lab objects:", " --design ID\nAll there is to choose from: "),
        ([_violation("eyes", "NOT_GIVEN")], "The lab objects:", """echo '{"eyes": "EYES_BOTH"}' | """),
        ([_violation("frame.edge_type", "X")], "The lab objects:", """{"frame": {"edgeType": "EDGE_TYPE_UNCUT"}}"""),
        ([_violation("prescription.left.add", "NOT_APPLICABLE")], "The lab objects:", """{"left": {"add": null}}"""),
        ([_violation("prescription", "X")], "The lab objects:", f"orders update {ORDER_ID} order.json"),
    ],
)
def test_what_the_lab_says_is_headed_by_its_worst_and_followed_by_what_to_type(
    edge: StandIn, lensmesh: Lensmesh, violations: list[dict[str, Any]], heading: str, step: str
) -> None:
    """An order that can be made is to be submitted; one that cannot be is to be corrected, where it is wrong."""
    edge.on("POST", ":import", answer({"order": order(violations=violations)}))
    done = lensmesh("orders", "import", SAMPLE)
    assert heading in done.out
    assert step in done.out
    assert ("Correct it" in done.out) == (heading == "The lab objects:")


def test_lens_and_fields_are_corrected_by_one_command(edge: StandIn, lensmesh: Lensmesh) -> None:
    """For the same practice."""
    draft = order(name=ORDER_NAME.replace("demo", "north"))
    wrong = [_violation("prescription.right.add", "NOT_GIVEN"), _violation("lens.material", "X", "ERROR", "poly")]
    edge.on("POST", ":import", answer({"order": draft | {"violations": wrong}}))
    done = lensmesh("orders", "import", SAMPLE)
    assert f" | bin/lensmesh orders update {ORDER_ID} - --material poly --practice north\n" in done.out


def test_a_file_with_unusable_values_is_not_submitted(edge: StandIn, lensmesh: Lensmesh) -> None:
    """A cylinder that cannot be read would become a lens without one; the draft is there to be looked at."""
    edge.on("POST", ":import", answer({"order": order(), "diagnostics": DIAGNOSTICS}))
    done = lensmesh("orders", "import", SAMPLE, "--submit", "--watch")
    assert (done.code, len(edge.requests)) == (1, 1)
    assert "lensmesh: It is not submitted: " in done.err
    assert f"bin/lensmesh orders submit {ORDER_ID} --watch" in done.err


def test_a_draft_is_not_watched(edge: StandIn, lensmesh: Lensmesh) -> None:
    """It would be watched for ever; the sentence says what moves it. `orders watch` does watch it, and says so."""
    for command in (("import", SAMPLE), ("update", ORDER_ID, "--design", "ft28")):
        done = lensmesh("orders", *command, "--watch")
        assert (done.code, edge.requests) == (2, [])
        assert "Nothing moves before the order is submitted: add --submit" in done.err
    edge.on("GET", WATCH, stream(_told("1", "DRAFT"), _told("2", "DRAFT", "Edited"), _told("3", "SHIPPED")))
    watched = lensmesh("orders", "watch", ORDER_ID).out
    assert watched.count(f"Nothing moves until it is submitted: bin/lensmesh orders submit {ORDER_ID}\n") == 1


def test_what_is_remembered_is_said_without_being_asked_for(edge: StandIn, lensmesh: Lensmesh) -> None:
    """What became of the file is no note on one of its lines. Nothing chosen is nothing to remember."""
    said = {"severity": "SEVERITY_INFO", "label": "LNAM", "message": "remembered: LNAM=X means comfort-pal"}
    edge.on("POST", ":import", answer({"order": order(), "diagnostics": [said]}))
    done = lensmesh("orders", "import", SAMPLE, "--design", "comfort-pal", "--remember")
    assert "note LNAM remembered: LNAM=X means comfort-pal" in done.words
    refused = lensmesh("orders", "import", SAMPLE, "--remember")
    assert (refused.code, len(edge.requests)) == (2, 1)
    assert "--remember keeps a choice, and none is made" in refused.err


def test_a_printed_name_is_spelled_as_an_id_and_looked_up(edge: StandIn, lensmesh: Lensmesh) -> None:
    """So that the catalog's answer lists what is near, instead of a pattern."""
    edge.on("POST", ":import", answer(IMPORTED))
    lensmesh("orders", "import", SAMPLE, "--design", "Comfort progressive", "--material", "CR-39 1.50")
    assert edge.requests[0].query["design"] == ["comfort-progressive"]
    assert edge.requests[0].query["material"] == ["cr-39-1-50"]


def test_a_second_submit_names_the_job(edge: StandIn, lensmesh: Lensmesh) -> None:
    """And how to look after it."""
    refusal = error(9, "an order that is SHIPPED cannot be submitted", "ORDER_STATE")
    edge.on("POST", SUBMIT, answer(refusal, 400))
    edge.on("GET", f"/{ORDER_ID}", answer(order(state="STATE_SHIPPED", job="jobs/7")))
    done = lensmesh("orders", "submit", ORDER_ID)
    assert done.code == 1
    assert f"The lab has it as jobs/7. How it goes: bin/lensmesh orders watch {ORDER_ID}" in done.err


def test_a_refused_submit_keeps_the_wish_to_watch(edge: StandIn, lensmesh: Lensmesh) -> None:
    """The command that corrects it goes on to where the user wanted to be."""
    edge.on("POST", SUBMIT, answer(error(9, "no", "NOT_MAKEABLE", VIOLATIONS), 400))
    done = lensmesh("orders", "submit", ORDER_ID, "--watch")
    assert f"bin/lensmesh orders update {ORDER_ID} --design comfort-pal --submit --watch" in done.err


# ── refusals ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_refused_submit_lists_why_and_how_to_go_on(edge: StandIn, lensmesh: Lensmesh) -> None:
    """The objections with what would do instead, and the command that goes on with the draft as it was asked for."""
    edge.on("POST", ":import", answer(IMPORTED))
    refusal = error(9, "the lab refuses the order as it is: lens.design: …", "NOT_MAKEABLE", VIOLATIONS)
    edge.on("POST", SUBMIT, answer(refusal, 400))
    done = lensmesh("orders", "import", SAMPLE, "--submit", "--watch")
    assert done.code == 1
    assert "The lab refuses the order as it is." in done.err
    assert "error at lens.design The file's LNAM=2950 is no design" in done.words
    assert "instead: comfort-pal, comfort-pal-short" in done.err
    assert f"bin/lensmesh orders update {ORDER_ID} --design comfort-pal --submit --watch" in done.err


def test_objections_that_stand_on_the_draft_are_not_repeated(edge: StandIn, lensmesh: Lensmesh) -> None:
    """The import knew them already, and had more to say about them."""
    edge.on("POST", ":import", answer({"order": order(violations=VIOLATIONS["violations"])}))
    edge.on("POST", SUBMIT, answer(error(9, "no", "NOT_MAKEABLE", VIOLATIONS), 400))
    done = lensmesh("orders", "import", SAMPLE, "--submit")
    assert done.words.count("error at lens.design") == 1
    assert done.err.startswith("lensmesh: The lab refuses the order as it is.\nCorrect it, for example:\n  bin/")


BAD_REQUEST = {
    "@type": "type.googleapis.com/google.rpc.BadRequest",
    "fieldViolations": [{"field": "order.prescription.right.axis", "description": "must be at most 180"}],
}


@pytest.mark.parametrize(
    ("status", "document", "sentence"),
    [
        (400, error(3, "x", "FIELD_INVALID", BAD_REQUEST), "order.prescription.right.axis: must be at most 180"),
        (401, error(16, "Jwt is expired", "TOKEN_INVALID"), "Jwt is expired. When LENSMESH_TOKEN is set, renew it"),
        (404, error(5, "there is no order x", "NOT_FOUND"), "There is no order x. What there is: `bin/lensmesh orders"),
        (409, error(10, "it was changed", "ETAG_MISMATCH"), "It was changed."),
        (413, error(8, "The body is larger than this path takes.", "BODY_TOO_LARGE"), "larger than this path takes."),
        (400, {"code": 3, "message": "no details at all"}, "lensmesh: No details at all."),
        (400, error(3, "strange details", "X", {"@type": "type.googleapis.com/no.Such"}), "Strange details."),
        (502, "<html>Bad Gateway</html>", "is no Lensmesh edge: it said 502 Bad Gateway, and then: <html>Bad"),
        (200, "[]", "is no Lensmesh edge: it said an answer the contract does not know"),
    ],
)
def test_every_error_is_a_sentence(
    edge: StandIn, lensmesh: Lensmesh, status: int, document: object, sentence: str
) -> None:
    """With exit code 1 and nothing on stdout."""
    edge.on("GET", f"/{ORDER_ID}", answer(document, status))
    done = lensmesh("orders", "get", ORDER_ID)
    assert (done.code, done.out) == (1, "")
    assert sentence in done.words


def test_with_json_an_error_is_the_rest_error(edge: StandIn, lensmesh: Lensmesh) -> None:
    """On stderr: stdout is for answers."""
    refusal = error(9, "no", "NOT_MAKEABLE", VIOLATIONS)
    edge.on("POST", SUBMIT, answer(refusal, 400))
    done = lensmesh("orders", "submit", ORDER_ID, "--json")
    assert (done.code, done.out, json.loads(done.err)) == (1, "", refusal)


def test_a_mesh_that_does_not_run_is_a_sentence(
    lensmesh: Lensmesh, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the command that starts it."""
    monkeypatch.delenv("LENSMESH_URL", raising=False)
    monkeypatch.setenv("LENSMESH_HOME", str(tmp_path))
    done = lensmesh("orders", "import", SAMPLE)
    assert (done.code, done.err) == (1, "lensmesh: The mesh is not running: type `bin/lensmesh up`.\n")


def test_an_address_where_nothing_answers_is_a_sentence(
    edge: StandIn, lensmesh: Lensmesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a few attempts, which are told."""
    edge.on("GET", "", drop)
    monkeypatch.setenv("LENSMESH_URL", edge.url)
    done = lensmesh("orders", "list")
    assert done.code == 1
    assert f"Nothing answers at {edge.url}" in done.err
    assert done.err.count("Trying again") == len(edge.requests) - 1 > 0


def test_a_url_that_is_none_is_a_usage_error(lensmesh: Lensmesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """With exit code 2."""
    monkeypatch.setenv("LENSMESH_URL", "localhost:8080")
    done = lensmesh("orders", "list")
    assert (done.code, "LENSMESH_URL=localhost:8080 is no address" in done.err) == (2, True)


# ── files ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_that_cannot_be_sent_is_a_sentence(edge: StandIn, lensmesh: Lensmesh, tmp_path: Path) -> None:
    """Before anything is sent."""
    large, empty = tmp_path / "large.oma", tmp_path / "empty.oma"
    large.write_bytes(b"A" * (1024 * 1024 + 1))
    empty.touch()
    assert "There is no file no/such.oma." in lensmesh("orders", "import", "no/such.oma").err
    assert "is a folder" in lensmesh("orders", "import", str(tmp_path)).err
    assert "is larger than 1 MiB" in lensmesh("orders", "import", str(large)).err
    assert "is empty" in lensmesh("orders", "import", str(empty)).err
    assert edge.requests == []


def test_an_order_file_that_is_no_json_object_is_a_sentence(edge: StandIn, lensmesh: Lensmesh, tmp_path: Path) -> None:
    """Whether the object is an order is for the mesh to say."""
    file = tmp_path / "order.json"
    file.write_text('{"prescription": {"right": {"sphere": NaN}}}')
    assert "is no JSON: NaN is no number" in lensmesh("orders", "create", str(file)).err
    file.write_text("{'eyes'")
    assert "is no JSON" in lensmesh("orders", "create", str(file)).err
    file.write_text('{"eyes": "EYES_BOTH", "eyes": "EYES_LEFT"}')
    assert '"eyes" stands there twice' in lensmesh("orders", "create", str(file)).err
    file.write_text("[]")
    assert "is no order" in lensmesh("orders", "create", str(file)).err
    assert edge.requests == []


# ── one request, once ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_retries_carry_the_same_request_id(edge: StandIn, lensmesh: Lensmesh) -> None:
    """Whatever happened to the first attempt, the order is made once."""
    away = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.010s"}
    unavailable = answer(error(14, "the lab's catalog cannot be read", "UNAVAILABLE", away), 503)
    edge.on("POST", ":import", drop, unavailable, answer(IMPORTED))
    done = lensmesh("orders", "import", SAMPLE)
    assert done.code == 0, done.err
    assert len(edge.requests) == 3
    assert len({request.query["requestId"][0] for request in edge.requests}) == 1


def test_a_command_repeated_with_its_request_id_sends_the_same_requests(edge: StandIn, lensmesh: Lensmesh) -> None:
    """Import and submit have ids of their own, both made from the one that was given."""
    edge.on("POST", ":import", answer(IMPORTED))
    edge.on("POST", SUBMIT, answer(SUBMITTED))
    once = "9d4f3a5e-3c1b-4f53-9d2a-8f5f5b1c2d3e"
    for _ in range(2):
        lensmesh("orders", "import", SAMPLE, "--submit", "--request-id", once)
    first, submit, again, submit_again = edge.requests
    assert first.query["requestId"] == again.query["requestId"] == [once]
    assert json.loads(submit.body) == json.loads(submit_again.body)
    assert json.loads(submit.body)["requestId"] != once
    assert json.loads(submit.body)["etag"] == "7"


# ── the other commands ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_is_named_by_its_id_or_in_full(edge: StandIn, lensmesh: Lensmesh) -> None:
    """Both ask for the same; anything else is refused before it is sent."""
    edge.on("GET", f"/{ORDER_ID}", answer(order(job="jobs/7")))
    for name in (ORDER_ID, ORDER_NAME):
        assert "jobs/7" in lensmesh("orders", "get", name).out
    assert [request.path for request in edge.requests] == [f"/v1/{ORDER_NAME}"] * 2
    assert "`../secrets` is no order's id" in lensmesh("orders", "get", "../secrets").err


def test_a_list_follows_its_pages_and_says_when_there_are_more(edge: StandIn, lensmesh: Lensmesh) -> None:
    """Up to the limit."""
    page = {"orders": [order(), order()], "nextPageToken": "2"}
    edge.on("GET", "", answer(page), answer(page | {"nextPageToken": "3"}))
    done = lensmesh("orders", "list", "--limit", "4", "--state", "DRAFT", "--state", "shipped")
    assert done.out.count(ORDER_ID) == 4
    assert done.words.startswith("order state date ref. patient ")
    assert "DRAFT 03-01 900001 5093" in done.words
    assert "There are more than these 4" in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert [request.query for request in edge.requests] == [
        {"pageSize": ["4"], "states": ["STATE_DRAFT", "STATE_SHIPPED"]},
        {"pageSize": ["2"], "pageToken": ["2"], "states": ["STATE_DRAFT", "STATE_SHIPPED"]},
    ]


def test_an_empty_list_says_so(edge: StandIn, lensmesh: Lensmesh) -> None:
    """In words; as JSON it is the page."""
    edge.on("GET", "", answer({"orders": [], "nextPageToken": ""}))
    assert lensmesh("orders", "list").out == "There are no orders yet.\n"
    assert lensmesh("orders", "list", "--json").documents == [{"orders": [], "nextPageToken": ""}]


def test_an_order_that_was_shown_can_be_given_back_changed(edge: StandIn, lensmesh: Lensmesh, tmp_path: Path) -> None:
    """Its name is in the path alone: the edge refuses it twice."""
    edge.on("PATCH", f"/{ORDER_ID}", answer(order()))
    file = tmp_path / "order.json"
    file.write_text(json.dumps(order(customerReference="12")))
    done = lensmesh("orders", "update", ORDER_ID, str(file), "--mask", "customer_reference", "--json")
    assert done.code == 0, done.err
    (request,) = edge.requests
    assert request.query == {"updateMask": ["customerReference"]}
    assert json.loads(request.body) == {k: v for k, v in order(customerReference="12").items() if k != "name"}


def test_a_file_sets_what_it_says_and_null_clears(edge: StandIn, lensmesh: Lensmesh, tmp_path: Path) -> None:
    """Also what is empty; what the mesh sets is given back in vain, and said to nobody."""
    edge.on("PATCH", f"/{ORDER_ID}", answer(order()))
    file = tmp_path / "order.json"
    cleared = {"prescription": {"right": {"add": None}}, "lens": {"coatings": []}, "patientReference": ""}
    file.write_text(json.dumps(cleared | {"state": "STATE_DRAFT"}))
    assert lensmesh("orders", "update", ORDER_ID, str(file), "--json").code == 0
    (request,) = edge.requests
    assert request.query == {"updateMask": ["prescription.right.add,lens.coatings,patientReference"]}
    assert json.loads(request.body) == {
        "prescription": {"right": {}},
        "lens": {"coatings": []},
        "patientReference": "",
        "state": "STATE_DRAFT",
    }


def test_a_lens_is_chosen_by_options(edge: StandIn, lensmesh: Lensmesh, tmp_path: Path) -> None:
    """Alone, or over what a file says; submitted when asked to."""
    edge.on("PATCH", f"/{ORDER_ID}", answer(order()))
    edge.on("POST", SUBMIT, answer(SUBMITTED))
    done = lensmesh(
        "orders", "update", ORDER_ID, "--material", "cr39", "--coating", "hc", "--coating", "top", "--submit"
    )
    assert "Submitted: SENT_TO_LAB, jobs/7." in done.out
    patch, submit = edge.requests
    assert json.loads(patch.body) == {"lens": {"material": "cr39", "coatings": ["hc", "top"]}}
    assert patch.query == {"updateMask": ["lens.material,lens.coatings"]}
    assert json.loads(submit.body)["etag"] == "7"
    file = tmp_path / "order.json"
    file.write_text('{"lens": {"design": "ft28", "material": "mr8"}}')
    lensmesh("orders", "update", ORDER_ID, str(file), "--material", "cr39", "--json")
    assert json.loads(edge.requests[-1].body) == {"lens": {"design": "ft28", "material": "cr39"}}


@pytest.mark.parametrize(
    ("mask", "sent"),
    [
        ("customerReference", "customerReference"),
        ("customer_reference", "customerReference"),
        ("lens.design,prescription.right.distance_pd", "lens.design,prescription.right.distancePd"),
    ],
)
def test_a_mask_is_written_as_the_contract_or_as_rest_spells_it(
    edge: StandIn, lensmesh: Lensmesh, tmp_path: Path, mask: str, sent: str
) -> None:
    """Both are public names of a field."""
    edge.on("PATCH", f"/{ORDER_ID}", answer(order()))
    file = tmp_path / "order.json"
    file.write_text("{}")
    lensmesh("orders", "update", ORDER_ID, str(file), "--mask", mask, "--json")
    assert edge.requests[0].query == {"updateMask": [sent]}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--mask", "customerRef"), "--mask customerRef: there is no such field; is customerReference meant?"),
        (("--mask", "lens.tint"), "--mask lens.tint: there is no such field; there are design, material, colour,"),
        (("--mask", "state"), "--mask state: the mesh sets it; what can be set is lab, account, customerReference,"),
        (("--mask", "eyes.left"), "--mask eyes.left: eyes has no fields."),
        ((), "Nothing is said that could be changed: give FILE, or choose with --design"),
    ],
)
def test_a_change_of_nothing_that_can_be_changed_is_a_sentence(
    edge: StandIn, lensmesh: Lensmesh, arguments: tuple[str, ...], sentence: str
) -> None:
    """Before anything is sent."""
    done = lensmesh("orders", "update", ORDER_ID, *arguments)
    assert done.code != 0
    assert sentence in done.words
    assert edge.requests == []


def test_an_orders_full_name_says_the_practice(
    edge: StandIn,
    lensmesh: Lensmesh,
    monkeypatch: pytest.MonkeyPatch,
    keys: Any,  # noqa: ANN401 - of the suite's conftest
    tmp_path: Path,
) -> None:
    """The token is one for it."""
    home = tmp_path / "home"
    home.mkdir()
    Layout(home).keys.symlink_to(keys.local.folder)
    monkeypatch.delenv("LENSMESH_TOKEN")
    monkeypatch.setenv("LENSMESH_HOME", str(home))
    lensmesh("orders", "get", ORDER_NAME.replace("demo", "north"))
    claims = edge.requests[0].headers["authorization"].split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(claims + "=="))["practice"] == "practices/north"


def test_an_order_is_created_of_json(edge: StandIn, lensmesh: Lensmesh, tmp_path: Path) -> None:
    """The file is the body."""
    edge.on("POST", "", answer(order()))
    file = tmp_path / "order.json"
    file.write_text('{"eyes": "EYES_BOTH"}')
    assert lensmesh("orders", "create", str(file), "--json").documents == [order()]
    assert json.loads(edge.requests[0].body) == {"eyes": "EYES_BOTH"}
    assert UUID(edge.requests[0].query["requestId"][0])


def test_a_validation_says_what_the_lab_would_do(edge: StandIn, lensmesh: Lensmesh) -> None:
    """With 1 when it would refuse, so that a script can ask."""
    path = f"/{ORDER_ID}:validate"
    edge.on("POST", path, answer({"accepted": True, "violations": [], "catalogRevision": "3"}))
    assert lensmesh("orders", "validate", ORDER_ID).out == (
        f"The lab would make it (catalog revision 3).\n\nSubmit it: bin/lensmesh orders submit {ORDER_ID}\n"
    )
    edge.on("POST", path, answer({"accepted": False, "violations": VIOLATIONS["violations"], "catalogRevision": "3"}))
    done = lensmesh("orders", "validate", ORDER_ID)
    assert (done.code, "The lab would refuse it" in done.out, "lens.design" in done.out) == (1, True, True)


QUOTE = {
    "price": {
        "list": "standard",
        "lines": [
            {"label": "Comfort progressive, 1.60", "amount": {"currency": "EUR", "minorUnits": "114800"}},
            {"label": "Left lens tinted", "side": "SIDE_LEFT", "amount": {"currency": "EUR", "minorUnits": "905"}},
            {"label": "Opening week", "amount": {"currency": "EUR", "minorUnits": "-1000"}},
        ],
        "total": {"currency": "EUR", "minorUnits": "114705"},
    },
    "leadTimeDays": 5,
    "lenses": [
        {
            "side": side,
            "blankDiameter": 70,
            "centreThickness": 2,
            "edgeThinnest": 2.05,
            "edgeThickest": 3.75,
            "weight": 6.8,
        }
        for side in ("SIDE_RIGHT", "SIDE_LEFT")
    ],
    "catalogRevision": "3",
}
TOLD = [
    "Price EUR 1,147.05 by the list standard, ships in 5 working days",
    "Comfort progressive, 1.60 1,148.00",
    "Left lens tinted left 9.05",
    "Opening week -10.00",
    "blank centre edge weight",
    "Right (OD) 70 mm 2.00 mm 2.05 to 3.75 mm 6.8 g",
    "Left (OS) 70 mm 2.00 mm 2.05 to 3.75 mm 6.8 g",
]


def test_what_it_costs_and_how_it_comes_out_is_shown(edge: StandIn, lensmesh: Lensmesh) -> None:
    """On the order, after it was written, and by a validation: line by line, in the account's list."""
    said = {"accepted": True, "violations": [], "catalogRevision": "3", "quote": QUOTE}
    edge.on("GET", f"/{ORDER_ID}", answer(order(quote=QUOTE, account="100200")))
    edge.on("POST", f"/{ORDER_ID}:validate", answer(said))
    edge.on("PATCH", f"/{ORDER_ID}", answer(order()))
    for words in (("get", ORDER_ID), ("validate", ORDER_ID), ("update", ORDER_ID, "--design", "comfort-pal")):
        done = lensmesh("orders", *words)
        assert [line for line in TOLD if line not in done.words] == []
        assert max(map(len, done.out.splitlines())) <= 80
    assert "Account 100200" in lensmesh("orders", "get", ORDER_ID).words


def test_a_price_that_is_not_known_is_not_shown(edge: StandIn, lensmesh: Lensmesh) -> None:
    """Nor is anything made up in its place."""
    edge.on("GET", f"/{ORDER_ID}", answer(order(quote={"leadTimeDays": 1})))
    done = lensmesh("orders", "get", ORDER_ID)
    assert "Ships in 1 working day." in done.out
    assert "Price" not in done.out


def test_a_practice_lists_its_accounts(edge: StandIn, lensmesh: Lensmesh) -> None:
    """With the usual one marked."""
    given = {"practice": "practices/demo", "createTime": "2026-03-01T10:00:00Z"}
    accounts = [
        {"name": "labs/main/accounts/100200", "isDefault": True, **given},
        {"name": "labs/main/accounts/100300", "isDefault": False, **given},
    ]
    path = "/v1/practices/demo/accounts"
    edge.on("GET", path, answer({"accounts": accounts, "nextPageToken": ""}), answer({"accounts": []}))
    done = lensmesh("orders", "accounts")
    lines = [line.split() for line in done.out.splitlines()]
    assert [(line[0], line[1], " ".join(line[4:])) for line in lines[1:]] == [
        ("100200", "main", "the usual one"),
        ("100300", "main", ""),
    ]
    assert lensmesh("orders", "accounts").out == "There are none. The lab gives them.\n"


def test_a_note_and_a_cancel_are_confirmed(edge: StandIn, lensmesh: Lensmesh) -> None:
    """In a word."""
    noted = order(notes=[{"author": "users/a", "text": "hurry", "createTime": "2026-03-01T10:00:00Z"}])
    edge.on("POST", f"/{ORDER_ID}:addNote", answer(noted))
    edge.on("POST", f"/{ORDER_ID}:cancel", answer(order(state="STATE_CANCELLED")))
    assert lensmesh("orders", "note", ORDER_ID, "hurry").out == "Noted; there is 1 note on it now.\n"
    assert lensmesh("orders", "cancel", ORDER_ID).out == "Cancelled.\n"
    assert json.loads(edge.requests[0].body)["text"] == "hurry"


def test_tokens_are_signed_by_the_local_keys_when_none_is_given(
    edge: StandIn, lensmesh: Lensmesh, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without keys, a sentence; a practice that cannot be is refused."""
    monkeypatch.delenv("LENSMESH_TOKEN")
    monkeypatch.setenv("LENSMESH_HOME", str(tmp_path))
    assert "There are no keys" in lensmesh("orders", "list").err
    assert edge.requests == []


def test_waiting_is_bounded(edge: StandIn, lensmesh: Lensmesh) -> None:
    """A call that is never answered properly ends within seconds."""
    edge.on("GET", "", drop)
    begin = time.monotonic()
    lensmesh("orders", "list")
    assert time.monotonic() - begin < 10
