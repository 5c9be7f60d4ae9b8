"""The supervisor keeps stand-in processes alive."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runtime import logs, supervisor
from runtime.state import ProcessId, ProcessState, Status
from runtime.supervisor import Patience, Process, Supervisor

_QUICK = Patience(first_pause=0.01, longest_pause=0.05, attempts=3)
Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


class _Watched:
    """The states a supervisor published, latest by name, and all in order."""

    def __init__(self) -> None:
        self.latest: dict[str, ProcessState] = {}
        self.history: list[tuple[str, Status]] = []

    def __call__(self, states: tuple[ProcessState, ...]) -> None:
        for state in states:
            known = self.latest.get(state.name)
            if known is None or known.status != state.status:
                self.history.append((state.name, state.status))
            self.latest[state.name] = state

    def status(self, name: str) -> Status:
        return self.latest[name].status if name in self.latest else Status.WAITING

    def pid(self, name: str) -> int:
        identity = self.latest[name].id
        assert identity is not None
        return identity.pid

    def when(self, name: str, status: Status) -> int:
        return self.history.index((name, status))


@asynccontextmanager
async def _supervising(logs: Path, *processes: Process, patience: Patience = _QUICK) -> AsyncIterator[_Watched]:
    watched, stop = _Watched(), asyncio.Event()
    running = asyncio.create_task(Supervisor(processes, logs, watched, patience).run(stop))
    try:
        yield watched
    finally:
        stop.set()
        await running


def _python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


_FOREVER = _python("import signal; signal.pause()")


async def test_a_process_starts_only_when_what_it_stands_on_is_ready(tmp_path: Path, eventually: Eventually) -> None:
    """Order of the declaration does not matter, `after` does."""
    gate = asyncio.Event()

    async def open_gate() -> None:
        if not gate.is_set():
            raise ConnectionError("closed")

    upper = Process("upper", _FOREVER, after=("lower",))
    lower = Process("lower", _FOREVER, ready=open_gate)
    async with _supervising(tmp_path, upper, lower) as watched:
        await eventually(lambda: watched.status("lower") is Status.STARTING)
        assert watched.status("upper") is Status.WAITING
        gate.set()
        await eventually(lambda: watched.status("upper") is Status.READY)
        assert watched.when("lower", Status.READY) < watched.when("upper", Status.STARTING)


async def test_what_dies_is_started_again(tmp_path: Path, eventually: Eventually) -> None:
    """A killed process comes back under a new pid, and the restart is counted."""
    async with _supervising(tmp_path, Process("server", _FOREVER)) as watched:
        await eventually(lambda: watched.status("server") is Status.READY)
        first = watched.pid("server")
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: watched.latest["server"].restarts == 1 and watched.status("server") is Status.READY)
        assert watched.pid("server") != first
        assert ("server", Status.RESTARTING) in watched.history


async def test_dependents_of_what_died_are_left_alone(tmp_path: Path, eventually: Eventually) -> None:
    """They reconnect by themselves."""
    async with _supervising(
        tmp_path, Process("lower", _FOREVER), Process("upper", _FOREVER, after=("lower",))
    ) as watched:
        await eventually(lambda: watched.status("upper") is Status.READY)
        upper = watched.pid("upper")
        os.kill(watched.pid("lower"), signal.SIGKILL)
        await eventually(lambda: watched.latest["lower"].restarts == 1 and watched.status("lower") is Status.READY)
        assert (watched.pid("upper"), watched.latest["upper"].restarts) == (upper, 0)


async def test_a_failed_start_says_the_last_log_line(tmp_path: Path, eventually: Eventually) -> None:
    """The process is given up after its attempts, with exit code and the last thing it said."""
    broken = Process("broken", _python("import sys; print('no such table: lens'); sys.exit(3)"), oneshot=True)
    async with _supervising(tmp_path, broken, Process("upper", _FOREVER, after=("broken",))) as watched:
        await eventually(lambda: watched.status("broken") is Status.FAILED)
        assert watched.latest["broken"].detail == (
            "gave up after 3 starts: ended with code 3; last log line: no such table: lens"
        )
        assert watched.status("upper") is Status.WAITING


async def test_a_program_that_cannot_be_run_fails_with_a_reason(tmp_path: Path, eventually: Eventually) -> None:
    """A missing file is a failed start like any other."""
    async with _supervising(tmp_path, Process("ghost", (str(tmp_path / "missing"),))) as watched:
        await eventually(lambda: watched.status("ghost") is Status.FAILED)
        assert "No such file or directory" in watched.latest["ghost"].detail


async def test_a_start_may_fail_a_few_times(tmp_path: Path, eventually: Eventually) -> None:
    """Attempts are counted in a row; the one that succeeds ends the row."""
    counter = tmp_path / "starts"
    code = f"""
import pathlib, signal, sys
starts = pathlib.Path({str(counter)!r})
starts.open("a").write("x")
len(starts.read_text()) < 3 and sys.exit(1)
signal.pause()
"""

    async def third_time() -> None:
        if counter.read_text() != "xxx":
            raise ConnectionError("not yet")

    async with _supervising(tmp_path, Process("shy", _python(code), ready=third_time)) as watched:
        await eventually(lambda: watched.status("shy") is Status.READY)
        assert watched.latest["shy"].restarts == 2


async def test_a_process_that_never_gets_ready_is_stopped_and_given_up(tmp_path: Path, eventually: Eventually) -> None:
    """The detail carries what the probe met, and nothing is left running."""

    async def refuse() -> None:
        raise ConnectionError("nobody answers")

    mute = Process("mute", _FOREVER, ready=refuse, start_seconds=0.2)
    async with _supervising(tmp_path, mute) as watched:
        await eventually(lambda: watched.status("mute") is Status.FAILED)
        assert "nobody answers" in watched.latest["mute"].detail
        assert watched.latest["mute"].id is None


async def test_an_answer_of_a_stranger_does_not_make_a_dead_process_ready(
    tmp_path: Path, eventually: Eventually
) -> None:
    """A process that died at once is not ready because somebody else answers its probe."""

    async def stranger_answers() -> None:
        await asyncio.sleep(0.5)

    async with _supervising(
        tmp_path, Process("late", _python("raise SystemExit(1)"), ready=stranger_answers)
    ) as watched:
        await eventually(lambda: watched.status("late") is Status.FAILED)
        assert ("late", Status.READY) not in watched.history


async def test_stopping_goes_backwards(tmp_path: Path, eventually: Eventually) -> None:
    """What stands on others stops first."""
    chain = [Process("a", _FOREVER), Process("b", _FOREVER, after=("a",)), Process("c", _FOREVER, after=("b",))]
    async with _supervising(tmp_path, *chain) as watched:
        await eventually(lambda: watched.status("c") is Status.READY)
    assert [name for name, status in watched.history if status is Status.STOPPED] == ["c", "b", "a"]


async def test_what_stands_beside_each_other_stops_together(tmp_path: Path, eventually: Eventually) -> None:
    """Each of the two ends only when the other was told as well."""
    code = """
import pathlib, signal, sys, time
mine, other = map(pathlib.Path, sys.argv[1:])
def leave(*_):
    mine.touch()
    while not other.exists():
        time.sleep(0.01)
    print("left", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, leave)
print("here", flush=True)
while True:
    signal.pause()
"""
    left, right = tmp_path / "a.told", tmp_path / "b.told"
    pair = [
        Process("a", (*_python(code), str(left), str(right)), grace=10),
        Process("b", (*_python(code), str(right), str(left)), grace=10),
    ]
    async with _supervising(tmp_path, *pair):
        await eventually(lambda: all("here" in _log_of(tmp_path, name) for name in "ab"))
    assert [_log_of(tmp_path, name) for name in "ab"] == ["here\nleft\n"] * 2


def _log_of(folder: Path, name: str) -> str:
    log = folder / f"{name}.log"
    return log.read_text() if log.exists() else ""


async def test_a_log_that_gets_large_is_cut_while_its_process_runs(
    tmp_path: Path, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process goes on writing to the same file, and the last thing it said is still known when it ends."""
    monkeypatch.setattr(logs, "ROTATE_BYTES", 20_000)
    monkeypatch.setattr(supervisor, "_LOOK_AT_LOGS_SECONDS", 0.05)
    code = """
import signal
for number in range(5000):
    print("line", number, flush=True)
signal.pause()
"""
    older = tmp_path / "chatty.log.1"
    patience = Patience(first_pause=60, longest_pause=60)  # long enough to look at how it ended
    async with _supervising(tmp_path, Process("chatty", _python(code)), patience=patience) as watched:
        await eventually(lambda: older.exists() and "line 4999" in _log_of(tmp_path, "chatty"))
        os.kill(watched.pid("chatty"), signal.SIGKILL)
        await eventually(lambda: "last log line: line 4999" in watched.latest["chatty"].detail)


async def test_each_process_gets_its_own_stop_signal(tmp_path: Path, eventually: Eventually) -> None:
    """PostgreSQL wants SIGINT."""
    code = """
import signal
signal.signal(signal.SIGINT, lambda *_: print("bye", flush=True))
print("hi", flush=True)
signal.pause()
"""
    async with _supervising(tmp_path, Process("polite", _python(code), stop_signal=signal.SIGINT)) as watched:
        await eventually(lambda: watched.status("polite") is Status.READY)
        await eventually(lambda: "hi" in (tmp_path / "polite.log").read_text())
    assert (tmp_path / "polite.log").read_text() == "hi\nbye\n"


async def test_what_ignores_its_stop_signal_is_killed_with_all_it_started(
    tmp_path: Path, eventually: Eventually
) -> None:
    """The grace is short here; the grandchild shares the session and its end."""
    code = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print(child.pid, flush=True)
signal.pause()
"""
    log = tmp_path / "stubborn.log"
    async with _supervising(tmp_path, Process("stubborn", _python(code), grace=0.2)) as watched:
        await eventually(
            lambda: watched.status("stubborn") is Status.READY and log.exists() and "\n" in log.read_text()
        )
        family = [ProcessId.of(pid) for pid in (watched.pid("stubborn"), int(log.read_text()))]
        assert all(member and member.find() for member in family)
    await eventually(lambda: not any(member and member.find() for member in family))


@pytest.mark.parametrize(("deaths", "seconds"), [(1, 0.2), (2, 0.4), (3, 0.8), (7, 10.0), (5000, 10.0)])
def test_pauses_double_up_to_a_limit(deaths: int, seconds: float) -> None:
    """However often something died, it is tried again within 10 s."""
    assert Patience().pause(deaths) == pytest.approx(seconds)
