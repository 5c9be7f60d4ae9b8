"""`lensmesh lims`: a look into the lab, as its principal engineer."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import grpc
import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from lensmesh.lims.v1 import lims_service_pb2 as rpc
from lensmesh.lims.v1.catalog_pb2 import Catalog, Design, DesignType, Entry, Material
from lensmesh.lims.v1.job_pb2 import Job, JobEvent
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from rich.text import Text

from cli import access, lab, show
from cli.access import Person, Token
from cli.errors import NameInvalidError, RefusedError
from cli.terminal import LENSMESH, clock, date, err, indented, out, print_json, put, table

app = typer.Typer(help="The lab's jobs and catalog.", no_args_is_help=True)

_SECONDS = 10.0
_ID_WIDTH = 18  # one column for all sections
AsJson = Annotated[bool, typer.Option("--json", help="Print the messages as JSON, one a line.")]


class State(StrEnum):
    """The states a job can be listed by, as the contract names them without the prefix."""

    RECEIVED = "RECEIVED"
    IN_PRODUCTION = "IN_PRODUCTION"
    ON_HOLD = "ON_HOLD"
    SHIPPED = "SHIPPED"
    CANCELLED = "CANCELLED"


_STATE_HELP = f"Only jobs in this state (repeat for more): {', '.join(State).lower()}."


class _Lims:
    """The calls this page needs."""

    def __init__(self, channel: grpc.Channel, token: Token) -> None:
        self._stub = LimsServiceStub(channel)
        self._token = token

    def jobs(self, request: rpc.ListJobsRequest) -> rpc.ListJobsResponse:
        return self._stub.ListJobs(request, timeout=_SECONDS, metadata=lab.metadata(self._token))

    def job(self, name: str) -> Job:
        return self._stub.GetJob(rpc.GetJobRequest(name=name), timeout=_SECONDS, metadata=lab.metadata(self._token))

    def events(self, job: str) -> Iterator[rpc.ListJobEventsResponse]:
        request = rpc.ListJobEventsRequest(job=job)
        while True:
            page = self._stub.ListJobEvents(request, timeout=_SECONDS, metadata=lab.metadata(self._token))
            yield page
            request.after_sequence = page.next_after_sequence
            if not request.after_sequence:
                return

    def catalog(self, revision: int) -> Catalog:
        request = rpc.GetCatalogRequest(revision=revision)
        return self._stub.GetCatalog(request, timeout=_SECONDS, metadata=lab.metadata(self._token))


@contextmanager
def _lims(*, as_json: bool) -> Iterator[_Lims]:
    """The LIMS, spoken to as the principal engineer. What it refuses is reported, and ends the command with 1."""
    try:
        with lab.connected() as channel:
            yield _Lims(channel, access.token(Person("principal_engineer")))
    except RefusedError as error:
        if as_json:
            typer.echo(json.dumps(error.refusal.document, ensure_ascii=False), err=True)
        else:
            show.refusal(err(), error)
        raise typer.Exit(1) from error


def _print(message: Message) -> None:
    print_json(MessageToDict(message, always_print_fields_with_no_presence=True))


@app.command()
def jobs(
    *,
    state: Annotated[
        list[State] | None,
        typer.Option(metavar="STATE", case_sensitive=False, show_default=False, help=_STATE_HELP),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="NUMBER", min=1, help="At most this many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the lab's jobs, newest first."""
    states = [Job.State.Value(f"STATE_{each}") for each in state or []]
    found: list[Job] = []
    request = rpc.ListJobsRequest(states=states)
    with _lims(as_json=as_json) as lims:
        while len(found) < limit:
            request.page_size = limit - len(found)
            page = lims.jobs(request)
            if as_json:
                _print(page)
            found.extend(page.jobs)
            request.page_token = page.next_page_token
            if not request.page_token:
                break
    if as_json:
        return
    rows = table("job", "state", "station", "way", "lens", "changed")
    for job in found:
        rows.add_row(job.name, _state(job), job.station, _way(job), job.spec.lens.design, date(job.update_time))
    if found:
        put(out(), rows)
    else:
        out().print("There are none." if states else "There are no jobs yet.")
    if request.page_token:
        out().print(f"\nThere are more than these {len(found)}: --limit shows them.", style="dim")


@app.command()
def job(
    name: Annotated[str, typer.Argument(help="The job: its number, or `jobs/7`.", show_default=False)],
    *,
    as_json: AsJson = False,
) -> None:
    """Show a job and all that happened to it."""
    number = name.removeprefix("jobs/")
    if not number.isdecimal() or not number.isascii() or number.startswith("0"):
        raise NameInvalidError(f"`{name}` is no job's number. All there are: `{LENSMESH} lims jobs`.")
    with _lims(as_json=as_json) as lims:
        found = lims.job(f"jobs/{number}")
        pages = list(lims.events(found.name))
    if as_json:
        for message in (found, *pages):
            _print(message)
        return
    out().print(f"{found.name}  {_state(found)}  {found.spec.lens.design} in {found.spec.lens.material}", style="bold")
    out().print(f"catalog revision {found.catalog_revision}, hand-off {found.handoff_id}")
    out().print(f"route: {' > '.join(found.route)}\n")
    rows = table("", "time", "state", "station", "told the practice")
    for event in (event for page in pages for event in page.events):
        rows.add_row(str(event.sequence), clock(event.time), _state(event), event.station, event.description)
    put(out(), rows)


@app.command()
def catalog(
    *,
    revision: Annotated[int, typer.Option(min=0, help="A revision by its number; 0 is the one in force.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show what can be ordered, with the names that partners' files use."""
    with _lims(as_json=as_json) as lims:
        found = lims.catalog(revision)
    if as_json:
        _print(found)
        return
    of = found.revision
    out().print(f"Catalog revision {of.number}, in force since {date(of.publish_time)}, {of.digest[:12]}", style="bold")
    sections = {
        "Designs": [_entry(design.entry, _kind(design), _made_in(design)) for design in found.designs],
        "Materials": [_entry(material.entry, _index(material)) for material in found.materials],
        "Colours": [_entry(colour) for colour in found.colours],
        "Coatings": [_entry(coating) for coating in found.coatings],
        "Options": [_entry(option) for option in found.options],
    }
    for heading, rows in sections.items():
        out().print(f"\n{heading}", style="bold")
        listed = table()
        listed.add_column(no_wrap=True, min_width=_ID_WIDTH)
        listed.add_column()
        for row in rows:
            listed.add_row(*row)
        put(out(), indented(listed))


def _entry(entry: Entry, *facts: str) -> tuple[str, Text]:
    """An entry's id, and what there is to know of it."""
    codes = ", ".join(f"{code.label}={code.code}" for code in entry.partner_codes)
    told = " · ".join((*facts, *([f"in files {codes}"] if codes else [])))
    return entry.id, Text(entry.name).append(f"\n{told}" if told else "", style="dim")


def _kind(design: Design) -> str:
    return DesignType.Name(design.type).removeprefix("DESIGN_TYPE_").replace("_", " ").lower()


def _made_in(design: Design) -> str:
    return f"made in {' '.join(design.materials)}"


def _index(material: Material) -> str:
    return f"n = {material.index:.3f} at {material.wavelength:.0f} nm"


def _state(of: Job | JobEvent) -> str:
    return Job.State.Name(of.state).removeprefix("STATE_")


def _way(job: Job) -> str:
    """How far it came on its route: `3 of 7`."""
    route = list(job.route)
    return f"{route.index(job.station) + 1 if job.station in route else 0} of {len(route)}"
