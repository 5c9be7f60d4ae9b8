"""`lensmesh restart`: new code, or a fresh process, without a refused request."""

import json
import time
from typing import Annotated

import typer

from cli.mesh import AsJson
from runtime import rolling, settings


def restart(
    name: Annotated[str, typer.Argument(help="A process as `status` names it, or a service: all its replicas.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Restart a process, or the replicas of a service one after the other, each drained first: no request fails."""
    began = time.monotonic()
    for process in rolling.restart(settings.load(), name):
        seconds = time.monotonic() - began
        if as_json:
            typer.echo(json.dumps({"name": process.name, "status": process.status, "seconds": round(seconds, 1)}))
        else:
            typer.echo(f"{seconds:6.1f} s  {process.name:<14} {process.status}")
