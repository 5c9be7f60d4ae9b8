"""`lensmesh`: one command for the mesh on this machine and for what runs in it.

Every error a user can do something about is a `MeshError`: it is printed as its sentence, without a traceback, and the
command ends with 1, or with 2 when the command itself was wrong. With `--json`, errors are JSON too.
"""

import json
import sys

import typer
from rich.console import Console

from cli import lims, mesh, orders, simulate
from runtime.errors import MeshError, SettingsError, TokenRefusedError, UnknownProcessError

app = typer.Typer(
    name="lensmesh",
    help="Run the optical mesh on this machine, and use it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(mesh.up)
app.command()(mesh.down)
app.command()(mesh.status)
app.command()(mesh.logs)
app.command()(mesh.token)
app.add_typer(orders.app, name="orders")
app.add_typer(lims.app, name="lims")
app.command()(simulate.simulate)

_USAGE_ERRORS = (SettingsError, TokenRefusedError, UnknownProcessError)


def run() -> None:
    """Run the command line and exit."""
    try:
        app(prog_name="lensmesh")
    except MeshError as error:
        _report(error, as_json="--json" in sys.argv)
        sys.exit(2 if isinstance(error, _USAGE_ERRORS) else 1)


def _report(error: MeshError, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"error": type(error).__name__, "message": str(error)}), err=True)
    else:
        Console(stderr=True).print(f"lensmesh: {error}", style="red", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    run()
