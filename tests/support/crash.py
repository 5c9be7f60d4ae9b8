"""Kills a service at every boundary of one of its use cases, one boundary a process.

A boundary is anything that happens between two statements: a line about to run, a coroutine about to be suspended in
an await or to return, a coroutine resumed. They are not named in the code; the interpreter's trace reports each one as
the use case runs through the service's own modules, and the process ends itself with SIGKILL at the one it was told.

Processes are forked from a server that has imported everything, so that hundreds of them are quick.
"""

import asyncio
import functools
import importlib
import multiprocessing
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

from chassis.service import run

ROOT = Path(__file__).resolve().parents[2]
WATCHED_ROOMS = ("services", "lims_client", "chassis")
COMPUTING = ("/messages.py", "/deciding.py", "/dates.py")
"""Modules that only compute. Between their lines nothing happens that a crash could leave half done."""
ROUNDS = 2
"""How often a place is a boundary: a loop is interrupted in its first round and in one that follows."""


@dataclass(frozen=True, slots=True)
class UseCase:
    """What is interrupted.

    Attributes:
        service: The service it belongs to.
        entry: Name of the function that begins it.
        file: The file of that function, relative to the project.
    """

    service: str
    entry: str
    file: str


class Boundaries:
    """Counts the boundaries of the use case in the task that runs it, and ends the process at one."""

    def __init__(self, case: UseCase, end_at: int, report: Path) -> None:
        self._file = str(ROOT / case.file)
        self._entry = case.entry
        self._rooms = tuple(str(ROOT / room) + "/" for room in WATCHED_ROOMS)
        self._end_at = end_at
        self._report = report
        self._counts: Counter[asyncio.Task[Any]] = Counter()
        self._places: Counter[tuple[asyncio.Task[Any], CodeType, int, str]] = Counter()

    def watch_entry(self, module: ModuleType) -> None:
        """Begins to trace when the use case's function, wherever it stands in its module, is first called."""
        holder = next(it for it in (module, *vars(module).values()) if self._entry in getattr(it, "__dict__", ()))
        function = vars(holder)[self._entry]

        @functools.wraps(function)
        async def entered(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 -- whatever it takes
            task = asyncio.current_task()
            assert task is not None, "services run in tasks"
            self._counts[task] = 0
            sys.settrace(self._trace)
            return await function(*arguments, **named)

        setattr(holder, self._entry, entered)

    def _trace(self, frame: FrameType, event: str, _argument: object) -> Callable[..., Any] | None:
        """Follows frames of the watched rooms in the tasks that run the use case."""
        # none while the loop is between tasks: the garbage collector may finish a generator of the rooms there
        file = frame.f_code.co_filename
        watched = file.startswith(self._rooms) and not file.endswith(COMPUTING)
        if watched and asyncio.current_task() in self._counts:
            return self._boundary(frame, event, _argument)
        return None

    def _boundary(self, frame: FrameType, event: str, _argument: object) -> Callable[..., Any]:
        task = asyncio.current_task()
        if task is None:
            return self._boundary
        place = task, frame.f_code, frame.f_lineno, event
        self._places[place] += 1
        if self._places[place] > ROUNDS:
            return self._boundary
        self._counts[task] += 1
        if self._counts[task] == self._end_at:
            where = f"{Path(frame.f_code.co_filename).relative_to(ROOT)}:{frame.f_lineno} {event}"
            self._report.write_text(where)
            os.kill(os.getpid(), signal.SIGKILL)
        return self._boundary


def _serve(case: UseCase, told: Mapping[str, str], end_at: int, report: Path, output: Path) -> None:
    """Runs the service in a forked process; at boundary ``end_at`` of the use case it ends. 0 is never."""
    with output.open("ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    os.environ.update(told)
    sys.argv = [f"services.{case.service}"]
    service = importlib.import_module(f"services.{case.service}.service").SERVICE
    if end_at:
        module = importlib.import_module(case.file.removesuffix(".py").replace("/", "."))
        Boundaries(case, end_at, report).watch_entry(module)
    run(service)


def forks(case: UseCase) -> ForkServerContext:
    """Returns a context whose processes begin with the service imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([f"services.{case.service}.service"])
    return context


def start(
    context: ForkServerContext,
    case: UseCase,
    told: Mapping[str, str],
    *,
    end_at: int,
    folder: Path,
) -> BaseProcess:
    """Starts the service; it ends itself at boundary ``end_at``, having written which one to ``folder/boundary``."""
    (folder / "boundary").unlink(missing_ok=True)
    arguments = (case, dict(told), end_at, folder / "boundary", folder / "output")
    process = context.Process(target=_serve, args=arguments, daemon=True)
    process.start()
    return process
