"""The `lensmesh` command, typed as a user types it, on a mesh of PostgreSQL and NATS alone."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import tomllib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import jwt
import psutil
import pytest

from runtime import state
from runtime.settings import PROJECT
from runtime.state import MeshState, Status

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


@dataclass(frozen=True)
class Shell:
    """Types `lensmesh` commands for one home."""

    home: Path
    settings: dict[str, str]

    def type(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, from a folder that is not the project's."""
        return subprocess.run(
            [PROJECT / "bin" / "lensmesh", *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.home,
            env=os.environ | self.settings | settings,
        )

    def state(self) -> MeshState:
        """What the supervisor last wrote."""
        current = state.read(self.home)
        assert current is not None
        return current

    def pid(self, name: str) -> int:
        """The pid of a process of the mesh."""
        (identity,) = [process.id for process in self.state().processes if process.name == name]
        assert identity is not None
        return identity.pid


def _shell(home: Path) -> Shell:
    names = ("http", "grpc", "admin", "postgres", "nats", "lims", "order")
    settings = {f"LENSMESH_{name.upper()}_PORT": "0" for name in names}
    return Shell(home, settings | {"LENSMESH_HOME": str(home), "LENSMESH_ONLY": "postgres,nats", "COLUMNS": "120"})


@pytest.fixture
def shell(home: Path) -> Iterator[Shell]:
    """A shell whose mesh is two servers on free ports, stopped at the end."""
    shell = _shell(home)
    yield shell
    shell.type("down")


@pytest.fixture(scope="module")
def up() -> Iterator[Shell]:
    """The shell of a mesh that is up, for tests that only look."""
    with tempfile.TemporaryDirectory(prefix="lensmesh-test-") as folder:
        Path(folder).chmod(0o755)
        shell = _shell(Path(folder))
        shell.type("up")
        yield shell
        shell.type("down")


def test_up_starts_everything_and_says_where_it_is(shell: Shell) -> None:
    """Each process with its seconds, then the addresses and the first command to type."""
    done = shell.type("up")
    assert done.returncode == 0, done.stderr
    for words in ("postgres       ready", "nats           ready", "Lensmesh is up after", "orders import samples/"):
        assert words in done.stdout
    assert shell.state().ready


def test_a_second_up_says_it_is_up(up: Shell) -> None:
    """It starts nothing, and shows where everything is."""
    before = up.state()
    done = up.type("up")
    assert done.returncode == 0
    assert "Lensmesh is up already" in done.stdout
    assert "It runs" not in done.stdout
    assert up.state() == before


def test_an_up_that_asks_for_something_else_says_what_runs(up: Shell) -> None:
    """Nothing is done, and that is told with the way out."""
    done = up.type("up", LENSMESH_REPLICAS="order=2")
    assert "It runs with order=" in done.stdout
    assert "`bin/lensmesh down`, then `make up` again" in done.stdout


def test_an_up_with_a_misspelt_variable_starts_nothing(shell: Shell) -> None:
    """A limit that nobody reads would be no limit."""
    done = shell.type("up", LENSMESH_MAX_CALL="5")
    assert done.returncode == 2
    assert "did you mean LENSMESH_MAX_CALLS?" in done.stderr


def test_status_shows_each_process_with_its_memory(up: Shell) -> None:
    """As a table, and as JSON for scripts."""
    done = up.type("status", "--json")
    shown = json.loads(done.stdout)
    assert (done.returncode, shown["running"], shown["ready"]) == (0, True, True)
    assert {process["name"]: process["status"] for process in shown["processes"]} == {
        "postgres": "ready",
        "nats": "ready",
    }
    assert all(process["pss_bytes"] > 1_000_000 for process in shown["processes"])
    assert "postgres" in up.type("status").stdout


def test_down_stops_everything(shell: Shell) -> None:
    """Nothing of the mesh runs afterwards, and status says so."""
    started = shell.type("up")
    assert started.returncode == 0, started.stderr
    ids = [process.id for process in shell.state().processes] + [shell.state().supervisor]
    assert shell.type("down").stdout == "Lensmesh is down. The data is kept.\n"
    assert [identity for identity in ids if identity and identity.find()] == []
    status = shell.type("status")
    assert (status.returncode, status.stdout) == (1, "Lensmesh is not running. `make up` starts it.\n")
    assert shell.type("down").stdout == "Lensmesh was not running.\n"


async def _execute(shell: Shell, statement: str) -> object:
    secret = (shell.home / "keys" / "postgres.secret").read_bytes()
    server = _server(shell, secret)
    connection = await asyncpg.connect(server)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def _server(shell: Shell, secret: bytes) -> str:
    from runtime.account import current  # noqa: PLC0415
    from runtime.postgres import Server  # noqa: PLC0415

    port = shell.state().ports["postgres_port"]
    return Server(Path(), Path(), current(), port, secret).url("order", "order_owner")


async def test_data_survives_down_and_up(shell: Shell) -> None:
    """Also a cold stop of everything."""
    shell.type("up")
    await _execute(shell, "CREATE TABLE kept AS SELECT 'a lens' AS what")
    shell.type("down")
    shell.type("up")
    assert await _execute(shell, "SELECT what FROM kept") == "a lens"


def test_restart_replaces_a_process(shell: Shell) -> None:
    """It is ready again, under another pid, when the command ends; everything else is left alone."""
    shell.type("up")
    nats, postgres = shell.pid("nats"), shell.pid("postgres")
    done = shell.type("restart", "nats")
    assert (done.returncode, "nats           ready" in done.stdout) == (0, True)
    assert shell.pid("nats") != nats
    assert shell.pid("postgres") == postgres
    assert shell.state().ready


def test_restart_of_what_is_not_there_says_what_is(up: Shell, shell: Shell) -> None:
    """The command was wrong: 2. No mesh at all is another matter: 1."""
    done = up.type("restart", "order")
    assert (done.returncode, "There are: postgres, nats." in done.stderr) == (2, True)
    done = shell.type("restart", "nats")
    assert (done.returncode, "make up" in done.stderr) == (1, True)


def test_the_version_is_the_projects(shell: Shell) -> None:
    """One line, for a bug report."""
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    assert shell.type("--version").stdout == f"lensmesh {version}\n"


async def test_what_dies_comes_back(shell: Shell, eventually: Eventually) -> None:
    """Also PostgreSQL, whose data outlives it."""
    shell.type("up")
    for name in ("nats", "postgres"):
        os.kill(shell.pid(name), signal.SIGKILL)
    await eventually(lambda: all(p.restarts >= 1 and p.status is Status.READY for p in shell.state().processes))


async def test_a_killed_supervisor_leaves_no_orphan_behind_the_next_up(shell: Shell, eventually: Eventually) -> None:
    """Status tells that it is gone; `up` stops what it left and starts anew."""
    shell.type("up")
    orphans = [process.id for process in shell.state().processes]
    os.kill(shell.state().supervisor.pid, signal.SIGKILL)
    await eventually(lambda: not shell.state().running)
    assert "these still run: postgres, nats" in shell.type("status").stdout
    assert shell.type("up").returncode == 0
    assert [orphan for orphan in orphans if orphan and orphan.find()] == []
    assert shell.state().ready


async def test_down_also_stops_what_a_killed_supervisor_left(shell: Shell, eventually: Eventually) -> None:
    """No `up` is needed first."""
    shell.type("up")
    orphans = [process.id for process in shell.state().processes]
    os.kill(shell.state().supervisor.pid, signal.SIGKILL)
    await eventually(lambda: not shell.state().running)
    assert "is down" in shell.type("down").stdout
    assert [orphan for orphan in orphans if orphan and orphan.find()] == []


def test_a_taken_port_is_a_sentence(shell: Shell) -> None:
    """No traceback; the holder and the way out are named."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = shell.type("up", LENSMESH_NATS_PORT=port)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"lensmesh: Port {port} (NATS) is taken by {psutil.Process().name()} (pid {os.getpid()})"
    )
    assert "LENSMESH_NATS_PORT=" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_start_that_fails_shows_the_log_and_stops_the_rest(shell: Shell) -> None:
    """Here a service cannot migrate, since its database is not part of the mesh."""
    done = shell.type("up", LENSMESH_ONLY="nats,order-migrate")
    assert done.returncode == 1
    assert "order-migrate gave up after 5 starts" in done.stderr
    assert f"The end of {shell.home}/log/order-migrate.log:" in done.stderr
    assert not shell.state().running
    assert shell.state().alive == ()


def test_an_unknown_process_lists_the_known_ones(up: Shell) -> None:
    """For `up --only` and for `logs`."""
    done = up.type("up", "--only", "postgress")
    assert (done.returncode, "there is no process `postgress`" in done.stderr) == (2, True)
    done = up.type("logs", "ngnix")
    assert done.returncode == 2
    assert "Logs are: nats, postgres, supervisor." in done.stderr


async def test_logs_follow_what_is_added(up: Shell) -> None:
    """The last lines first, then new ones as they come."""
    log = up.home / "log" / "nats.log"
    following = await asyncio.create_subprocess_exec(
        PROJECT / "bin" / "lensmesh",
        "logs",
        "nats",
        "-f",
        "-n",
        "1",
        stdout=subprocess.PIPE,
        env=os.environ | up.settings,
    )
    try:
        assert following.stdout is not None
        assert b"Server is ready" in await following.stdout.readline()
        with log.open("a") as file:
            file.write("a new line\n")
        assert await following.stdout.readline() == b"a new line\n"
    finally:
        following.kill()
        await following.communicate()


def test_a_token_verifies_against_the_published_keys(up: Shell) -> None:
    """It is all that is printed, ready for a shell variable."""
    token = up.type("token", "--role", "optician", "--practice", "demo", "--ttl", "5m").stdout.strip()
    keys = jwt.PyJWKSet.from_json((up.home / "keys" / "jwks.json").read_text())
    claims = jwt.decode(token, keys[jwt.get_unverified_header(token)["kid"]], ["ES256"], audience="lensmesh")
    assert (claims["sub"], claims["practice"], claims["roles"]) == (
        "users/demo-optician",
        "practices/demo",
        ["optician"],
    )
    assert claims["exp"] - claims["iat"] == 300


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--role", "dentist"], "There is no role `dentist`"),
        (["--role", "optician"], "add --practice demo"),
        (["--role", "optician", "--practice", "demo", "--ttl", "soon"], "`soon` is no duration"),
    ],
)
def test_a_token_that_cannot_be_issued_is_a_sentence(up: Shell, arguments: list[str], sentence: str) -> None:
    """With exit code 2: the command was wrong."""
    done = up.type("token", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr


def test_errors_are_json_where_json_was_asked_for(shell: Shell) -> None:
    """On stderr, so that stdout stays the answer's."""
    done = shell.type("token", "--role", "optician", "--practice", "demo", "--json")
    assert json.loads(done.stderr)["error"] == "NotRunningError"


def test_without_an_environment_the_command_says_how_to_make_one(tmp_path: Path) -> None:
    """A fresh clone has no .venv."""
    (tmp_path / "bin").mkdir()
    shutil.copy(PROJECT / "bin" / "lensmesh", tmp_path / "bin")
    done = subprocess.run([tmp_path / "bin" / "lensmesh", "up"], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Type `make up`" in done.stderr
