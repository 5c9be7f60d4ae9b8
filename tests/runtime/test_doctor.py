"""The doctor says what is wrong, and what to do about it; what is well it leaves alone."""

import json
import os
import resource
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from runtime import account, keys, postgres, state
from runtime.doctor import machine, running
from runtime.doctor.finding import judge
from runtime.layout import Layout
from runtime.settings import PROJECT, MeshSettings, variable
from runtime.state import MeshState, ProcessId, ProcessState, Status
from runtime.waiting import blocking

# ── the machine ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("version", "good"), [((3, 10), False), ((3, 11), True), ((3, 14), True)])
def test_an_old_python_is_found(version: tuple[int, int], *, good: bool) -> None:
    """By number, not by text: 3.9 is older than 3.11."""
    assert machine.python(version)[0] is good


def test_a_full_disk_is_found_also_below_a_folder_to_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The home need not be there yet."""
    assert machine.disk(tmp_path / "to" / "come")[0]
    monkeypatch.setattr(machine, "NEEDED_BYTES", 10**18)
    good, _, way_out = machine.disk(tmp_path)
    assert (good, "LENSMESH_HOME" in way_out) == (False, True)


def test_too_little_memory_is_found() -> None:
    """A mesh that runs has taken most of its part already."""
    assert not machine.memory(500_000_000, up=False)[0]
    assert machine.memory(500_000_000, up=True)[0]


@pytest.mark.parametrize(("limit", "good"), [(256, False), (1024, True), (resource.RLIM_INFINITY, True)])
def test_a_low_limit_of_open_files_is_found(limit: int, *, good: bool) -> None:
    """The way out is the command to type."""
    found = machine.files(limit)
    assert found[0] is good
    assert "ulimit -n" in found[2]


def test_a_clock_that_stands_in_the_past_is_found() -> None:
    """It stands before the project was installed; a few minutes are a time zone of some archive."""
    assert not machine.clock(now=0.0, newest=1e9)[0]
    assert machine.clock(now=1e9 - 60, newest=1e9)[0]


def test_loopback_that_does_not_lead_back_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here localhost is somebody else."""
    assert machine.loopback()[0]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("192.0.2.1", 0))])
    assert not machine.loopback()[0]


def test_root_without_anybody_to_run_postgres_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container without /etc/passwd entries."""

    def nobody(_name: str) -> None:
        raise KeyError

    assert machine.postgres_user(os.geteuid())[0]
    monkeypatch.setattr(machine.pwd, "getpwnam", nobody)
    assert not machine.postgres_user(0)[0]


def test_keys_that_others_may_read_are_found(layout: Layout) -> None:
    """Who reads them can sign tokens."""
    assert machine.home(layout)[0]
    layout.keys.chmod(0o755)
    good, says, way_out = machine.home(layout)
    assert (good, "755" in says, f"chmod 700 {layout.keys}" in way_out) == (False, True, True)


def test_a_home_that_cannot_be_written_is_found(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that does not exist yet is fine."""
    assert machine.home(Layout(layout.home / "new"))[0]
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert not machine.home(layout)[0]


def test_a_program_that_does_not_run_here_is_found(tmp_path: Path) -> None:
    """It says its version, or it is not fit."""
    broken = tmp_path / "envoy"
    broken.write_text("#!/bin/sh\necho 'GLIBC_2.99 not found' >&2\nexit 1\n")
    broken.chmod(0o755)
    good, says, _ = machine.program(broken)
    assert (good, says) == (False, "GLIBC_2.99 not found")
    assert machine.program(postgres.programs() / "postgres")[0]


def test_a_taken_port_is_found_with_its_holder() -> None:
    """And with the variable that chooses another."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        good, says, way_out = machine.free_port("nats_port", taken.getsockname()[1])
    assert (good, f"(pid {os.getpid()})" in says, "LENSMESH_NATS_PORT=" in way_out) == (False, True, True)


def test_a_check_that_fails_itself_is_a_finding() -> None:
    """The others go on."""

    def look() -> tuple[bool, str, str]:
        raise ConnectionRefusedError("nobody there")

    found = judge("edge", look)
    assert (found.good, found.says) == (False, "could not be looked at: nobody there")
    assert found.way_out


# ── a running mesh ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def up() -> Iterator[tuple[MeshState, Layout, dict[str, str]]]:
    """A whole mesh, and the environment of its commands."""
    with tempfile.TemporaryDirectory(prefix="lensmesh-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        free = {variable(name): "0" for name in MeshSettings.model_fields if name.endswith("_port")}
        environment = {**os.environ, **free, "LENSMESH_HOME": folder, "LENSMESH_SIMULATE": "false", "COLUMNS": "200"}
        started = _lensmesh(environment, "up")
        assert started.returncode == 0, started.stderr
        current = state.read(Path(folder))
        assert current is not None
        yield current, Layout(Path(folder)), environment
        _lensmesh(environment, "down")


def _lensmesh(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROJECT / "bin" / "lensmesh", *words], check=False, capture_output=True, text=True, env=environment
    )


Up = tuple[MeshState, Layout, dict[str, str]]


def test_a_mesh_that_is_well_passes_every_check(up: Up) -> None:
    """As a person reads it, and as a script does."""
    done = _lensmesh(up[2], "doctor")
    assert done.returncode == 0, done.stdout
    assert "checks are well." in done.stdout
    told = json.loads(_lensmesh(up[2], "doctor", "--json").stdout)
    assert told["good"]
    checked = {finding["check"] for finding in told["findings"]}
    assert checked >= {"disk", "order", "edge", "token", "certificate", "event stream", "lab follower"}
    assert checked >= {
        f"{what} of {service}" for what in ("schema", "leaders", "relay") for service in ("order", "lims")
    }


def test_a_process_that_is_paused_or_gone_is_wrong_and_the_command_says_so(up: Up) -> None:
    """Here the edge is gone: three checks find it, each with its way out, and the command ends with 1."""
    current, _, environment = up
    (edge,) = [process.id for process in current.processes if process.name == "envoy"]
    assert edge is not None
    os.kill(edge.pid, signal.SIGSTOP)
    try:
        done = _lensmesh(environment, "doctor", "--json")
    finally:
        os.kill(edge.pid, signal.SIGCONT)
    wrong = {
        finding["check"]: finding["way_out"] for finding in json.loads(done.stdout)["findings"] if not finding["good"]
    }
    assert done.returncode == 1
    assert {"edge", "token", "certificate"} <= set(wrong)
    assert all(wrong.values())


@pytest.mark.parametrize(
    "process",
    [
        ProcessState("order", Status.RESTARTING, 0.0, detail="killed by SIGKILL"),
        ProcessState("order", Status.FAILED, 0.0),
        ProcessState("order", Status.READY, 0.0, id=ProcessId(2**22 + 1, 0.0)),
    ],
)
def test_a_process_that_does_not_run_is_found(process: ProcessState) -> None:
    """Also one whose supervisor has not seen yet that it is gone."""
    good, _, way_out = running.process_runs(process)
    assert (good, "bin/lensmesh logs order" in way_out) == (False, True)


def test_a_replica_that_stands_still_is_found_whoever_answers_for_it(up: Up) -> None:
    """By its process, and by itself: the edge would ask another one."""
    current, _, environment = up
    (order,) = [process.id for process in current.processes if process.name == "order"]
    assert order is not None
    os.kill(order.pid, signal.SIGSTOP)
    try:
        told = json.loads(_lensmesh(environment, "doctor", "--json").stdout)["findings"]
    finally:
        os.kill(order.pid, signal.SIGCONT)
    found = {finding["check"]: finding for finding in told}
    assert f"kill -CONT {order.pid}" in found["order"]["way_out"]
    assert not found["health of order"]["good"]


def test_a_database_that_does_not_answer_is_named_once(up: Up) -> None:
    """And nothing else is asked of it."""
    gone = replace(up[0], ports=up[0].ports | {"postgres_port": 1})
    wrong = [finding for finding in running.examine(gone, up[1]) if not finding.good]
    assert [finding.check for finding in wrong] == ["database server"]
    assert "bin/lensmesh logs postgres" in wrong[0].way_out


def test_a_token_of_other_keys_is_refused(up: Up, layout: Layout) -> None:
    """As when keys/ was replaced under a running mesh."""
    keys.prepare(layout.keys, datetime.now(UTC))
    good, says, way_out = running.token_works(up[0], layout)
    assert (good, "401" in says, "down" in way_out) == (False, True, True)


def test_a_certificate_that_ends_soon_or_was_not_taken_is_found(up: Up, layout: Layout) -> None:
    """What counts is what the port shows."""
    assert running.certificate_lasts(*up[:2], datetime.now(UTC))[0]
    assert not running.certificate_lasts(*up[:2], datetime.now(UTC) + timedelta(days=380))[0]
    keys.prepare(layout.keys, datetime.now(UTC))
    good, says, _ = running.certificate_lasts(up[0], layout, datetime.now(UTC))
    assert (good, "not the one on the disk" in says) == (False, True)


def test_a_server_that_is_not_there_is_found(up: Up) -> None:
    """Whichever it is."""
    gone = replace(up[0], ports=dict.fromkeys(up[0].ports, 1))
    for look in (
        lambda: running.edge_answers(gone),
        lambda: running.stream_is_there(gone),
        lambda: running.schema_is_current(gone, up[1], "order"),
    ):
        assert not judge("it", look).good


def test_a_schema_older_than_the_code_is_found(up: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code on the disk is newer than what was migrated."""
    monkeypatch.setattr("chassis.migrate.head", lambda _: "9999")
    good, says, way_out = running.schema_is_current(*up[:2], "order")
    assert (good, "needs 9999" in says, "make up" in way_out) == (False, True, True)


def _in_the_database(up: Up, statement: str) -> None:
    secret = (up[1].keys / "postgres.secret").read_bytes()
    server = postgres.Server(Path(), Path(), account.current(), up[0].ports["postgres_port"], secret)

    async def execute() -> None:
        connection = await asyncpg.connect(server.url("order"))
        await connection.execute(statement)
        await connection.close()

    blocking(execute())


@pytest.fixture
def nobody_leads(up: Up) -> Iterator[None]:
    """A shard of the log whose relay died long ago, without having published anything."""
    _in_the_database(up, "insert into lease values ('relay-7-of-8', gen_random_uuid(), 3, now() - interval '1 hour')")
    yield
    _in_the_database(up, "delete from lease where name = 'relay-7-of-8'")


@pytest.mark.usefixtures("nobody_leads")
def test_work_that_nobody_does_is_found(up: Up) -> None:
    """By the name of its lease."""
    good, says, _ = running.everything_is_led(*up[:2], "order")
    assert (good, "relay-7-of-8 (nobody)" in says) == (False, True)


@pytest.mark.usefixtures("nobody_leads")
def test_events_that_are_not_published_are_found(up: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, with the age of the oldest; what came a moment ago is on its way."""
    done = _lensmesh(up[2], "orders", "import", str(PROJECT / "samples" / "single-vision-job.oma"))
    assert done.returncode == 0, done.stderr
    assert running.log_is_relayed(*up[:2], "order")[0]
    monkeypatch.setattr(running, "LATE_SECONDS", 0.0)
    good, says, _ = running.log_is_relayed(*up[:2], "order")
    assert (good, "events unpublished, the oldest for" in says) == (False, True)


def test_a_lab_that_is_not_followed_is_found(up: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    """Job events that the orders do not know yet; here the follower's place is taken for the beginning."""
    done = _lensmesh(up[2], "orders", "import", str(PROJECT / "samples" / "single-vision-job.oma"), "--submit")
    assert done.returncode == 0, done.stderr
    monkeypatch.setattr(running, "LATE_SECONDS", 0.0)
    monkeypatch.setattr(running, "_cursor", lambda _: (0, 0))
    good, says, _ = running.lab_is_followed(*up[:2])
    assert (good, "events the orders do not know" in says) == (False, True)


def test_a_head_that_is_not_kept_or_is_another_one_is_found(up: Up) -> None:
    """The file and the database disagree; the way out names the command that says how."""
    current, layout = up[:2]
    kept = layout.history.read_text()
    try:
        layout.history.write_text("")
        good, says, way_out = running.history_is_kept(current, layout)
        assert (good, "the head of revision 0" in says, "history --verify" in way_out) == (False, True, True)
        layout.history.write_text(kept.replace('"head": "', '"head": "0', 1))
        good, says, _ = running.history_is_kept(current, layout)
        assert (good, says.endswith(", another one")) == (False, True)
    finally:
        layout.history.write_text(kept)
    assert running.history_is_kept(current, layout)[0]
