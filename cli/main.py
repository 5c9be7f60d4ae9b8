"""`lensmesh`: one command for the mesh on this machine and for what runs in it.

Every error a user can do something about is a `MeshError`: it is printed as its sentence, without a traceback, and the
command ends with 1, or with 2 when the command itself was wrong. With `--json`, errors are JSON too.
"""

import json
import sys

import typer
from rich.console import Console

from cli import doctor, floor, lims, mesh, orders, restart, simulate, stock, usage, version
from cli.errors import CommandInvalidError
from runtime.errors import MeshError, SettingsError, TokenRefusedError, UnknownProcessError

app = typer.Typer(
    name="lensmesh",
    help="Run the optical mesh on this machine, and use it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": list(usage.HELP)},
)
app.callback()(version.options)
app.command()(mesh.up)
app.command()(mesh.down)
app.command()(mesh.status)
app.command()(mesh.logs)
app.command()(mesh.token)
app.command()(restart.restart)
app.command()(doctor.doctor)
app.add_typer(orders.app, name="orders")
floor.app.add_typer(stock.app, name="stock")
lims.app.add_typer(floor.app, name="floor")
app.add_typer(lims.app, name="lims")
app.command()(simulate.simulate)

_WRONG_COMMAND = 2
_USAGE_ERRORS = (SettingsError, TokenRefusedError, UnknownProcessError, CommandInvalidError)


def run() -> None:
    """Run the command line and exit."""
    command = typer.main.get_command(app)
    usage.shown_plainly(command)
    try:
        code = command.main(prog_name="lensmesh", standalone_mode=False)
    except typer.TyperException as error:
        _report("UsageError", usage.sentence(error))
        sys.exit(_WRONG_COMMAND)
    except MeshError as error:
        _report(type(error).__name__, str(error))
        sys.exit(_WRONG_COMMAND if isinstance(error, _USAGE_ERRORS) else 1)
    sys.exit(code or 0)


def _report(kind: str, sentence: str) -> None:
    if "--json" in sys.argv:
        typer.echo(json.dumps({"error": kind, "message": sentence}), err=True)
    elif sentence:
        Console(stderr=True).print(f"lensmesh: {sentence}", style="red", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    run()
