"""Where commands write: the answer to stdout, everything about the command itself to stderr.

On a terminal there is colour and the typographer's minus. In a pipe there is neither: programs look for `-2.25`.
"""

import json
import os
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import grpc
import stamina
import typer
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from stamina.instrumentation import RetryDetails

LENSMESH = shlex.quote(os.environ.get("LENSMESH_COMMAND", "bin/lensmesh"))
"""The command as it was typed, so that what is said to be typed next works in the folder the user is in."""


def out() -> Console:
    """The console of the answer."""
    return Console(highlight=False, markup=False, emoji=False)


def err() -> Console:
    """The console of what is to be said about the command."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def minus(console: Console, text: str) -> str:
    """The text with the minus that this console is best served with."""
    return text.replace("-", "\N{MINUS SIGN}") if console.is_terminal and not console.options.ascii_only else text


def put(console: Console, *shown: RenderableType) -> None:
    """Print without the blanks by which rich fills lines up; what is copied or piped needs none."""
    with console.capture() as captured:
        console.print(*shown)
    console.out("\n".join(line.rstrip() for line in captured.get().splitlines()))


def table(*headings: str) -> Table:
    """A table without lines; without headings, one of facts."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_header=bool(headings))
    for heading in headings:
        made.add_column(heading)
    return made


def indented(shown: RenderableType, by: int = 2) -> Padding:
    """The same, set in from the left."""
    return Padding(shown, (0, 0, 0, by), expand=False)


def print_json(text: str | Mapping[str, Any]) -> None:
    """Print one JSON document on one line of stdout; one that came from the mesh is printed as it came."""
    typer.echo(text if isinstance(text, str) else json.dumps(text, ensure_ascii=False))


def clock(time: Timestamp | None = None) -> str:
    """The local time of day, now or of an event, as `14:03:22`."""
    moment = time.ToDatetime(tzinfo=UTC) if time is not None else datetime.now(UTC)
    return moment.astimezone().strftime("%H:%M:%S")


def date(time: Timestamp) -> str:
    """The local date and time, as `2026-03-01 14:03`."""
    return time.ToDatetime(tzinfo=UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def zoned(time: Timestamp) -> str:
    """The same with its time zone, as `2026-03-01 14:03 CET`: for what stands elsewhere by another clock, too."""
    return time.ToDatetime(tzinfo=UTC).astimezone().strftime("%Y-%m-%d %H:%M %Z")


def second(time: Timestamp) -> str:
    """The local date and time to the second, as `2026-03-01 14:03:22`: for what happened over days."""
    return time.ToDatetime(tzinfo=UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def day(time: Timestamp) -> str:
    """The local day, as `03-01`: for lists that have no room for more."""
    return time.ToDatetime(tzinfo=UTC).astimezone().strftime("%m-%d")


def say_retries_on(console: Console) -> None:
    """Say on `console` when something is tried again; stamina by itself would write to stdout, among the answers."""

    def say(details: RetryDetails) -> None:
        error = details.caused_by
        told = error.details() if isinstance(error, grpc.aio.AioRpcError) else str(error)
        why = told or type(error).__name__
        console.print(f"Trying again in {details.wait_for:.1f} s: {why}", style="dim", soft_wrap=True)

    stamina.instrumentation.set_on_retry_hooks([say])
