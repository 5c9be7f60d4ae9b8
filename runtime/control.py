"""Starting and stopping a mesh from outside: what `lensmesh up` and `lensmesh down` do."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

from runtime import logs, preflight, state
from runtime.errors import AlreadyRunningError, MeshError, StartFailedError
from runtime.layout import Layout
from runtime.ownership import locked, stop_leftovers
from runtime.settings import PROJECT, MeshSettings
from runtime.state import MeshState

_START_SECONDS = 300.0
_STOP_SECONDS = 120.0
_LOOK_AGAIN_SECONDS = 0.1
_LOG_LINES = 10


def running(settings: MeshSettings) -> MeshState | None:
    """The mesh of this home, if its supervisor is alive."""
    current = state.read(settings.home)
    return current if current and current.running else None


def start(settings: MeshSettings) -> Iterator[MeshState]:
    """Start the mesh and give its state at every change until all of it is ready; the last one given is ready.

    A mesh that somebody else is just starting is followed instead. A mesh that cannot be started is stopped again.

    Raises:
        StartFailedError: a process was given up; the sentence ends with the last lines of its log.
        MeshError: something is missing or in the way.
    """
    layout = Layout(settings.home)
    layout.make()
    try:
        with locked(layout):
            stop_leftovers(layout)
            preflight.check(settings, layout)
    except AlreadyRunningError:
        yield from _follow(layout, None)
        return
    supervisor = _spawn(settings, layout)
    try:
        yield from _follow(layout, supervisor)
    except StartFailedError:
        stop(settings)
        raise


def _spawn(settings: MeshSettings, layout: Layout) -> subprocess.Popen[bytes]:
    """Start the supervisor, detached from this terminal, with the settings we have."""
    log = layout.log("supervisor")
    logs.rotate(log)
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "runtime"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=PROJECT,
            env={**os.environ, **settings.environment()},
            start_new_session=True,
        )


def _follow(layout: Layout, supervisor: subprocess.Popen[bytes] | None) -> Iterator[MeshState]:
    deadline = time.monotonic() + _START_SECONDS
    last = None
    while time.monotonic() < deadline:
        ended = (
            supervisor is not None and supervisor.poll() is not None
        )  # asked before the state is read: its last word
        current = state.read(layout.home)
        if current is not None and current.running:
            if current != last:
                yield current
            if current.ready:
                return
            if current.failed:
                raise StartFailedError(_why_failed(layout, current))
            last = current
        elif ended or last is not None:  # ours, or the one we followed
            raise StartFailedError(_why_it_gave_up(layout, current))
        time.sleep(_LOOK_AGAIN_SECONDS)
    raise StartFailedError(f"The mesh was not ready after {_START_SECONDS:g} s. {_unwell(last)}")


def _why_failed(layout: Layout, current: MeshState) -> str:
    failed = current.failed[0]
    log = layout.log(failed.name)
    lines = "\n".join(f"    {line}" for line in logs.tail(log, _LOG_LINES))
    return f"{failed.name} {failed.detail}\nThe end of {log}:\n{lines}"


def _why_it_gave_up(layout: Layout, current: MeshState | None) -> str:
    if current is not None and current.error:
        return current.error
    log = layout.log("supervisor")
    last = logs.tail(log, 1)
    return f"The supervisor ended before the mesh was ready: {last[0] if last else 'no reason given'} (see {log})"


def _unwell(current: MeshState | None) -> str:
    states = current.processes if current else ()
    waiting = [f"{p.name} is {p.status}{f' ({p.detail})' if p.detail else ''}" for p in states if not p.well]
    return "; ".join(waiting) or "Its supervisor says nothing."


def stop(settings: MeshSettings) -> bool:
    """Stop the mesh, also one whose supervisor was killed; the data stays. Tells whether there was anything to stop.

    Raises:
        MeshError: it did not end in time.
    """
    layout = Layout(settings.home)
    current = state.read(settings.home)
    if current is None:
        return False
    if supervisor := current.supervisor.find():
        with suppress(ProcessLookupError):
            os.kill(supervisor.pid, signal.SIGTERM)
        if not current.supervisor.wait(_STOP_SECONDS):
            raise MeshError(
                f"The mesh did not stop within {_STOP_SECONDS:g} s; its supervisor is process {supervisor.pid}. "
                f"What it is doing is in {layout.log('supervisor')}."
            )
        return True
    with locked(layout):
        return bool(stop_leftovers(layout))
