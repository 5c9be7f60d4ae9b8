"""A whole mesh with two processes of each service, started as a user starts it, on free ports and in its own home."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.replicas.house import House, environment


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """The mesh, up, with order-1, order-2, lims-1 and lims-2."""
    with tempfile.TemporaryDirectory(prefix="lensmesh-replicas-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        started = House(Path(folder), environment(Path(folder)))
        started.lensmesh("up", "--replicas", "order=2,lims=2", seconds=180)
        try:
            yield started
        finally:
            started.lensmesh("down", seconds=90)
