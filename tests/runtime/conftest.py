"""Fixtures for the tests of the embedded mesh: a home of its own, and waiting without sleeping blindly."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from runtime.layout import Layout

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.fixture
def home() -> Iterator[Path]:
    """A state folder that every user of the machine can reach, as a project's folder usually is."""
    with tempfile.TemporaryDirectory(prefix="lensmesh-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def layout(home: Path) -> Layout:
    """The folders of a mesh, made."""
    made = Layout(home)
    made.make()
    return made


@pytest.fixture
def eventually() -> Eventually:
    """Wait until a condition holds; fail when it does not within 20 s."""

    async def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, "it did not come true within 20 s"
            await asyncio.sleep(0.02)

    return wait
