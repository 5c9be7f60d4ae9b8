"""What a machine must offer: looked at before anything runs, and while it runs."""

import os
import pwd
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil

from runtime import account, envoy, nats, ports, postgres
from runtime.doctor.finding import Finding, Found, judge_all
from runtime.layout import Layout
from runtime.preflight import NEEDED_BYTES
from runtime.settings import PROJECT, MeshSettings, variable

NEEDED_PYTHON = (3, 11)
NEEDED_MEMORY = 1_000_000_000
"""What a mesh takes with room for a second replica of each service (measured: 600 MB)."""
NEEDED_FILES = 1024
"""Open files of one process: every connection is one."""

_VERSION_SECONDS = 20.0
_FUTURE_SECONDS = 3600.0
_KEYS_MODE = 0o700


def examine(settings: MeshSettings, layout: Layout, *, up: bool) -> Iterator[Finding]:
    """Look at the machine; `up` when a mesh of this home runs, whose ports are then its own."""
    yield from judge_all(
        {
            "python": lambda: python(sys.version_info[:2]),
            "disk": lambda: disk(layout.home),
            "memory": lambda: memory(psutil.virtual_memory().available, up=up),
            "file limit": lambda: files(resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
            "clock": lambda: clock(time.time(), (PROJECT / "requirements.lock").stat().st_mtime),
            "loopback": loopback,
            "user of postgres": lambda: postgres_user(os.geteuid()),
            "home": lambda: home(layout),
            "postgres program": lambda: program(postgres.programs() / "postgres"),
            "nats program": lambda: program(nats.program()),
            "envoy program": lambda: program(envoy.program()),
        }
    )
    if not up:
        chosen = ((name, port) for name, port in settings.ports.items() if port)
        yield from judge_all({f"port {port}": partial(free_port, name, port) for name, port in chosen})


def python(version: tuple[int, ...]) -> Found:
    """The interpreter that runs us is new enough."""
    spelled, needed = (".".join(map(str, numbers)) for numbers in (version, NEEDED_PYTHON))
    return version >= NEEDED_PYTHON, f"Python {spelled}", f"Install Python {needed} or newer, then `make clean up`."


def disk(folder: Path) -> Found:
    """There is room where the databases grow."""
    free = shutil.disk_usage(_existing(folder)).free
    return (
        free >= NEEDED_BYTES,
        f"{free / 1e9:.1f} GB free for {folder}",
        f"Make room: the databases need {NEEDED_BYTES / 1e9:.0f} GB. Or choose another disk with LENSMESH_HOME.",
    )


def memory(available: int, *, up: bool) -> Found:
    """There is memory for a mesh; for what it may still take, when it runs already."""
    needed = NEEDED_MEMORY // 4 if up else NEEDED_MEMORY
    return (
        available >= needed,
        f"{available / 1e9:.1f} GB available",
        (
            f"Close something: {'a running' if up else 'a'} mesh wants {needed / 1e9:.2f} GB more. "
            "`bin/lensmesh status` shows what each process takes."
        ),
    )


def files(limit: int) -> Found:
    """A process may open as many files as a busy service has connections."""
    return (
        limit == resource.RLIM_INFINITY or limit >= NEEDED_FILES,
        f"{'as many as it likes' if limit == resource.RLIM_INFINITY else limit} open files a process",
        f"Raise it before `make up`: `ulimit -n {4 * NEEDED_FILES}`.",
    )


def clock(now: float, newest: float) -> Found:
    """The clock does not stand before what was written here already: tokens and certificates are read by it."""
    behind = newest - now
    says = f"is {time.strftime('%Y-%m-%d %H:%M', time.gmtime(now))} UTC"
    if behind > 0:
        says += f", {behind / 3600:.1f} h before this project was installed"
    return behind < _FUTURE_SECONDS, says, "Set the clock: tokens are refused as not valid yet, or as expired."


def loopback() -> Found:
    """What listens on this machine can be reached from it."""
    with socket.socket() as server, socket.socket() as client:
        server.bind((ports.LOOPBACK, 0))
        server.listen()
        client.settimeout(2)
        client.connect(server.getsockname())
    found = {entry[4][0] for entry in socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)}
    return (
        ports.LOOPBACK in found,
        f"localhost is {', '.join(sorted(map(str, found)))}",
        f"Let /etc/hosts say `{ports.LOOPBACK} localhost`: the mesh listens there.",
    )


def postgres_user(uid: int) -> Found:
    """There is somebody who may run PostgreSQL, which refuses to be root."""
    if uid != 0:
        return True, f"you ({pwd.getpwuid(uid).pw_name})", ""
    for name in (account.SYSTEM_USER, "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return True, f"{name}, since you are root", ""
    return (
        False,
        "nobody: you are root, and PostgreSQL refuses to be",
        "Run as another user, or make the user `lensmesh`.",
    )


def home(layout: Layout) -> Found:
    """The state folder is ours to write, and its secrets nobody else's to read."""
    folder = layout.home
    if not os.access(_existing(folder), os.W_OK | os.X_OK):
        return (
            False,
            f"{folder} cannot be written",
            "Choose another folder with LENSMESH_HOME, or give it to your user.",
        )
    if not folder.exists():
        return True, f"{folder} does not exist yet; `make up` makes it", ""
    mode = layout.keys.stat().st_mode & 0o777 if layout.keys.exists() else _KEYS_MODE
    return (
        mode == _KEYS_MODE,
        f"{folder}, keys readable by {'their owner only' if mode == _KEYS_MODE else f'others ({mode:o})'}",
        (
            f"Close it: `chmod 700 {layout.keys}`. If others use this machine, delete the folder and start afresh: "
            "who read the keys can sign tokens."
        ),
    )


def program(path: Path) -> Found:
    """A server's program runs here: it was made for this processor and finds its libraries."""
    done = subprocess.run(  # noqa: S603 - a program of our own environment
        [path, "--version"], check=False, capture_output=True, text=True, timeout=_VERSION_SECONDS
    )
    lines = (done.stdout or done.stderr).strip().splitlines()
    says = lines[0].removeprefix(str(path)).strip() if lines else f"ended with {done.returncode} and said nothing"
    return (
        done.returncode == 0,
        says,
        "Install it anew: `make clean up`. If that does not help, this machine is too old.",
    )


def free_port(setting: str, port: int) -> Found:
    """A port the mesh wants is free."""
    purpose = (MeshSettings.model_fields[setting].description or "").split(",")[0].rstrip(".")
    if ports.is_free(port):
        return True, f"free for {purpose}", ""
    return (
        False,
        f"wanted for {purpose}, taken by {ports.holder(port) or 'another process'}",
        f"Stop it, or choose another port: {variable(setting)}={ports.free_port()} make up",
    )


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(each for each in (folder, *folder.parents) if each.exists())
