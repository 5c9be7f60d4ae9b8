"""What must hold in a mesh that runs: its processes, its edge, its databases, its logs and who reads them."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import asyncpg
import grpc
import httpx
import nats as nats_client
import psutil
from cryptography import x509

from runtime import account, keys, ports, postgres, replicas
from runtime.doctor.finding import Finding, Found, judge, judge_all
from runtime.layout import Layout
from runtime.settings import PROJECT, SERVICES
from runtime.state import MeshState, ProcessState, Status
from runtime.waiting import blocking

STREAM = "LENSMESH"
LATE_SECONDS = 10.0
"""An entry of a log that was not passed on for so long is late: relays and followers take milliseconds."""
CERTIFICATE_DAYS = 30
"""The supervisor renews the edge's certificate 60 days before its end; by now it should have."""

_SECONDS = 5.0
_PRACTICE = "practices/doctor"

# A cursor is two numbers in hexadecimal, `3f5-12`; `0` is before the first entry.
_PLACE = "select coalesce((select cursor from place where name = $1), '0')"
_BEHIND = """
    select count(*) as entries, coalesce(extract(epoch from now() - min(time)), 0)::float as seconds
    from log where (transaction, position) > (($1::text)::xid8, $2) and ($3 = '' or kind = $3)
    and transaction < pg_snapshot_xmin(pg_current_snapshot())
"""
_LEASES = "select name, expires > clock_timestamp() as held, term from lease order by name"
_LATEST_HEAD = "select number, head from revision_head order by number desc limit 1"
_JOB_EVENTS = "lensmesh.events.v1.JobChanged"

_T = TypeVar("_T")


def examine(current: MeshState, layout: Layout) -> Iterator[Finding]:
    """Look at a mesh whose supervisor is alive."""
    yield from judge_all({process.name: partial(process_runs, process) for process in current.processes})
    names = {process.name.partition("-")[0] for process in current.processes}
    for process in current.processes:
        service = process.name.partition("-")[0]
        if service in SERVICES and process.port is not None:
            yield judge(f"health of {process.name}", partial(replica_serves, process.name, service, process.port))
    if "envoy" in names:
        yield from judge_all(
            {
                "edge": lambda: edge_answers(current),
                "token": lambda: token_works(current, layout),
                "certificate": lambda: certificate_lasts(current, layout, datetime.now(UTC)),
            }
        )
    if "nats" in names:
        yield from judge_all({"event stream": lambda: stream_is_there(current)})
    if "postgres" in names:
        database = judge("database server", lambda: database_answers(current, layout))
        yield database
        if not database.good:
            return  # nothing that is asked of it would be answered, and each question would wait for its time
    for service in sorted(names & set(SERVICES)):
        yield from judge_all(
            {
                f"schema of {service}": partial(schema_is_current, current, layout, service),
                f"leaders of {service}": partial(everything_is_led, current, layout, service),
                f"relay of {service}": partial(log_is_relayed, current, layout, service),
            }
        )
    if "lims" in names:
        yield from judge_all({"catalog history": lambda: history_is_kept(current, layout)})
    if set(SERVICES) <= names:
        yield from judge_all({"lab follower": lambda: lab_is_followed(current, layout)})


# ── processes and the edge ────────────────────────────────────────────────────────────────────────────────────────────


def process_runs(process: ProcessState) -> Found:
    """A process is ready, or done when it runs only once."""
    running = process.id.find() if process.id is not None else None
    if running is not None and running.status() == psutil.STATUS_STOPPED:
        return False, "stands still: a signal stopped it", f"Let it go on: `kill -CONT {running.pid}`."
    again = f", restarted {process.restarts} times" if process.restarts else ""
    return (
        process.well and (process.status is Status.DONE or running is not None),
        f"{process.status}{again}{f': {process.detail}' if process.detail else ''}",
        f"See why: `bin/lensmesh logs {process.name}`. To start it anew: `bin/lensmesh restart {process.name}`.",
    )


def replica_serves(name: str, service: str, port: int) -> Found:
    """A replica itself says that it serves: behind the edge another one would answer in its place."""
    try:
        blocking(replicas.serving(port, replicas.HEALTH[service]))
    except grpc.aio.AioRpcError as error:
        return False, f"it does not answer: {error.code().name}", f"See why: `bin/lensmesh logs {name}`."
    except ConnectionError as error:
        return False, str(error), f"See why: `bin/lensmesh logs {name}`."
    return True, "it serves", ""


def edge_answers(current: MeshState) -> Found:
    """The public port is answered by our Envoy, and Envoy says that it is ready."""
    admin = httpx.get(f"http://{ports.LOOPBACK}:{current.ports['admin_port']}/ready", timeout=_SECONDS, trust_env=False)
    public = httpx.get(current.http_url, timeout=_SECONDS, trust_env=False)
    return (
        admin.is_success and "x-request-id" in public.headers,
        f"{current.http_url} answers, and is {admin.text.strip()}",
        "See why: `bin/lensmesh logs envoy`; then `bin/lensmesh restart envoy`.",
    )


def token_works(current: MeshState, layout: Layout) -> Found:
    """A token that the local keys sign passes the edge and a service."""
    token = keys.issue_token(
        keys.load(layout.keys),
        subject="users/doctor",
        roles=["optician"],
        practice=_PRACTICE,
        ttl=timedelta(minutes=1),
    )
    answer = httpx.get(
        f"{current.http_url}/v1/{_PRACTICE}/orders",
        params={"pageSize": 1},
        headers={"authorization": f"Bearer {token}"},
        timeout=_SECONDS,
        trust_env=False,
    )
    return (
        answer.is_success,
        "is taken by the edge and by the order service"
        if answer.is_success
        else f"is refused: {answer.status_code} {answer.text[:200]}",
        (
            "401: the keys changed since the mesh started; `bin/lensmesh down`, then `make up`. "
            f"Anything else: {_logs(current, 'order')}."
        ),
    )


def certificate_lasts(current: MeshState, layout: Layout, now: datetime) -> Found:
    """What the TLS port shows lasts for a while, and is what lies on the disk: a renewal has reached the edge."""
    shown = ssl.get_server_certificate((ports.LOOPBACK, current.ports["grpc_port"]), timeout=_SECONDS)
    served = x509.load_pem_x509_certificate(shown.encode())
    written = x509.load_pem_x509_certificate((layout.keys / "edge.pem").read_bytes())
    days = (served.not_valid_after_utc - now).days
    same = served == written
    return (
        same and days >= CERTIFICATE_DAYS,
        f"lasts {days} days{'' if same else ', and is not the one on the disk'}",
        "Let the edge read it anew: `bin/lensmesh restart envoy`. If it is still old: `bin/lensmesh logs supervisor`.",
    )


# ── events ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def stream_is_there(current: MeshState) -> Found:
    """JetStream answers, and has the mesh's one stream."""
    messages = blocking(_messages(current.ports["nats_port"]))
    return True, f"{STREAM} holds {messages} events", ""


async def _messages(port: int) -> int:
    async with asyncio.timeout(_SECONDS):  # the client by itself would ask for two minutes
        _, writer = await asyncio.open_connection(ports.LOOPBACK, port)  # and log every refused connection
        writer.close()
        client = await nats_client.connect(
            f"nats://{ports.LOOPBACK}:{port}", allow_reconnect=False, connect_timeout=_SECONDS, error_cb=_leave_to_us
        )
        try:
            return int((await client.jetstream().stream_info(STREAM)).state.messages)
        finally:
            await client.close()


async def _leave_to_us(_error: Exception) -> None:
    """The client would log it with a traceback; the finding says it."""


# ── databases ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def database_answers(current: MeshState, layout: Layout) -> Found:
    """PostgreSQL takes a connection."""

    async def nothing(connection: asyncpg.Connection) -> str:
        return str(await connection.fetchval("show server_version"))

    try:
        return True, f"PostgreSQL {_asked(current, layout, 'order', nothing)} answers", ""
    except (OSError, asyncpg.PostgresError) as error:
        return (
            False,
            f"PostgreSQL does not answer: {str(error) or type(error).__name__}",
            "Every service waits for it. See why: `bin/lensmesh logs postgres`; then `bin/lensmesh restart postgres`.",
        )


def schema_is_current(current: MeshState, layout: Layout, service: str) -> Found:
    """The database is at the version that the code on this disk needs."""
    from chassis import migrate  # noqa: PLC0415 - brings Alembic, for this one question

    wanted = migrate.head(PROJECT / "services" / service / "migrations")

    async def version(connection: asyncpg.Connection) -> str:
        return str(await connection.fetchval("select version_num from alembic_version"))

    found = _asked(current, layout, service, version)
    return (
        found == wanted,
        f"version {found}" if found == wanted else f"version {found}, the code needs {wanted}",
        "`bin/lensmesh down`, then `make up`: it migrates before it serves.",
    )


def everything_is_led(current: MeshState, layout: Layout, service: str) -> Found:
    """For all work that one replica at a time does, there is one that does it."""

    async def leases(connection: asyncpg.Connection) -> list[asyncpg.Record]:
        return list(await connection.fetch(_LEASES))

    found = _asked(current, layout, service, leases)
    return (
        bool(found) and all(lease["held"] for lease in found),
        ", ".join(f"{lease['name']} ({'term ' + str(lease['term']) if lease['held'] else 'nobody'})" for lease in found)
        or "nothing was ever led",
        (
            f"Another replica takes over within 5 s. If none does: {_logs(current, service)} says why "
            "(`lease_unreachable`: the database does not answer; `leader_failed`: the work itself fails)."
        ),
    )


def log_is_relayed(current: MeshState, layout: Layout, service: str) -> Found:
    """What the service logged is published, within seconds."""

    async def behind(connection: asyncpg.Connection) -> tuple[int, float]:
        places = await connection.fetch("select name from lease where name like 'relay-%'")
        cursors = [await connection.fetchval(_PLACE, row["name"]) for row in places] or ["0"]
        return await _behind(connection, min(cursors, key=_cursor), "")

    return _lag(*_asked(current, layout, service, behind), "unpublished", _logs(current, service))


def lab_is_followed(current: MeshState, layout: Layout) -> Found:
    """What the lab said of its jobs has reached the orders, within seconds."""

    async def place(connection: asyncpg.Connection) -> str:
        return str(await connection.fetchval("select cursor from place where name like 'jobs-of-%'") or "0")

    reached = _asked(current, layout, "order", place)
    late = _asked(current, layout, "lims", lambda connection: _behind(connection, reached, _JOB_EVENTS))
    return _lag(*late, "the orders do not know", _logs(current, "order"))


def history_is_kept(current: MeshState, layout: Layout) -> Found:
    """The head of the revision in force is also kept outside the database."""

    async def latest(connection: asyncpg.Connection) -> tuple[int, str]:
        found = await connection.fetchrow(_LATEST_HEAD)
        return (found["number"], found["head"]) if found else (0, "")

    number, head = _asked(current, layout, "lims", latest)
    lines = layout.history.read_text().splitlines() if layout.history.exists() else []
    kept = json.loads(lines[-1]) if lines else {"number": 0, "head": ""}
    if (kept["number"], kept["head"]) == (number, head):
        return True, f"revision {number} is in force, and its head is kept outside the database", ""
    return (
        False,
        f"revision {number} is in force, and kept outside the database is the head of revision {kept['number']}"
        + (", another one" if kept["number"] == number else ""),
        (
            f"`bin/lensmesh lims history --verify` says what is wrong; {_logs(current, 'lims')} says why a head could "
            "not be kept (`heads_unreachable`, `head_not_kept`)."
        ),
    )


def _logs(current: MeshState, service: str) -> str:
    """The command, or the commands, that show what a service logged."""
    names = replicas.named(service, (process.name for process in current.processes))
    return " and ".join(f"`bin/lensmesh logs {name}`" for name in names)


def _lag(entries: int, seconds: float, what: str, command: str) -> Found:
    return (
        seconds < LATE_SECONDS,
        f"{entries} events {what}, the oldest for {seconds:.1f} s" if entries else "is up to date",
        (
            f"See why: {command}. Nothing is lost: it goes on where it stands. A replica that stands still "
            "in the middle of a transaction holds it up for 10 s at most."
        ),
    )


async def _behind(connection: asyncpg.Connection, cursor: str, kind: str) -> tuple[int, float]:
    transaction, position = _cursor(cursor)
    row = await connection.fetchrow(_BEHIND, str(transaction), position, kind)
    return row["entries"], row["seconds"]


def _cursor(spelled: str) -> tuple[int, int]:
    transaction, _, position = spelled.partition("-")
    return int(transaction, 16), int(position or "0", 16)


def _asked(
    current: MeshState, layout: Layout, service: str, question: Callable[[asyncpg.Connection], Awaitable[_T]]
) -> _T:
    """Asks a service's database, as the role that owns it."""
    secret = (layout.keys / "postgres.secret").read_bytes()
    server = postgres.Server(Path(), Path(), account.current(), current.ports["postgres_port"], secret)

    async def ask() -> _T:
        connection = await asyncpg.connect(server.url(service), timeout=_SECONDS, command_timeout=_SECONDS)
        try:
            return await question(connection)
        finally:
            await connection.close()

    return blocking(ask())
