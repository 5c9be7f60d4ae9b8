"""`lensmesh lims`: a look into the lab, as its principal engineer."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import grpc
import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from lensmesh.lims.v1 import lims_service_pb2 as rpc
from lensmesh.lims.v1.catalog_pb2 import Catalog, Design, DesignType, Entry, Material
from lensmesh.lims.v1.decision_pb2 import Decision
from lensmesh.lims.v1.job_pb2 import Job, JobEvent
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from lensmesh.lims.v1.rule_service_pb2 import DecideFileRequest, DecideFileResponse
from lensmesh.lims.v1.rule_service_pb2_grpc import RuleServiceStub
from rich.text import Text

from cli import access, decision, lab, order_file, show
from cli.access import Person, Token
from cli.errors import CommandInvalidError, FileUnusableError
from cli.orders import entry
from cli.terminal import date, err, indented, out, print_json, put, second, table

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
        self._rules = RuleServiceStub(channel)
        self._token = token

    def jobs(self, request: rpc.ListJobsRequest) -> rpc.ListJobsResponse:
        return self._stub.ListJobs(request, timeout=_SECONDS, metadata=lab.metadata(self._token))

    def job(self, name: str) -> Job:
        return self._stub.GetJob(rpc.GetJobRequest(name=name), timeout=_SECONDS, metadata=lab.metadata(self._token))

    def decision(self, name: str) -> Decision:
        request = rpc.GetJobDecisionRequest(name=name)
        return self._stub.GetJobDecision(request, timeout=_SECONDS, metadata=lab.metadata(self._token))

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

    def decide_file(self, request: DecideFileRequest) -> DecideFileResponse:
        return self._rules.DecideFile(request, timeout=_SECONDS, metadata=lab.metadata(self._token))


@contextmanager
def _lims(*, as_json: bool) -> Iterator[_Lims]:
    """The LIMS, spoken to as the principal engineer. What it refuses is reported, and ends the command with 1."""
    with lab.answering(as_json=as_json) as channel:
        yield _Lims(channel, access.token(Person("principal_engineer")))


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
    plan: Annotated[bool, typer.Option("--plan", help="Show how its lenses are made, as it was decided.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a job and all that happened to it."""
    named = lab.job_name(name)
    with _lims(as_json=as_json) as lims:
        found = lims.job(named)
        pages = list(lims.events(found.name))
        decided = lims.decision(found.name) if plan else None
    if as_json:
        for message in (found, *pages, *([decided] if decided else [])):
            _print(message)
        return
    out().print(f"{found.name}  {_state(found)}  {found.spec.lens.design} in {found.spec.lens.material}", style="bold")
    out().print(f"catalog revision {found.catalog_revision}, hand-off {found.handoff_id}")
    out().print(f"route: {' > '.join(found.route)}\n")
    rows = table("", "time", "state", "station", "told the practice")
    for event in (event for page in pages for event in page.events):
        rows.add_row(str(event.sequence), second(event.time), _state(event), event.station, event.description)
    put(out(), rows)
    if decided:
        out().print()
        decision.verdict(out(), found.name, decided)
        show.ordered(out(), found.spec)
        decision.plan(out(), decided)
        decision.price(out(), decided)


# ── what the rules say of a file ──────────────────────────────────────────────────────────────────────────────────────

_DECIDE_HELP = """Tell what the lab's rules say of a lab file, and draw the lenses.

Whether they can be made, and what is objected to. If they can: blanks, curves,
thicknesses, machine programs, route, time and price. Nothing is ordered, and
nothing is kept. Ends with 1 when they cannot be made.

The drawing is an SVG of the lenses as seen from the front, in their true size.
It is written to the folder you are in, named after the lab file (job.oma:
job.plan.svg), unless --drawing names another one, or --no-drawing is given.
With --json it is in the answer, and written to a file only by --drawing.
"""


@app.command(help=_DECIDE_HELP)
def decide(  # noqa: PLR0913 - the options of a command, each by its name
    file: Annotated[
        Path, typer.Argument(help="A lab file (DCS, also called OMA); - reads it from stdin.", show_default=False)
    ],
    *,
    account: Annotated[str, typer.Option(help="The account that orders, whatever the file says (ACCN).")] = "",
    design: Annotated[str, entry("Design", ", whatever the file names")] = "",
    material: Annotated[str, entry("Material", ", whatever the file names")] = "",
    drawing: Annotated[Path | None, typer.Option(help="Where to write the drawing.", show_default=False)] = None,
    no_drawing: Annotated[bool, typer.Option("--no-drawing", help="Draw nothing.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show every rule and row that had a say.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every note about the file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print what the rules say of a file, and write the drawing; the help is the text above."""
    if drawing is not None and no_drawing:
        raise CommandInvalidError("--drawing and --no-drawing contradict each other: leave one out.")
    request = DecideFileRequest(account=account, design=design, material=material, draw=not no_drawing)
    request.file.data = order_file.content(file)
    with _lims(as_json=as_json) as lims:
        found = lims.decide_file(request)
    if as_json:
        _print(found)
    else:
        _show(found, _stem(file), explain=explain, verbose=verbose)
    target = drawing or (None if as_json else Path(f"{_stem(file)}.plan.svg"))
    if target is not None and not no_drawing:
        _write(found.drawing, target, as_json=as_json)
    if not found.decision.accepted:
        raise typer.Exit(1)


def _show(found: DecideFileResponse, name: str, *, explain: bool, verbose: bool) -> None:
    decided, console = found.decision, out()
    decision.verdict(console, f"Job {found.job_reference}" if found.job_reference else name, decided)
    show.ordered(console, found.spec)
    show.violations(console, decided.violations)
    show.diagnostics(console, found.diagnostics, verbose=verbose)
    decision.plan(console, decided)
    decision.price(console, decided)
    if explain:
        decision.fired(console, decided)
    elif decided.fired:
        different = len({(each.rule, each.row) for each in decided.fired})
        console.print(f"\n{different} rules and rows had a say; to see them: --explain.", style="dim")


def _stem(file: Path) -> str:
    """What a file is called by: its name without the ending."""
    return file.stem if file.name != "-" else "lab-file"


def _write(drawing: str, target: Path, *, as_json: bool) -> None:
    """Write a drawing, and say where; or that there is none.

    Raises:
        FileUnusableError: it cannot be written there.
    """
    console = err() if as_json else out()
    if not drawing:
        console.print("\nNothing is drawn: neither a trace nor a box of the frame is known.")
        return
    try:
        target.write_text(drawing, encoding="utf-8")
    except OSError as error:
        raise FileUnusableError(
            f"The drawing cannot be written to {target} ({error.strerror}): name another file with --drawing, or "
            f"leave it out with --no-drawing."
        ) from error
    console.print(f"\nDrawing: {target}", soft_wrap=True)


# ── the catalog ───────────────────────────────────────────────────────────────────────────────────────────────────────


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
