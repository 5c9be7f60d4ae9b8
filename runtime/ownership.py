"""Who may start and stop processes in a home: one supervisor at a time, and after it whoever cleans up."""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from runtime import state
from runtime.errors import AlreadyRunningError
from runtime.layout import Layout

_LEFTOVER_SECONDS = 30.0


@contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """Hold the lock of a home: whoever has it is the one who starts and stops processes there.

    The kernel drops it with its holder, however that ends; children do not inherit it.

    Raises:
        AlreadyRunningError: somebody else holds it.
    """
    with layout.lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunningError(f"A mesh with the state folder {layout.home} is running already.") from error
        yield


def stop_leftovers(layout: Layout) -> list[str]:
    """Stop what a killed supervisor left running, and nothing else; gives the names. Call it under the lock.

    A process is recognised by pid and creation time as recorded, so a stranger that got the pid is left alone.
    """
    recorded = state.read(layout.home)
    leftovers = recorded.alive if recorded else ()
    for process, identity in reversed(leftovers):
        with suppress(ProcessLookupError):
            os.kill(identity.pid, process.stop_signal)
        if not identity.wait(_LEFTOVER_SECONDS):
            with suppress(ProcessLookupError):
                os.killpg(
                    identity.pid, signal.SIGKILL
                )  # it leads a session of its own: this is it, and what it started
            identity.wait(_LEFTOVER_SECONDS)
    return [process.name for process, _ in leftovers]
