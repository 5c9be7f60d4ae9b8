"""`lensmesh restart`: new code, or a fresh process."""

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
    """Restart a process, or the replicas of a service one after the other, each drained first.

    With two replicas or more no request fails. With one, requests are refused (503, try again) until it is back.
    """
    chosen = settings.load()
    if not as_json and len(rolling.named(chosen, name)) == 1:
        typer.echo(f"{name} is one process: who asks for it is told to try again until it is back.")
    began = time.monotonic()
    for process in rolling.restart(chosen, name):
        seconds = time.monotonic() - began
        if as_json:
            typer.echo(json.dumps({"name": process.name, "status": process.status, "seconds": round(seconds, 1)}))
        else:
            typer.echo(f"{seconds:6.1f} s  {process.name:<14} {process.status}")
