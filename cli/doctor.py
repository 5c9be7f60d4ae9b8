"""`lensmesh doctor`: what is the matter, and what to do about it."""

import json
from dataclasses import asdict

import typer
from rich.console import Console
from rich.text import Text

from cli.mesh import AsJson
from runtime import settings
from runtime.doctor.finding import Finding


def doctor(*, as_json: AsJson = False) -> None:
    """Look at this machine, and at the mesh when it runs, and say what to do. Ends with 1 when something is wrong."""
    from runtime.doctor.examination import examine  # noqa: PLC0415 - brings every server's client

    console, found = Console(), list[Finding]()
    for finding in examine(settings.load()):
        found.append(finding)
        if not as_json:
            _print(console, finding)
    wrong = [finding for finding in found if not finding.good]
    if as_json:
        typer.echo(json.dumps({"good": not wrong, "findings": [asdict(finding) for finding in found]}, indent=2))
    else:
        console.print(f"\n{_verdict(len(wrong), len(found))}", highlight=False)
    if wrong:
        raise typer.Exit(1)


def _print(console: Console, finding: Finding) -> None:
    mark = Text("ok   ", style="green") if finding.good else Text("wrong", style="bold red")
    console.print(mark, Text(f"{finding.check:<18} {finding.says}"), soft_wrap=True)
    if finding.way_out:
        console.print(Text(f"      {finding.way_out}"), soft_wrap=True)


def _verdict(wrong: int, checks: int) -> str:
    return f"{wrong} of {checks} checks found something." if wrong else f"All {checks} checks are well."
