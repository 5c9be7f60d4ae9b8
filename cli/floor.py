"""`lensmesh lims floor`: what a station's screen does, typed by hand, as an operator of the lab."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID, uuid4

import typer
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from lensmesh.lims.v1 import floor_service_pb2 as rpc
from lensmesh.lims.v1.floor_pb2 import LensValues, Responsibility
from lensmesh.lims.v1.floor_service_pb2_grpc import FloorServiceStub
from lensmesh.lims.v1.job_pb2 import Job, JobSpec
from lensmesh.lims.v1.lims_service_pb2 import GetJobRequest
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from lensmesh.type.v1.prescription_pb2 import Eyes, Side

from cli import access, floor_show, lab, order_file
from cli.access import Person, Token
from cli.errors import CommandInvalidError, FileUnusableError
from cli.terminal import out, print_json

app = typer.Typer(help="The lab's floor: stations, breakages, inspections, stock.", no_args_is_help=True)

_SECONDS = 15.0
_FIELDS = {field.name: field for field in LensValues.DESCRIPTOR.fields}
_SHORT = {"sph": "sphere", "cyl": "cylinder", "ax": "axis", "h": "prism_horizontal", "v": "prism_vertical"}
_SIDES: Mapping[str, Side.ValueType] = {"right": Side.SIDE_RIGHT, "left": Side.SIDE_LEFT}

M = TypeVar("M", bound=Message)


class By(StrEnum):
    """Who answers for it that lenses are made again, as the contract names them without the prefix."""

    LAB = "lab"
    ECP = "ecp"
    MANUFACTURER = "manufacturer"
    NON_ADAPT = "non-adapt"
    WARRANTY = "warranty"


_MEASURED = "What was measured of the {} lens, e.g. `sph=-2.25,cyl=-0.75,ax=175,add=2.00`."
_TARGET = "What the {} lens was calculated to measure, where that is not what was ordered."

_BY = f"Who answers for it: {', '.join(By)}."

JobName = Annotated[str, typer.Argument(help="The job: its number, or `jobs/7`.", show_default=False)]
Note = Annotated[str, typer.Option(help="A note for the lab; no names.")]
RequestId = Annotated[
    UUID | None,
    typer.Option(help="Repeat a command whose answer was lost with the id that it had.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the message as JSON.")]


class Floor:
    """The floor's calls, made as an operator; each gives up after a while."""

    def __init__(self, channel: Any, token: Token) -> None:  # noqa: ANN401 - grpc ships no class for it
        self.stub = FloorServiceStub(channel)
        self._lims = LimsServiceStub(channel)
        self._token = token

    def job(self, name: str) -> Job:
        """A job as it is now."""
        found: Job = self.ask(self._lims.GetJob, GetJobRequest(name=name))
        return found

    def ask(self, method: Callable[..., M], request: Message) -> M:
        """What a method answers to a request."""
        return method(request, timeout=_SECONDS, metadata=lab.metadata(self._token))


@contextmanager
def open_floor(*, as_json: bool) -> Iterator[Floor]:
    """The floor, as an operator of the lab; what it refuses is reported, and ends the command with 1."""
    with lab.answering(as_json=as_json) as channel:
        yield Floor(channel, access.token(Person("lab_operator")))


def print_message(message: Message) -> None:
    """Print a message as JSON."""
    print_json(MessageToDict(message, always_print_fields_with_no_presence=True))


def _shown(changed: Job, *, as_json: bool) -> None:
    if as_json:
        print_message(changed)
    else:
        floor_show.job(out(), changed)


# ── on its way ────────────────────────────────────────────────────────────────────────────────────────────────────────


@app.command()
def stations(*, as_json: AsJson = False) -> None:
    """List the stations with the jobs that wait for each and are at each."""
    with open_floor(as_json=as_json) as floor:
        found = floor.ask(floor.stub.ListStations, rpc.ListStationsRequest())
    if as_json:
        print_message(found)
    else:
        floor_show.stations(out(), found.stations)


@app.command()
def show(job: JobName, *, as_json: AsJson = False) -> None:
    """Show where a job is, how far each lens is, and when it is due."""
    name = lab.job_name(job)
    with open_floor(as_json=as_json) as floor:
        found = floor.job(name)
    _shown(found, as_json=as_json)


@app.command()
def scan(
    job: JobName,
    station: Annotated[str, typer.Argument(help="Where it arrives; without one, the station it goes to next.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Scan a job in at a station; the last one of its route ships it."""
    name = lab.job_name(job)
    with open_floor(as_json=as_json) as floor:
        at = station or floor.job(name).next_station or _nowhere(name)
        moved = floor.ask(floor.stub.Scan, rpc.ScanRequest(job=name, station=at))
    _shown(moved, as_json=as_json)


def _nowhere(name: str) -> str:
    raise CommandInvalidError(f"{name} goes nowhere any more: it shipped, or was cancelled.")


@app.command(name="out")
def scan_out(
    job: JobName,
    station: Annotated[str, typer.Argument(help="Where it is; without one, the station where it was scanned in.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Scan a job out: the work at the station is done, and it waits for the next."""
    name = lab.job_name(job)
    with open_floor(as_json=as_json) as floor:
        at = station or floor.job(name).station
        if not at:
            raise CommandInvalidError(f"{name} was not scanned in anywhere; begin with `scan`.")
        moved = floor.ask(floor.stub.ScanOut, rpc.ScanOutRequest(job=name, station=at))
    _shown(moved, as_json=as_json)


@app.command()
def pick(
    job: JobName,
    codes: Annotated[list[str], typer.Argument(help="What the boxes say: the OPC or the id of each blank.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Confirm, by the codes on their boxes, that the right blanks are in the tray."""
    request = rpc.PickBlanksRequest(job=lab.job_name(job), codes=codes)
    with open_floor(as_json=as_json) as floor:
        picked = floor.ask(floor.stub.PickBlanks, request)
    _shown(picked, as_json=as_json)


@app.command()
def hold(
    job: JobName,
    reason: Annotated[str, typer.Argument(help="Why; no names.", show_default=False)],
    *,
    as_json: AsJson = False,
) -> None:
    """Stop a job until it is released."""
    request = rpc.HoldJobRequest(job=lab.job_name(job), reason=reason)
    with open_floor(as_json=as_json) as floor:
        held = floor.ask(floor.stub.HoldJob, request)
    _shown(held, as_json=as_json)


@app.command()
def release(job: JobName, *, as_json: AsJson = False) -> None:
    """Let a job go on where it was stopped."""
    request = rpc.ReleaseJobRequest(job=lab.job_name(job))
    with open_floor(as_json=as_json) as floor:
        released = floor.ask(floor.stub.ReleaseJob, request)
    _shown(released, as_json=as_json)


@app.command()
def outsource(
    job: JobName,
    partner: Annotated[str, typer.Argument(help="Who works on it.", show_default=False)],
    until: Annotated[str, typer.Argument(help="The last station that they do the work of.", show_default=False)],
    *,
    as_json: AsJson = False,
) -> None:
    """Record that a job left for a partner."""
    request = rpc.OutsourceJobRequest(job=lab.job_name(job), partner=partner, until=until)
    with open_floor(as_json=as_json) as floor:
        away = floor.ask(floor.stub.OutsourceJob, request)
    _shown(away, as_json=as_json)


@app.command(name="return")
def receive_from_partner(job: JobName, *, as_json: AsJson = False) -> None:
    """Record that a job came back from a partner."""
    request = rpc.ReceiveFromPartnerRequest(job=lab.job_name(job))
    with open_floor(as_json=as_json) as floor:
        back = floor.ask(floor.stub.ReceiveFromPartner, request)
    _shown(back, as_json=as_json)


# ── inspected ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_INSPECT_HELP = """Record what a lensmeter shows of a job's lenses, and tell whether they pass.

A lens is written as its powers: sph, cyl, ax, add, and the prism h (+ base in)
and v (+ base up), or by the contract's names: sphere, cylinder, axis, add,
prism_horizontal, prism_vertical, centre_thickness, fitting_height and so on.

    lensmesh lims floor inspect 7 --right sph=-2.21,cyl=-0.75,ax=176,add=2.00

With --as-ordered, what is not written measures what was ordered. Lenses that
are compensated for the way they are worn are held against their calculated
powers: --right-target, --left-target. Ends with 1 when a lens does not pass.
"""


@app.command(help=_INSPECT_HELP)
def inspect(  # noqa: PLR0913 - the options of a command, each by its name
    job: JobName,
    *,
    right: Annotated[str | None, typer.Option(help=_MEASURED.format("right"), show_default=False)] = None,
    left: Annotated[str | None, typer.Option(help=_MEASURED.format("left"), show_default=False)] = None,
    right_target: Annotated[str, typer.Option(help=_TARGET.format("right"), show_default=False)] = "",
    left_target: Annotated[str, typer.Option(help=_TARGET.format("left"), show_default=False)] = "",
    as_ordered: Annotated[
        bool, typer.Option("--as-ordered", help="What is not written measures what was ordered.")
    ] = False,
    note: Note = "",
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Record an inspection; the help is the text above."""
    name = lab.job_name(job)
    measured = {
        side: values(f"--{side}", text) for side, text in (("right", right), ("left", left)) if text is not None
    }
    targets = {"right": values("--right-target", right_target), "left": values("--left-target", left_target)}
    if not measured and not as_ordered:
        raise CommandInvalidError("Nothing was measured: --right and --left say what, or --as-ordered.")
    request = rpc.RecordInspectionRequest(job=name, note=note, request_id=str(request_id or uuid4()))
    with open_floor(as_json=as_json) as floor:
        if as_ordered:
            found = floor.job(name)
            for side in _lenses_there(found, measured):
                measured[side] = _ordered(found.spec, side, measured.get(side))
        for side, of_side in measured.items():
            lens = request.lenses.add(side=_SIDES[side], measured=of_side)
            if targets[side].ListFields():
                lens.target.CopyFrom(targets[side])
        inspected = floor.ask(floor.stub.RecordInspection, request)
    if as_json:
        print_message(inspected)
    else:
        floor_show.inspection(out(), inspected)
    if not inspected.passed:
        raise typer.Exit(1)


def values(option: str, text: str) -> LensValues:
    """The powers that a text writes: `sph=-2.25,cyl=-0.75,ax=175`; none of an empty one.

    Raises:
        CommandInvalidError: it names something else, twice, or with what is no number.
    """
    found: dict[str, float] = {}
    for pair in text.replace(",", " ").split():
        name, _, number = pair.partition("=")
        field = _SHORT.get(name, name)
        if field not in _FIELDS:
            raise CommandInvalidError(f"{option}: there is no `{name}`; it can be: {', '.join((*_SHORT, *_FIELDS))}.")
        try:
            value = float(number.replace("\N{MINUS SIGN}", "-"))
            whole = field != "axis" or value == int(value)
        except (ValueError, OverflowError):
            whole = False
        if not whole:
            raise CommandInvalidError(
                f"{option}: {pair}: write a number, such as `{name}={'175' if field == 'axis' else '1.25'}`."
            )
        if field in found:
            raise CommandInvalidError(f"{option}: {field} stands there twice.")
        found[field] = int(value) if field == "axis" else value
    return LensValues(**found)  # type: ignore[arg-type]


def _lenses_there(found: Job, measured: Mapping[str, object]) -> Sequence[str]:
    """Which lenses to fill up: those that are written, else those that the job has at the station where it is."""
    if measured:
        return list(measured)
    here = {lens.side for lens in found.lenses if lens.station == found.station}
    return [side for side, value in _SIDES.items() if value in here]


def _ordered(spec: JobSpec, side: str, written: LensValues | None) -> LensValues:
    """What was ordered of one eye, with what was measured otherwise."""
    eye = spec.prescription.right if side == "right" else spec.prescription.left
    measured = LensValues()
    for field, value in eye.ListFields():
        if field.name in _FIELDS:
            setattr(measured, field.name, value)
    if written is not None:
        measured.MergeFrom(written)
    return measured


# ── broken, and made again ────────────────────────────────────────────────────────────────────────────────────────────

RightOnly = Annotated[bool, typer.Option("--right", help="The right lens.")]
LeftOnly = Annotated[bool, typer.Option("--left", help="The left lens.")]


@app.command(name="break")
def report_breakage(
    job: JobName,
    reason: Annotated[str, typer.Argument(help="Id of the reason, e.g. scratch.", show_default=False)],
    *,
    right: RightOnly = False,
    left: LeftOnly = False,
    note: Note = "",
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Report that a lens broke, or cannot be used, where the job is: it starts again."""
    name = lab.job_name(job)
    sides = _sides(right=right, left=left)
    if not sides:
        raise CommandInvalidError("Which lens? --right, --left, or both of them.")
    once = str(request_id or uuid4())
    request = rpc.ReportBreakageRequest(job=name, sides=sides, reason=reason, note=note, request_id=once)
    listing = rpc.ListBreakagesRequest(job=name)
    with open_floor(as_json=as_json) as floor:
        broken = floor.ask(floor.stub.ReportBreakage, request)
        told = [] if as_json else floor.ask(floor.stub.ListBreakages, listing).breakages
    _shown(broken, as_json=as_json)
    floor_show.breakages(out(), told[-len(sides) :])


@app.command()
def reverse(
    job: JobName,
    breakage: Annotated[int, typer.Argument(min=1, help="Number of the breakage in the job.", show_default=False)],
    *,
    as_json: AsJson = False,
) -> None:
    """Take a breakage back, while its lens has not been begun anew."""
    request = rpc.ReverseBreakageRequest(breakage=f"{lab.job_name(job)}/breakages/{breakage}")
    with open_floor(as_json=as_json) as floor:
        restored = floor.ask(floor.stub.ReverseBreakage, request)
    _shown(restored, as_json=as_json)


@app.command()
def remake(
    job: JobName,
    *,
    by: Annotated[By, typer.Option(metavar="WHO", help=_BY, show_default=False, case_sensitive=False)],
    reason: Annotated[str, typer.Option(help="Why; no names.", show_default=False)],
    right: RightOnly = False,
    left: LeftOnly = False,
    change: Annotated[
        Path | None,
        typer.Option(
            help="JSON with what is ordered otherwise now, as orders have it; - is stdin.", show_default=False
        ),
    ] = None,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Make the lenses of a job again, as a new job."""
    request = rpc.RemakeJobRequest(
        job=lab.job_name(job),
        responsibility=Responsibility.Value(f"RESPONSIBILITY_{by.upper().replace('-', '_')}"),
        reason=reason,
        eyes=_eyes(_sides(right=right, left=left)),
        request_id=str(request_id or uuid4()),
    )
    changes = order_file.order(change) if change else {}
    if foreign := changes.keys() - {field.name for field in JobSpec.DESCRIPTOR.fields}:
        raise FileUnusableError(f"{change}: a lab makes no {', '.join(sorted(foreign))}; leave it out.")
    with open_floor(as_json=as_json) as floor:
        if changes:
            spec = MessageToDict(floor.job(request.job).spec, preserving_proto_field_name=True)
            request.spec.CopyFrom(ParseDict(_merged(spec, changes), JobSpec()))
        made = floor.ask(floor.stub.RemakeJob, request)
    _shown(made, as_json=as_json)


def _merged(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A document with some of it changed; null takes a field out, and a list replaces a list."""
    merged = dict(document)
    for name, value in changes.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            merged[name] = _merged(merged.get(name, {}), value)
        else:
            merged[name] = value
    return merged


def _sides(*, right: bool, left: bool) -> list[Side.ValueType]:
    return [*([Side.SIDE_RIGHT] if right else []), *([Side.SIDE_LEFT] if left else [])]


def _eyes(sides: Sequence[Side.ValueType]) -> Eyes.ValueType:
    match sides:
        case [Side.SIDE_RIGHT]:
            return Eyes.EYES_RIGHT
        case [Side.SIDE_LEFT]:
            return Eyes.EYES_LEFT
        case []:
            return Eyes.EYES_UNSPECIFIED
        case _:
            return Eyes.EYES_BOTH


# ── what was written down ─────────────────────────────────────────────────────────────────────────────────────────────


@app.command()
def history(job: JobName, *, as_json: AsJson = False) -> None:
    """Show what was done to a job on the floor, what broke of it, and its inspections."""
    name = lab.job_name(job)
    with open_floor(as_json=as_json) as floor:
        records = floor.ask(floor.stub.ListFloorRecords, rpc.ListFloorRecordsRequest(job=name))
        broken = floor.ask(floor.stub.ListBreakages, rpc.ListBreakagesRequest(job=name))
        inspected = floor.ask(floor.stub.ListInspections, rpc.ListInspectionsRequest(job=name))
    if as_json:
        for message in (records, broken, inspected):
            print_message(message)
        return
    floor_show.records(out(), records.records)
    floor_show.breakages(out(), broken.breakages)
    for each in inspected.inspections:
        out().print()
        floor_show.inspection(out(), each)


@app.command()
def ticket(
    job: JobName,
    *,
    to: Annotated[
        Path | None, typer.Option(help="Where to write it; jobs-7.ticket.pdf unless said.", show_default=False)
    ] = None,
) -> None:
    """Write the ticket that goes with a job's tray, as a PDF."""
    name = lab.job_name(job)
    with open_floor(as_json=False) as floor:
        made = floor.ask(floor.stub.GetJobTicket, rpc.GetJobTicketRequest(job=name))
    target = to or Path(f"{name.replace('/', '-')}.ticket.pdf")
    try:
        target.write_bytes(made.data)
    except OSError as error:
        raise FileUnusableError(
            f"The ticket cannot be written to {target} ({error.strerror}): name another file with --to."
        ) from error
    out().print(f"Ticket: {target}", soft_wrap=True)
