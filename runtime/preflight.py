"""What is checked before anything starts: the first sentence a user reads shall name the cause, not a consequence."""

from collections.abc import Callable
from pathlib import Path

from chassis.settings import MigrationSettings, ServiceSettings
from runtime import envoy, nats, ports, postgres
from runtime.errors import DiskFullError, PortTakenError, SettingsError
from runtime.layout import Layout
from runtime.settings import MeshSettings, misspelt, variable

NEEDED_BYTES = 1_000_000_000

_TOOLS: dict[str, Callable[[], Path]] = {"postgres": postgres.programs, "nats": nats.program, "envoy": envoy.program}

# The process that listens on the port of each setting.
_LISTENERS = {
    "http_port": "envoy",
    "grpc_port": "envoy",
    "admin_port": "envoy",
    "postgres_port": "postgres",
    "nats_port": "nats",
    "lims_port": "lims",
    "order_port": "order",
    "web_port": "web",
}


def check(settings: MeshSettings, layout: Layout) -> None:
    """Raise the first thing that would keep this mesh from starting.

    Raises:
        SettingsError: a variable is set that nothing reads.
        ToolMissingError: a server's program is not installed.
        DiskFullError: less than 1 GB is free where the databases grow.
        PortTakenError: somebody else listens on one of the ports.
    """
    _check_spelling()
    for process, find in _TOOLS.items():
        if _wanted(settings, process):
            find()
    _check_disk(layout)
    for setting, port in settings.ports.items():
        if port and _wanted(settings, _LISTENERS[setting]):
            _check_port(setting, port)


def _check_spelling() -> None:
    read_by_all = {*ServiceSettings.model_fields, *MigrationSettings.model_fields}
    if misspelt(read_by_all) is None:
        return
    from services.lims.service import LimsSettings  # noqa: PLC0415 - brings a whole service, for the names alone
    from services.order.service import OrderSettings  # noqa: PLC0415 - as above

    if objection := misspelt({*read_by_all, *LimsSettings.model_fields, *OrderSettings.model_fields}):
        raise SettingsError(objection)


def _wanted(settings: MeshSettings, process: str) -> bool:
    return not settings.only or process in settings.only


def _check_disk(layout: Layout) -> None:
    free = layout.free_bytes()
    if free < NEEDED_BYTES:
        raise DiskFullError(
            f"Only {free / 1e6:.0f} MB are free for {layout.home}, and the databases need {NEEDED_BYTES / 1e6:.0f} MB. "
            "Make room, or choose a folder on another disk with LENSMESH_HOME."
        )


def _check_port(setting: str, port: int) -> None:
    if ports.is_free(port):
        return
    purpose = (MeshSettings.model_fields[setting].description or "").split(",")[0].rstrip(".")
    raise PortTakenError(
        f"Port {port} ({purpose}) is taken by {ports.holder(port) or 'another process'}. "
        f"Stop it, or choose another port: {variable(setting)}={ports.free_port()} make up."
    )
