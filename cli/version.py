"""`lensmesh --version`."""

from importlib.metadata import version
from typing import Annotated

import typer


def _print(asked: bool) -> None:  # noqa: FBT001 - as typer calls it
    if asked:
        typer.echo(f"lensmesh {version('lensmesh')}")
        raise typer.Exit


def options(
    *,
    version: Annotated[bool, typer.Option("--version", callback=_print, is_eager=True, help="Say which one.")] = False,
) -> None:
    """Take the options that belong to no command."""
