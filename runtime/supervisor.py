"""Keeps processes alive. Knows how to start, watch and stop; knows nothing of what they are for.

A process starts when everything it stands on is ready, and is ready when its probe says so. What dies is started again
after a pause that doubles up to 10 s and is forgotten once the process has run 30 s. What cannot be started five times
in a row is given up as `failed`, with its last log line. Processes that stand on one that died are left alone: they
reconnect by themselves, as they must in production.

A child writes its log by itself, so that it goes on when the supervisor does not; the supervisor only cuts a large one.
Every child leads a session of its own, so that a terminal's Ctrl-C reaches only the supervisor, and a child that must
be killed is killed with whatever it started. Stopping goes backwards through the order of starting: nothing is stopped
before what stands on it, and what stands beside each other is stopped together.
"""

import asyncio
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from pathlib import Path

from runtime import logs
from runtime.account import Account
from runtime.state import ProcessId, ProcessState, Status
from runtime.waiting import Probe, until_ready

_log = logging.getLogger(__name__)

_LOOK_AT_LOGS_SECONDS = 5.0
_QUOTED = 300  # characters of a log line that a sentence quotes


@dataclass(frozen=True, slots=True)
class Process:
    """What to run, and how to tell that it runs well."""

    name: str
    command: tuple[str, ...]
    ready: Probe | None = None
    """Asked until it returns; `None` for a process that is ready once it was started."""
    after: tuple[str, ...] = ()
    """Names of the processes that must be ready first."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Added to the supervisor's own environment. May hold secrets."""
    folder: Path | None = None
    account: Account | None = None
    """The user it runs as; `None`: the supervisor's."""
    oneshot: bool = False
    """Runs to its end once, and must succeed, before others start."""
    port: int | None = None
    start_seconds: float = 60.0
    """How long one start may take."""
    stop_signal: signal.Signals = signal.SIGTERM
    leave_signal: signal.Signals | None = None
    """Asks it to leave while others still rely on it; `None` where that is no different from stopping."""
    grace: float = 15.0
    """Seconds between `stop_signal` and SIGKILL."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How a supervisor deals with processes that die."""

    first_pause: float = 0.2
    longest_pause: float = 10.0
    settled_seconds: float = 30.0
    """A process that ran this long has recovered: its next death is its first."""
    attempts: int = 5
    """Starts in a row that may fail."""

    def pause(self, deaths: int) -> float:
        """Seconds to wait after this many deaths in a row."""
        doublings = min(deaths - 1, 30)  # a float ends at 2**1024, and a process may die more often than that
        return min(self.first_pause * 2.0**doublings, self.longest_pause)


class _StartError(Exception):
    """One start of a process failed; says why."""


class _Child:
    """One supervised process: what it shall be and what it is now."""

    def __init__(self, process: Process, log: Path) -> None:
        self.process = process
        self.log = log
        self.log_start = 0
        self.was_ready = asyncio.Event()
        self.running: asyncio.subprocess.Process | None = None
        self.state = ProcessState(
            process.name,
            Status.WAITING,
            time.time(),
            port=process.port,
            stop_signal=process.stop_signal,
            leave_signal=process.leave_signal or process.stop_signal,
        )

    async def spawn(self) -> asyncio.subprocess.Process:
        logs.rotate(self.log)
        user = self.process.account.spawn_arguments() if self.process.account else {}
        try:
            with self.log.open("ab") as output:
                self.log_start = output.tell()
                self.running = await asyncio.create_subprocess_exec(
                    *self.process.command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=self.process.folder,
                    env={**os.environ, **self.process.environment},
                    start_new_session=True,
                    **user,
                )
        except OSError as error:
            raise _StartError(f"cannot be run: {error}") from error
        return self.running

    def how_it_ended(self) -> str:
        """One sentence: exit code or signal, and the last line it logged."""
        code = self.running.returncode if self.running else None
        how = f"killed by {signal.Signals(-code).name}" if code is not None and code < 0 else f"ended with code {code}"
        last = [line for line in logs.tail(self.log, 5, self.log_start) if line.strip()]
        return f"{how}; last log line: {last[-1].strip()[:_QUOTED]}" if last else f"{how} and logged nothing"


def _ranks(stands_on: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """Names in the order of starting, those together that may start at the same time."""
    sorter = TopologicalSorter(stands_on)
    sorter.prepare()
    while rank := sorter.get_ready():
        yield rank
        sorter.done(*rank)


class Supervisor:
    """Runs a set of processes until told to stop.

    Args:
        processes: what to run; their names are unique, and `after` names others of them.
        logs_folder: the folder for `NAME.log`.
        on_change: called with the state of all processes, in start order, whenever one of them changes.
        patience: how to deal with what dies.
    """

    def __init__(
        self,
        processes: Sequence[Process],
        logs_folder: Path,
        on_change: Callable[[tuple[ProcessState, ...]], None],
        patience: Patience | None = None,
    ) -> None:
        by_name = {process.name: process for process in processes}
        self._ranks = list(_ranks({process.name: process.after for process in processes}))
        self._children = {
            name: _Child(by_name[name], logs_folder / f"{name}.log") for rank in self._ranks for name in rank
        }
        self._on_change = on_change
        self._patience = patience or Patience()

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the processes alive until `stop` is set, then stop them all."""
        self._publish()
        try:
            async with asyncio.TaskGroup() as group:
                keepers = [group.create_task(self._keep(child)) for child in self._children.values()]
                keepers.append(group.create_task(self._keep_logs_small()))
                await stop.wait()
                for keeper in keepers:
                    keeper.cancel()
        finally:
            for rank in reversed(self._ranks):
                await asyncio.gather(*(self._end(self._children[name]) for name in rank))

    # One process, from its first start to the end.

    async def _keep(self, child: _Child) -> None:
        for name in child.process.after:
            await self._children[name].was_ready.wait()
        deaths = failed_starts = 0
        while True:
            began = time.monotonic()
            try:
                running = await self._start(child)
                failed_starts = 0
                if child.process.oneshot:
                    return
                await running.wait()
                reason = child.how_it_ended()
            except _StartError as error:
                reason = str(error)
                failed_starts += 1
            if failed_starts >= self._patience.attempts:
                self._set(child, Status.FAILED, f"gave up after {failed_starts} starts: {reason}")
                return
            deaths = 1 if time.monotonic() - began >= self._patience.settled_seconds else deaths + 1
            self._set(child, Status.RESTARTING, reason)
            await asyncio.sleep(self._patience.pause(deaths))
            child.state = replace(child.state, restarts=child.state.restarts + 1)

    async def _keep_logs_small(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_AT_LOGS_SECONDS)
            for child in self._children.values():
                try:
                    child.log_start = max(0, child.log_start - logs.cut(child.log))
                except OSError as error:  # a full disk: all the more reason to go on, and to try again
                    _log.warning("the log of %s cannot be cut: %s", child.process.name, error)

    async def _start(self, child: _Child) -> asyncio.subprocess.Process:
        """Start a process and return when it is ready, or, a oneshot, has succeeded; `_StartError` if it does not."""
        running = await child.spawn()
        self._set(child, Status.STARTING)
        if child.process.oneshot:
            if await running.wait() != 0:
                raise _StartError(child.how_it_ended())
            status = Status.DONE
        else:
            await self._become_ready(child, running)
            status = Status.READY
        self._set(child, status)
        child.was_ready.set()
        return running

    async def _become_ready(self, child: _Child, running: asyncio.subprocess.Process) -> None:
        if child.process.ready is None:
            return
        ended = asyncio.ensure_future(running.wait())
        ready = asyncio.ensure_future(until_ready(child.process.ready, child.process.start_seconds))
        try:
            await asyncio.wait({ended, ready}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():  # looked at first: another process on the same port may have answered the probe
                raise _StartError(child.how_it_ended())
            await ready
        except TimeoutError as error:
            await self._stop(child)
            raise _StartError(f"{error} (waited {child.process.start_seconds:g} s)") from error
        finally:
            ended.cancel()
            ready.cancel()

    async def _end(self, child: _Child) -> None:
        await self._stop(child)
        self._set(child, Status.STOPPED)

    async def _stop(self, child: _Child) -> None:
        """Ask the process to end; kill it with all it started if it does not."""
        running, process = child.running, child.process
        if running is None or running.returncode is not None:
            return
        with suppress(ProcessLookupError):
            running.send_signal(process.stop_signal)
        try:
            async with asyncio.timeout(process.grace):
                await running.wait()
        except TimeoutError:
            _log.warning("%s did not end within %g s: killed", process.name, process.grace)
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            await running.wait()

    # What others see.

    def _set(self, child: _Child, status: Status, detail: str = "") -> None:
        alive = child.running is not None and child.running.returncode is None
        identity = ProcessId.of(child.running.pid) if alive and child.running else None
        child.state = replace(child.state, status=status, detail=detail, id=identity, since=time.time())
        _log.info("%s %s%s", child.process.name, status, f": {detail}" if detail else "")
        self._publish()

    def _publish(self) -> None:
        self._on_change(tuple(child.state for child in self._children.values()))
