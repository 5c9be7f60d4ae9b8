"""A stand-in lab over real gRPC with TLS."""
# ruff: noqa: N802, D102 - the methods are the contract's, which names and documents them

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from lensmesh.lims.v1 import floor_service_pb2_grpc, lims_service_pb2_grpc, rule_service_pb2_grpc
from lensmesh.lims.v1 import lims_service_pb2 as rpc
from lensmesh.lims.v1.catalog_pb2 import Catalog, DesignType
from lensmesh.lims.v1.decision_pb2 import Decision
from lensmesh.lims.v1.floor_service_pb2 import ScanRequest
from lensmesh.lims.v1.job_pb2 import Job, JobEvent
from lensmesh.lims.v1.rule_service_pb2 import DecideFileRequest, DecideFileResponse
from lensmesh.type.v1.stream_pb2 import End, Heartbeat

from cli.simulate import next_station
from runtime.keys import Keys

ROUTE = ("surfacing", "edging", "shipping")
NOW = Timestamp(seconds=1_772_359_200)


def _refusal(code: grpc.StatusCode, reason: str, message: str) -> grpc.Status:
    status = status_pb2.Status(code=code.value[0], message=message)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain="lensmesh"))
    return rpc_status.to_status(status)


@dataclass
class Lab(
    lims_service_pb2_grpc.LimsServiceServicer,
    floor_service_pb2_grpc.FloorServiceServicer,
    rule_service_pb2_grpc.RuleServiceServicer,
):
    """A lab in memory that keeps the contract as far as a floor and its onlookers need it."""

    jobs: dict[str, Job] = field(default_factory=dict)
    events: list[JobEvent] = field(default_factory=list)
    scans: list[tuple[str, str]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    cursors: list[str] = field(default_factory=list)
    watches: int = 0
    """How many watches are open."""
    before_scan: list[Callable[[ScanRequest], object]] = field(default_factory=list)
    """What happens just before each of the next scans."""
    cut_after: list[int] = field(default_factory=list)
    """After how many messages each of the next watches is cut."""
    decided: DecideFileResponse = field(default_factory=DecideFileResponse)
    """What the rules say of any file."""
    files: list[DecideFileRequest] = field(default_factory=list)
    """What they were asked."""
    beat: bool = False
    """Whether watches begin with a heartbeat."""

    def add(self, number: int, route: tuple[str, ...] = ROUTE) -> str:
        """A job arrives; returns its name."""
        job = Job(name=f"jobs/{number}", state=Job.STATE_RECEIVED, route=route, create_time=NOW, update_time=NOW)
        job.spec.lens.design = "comfort-pal"
        self.jobs[job.name] = job
        self._happened(job, "Received")
        return job.name

    def move(self, name: str, station: str) -> None:
        """A job is moved on, or off, by whomever."""
        job = self.jobs[name]
        job.station = station
        last = station == job.route[-1]
        job.state = Job.STATE_SHIPPED if last else Job.STATE_IN_PRODUCTION
        self._happened(job, station.capitalize())

    def _happened(self, job: Job, description: str) -> None:
        job.sequence += 1
        job.ClearField("next_station")
        job.next_station = next_station(job) or ""
        event = JobEvent(job=job.name, sequence=job.sequence, state=job.state, station=job.station, time=NOW)
        event.description = description
        self.events.append(event)

    async def GetJob(self, request: rpc.GetJobRequest, context: grpc.aio.ServicerContext[Any, Any]) -> Job:
        self._note(context)
        if request.name not in self.jobs:
            await context.abort_with_status(
                _refusal(grpc.StatusCode.NOT_FOUND, "NOT_FOUND", f"there is no {request.name}")
            )
        return self.jobs[request.name]

    async def GetJobDecision(
        self, request: rpc.GetJobDecisionRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> Decision:
        self._note(context)
        assert request.name in self.jobs
        return self.decided.decision

    async def ListJobs(
        self, request: rpc.ListJobsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> rpc.ListJobsResponse:
        self._note(context)
        found = [job for job in self.jobs.values() if not request.states or job.state in request.states]
        begin = int(request.page_token or 0)
        more = str(begin + 2) if begin + 2 < len(found) else ""
        return rpc.ListJobsResponse(jobs=found[begin : begin + 2], next_page_token=more)

    async def ListJobEvents(
        self, request: rpc.ListJobEventsRequest, _: grpc.aio.ServicerContext[Any, Any]
    ) -> rpc.ListJobEventsResponse:
        found = [e for e in self.events if e.job == request.job and e.sequence > request.after_sequence]
        more = found[1].sequence if len(found) > 2 else 0
        return rpc.ListJobEventsResponse(events=found[:2], next_after_sequence=more)

    async def GetCatalog(self, _: rpc.GetCatalogRequest, context: grpc.aio.ServicerContext[Any, Any]) -> Catalog:
        self._note(context)
        catalog = Catalog()
        catalog.revision.number = 3
        design = catalog.designs.add(type=DesignType.DESIGN_TYPE_PROGRESSIVE, materials=["cr39"])
        design.entry.id, design.entry.name = "comfort-pal", "Comfort progressive"
        design.entry.partner_codes.add(label="LNAM", code="2950")
        return catalog

    async def DecideFile(
        self, request: DecideFileRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> DecideFileResponse:
        self._note(context)
        self.files.append(request)
        if not request.file.data.isascii():
            await context.abort_with_status(
                _refusal(
                    grpc.StatusCode.INVALID_ARGUMENT, "FILE_UNREADABLE", "the file cannot be read: it is a picture"
                )
            )
        return self.decided

    async def WatchJobs(
        self, request: rpc.WatchJobsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[rpc.WatchJobsResponse]:
        self._note(context)
        self.cursors.append(request.cursor)
        told = int(request.cursor or len(self.events))
        left = self.cut_after.pop(0) if self.cut_after else -1
        self.watches += 1
        try:
            if self.beat:
                yield rpc.WatchJobsResponse(cursor=str(told), heartbeat=Heartbeat(time=NOW))
            while left:
                if told < len(self.events):
                    told, left = told + 1, left - 1
                    yield rpc.WatchJobsResponse(cursor=str(told), update=self.events[told - 1])
                await asyncio.sleep(0.005)
            yield rpc.WatchJobsResponse(cursor=str(told), end=End(reason=End.REASON_SERVER_DRAINING))
        finally:
            self.watches -= 1

    async def Scan(self, request: ScanRequest, context: grpc.aio.ServicerContext[Any, Any]) -> Job:
        self._note(context)
        if self.before_scan:
            self.before_scan.pop(0)(request)
        job = self.jobs[request.job]
        if job.state in (Job.STATE_ON_HOLD, Job.STATE_CANCELLED, Job.STATE_SHIPPED):
            status = _refusal(grpc.StatusCode.FAILED_PRECONDITION, "JOB_STATE", "it is not being made")
            await context.abort_with_status(status)
        if request.station not in (job.station, next_station(job)):
            status = _refusal(grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATION", "it is not next")
            await context.abort_with_status(status)
        self.scans.append((request.job, request.station))
        if request.station != job.station:
            self.move(request.job, request.station)
        return job

    def _note(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        metadata = dict(context.invocation_metadata() or ())
        self.tokens.add(str(metadata["authorization"]))


@contextmanager
def serving(lab: Lab, keys: Keys) -> Iterator[int]:
    """Serve the lab with the edge's certificate, in a thread of its own; gives the port."""
    ready: Future[tuple[int, asyncio.AbstractEventLoop]] = Future()
    stop = asyncio.Event()

    async def serve() -> None:
        server = grpc.aio.server()
        lims_service_pb2_grpc.add_LimsServiceServicer_to_server(lab, server)
        floor_service_pb2_grpc.add_FloorServiceServicer_to_server(lab, server)
        rule_service_pb2_grpc.add_RuleServiceServicer_to_server(lab, server)
        pair = [(keys.private_key.read_bytes(), keys.certificate.read_bytes())]
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials(pair))
        await server.start()
        ready.set_result((port, asyncio.get_running_loop()))
        await stop.wait()
        await server.stop(0)

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    port, loop = ready.result(20)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


@dataclass(frozen=True, slots=True)
class ServedLab:
    """A lab that is served as the mesh of `home`."""

    lab: Lab
    port: int
    home: Path
    token_file: Path

    def simulate(self, *options: str) -> tuple[str, ...]:
        """The command that works in it."""
        ca = str(self.home / "keys" / "ca.pem")
        return (
            "simulate",
            "--target",
            f"localhost:{self.port}",
            "--ca",
            ca,
            "--token-file",
            str(self.token_file),
            *options,
        )
