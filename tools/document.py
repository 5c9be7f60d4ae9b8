"""Makes docs/reference/configuration.md from the settings: `make gen` writes it, `make check` compares it.

What a setting means, its type and its default stand in the class that reads it, and nowhere else. The limits beside
them are constants of the code, read from where they are used.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from chassis import election
from chassis.settings import MigrationSettings, ServiceSettings
from gateway import routes
from gateway.settings import EdgeSettings
from runtime import logs, postgres
from runtime import settings as mesh
from runtime.settings import MeshSettings
from services.lims.service import LimsSettings
from services.order.service import OrderSettings

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "configuration.md"

INTRODUCTION = """\
# Configuration

Made by `make gen` from the classes that read it; do not edit. Everything is chosen by environment variables. A variable
that is not set has its default; one that makes no sense is refused at the start, by name.
"""


@dataclass(frozen=True, slots=True)
class Section:
    """One reader's settings.

    Attributes:
        title: What is configured.
        reader: Who reads it, and who sets it.
        settings: The class.
        base: The class whose settings it shares, which have a section of their own.
    """

    title: str
    reader: str
    settings: type[BaseSettings]
    base: type[BaseSettings] = BaseSettings


SECTIONS = (
    Section(
        "The mesh on one machine",
        "Read by `bin/lensmesh` and `make up`, in [runtime/settings.py](../../runtime/settings.py).",
        MeshSettings,
    ),
    Section(
        "Every service",
        "Read by each service process, in [chassis/settings.py](../../chassis/settings.py). The mesh on one machine "
        "chooses addresses, files and the drain delay itself; whatever else is set for it reaches its services, too.",
        ServiceSettings,
    ),
    Section(
        "The order service",
        "Read in [services/order/service.py](../../services/order/service.py), beside those of every service.",
        OrderSettings,
        ServiceSettings,
    ),
    Section(
        "The LIMS",
        "Read in [services/lims/service.py](../../services/lims/service.py), beside those of every service.",
        LimsSettings,
        ServiceSettings,
    ),
    Section(
        "Migrations",
        "Read by `python -m services.NAME migrate`, in [chassis/settings.py](../../chassis/settings.py).",
        MigrationSettings,
    ),
)

# The command line asks for these two as it needs them (`cli/access.py`).
COMMAND = """\
## The command, at a mesh elsewhere

Read by `bin/lensmesh orders`, `lims` and `simulate`, in [cli/access.py](../../cli/access.py).

| variable | type | default | meaning |
|---|---|---|---|
| `LENSMESH_URL` | text | the mesh that runs here | REST base URL of the mesh to talk to. |
| `LENSMESH_TOKEN` | text | signed by the local keys | The token sent to it. |
"""

EDGE_LIMITS = {
    "max_body_bytes": "a request's body",
    "max_response_bytes": "an answer that is no stream",
    "max_connections": "open connections of clients",
}


def page() -> str:
    """Returns the whole page."""
    return "\n".join((INTRODUCTION, *(_section(each) for each in SECTIONS), COMMAND, _limits()))


def _section(section: Section) -> str:
    shared = section.base.model_fields
    prefix = section.settings.model_config["env_prefix"]
    rows = (
        _row(f"{prefix}{name}".upper(), field)
        for name, field in section.settings.model_fields.items()
        if name not in shared or field.is_required() != shared[name].is_required()
    )
    return f"## {section.title}\n\n{section.reader}\n\n{_table(('variable', 'type', 'default', 'meaning'), rows)}"


def _row(variable: str, field: FieldInfo) -> tuple[str, ...]:
    return f"`{variable}`", _type(field), _default(field), (field.description or "").replace("|", "\\|")


def _type(field: FieldInfo) -> str:
    bounds = [spelled for each in field.metadata if (spelled := _bound(each))]
    return ", ".join((_kind(field.annotation), *bounds))


def _kind(annotation: Any) -> str:  # noqa: ANN401 -- an annotation is anything
    if get_origin(annotation) is Literal:
        return " · ".join(f"`{value}`" for value in get_args(annotation))
    names = {str: "text", int: "whole number", float: "number", bool: "`true` · `false`", Path: "path"}
    known = [names[each] for each in (annotation, *get_args(annotation)) if each in names]
    return known[0] if len(known) == 1 or annotation in names else "list"


def _bound(constraint: object) -> str:
    match constraint:
        case Ge(ge=limit):
            return f"at least {limit}"
        case Gt(gt=limit):
            return f"more than {limit}"
        case Le(le=limit):
            return f"at most {limit}"
        case Lt(lt=limit):
            return f"less than {limit}"
        case _:
            pattern = getattr(constraint, "pattern", None)
            return f"as `{pattern}`" if pattern else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    match field.default:
        case None | "" | () | {}:
            return "none"
        case bool(value):
            return f"`{str(value).lower()}`"
        case Path() as path:
            return f"`{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}` in the project"
        case float(value):
            return f"`{value:g}`"
        case value:
            return f"`{value}`"


def _limits() -> str:
    defaults = {field.name: field.default for field in fields(EdgeSettings)}
    rows = [
        *((f"edge: {what}", _amount(name, defaults[name])) for name, what in EDGE_LIMITS.items()),
        ("edge: wait beyond an RPC's deadline in the contract", _seconds(routes.GRACE)),
        ("edge: silence of a watch until it is cut", _seconds(routes.STREAM_IDLE)),
        ("edge: life of a watch until it has to be resumed", _seconds(routes.STREAM_LIFE)),
        ("leader: lease, after which another takes over", f"{election.LEASE_SECONDS:g} s"),
        ("database: longest transaction of a service", postgres.TRANSACTION_TIMEOUT.replace("s", " s")),
        ("mesh on one machine: replicas in all", str(mesh.MOST_REPLICAS)),
        ("mesh on one machine: a log, and the older part beside it, each", f"{logs.ROTATE_BYTES / 1e6:g} MB"),
    ]
    reader = "Constants, since nobody should have to choose them; each stands where it is used, with its reason."
    return f"## Limits\n\n{reader}\n\n{_table(('limit', 'value'), iter(rows))}"


def _amount(name: str, value: int) -> str:
    return f"{value / 1024**2:g} MiB" if name.endswith("_bytes") else f"{value:,}"


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():g} s"


def _table(headings: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [_line(headings), f"|{'---|' * len(headings)}", *map(_line, rows)]
    return "\n".join(lines) + "\n"


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Writes the page, or with ``--check`` compares it and ends with 1 when it has drifted."""
    parser = argparse.ArgumentParser(description="Make docs/reference/configuration.md from the settings.")
    parser.add_argument("--check", action="store_true", help="Compare only.")
    made = page()
    if not parser.parse_args().check:
        PAGE.write_text(made)
    elif not PAGE.exists() or PAGE.read_text() != made:
        sys.exit(f"{PAGE.parent.name}/{PAGE.name} is not what the settings say: type `make gen`.")


if __name__ == "__main__":
    main()
