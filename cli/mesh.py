"""The commands that run the mesh itself: up, down, status, logs, token."""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from runtime import logs as log_files
from runtime import settings, state
from runtime.errors import StartFailedError, TokenRefusedError, UnknownProcessError
from runtime.layout import Layout
from runtime.memory import proportional_bytes
from runtime.replicas import named
from runtime.state import MeshState, ProcessState, Status

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]

_FIRST_COMMAND = "bin/lensmesh orders import samples/progressive-job.oma --submit --watch"

_INTERRUPTED = 130  # as shells number an end by Ctrl-C

_STYLES = {
    Status.WAITING: "dim",
    Status.STARTING: "cyan",
    Status.READY: "green",
    Status.DONE: "green",
    Status.RESTARTING: "yellow",
    Status.FAILED: "bold red",
    Status.STOPPED: "dim",
}


# ── up ────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def up(
    *,
    only: Annotated[list[str] | None, typer.Option(help="Run only this process (repeat for more).")] = None,
    replicas: Annotated[str, typer.Option(help="How many processes of a service, e.g. order=2,lims=2.")] = "",
    as_json: AsJson = False,
) -> None:
    """Start the mesh and wait until all of it is ready. Does nothing when it is up."""
    from runtime import control  # noqa: PLC0415 - brings all servers' clients; the other commands shall stay quick

    chosen = settings.load(only=tuple(only or ()), replicas=replicas)
    began = time.monotonic()
    before = control.running(chosen)
    if before is None or not (before.ready or before.failed):
        after = _start(control.start(chosen), quiet=as_json)
    else:
        after = before
    if as_json:
        _print_json(_as_json(after))
    else:
        _print_panel(after, None if before else time.monotonic() - began)
        if before is not None and (otherwise := _otherwise(chosen, before)):
            typer.echo(f"  It runs {otherwise}. To have it as you asked: `bin/lensmesh down`, then `make up` again.\n")
    if not after.ready:
        raise StartFailedError(f"{_unwell(after)} To start afresh: `bin/lensmesh down`, then `make up`.")


def _otherwise(chosen: settings.MeshSettings, current: MeshState) -> str:
    """How the mesh that runs differs from what was asked for now; empty when it does not."""
    names = [process.name for process in current.processes]
    if chosen.only and {re.sub(r"-\d+$", "", name) for name in names} != set(chosen.only):
        return f"other processes: {', '.join(names)}"
    counts = {service: len(named(service, names)) for service in chosen.replicas}
    if counts != dict(chosen.replicas):
        return f"with {', '.join(f'{service}={count}' for service, count in counts.items())}"
    return ""


def _start(states: Iterator[MeshState], *, quiet: bool) -> MeshState:
    """Show the states as they come, and give the last."""
    console = Console(stderr=quiet)
    if quiet:
        shown = states
    elif console.is_terminal and "CI" not in os.environ:
        shown = _live(states, console)
    else:
        shown = _line_by_line(states, console)
    try:
        *_, last = shown
    except KeyboardInterrupt:
        typer.echo(
            "\nThe mesh goes on starting by itself. `bin/lensmesh status` shows it, `bin/lensmesh down` stops it."
        )
        raise typer.Exit(_INTERRUPTED) from None
    return last


def _live(states: Iterator[MeshState], console: Console) -> Iterator[MeshState]:
    """Pass the states on, and keep a table of the latest on the screen meanwhile."""
    latest: MeshState | None = None

    def picture() -> Table | Text:
        return _progress(latest) if latest else Text("starting …", style="dim")

    with Live(get_renderable=picture, console=console, refresh_per_second=8):
        for latest in states:
            yield latest


def _line_by_line(states: Iterator[MeshState], console: Console) -> Iterator[MeshState]:
    """Pass the states on, and print a line for every process that changed."""
    known: dict[str, ProcessState] = {}
    for current in states:
        for process in current.processes:
            if process.status is not Status.WAITING and known.get(process.name) != process:
                seconds = process.since - current.started
                line = f"{seconds:6.1f} s  {process.name:<14} {process.status}  {process.detail}".rstrip()
                console.print(line, markup=False, highlight=False, soft_wrap=True)
            known[process.name] = process
        yield current


def _progress(current: MeshState) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    now = time.time()
    for process in current.processes:
        seconds = (process.since if process.well else now) - current.started
        shown = "" if process.status is Status.WAITING else f"{seconds:.1f} s"
        detail = Text(process.detail, style="dim", overflow="ellipsis", no_wrap=True)
        table.add_row(process.name, _coloured(process.status), Text(shown, justify="right"), detail)
    return table


def _coloured(status: Status) -> Text:
    return Text(status, style=_STYLES[status])


def _print_panel(current: MeshState, seconds: float | None) -> None:
    """Say where everything is; `seconds` is how long the start took, `None` when it was up before."""
    console = Console()
    when = "already" if seconds is None else f"after {seconds:.1f} s"
    headline = f"Lensmesh is up {when}." if current.ready else "Lensmesh is running, but not all of it is well."
    console.print(f"\n{headline}\n", highlight=False)
    rows = {
        "REST": current.http_url,
        "Docs": f"{current.http_url}/docs",
        "gRPC": f"{current.grpc_target}  (TLS, trust {_short(current.ca)})",
        "First": _FIRST_COMMAND,
        "Status": "bin/lensmesh status",
        "Logs": "bin/lensmesh logs order -f",
        "Stop": "bin/lensmesh down  (data is kept)",
    }
    for name, value in rows.items():
        console.print(f"  {name:<7} {value}", markup=False, highlight=False, soft_wrap=True)
    for note in current.notes:
        console.print(f"\n  Note: {note}", style="dim", markup=False, highlight=False, soft_wrap=True)
    console.print()


def _short(path: Path) -> str:
    """The path as seen from here, when it lies below here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _unwell(current: MeshState) -> str:
    return " ".join(
        f"{p.name} is {p.status}: {p.detail or 'no reason known'}." for p in current.processes if not p.well
    )


# ── down ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def down(*, as_json: AsJson = False) -> None:
    """Stop the mesh. The data is kept."""
    from runtime import control  # noqa: PLC0415 - as in `up`

    with _spinner("stopping …", quiet=as_json):
        stopped = control.stop(settings.load())
    if as_json:
        _print_json({"stopped": stopped})
    else:
        typer.echo("Lensmesh is down. The data is kept." if stopped else "Lensmesh was not running.")


@contextmanager
def _spinner(text: str, *, quiet: bool) -> Iterator[None]:
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield
    else:
        with console.status(text):
            yield


# ── status ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def status(*, as_json: AsJson = False) -> None:
    """Show every process: its status, age, restarts and memory. Ends with 1 when not all of it is well."""
    current = state.read(settings.load().home)
    if as_json:
        _print_json(_as_json(current) if current else {"running": False})
    elif current is None:
        typer.echo("Lensmesh is not running. `make up` starts it.")
    elif current.running:
        _print_status(current)
    elif current.alive:
        names = ", ".join(process.name for process, _ in current.alive)
        typer.echo(
            f"The supervisor is gone, but these still run: {names}. "
            "`make up` replaces them, `bin/lensmesh down` stops them."
        )
    else:
        typer.echo(
            "Lensmesh is not running. `make up` starts it." + (f" Last time: {current.error}" if current.error else "")
        )
    if current is None or not current.running or not current.ready:
        raise typer.Exit(1)


def _print_status(current: MeshState) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("process", "status"):
        table.add_column(heading)
    for heading in ("for", "port", "pid", "restarts", "memory"):
        table.add_column(heading, justify="right")
    table.add_column("", overflow="fold")
    memory = _memory(current)
    now = time.time()
    for process in current.processes:
        table.add_row(
            process.name,
            _coloured(process.status),
            _age(now - process.since),
            str(process.port or ""),
            str(process.id.pid if process.id else ""),
            str(process.restarts or ""),
            _megabytes(memory.get(process.name)),
            Text(process.detail, style="dim"),
        )
    age, pid = _age(now - current.started), str(current.supervisor.pid)
    table.add_row("supervisor", _coloured(Status.READY), age, "", pid, "", _megabytes(memory["supervisor"]), "")
    console = Console()
    console.print(table)
    console.print(
        f"\n{_megabytes(sum(memory.values()))} in all (PSS). REST {current.http_url}, gRPC {current.grpc_target}.",
        highlight=False,
    )


def _memory(current: MeshState) -> dict[str, int]:
    """Bytes by process, the supervisor's own without its children."""
    ids = {process.name: process.id for process in current.processes if process.id}
    memory = {name: proportional_bytes(found) for name, identity in ids.items() if (found := identity.find())}
    supervisor = current.supervisor.find()
    whole = proportional_bytes(supervisor) if supervisor else 0
    return memory | {"supervisor": max(whole - sum(memory.values()), 0)}


def _megabytes(count: int | None) -> str:
    return "" if count is None else f"{count / 1e6:.0f} MB"


def _age(seconds: float) -> str:
    return str(timedelta(seconds=int(seconds)))


def _as_json(current: MeshState) -> dict[str, Any]:
    """What `--json` shows of a mesh; stable for scripts."""
    memory = _memory(current) if current.running else {}
    return {
        "running": current.running,
        "ready": current.running and current.ready,
        "home": str(current.home),
        "http_url": current.http_url,
        "grpc_target": current.grpc_target,
        "ca": str(current.ca),
        "ports": current.ports,
        "pss_bytes": sum(memory.values()),
        "supervisor": asdict(current.supervisor),
        "processes": [
            {
                "name": process.name,
                "status": process.status,
                "since": process.since,
                "pid": process.id.pid if process.id else None,
                "port": process.port,
                "restarts": process.restarts,
                "pss_bytes": memory.get(process.name),
                "detail": process.detail,
            }
            for process in current.processes
        ],
        "notes": current.notes,
        "error": current.error,
    }


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2))


# ── logs ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def logs(
    name: Annotated[str, typer.Argument(help="The process, as `status` names it; or `supervisor`.")],
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing what is added.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Print what a process logged."""
    layout = Layout(settings.load().home)
    known = log_files.names(layout.logs)
    current = state.read(layout.home)
    replicas = named(name, (process.name for process in current.processes)) if current else ()
    if len(replicas) > 1:
        raise UnknownProcessError(f"`{name}` runs as {' and '.join(replicas)}; name one of them.")
    if name not in known:
        raise UnknownProcessError(
            f"There is no log of `{name}`. "
            + (f"Logs are: {', '.join(known)}." if known else "Nothing has run yet: `make up` starts the mesh.")
        )
    path = layout.log(name)
    for line in log_files.follow(path, lines) if follow else log_files.tail(path, lines):
        typer.echo(json.dumps({"process": name, "line": line}) if as_json else line)


# ── token ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _duration(text: str) -> timedelta:
    """Read `90s`, `15m`, `1h` or `7d`."""
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    if not (match := re.fullmatch(r"([1-9]\d{0,4})([smhd])", text)):
        raise TokenRefusedError(f"`{text}` is no duration. Write 90s, 15m, 1h or 7d.")
    return timedelta(**{units[match[2]]: int(match[1])})


def token(
    *,
    role: Annotated[str, typer.Option(help="optician, practice_manager, principal_engineer or lab_operator.")],
    practice: Annotated[str | None, typer.Option(help="The practice of an optician or manager, e.g. demo.")] = None,
    ttl: Annotated[str, typer.Option(help="How long it is valid: 90s, 15m, 1h, 7d.")] = "1h",
    as_json: AsJson = False,
) -> None:
    """Print a token for a person of the demo, to be sent as `Authorization: Bearer …`."""
    from runtime import keys  # noqa: PLC0415 - brings cryptography; the other commands shall stay quick

    signed = keys.issue_token(
        keys.load(Layout(settings.load().home).keys),
        subject="users/" + "-".join(filter(None, (practice, role.replace("_", "-")))),
        roles=[role],
        practice=f"practices/{practice.removeprefix('practices/')}" if practice is not None else None,
        ttl=_duration(ttl),
    )
    if as_json:
        _print_json({"token": signed, "seconds": int(_duration(ttl).total_seconds())})
    else:
        typer.echo(signed)
