"""Restarting processes of a running mesh without anybody noticing: one replica after the other.

The supervisor needs no order for this: it starts again whatever ends. So a restart is to ask a process to leave, to
wait until the supervisor has another one ready in its place, and only then to ask the next.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress

from runtime import replicas, state
from runtime.errors import NotRunningError, RestartFailedError, UnknownProcessError
from runtime.settings import MeshSettings
from runtime.state import MeshState, ProcessId, ProcessState, Status

_LEAVE_SECONDS = 30.0  # a drain delay, calls in flight, and a slow machine
_READY_SECONDS = 120.0
_LOOK_AGAIN_SECONDS = 0.05
# Who calls a replica finds out that it is back by trying: the edge twice a second, a service's channel with a pause of
# up to a second (`chassis.channels`). Until all have, the next one must stay.
_FOUND_SECONDS = 3.0


def restart(settings: MeshSettings, name: str) -> Iterator[ProcessState]:
    """Restart a process, or every replica of a service in turn, and give each as it is ready again.

    Raises:
        NotRunningError: there is no mesh to restart something in.
        UnknownProcessError: it has no such process.
        RestartFailedError: a process was not well to begin with, or did not come back; those after it were left alone.
    """
    names = named(settings, name)
    for each in names:
        current = _running(settings)
        if unwell := [process for process in current.processes if process.name in names and not process.well]:
            raise RestartFailedError(
                f"{unwell[0].name} is {unwell[0].status}, so {each} must stay. "
                f"What is the matter: `bin/lensmesh logs {unwell[0].name}`."
            )
        restarted = _restarted(settings, _process(current, each))
        if len(names) > 1:
            time.sleep(_FOUND_SECONDS)
        yield restarted


def named(settings: MeshSettings, name: str) -> tuple[str, ...]:
    """The process of that name, or the replicas of the service of that name, in the mesh that runs.

    Raises:
        NotRunningError: there is no mesh.
        UnknownProcessError: it has no such process.
    """
    known = [process.name for process in _running(settings).processes if process.status is not Status.DONE]
    found = replicas.named(name, known)
    if not found:
        raise UnknownProcessError(f"There is no process `{name}` to restart. There are: {', '.join(known)}.")
    return found


def _restarted(settings: MeshSettings, process: ProcessState) -> ProcessState:
    before = process.id
    if before is None:  # it is well, so it has one, unless it died just now: then it is being restarted already
        return _ready_again(settings, process.name, ProcessId(0, 0))
    with suppress(ProcessLookupError):
        os.kill(before.pid, process.leave_signal)
    if not before.wait(_LEAVE_SECONDS):
        with suppress(ProcessLookupError):
            os.killpg(before.pid, signal.SIGKILL)
    return _ready_again(settings, process.name, before)


def _ready_again(settings: MeshSettings, name: str, before: ProcessId) -> ProcessState:
    give_up = time.monotonic() + _READY_SECONDS
    while time.monotonic() < give_up:
        process = _process(_running(settings), name)
        if process.status is Status.READY and process.id != before:
            return process
        if process.status is Status.FAILED:
            raise RestartFailedError(f"{name} {process.detail}. The replicas after it were left as they are.")
        time.sleep(_LOOK_AGAIN_SECONDS)
    raise RestartFailedError(f"{name} was not ready again after {_READY_SECONDS:g} s: see `bin/lensmesh logs {name}`.")


def _running(settings: MeshSettings) -> MeshState:
    current = state.read(settings.home)
    if current is None or not current.running:
        raise NotRunningError("The mesh is not running: type `make up`.")
    return current


def _process(current: MeshState, name: str) -> ProcessState:
    return next(process for process in current.processes if process.name == name)
