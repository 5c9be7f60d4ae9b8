"""What the supervisor writes is what others read, and processes are recognised for certain."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from runtime import ownership, state
from runtime.errors import AlreadyRunningError, HomeUnusableError
from runtime.layout import Layout
from runtime.settings import MeshSettings
from runtime.state import MeshState, ProcessId, ProcessState, Status


def _state(layout: Layout, *processes: ProcessState) -> MeshState:
    return MeshState(layout.home, ProcessId.own(), MeshSettings().ports, processes)


def test_state_survives_being_written_and_read(layout: Layout) -> None:
    """Every field, for every reader."""
    process = ProcessState("order", Status.RESTARTING, 12.5, ProcessId(7, 3.25), 2, 50062, "died", 15)
    written = replace(_state(layout, process), notes=("elsewhere",), error="")
    state.write(written)
    assert state.read(layout.home) == written


def test_where_no_mesh_ran_there_is_no_state(layout: Layout) -> None:
    """Not an error."""
    assert state.read(layout.home) is None


def test_a_state_of_another_version_says_what_to_do(layout: Layout) -> None:
    """It is not guessed at."""
    layout.state.write_text('{"version": 99}')
    with pytest.raises(HomeUnusableError, match="another version"):
        state.read(layout.home)


def test_a_stranger_with_the_same_pid_is_not_our_process() -> None:
    """The pid was given to somebody else meanwhile."""
    own = ProcessId.own()
    assert own.find() is not None
    assert replace(own, created=own.created - 60).find() is None


def test_a_zombie_has_ended() -> None:
    """Its parent has not noticed; for us it is gone."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        identity = ProcessId.of(process.pid)
        assert identity is not None
        assert identity.find() is not None
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert identity.wait(5)


def test_leftovers_are_stopped_and_strangers_are_not(layout: Layout) -> None:
    """Of two recorded processes, one is ours and one only has the pid of one that was."""
    sleepers = [subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) for _ in range(2)]
    try:
        ours, stranger = [ProcessId.of(sleeper.pid) for sleeper in sleepers]
        assert ours is not None
        assert stranger is not None
        state.write(
            _state(
                layout,
                ProcessState("ours", Status.READY, 0, ours),
                ProcessState("stranger", Status.READY, 0, replace(stranger, created=1.0)),
            )
        )
        assert ownership.stop_leftovers(layout) == ["ours"]
        assert sleepers[1].poll() is None
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()


def test_a_home_has_one_owner_at_a_time(layout: Layout) -> None:
    """The second is told, and may try again when the first is done."""
    with ownership.locked(layout), pytest.raises(AlreadyRunningError), ownership.locked(layout):
        pass
    with ownership.locked(layout):
        pass
