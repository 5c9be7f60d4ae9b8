"""PostgreSQL under our supervision: who runs it, who may enter what, and what survives."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from runtime import account, ports, postgres
from runtime.errors import HomeUnusableError

_as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Server]:
    """A server with the databases of two services."""
    with postgres.running(tmp_path_factory.mktemp("postgres")) as running:
        running.bootstrap("lims")
        running.bootstrap("order")
        yield running


@pytest.mark.parametrize("role", ["owner", "service", "relay"])
async def test_roles_cannot_cross_databases(server: postgres.Server, role: str) -> None:
    """A service's roles enter its own database and nobody else's."""
    connection = await asyncpg.connect(server.url("lims", f"lims_{role}"))
    await connection.close()
    for other in ("order", "postgres", "template1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
            await asyncpg.connect(server.url(other, f"lims_{role}"))


async def test_no_role_of_a_service_has_power_over_the_server(server: postgres.Server) -> None:
    """Row-level security binds all of them; none makes roles or databases."""
    connection = await asyncpg.connect(server.url("postgres"))
    mighty = await connection.fetch(
        "SELECT rolname FROM pg_roles WHERE rolname ~ '^(lims|order)_' "
        "AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)"
    )
    await connection.close()
    assert mighty == []


async def test_only_the_owner_makes_tables(server: postgres.Server) -> None:
    """What others may do with them, its migrations say."""
    owner = await asyncpg.connect(server.url("lims", "lims_owner"))
    await owner.execute("CREATE TABLE made_by_owner (id int)")
    await owner.close()
    for role in ("lims_service", "lims_relay"):
        connection = await asyncpg.connect(server.url("lims", role))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE made_by_other (id int)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT * FROM made_by_owner")
        await connection.close()


async def test_a_wrong_password_is_refused(server: postgres.Server) -> None:
    """Also on loopback, also for the superuser."""
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.url("postgres").replace(server.password("postgres"), "guess"))


async def test_bootstrapping_again_changes_nothing(server: postgres.Server) -> None:
    """The mesh does it at every start."""
    owner = await asyncpg.connect(server.url("order", "order_owner"))
    await owner.execute("CREATE TABLE kept AS SELECT 7 AS n")
    server.bootstrap("order")
    assert await owner.fetchval("SELECT n FROM kept") == 7
    await owner.close()


async def test_the_server_is_durable_checked_and_private(server: postgres.Server) -> None:
    """The settings that matter are what we say they are."""
    connection = await asyncpg.connect(server.url("postgres"))
    names = ("fsync", "synchronous_commit", "data_checksums", "listen_addresses", "unix_socket_directories")
    values = {name: await connection.fetchval(f"SHOW {name}") for name in (*names, "server_encoding", "timezone")}
    await connection.close()
    assert values == {
        "fsync": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "server_encoding": "UTF8",
        "timezone": "UTC",
    }


async def test_who_stands_still_in_a_transaction_gives_its_locks_back(
    server: postgres.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in the middle of a statement that was sent by half. Whoever migrates takes the time it needs."""
    monkeypatch.setattr(postgres, "TRANSACTION_TIMEOUT", "200ms")
    server.bootstrap("order")
    limits = {}
    for role in ("order_service", "order_relay", "order_owner"):
        connection = await asyncpg.connect(server.url("order", role))
        limits[role] = await connection.fetchval("SHOW transaction_timeout")
        await connection.close()
    assert limits == {"order_service": "200ms", "order_relay": "200ms", "order_owner": "0"}
    still = await asyncpg.connect(server.url("order", "order_service"))
    other = await asyncpg.connect(server.url("order", "order_owner"))
    await still.execute("BEGIN; SELECT pg_advisory_xact_lock(7)")
    await other.execute("SELECT pg_advisory_xact_lock(7)")
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)):
        await still.execute("SELECT 1")
    await other.close()
    still.terminate()


@_as_root
async def test_root_runs_it_as_somebody_else(server: postgres.Server) -> None:
    """PostgreSQL refuses to be root."""
    assert account.owner_of(server.data).uid == server.account.uid != 0


async def test_the_data_is_private_to_the_servers_user(server: postgres.Server) -> None:
    """Nobody else reads the files, and the secret is its owner's."""
    assert server.data.stat().st_mode & 0o077 == 0
    assert (server.data.parent / "postgres.secret").stat().st_mode & 0o077 == 0


async def test_a_killed_server_loses_no_acknowledged_row(home: Path) -> None:
    """Four writers note every acknowledged row while the server gets SIGKILL; all are there after a restart."""
    server = postgres.prepare(home / "postgres", home / "secret", ports.free_port())
    acknowledged: list[int] = []

    async def write(writer: int) -> None:
        connection = await asyncpg.connect(server.url("postgres"))
        try:
            for n in range(writer, 1_000_000, 4):
                await connection.execute("INSERT INTO written VALUES ($1)", n)
                acknowledged.append(n)
                if len(acknowledged) == 500:
                    process.send_signal(signal.SIGKILL)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
            connection.terminate()

    with postgres.started(server, home / "log") as process:
        connection = await asyncpg.connect(server.url("postgres"))
        await connection.execute("CREATE TABLE written (n int PRIMARY KEY)")
        await connection.close()
        helpers = psutil.Process(process.pid).children()
        await asyncio.gather(*(write(writer) for writer in range(4)))
        psutil.wait_procs(helpers, timeout=5)  # a server refuses to start beside what is left of the one before
    with postgres.started(server, home / "log"):
        connection = await asyncpg.connect(server.url("postgres"))
        found = {row["n"] for row in await connection.fetch("SELECT n FROM written")}
        await connection.close()
    assert len(acknowledged) >= 500
    assert set(acknowledged) <= found


@_as_root
async def test_a_home_out_of_reach_puts_the_database_elsewhere(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project below /root: the server's user cannot go there, so data and programs lie where it can."""
    monkeypatch.setattr(postgres, "SHARED_STATE", home / "shared")
    monkeypatch.setattr(account.Account, "can_enter", lambda _, path: path.is_relative_to(home))
    server = postgres.prepare(tmp_path / "postgres", tmp_path / "secret", ports.free_port())
    with postgres.started(server, tmp_path / "log"):
        await postgres.probe(server)
    assert server.data.parent == server.programs.parents[3] == home / "shared"
    assert postgres.prepare(tmp_path / "postgres", tmp_path / "secret", server.port) == server


def test_a_database_without_its_secret_says_what_to_do(home: Path) -> None:
    """Nothing is deleted on a guess."""
    server = postgres.prepare(home / "postgres", home / "secret", ports.free_port())
    (home / "secret").unlink()
    with pytest.raises(HomeUnusableError, match=f"delete {server.data} to begin with an empty database"):
        postgres.prepare(home / "postgres", home / "secret", server.port)


def test_an_interrupted_initdb_leaves_nothing_that_looks_finished(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next start begins anew."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("subprocess.run", interrupt)
        with pytest.raises(KeyboardInterrupt):
            postgres.prepare(home / "postgres", home / "secret", 0)
    assert sorted(path.name for path in home.iterdir()) == ["secret"]
    assert postgres.prepare(home / "postgres", home / "secret", 0).data.exists()
