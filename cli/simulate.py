"""`lensmesh simulate`: a lab that works on the jobs that arrive.

It is a client like a station's barcode reader: it reads the jobs from `LimsService`, scans them through their routes by
`FloorService.Scan` with a lab operator's token, and knows nothing of databases. Its lenses are perfect: where they are
inspected it measures what was ordered.

    WatchJobs ──▶ a job arrived ──▶ its own task: GetJob, then Scan station after station, until it ships
                                    RecordInspection, where a lens has to pass before it may go on
    ListJobs  ──▶ the jobs that were open before; again at every heartbeat, so that none is forgotten

What it does is idempotent, so it is repeated for ever when the mesh is away; somebody else may scan the same jobs.
"""

import asyncio
import os
import random
import signal
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar

import grpc
import stamina
import typer
from google.protobuf.message import Message
from lensmesh.lims.v1 import lims_service_pb2 as rpc
from lensmesh.lims.v1.floor_pb2 import Inspection, LensProgress
from lensmesh.lims.v1.floor_service_pb2 import RecordInspectionRequest, ScanRequest
from lensmesh.lims.v1.floor_service_pb2_grpc import FloorServiceStub
from lensmesh.lims.v1.job_pb2 import Job
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from lensmesh.type.v1.prescription_pb2 import SIDE_LEFT, SIDE_RIGHT
from rich.console import Console

from cli import access, lab
from cli.access import Token
from cli.terminal import LENSMESH, clock, out, say_retries_on
from runtime import settings
from runtime.errors import MeshError
from runtime.layout import Layout

_OPEN = (Job.STATE_RECEIVED, Job.STATE_IN_PRODUCTION)
_CALL_SECONDS = 10.0
_SILENCE_SECONDS = 45.0  # of a watch, whose heartbeats come every 15 s
_PAUSE_SECONDS = 0.5
_KEEPALIVE = (("grpc.keepalive_time_ms", 30_000), ("grpc.max_reconnect_backoff_ms", 5_000))

# Answers that would be the same however often one asks; everything else passes.
_FINAL = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.UNIMPLEMENTED,
)

M = TypeVar("M", bound=Message)


def simulate(
    *,
    pace: Annotated[float, typer.Option(min=0.0, help="Seconds a job spends at each station.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Ship the jobs that are open now, and end.")] = False,
    seed: Annotated[int | None, typer.Option(help="Vary the pace by half, the same way every time.")] = None,
    target: Annotated[str, typer.Option(help="The edge as host:port.", show_default="this machine's mesh")] = "",
    ca: Annotated[Path | None, typer.Option(help="What verifies it.", show_default="the mesh's CA")] = None,
    token_file: Annotated[Path | None, typer.Option(help="A lab operator's.", show_default="the mesh's own")] = None,
) -> None:
    """Be a lab: move every job on through its stations, until Ctrl-C."""
    layout = Layout(settings.load().home)
    console = out()
    say_retries_on(console)
    if not target:
        _say_who_else_works(console)
    work = _work(
        target or access.running_mesh().grpc_target,
        lab.credentials(ca or layout.keys / "ca.pem"),
        access.token_file(token_file or layout.keys / "tokens" / "simulator.jwt"),
        Pace(pace, seed),
        console,
        once=once,
    )
    try:
        asyncio.run(work)
    except ExceptionGroup as several:
        raise _sentence(several) from several


def _say_who_else_works(console: Console) -> None:
    """Say that the mesh here has a simulated lab of its own; unless this is it."""
    own = os.getpid()
    if any(process.name == "simulator" and found.pid != own for process, found in access.running_mesh().alive):
        console.print(
            "The mesh has a simulated lab of its own, which works on the same jobs at its own pace.", soft_wrap=True
        )
        console.print(f"To be alone: {LENSMESH} down; LENSMESH_SIMULATE=false {LENSMESH} up", soft_wrap=True)


def _sentence(several: ExceptionGroup[Exception]) -> Exception:
    """What a user can do something about in a group of errors; the group when there is nothing of the kind."""
    found: Exception = several.subgroup(MeshError) or several
    while isinstance(found, ExceptionGroup) and found.subgroup(MeshError):
        found = found.exceptions[0]
    return found


async def _work(
    target: str, credentials: grpc.ChannelCredentials, token: Token, pace: "Pace", console: Console, *, once: bool
) -> None:
    """Work until done, or until SIGTERM or Ctrl-C, which are both a good end."""
    async with grpc.aio.secure_channel(target, credentials, options=_KEEPALIVE) as channel:
        floor = Floor(Lims(channel, token), pace, console)
        task = asyncio.ensure_future(floor.finish() if once else floor.run())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        console.print(f"{clock()}  the lab is open, at {target}", soft_wrap=True)
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
        console.print(f"{clock()}  the lab is closed", soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a job stays at a station: always `seconds`, or with a seed from half to one and a half of it."""

    seconds: float
    seed: int | None = None

    def of(self, job: str, station: str) -> float:
        """Seconds that `job` spends at `station`; the same seed gives the same, whatever else goes on."""
        if self.seed is None:
            return self.seconds
        chance = random.Random(f"{self.seed} {job} {station}")  # noqa: S311 - no secret
        return self.seconds * chance.uniform(0.5, 1.5)


class Lims:
    """The lab system's calls that a floor needs; each is repeated until it is answered."""

    def __init__(self, channel: grpc.aio.Channel, token: Token) -> None:
        self._lims = LimsServiceStub(channel)
        self._floor = FloorServiceStub(channel)
        self._token = token

    async def job(self, name: str) -> Job:
        """A job as it is now."""
        return await self._answered(self._lims.GetJob, rpc.GetJobRequest(name=name), Job)

    async def open_jobs(self) -> AsyncIterator[Job]:
        """Every job that waits to be moved on."""
        request = rpc.ListJobsRequest(states=_OPEN)
        while True:
            page = await self._answered(self._lims.ListJobs, request, rpc.ListJobsResponse)
            for job in page.jobs:
                yield job
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    async def scan(self, job: str, station: str) -> Job:
        """The job after its arrival at the station.

        Raises:
            grpc.aio.AioRpcError: it is not next on the route, or the job is on hold, cancelled or shipped.
        """
        return await self._answered(self._floor.Scan, ScanRequest(job=job, station=station), Job)

    async def inspect(self, job: Job) -> Job:
        """The job after its lenses were measured, those that have to be, and found to be what was ordered.

        Raises:
            grpc.aio.AioRpcError: it is no longer where lenses are inspected.
        """
        await self._answered(self._floor.RecordInspection, inspection(job), Inspection)
        return await self.job(job.name)

    async def watch(self, cursor: str) -> AsyncIterator[rpc.WatchJobsResponse]:
        """The messages of one connection of the job watch; ends when it is cut or silent."""
        call = self._lims.WatchJobs(
            rpc.WatchJobsRequest(cursor=cursor), metadata=lab.metadata(self._token), wait_for_ready=True
        )
        try:
            while True:
                async with asyncio.timeout(_SILENCE_SECONDS):
                    message = await call.read()
                if not isinstance(message, rpc.WatchJobsResponse):
                    return  # how grpc says that the stream ended
                yield message
        except TimeoutError:
            return
        finally:
            call.cancel()

    async def _answered(self, method: Callable[..., Awaitable[M]], request: Message, kind: type[M]) -> M:
        async for attempt in stamina.retry_context(on=_passes, attempts=None, timeout=None):
            with attempt:
                return await method(request, timeout=_CALL_SECONDS, metadata=lab.metadata(self._token))
        raise AssertionError(f"a retry without end ended without {kind.__name__}")


def _passes(error: Exception) -> bool:
    return isinstance(error, grpc.aio.AioRpcError) and error.code() not in _FINAL


@dataclass(slots=True)
class Floor:
    """The stations and the people at them: one task for each job under way."""

    lims: Lims
    pace: Pace
    console: Console
    _under_way: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def finish(self) -> None:
        """Ship the jobs that are open now."""
        async with asyncio.TaskGroup() as group:
            await self._take_up_open(group)

    async def run(self) -> None:
        """Move on whatever arrives, for ever."""
        async with asyncio.TaskGroup() as group:
            cursor = ""
            while True:
                cursor = await self._listen(group, cursor)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _listen(self, group: asyncio.TaskGroup, cursor: str) -> str:
        """Take up what is open, and what arrives over one connection; returns the cursor to go on from."""
        try:
            await self._take_up_open(group)
            async for message in self.lims.watch(cursor):
                cursor = message.cursor or cursor
                match message.WhichOneof("event"):
                    case "update" if message.update.state in _OPEN:
                        self._take_up(group, message.update.job)
                    case "heartbeat":
                        await self._take_up_open(group)
                    case "error":
                        self._say(f"the watch ended: {message.error.message}")
        except grpc.aio.AioRpcError as error:
            self._say(f"the mesh is away: {error.details()}")
            if error.code() in _FINAL:
                return ""  # a cursor from before a restore; the open jobs are listed anew
        return cursor

    async def _take_up_open(self, group: asyncio.TaskGroup) -> None:
        async for job in self.lims.open_jobs():
            self._take_up(group, job.name)

    def _take_up(self, group: asyncio.TaskGroup, job: str) -> None:
        if job not in self._under_way:
            task = group.create_task(self._make(job))
            self._under_way[job] = task
            task.add_done_callback(lambda _: self._under_way.pop(job))

    async def _make(self, name: str) -> None:
        """Move a job on, station by station, until it needs no more or does not move."""
        try:
            await self._move(name)
        except grpc.aio.AioRpcError as error:
            self._say(f"{name:<10} stays where it is: {error.details()}")

    async def _move(self, name: str) -> None:
        job = await self.lims.job(name)
        while job.state in _OPEN and (station := next_station(job)):
            await asyncio.sleep(self.pace.of(name, station))
            try:
                job = await self.lims.scan(name, station)
                if waiting(job):
                    job = await self.lims.inspect(job)
            except grpc.aio.AioRpcError:
                known, job = job.sequence, await self.lims.job(name)
                if job.sequence == known:
                    raise  # nobody else moved it on or stopped it: asking again would not help
            else:
                self._say(f"{name:<10} {station:<20} {Job.State.Name(job.state).removeprefix('STATE_')}")

    def _say(self, text: str) -> None:
        self.console.print(f"{clock()}  {text}", soft_wrap=True)


def waiting(job: Job) -> list[LensProgress]:
    """The lenses of a job that have to pass an inspection where they are."""
    passed = (LensProgress.INSPECTION_UNSPECIFIED, LensProgress.INSPECTION_PASSED)
    return [lens for lens in job.lenses if lens.inspection not in passed]


def inspection(job: Job) -> RecordInspectionRequest:
    """An inspection in which every lens that waits for one measures what was ordered."""
    request = RecordInspectionRequest(job=job.name, request_id=str(uuid.uuid4()))
    eyes = {SIDE_RIGHT: job.spec.prescription.right, SIDE_LEFT: job.spec.prescription.left}
    for lens in waiting(job):
        ordered = eyes.get(lens.side, job.spec.prescription.right)
        measured = request.lenses.add(side=lens.side).measured
        measured.sphere, measured.cylinder = ordered.sphere, ordered.cylinder
        for name in ("axis", "add", "prism_horizontal", "prism_vertical"):
            if ordered.HasField(name):
                setattr(measured, name, getattr(ordered, name))
    return request


def next_station(job: Job) -> str | None:
    """The station a job goes to next; `None` at the end of its route, or off it.

    Where the lab does not say, it follows from the route.
    """
    if job.next_station:
        return job.next_station
    if not job.station:
        return job.route[0] if job.route else None
    passed = list(job.route).index(job.station) if job.station in job.route else len(job.route)
    return job.route[passed + 1] if passed + 1 < len(job.route) else None
