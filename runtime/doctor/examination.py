"""The whole examination: the machine, and the mesh when one runs."""

from collections.abc import Iterator

from runtime import state
from runtime.doctor import machine, running
from runtime.doctor.finding import Finding
from runtime.layout import Layout
from runtime.settings import MeshSettings


def examine(settings: MeshSettings) -> Iterator[Finding]:
    """Look at everything, and give each finding as it is made."""
    current = state.read(settings.home)
    up = current if current is not None and current.running else None
    yield from machine.examine(settings, Layout(settings.home), up=up is not None)
    if up is not None:
        yield from running.examine(up, Layout(settings.home))
