"""`simulate` and `lims` against a stand-in lab, over real gRPC with TLS."""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from lensmesh.lims.v1 import floor_service_pb2_grpc, lims_service_pb2_grpc
from lensmesh.lims.v1 import lims_service_pb2 as rpc
from lensmesh.lims.v1.catalog_pb2 import Catalog
from lensmesh.lims.v1.floor_service_pb2 import ScanRequest
from lensmesh.lims.v1.job_pb2 import Job, JobEvent
from lensmesh.type.v1.stream_pb2 import End, Heartbeat

from cli.simulate import Pace, next_station
from runtime import state
from runtime.keys import Keys
from runtime.layout import Layout
from runtime.settings import PROJECT
from runtime.state import MeshState, ProcessId
from tests.cli.conftest import Done, Lensmesh

ROUTE = ("surfacing", "edging", "shipping")
NOW = Timestamp(seconds=1_772_359_200)


def _refusal(code: grpc.StatusCode, reason: str, message: str) -> grpc.Status:
    status = status_pb2.Status(code=code.value[0], message=message)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain="lensmesh"))
    return rpc_status.to_status(status)


@dataclass
class Lab(lims_service_pb2_grpc.LimsServiceServicer, floor_service_pb2_grpc.FloorServiceServicer):
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
        told = {"job": job.name, "sequence": job.sequence, "state": job.state, "station": job.station}
        self.events.append(JobEvent(**told, description=description, time=NOW))

    async def GetJob(self, request: rpc.GetJobRequest, context: grpc.aio.ServicerContext[Any, Any]) -> Job:
        self._note(context)
        if request.name not in self.jobs:
            await context.abort_with_status(
                _refusal(grpc.StatusCode.NOT_FOUND, "NOT_FOUND", f"there is no {request.name}")
            )
        return self.jobs[request.name]

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
        design = catalog.designs.add(type="DESIGN_TYPE_PROGRESSIVE", materials=["cr39"])  # type: ignore[arg-type]
        design.entry.id, design.entry.name = "comfort-pal", "Comfort progressive"
        design.entry.partner_codes.add(label="LNAM", code="2950")
        return catalog

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


@dataclass(frozen=True, slots=True)
class Served:
    """The lab, and how to reach it."""

    lab: Lab
    port: int
    home: Path
    token_file: Path

    @property
    def arguments(self) -> list[str]:
        """What tells `simulate` where it is."""
        ca = self.home / "keys" / "ca.pem"
        target = f"localhost:{self.port}"
        return ["simulate", "--target", target, "--ca", str(ca), "--token-file", str(self.token_file)]


@pytest.fixture
def served(keys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - a generator
    """A stand-in lab behind TLS on a free port, known as the mesh that runs here, in a thread of its own."""
    local: Keys = keys.local
    lab, ready = Lab(), Future[tuple[int, asyncio.AbstractEventLoop]]()
    stop = asyncio.Event()

    async def serve() -> None:
        server = grpc.aio.server()
        lims_service_pb2_grpc.add_LimsServiceServicer_to_server(lab, server)
        floor_service_pb2_grpc.add_FloorServiceServicer_to_server(lab, server)
        pair = [(local.private_key.read_bytes(), local.certificate.read_bytes())]
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials(pair))
        await server.start()
        ready.set_result((port, asyncio.get_running_loop()))
        await stop.wait()
        await server.stop(0)

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    port, loop = ready.result(20)
    home = tmp_path / "home"
    home.mkdir()
    (home / "keys").symlink_to(local.folder)
    Layout(home).state.parent.mkdir()
    state.write(MeshState(home, ProcessId.own(), {"http_port": 1, "grpc_port": port}))
    monkeypatch.setenv("LENSMESH_HOME", str(home))
    monkeypatch.delenv("LENSMESH_TOKEN", raising=False)
    token_file = tmp_path / "token.jwt"
    token_file.write_text("first")
    yield Served(lab, port, home, token_file)
    loop.call_soon_threadsafe(stop.set)
    thread.join()


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come true within 20 s"
        time.sleep(0.01)


class Floor:
    """`lensmesh simulate` as the process that it is."""

    def __init__(self, served: Served, *options: str) -> None:
        self.process = subprocess.Popen(
            [PROJECT / "bin" / "lensmesh", *served.arguments, "--pace", "0.01", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )

    def __enter__(self) -> "Floor":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def stop(self) -> Done:
        """Ask it to end, as a supervisor does."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> Done:
        """Wait for its end."""
        out, _ = self.process.communicate(timeout=20)
        return Done(self.process.returncode, out, "")


def _shipped(lab: Lab) -> bool:
    return all(job.state == Job.STATE_SHIPPED for job in list(lab.jobs.values()))


# ── the floor ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_once_ships_what_is_open_and_ends(served: Served) -> None:
    """Every job through its whole route, in order, over all pages of the list; one line for each scan."""
    for number in range(1, 6):
        served.lab.add(number)
    served.lab.move("jobs/2", "surfacing")
    with Floor(served, "--once") as floor:
        done = floor.wait()
    assert done.code == 0, done.out
    assert _shipped(served.lab)
    assert [station for job, station in served.lab.scans if job == "jobs/1"] == list(ROUTE)
    assert [station for job, station in served.lab.scans if job == "jobs/2"] == ["edging", "shipping"]
    assert done.words.count("SHIPPED") == 5
    assert len(done.out.splitlines()) == 1 + 14 + 1


def test_jobs_are_moved_on_as_they_arrive_until_the_floor_is_told_to_stop(served: Served) -> None:
    """SIGTERM is a good end."""
    with Floor(served) as floor:
        _until(lambda: served.lab.watches == 1)
        served.lab.add(1)
        served.lab.add(2)
        _until(lambda: _shipped(served.lab))
        done = floor.stop()
    assert done.code == 0, done.out
    assert "jobs/1 shipping SHIPPED" in done.words
    assert done.out.endswith("the lab is closed\n")


def test_a_watch_that_ends_is_resumed_after_its_last_message(served: Served) -> None:
    """So no job that arrived meanwhile is overlooked."""
    served.lab.cut_after = [1, 2]
    with Floor(served) as floor:
        _until(lambda: served.lab.watches == 1)
        served.lab.add(1)
        _until(lambda: len(served.lab.cursors) >= 3 and _shipped(served.lab))
        floor.stop()
    assert served.lab.cursors[:3] == ["", "1", "3"]


def test_a_heartbeat_is_the_time_to_look_for_forgotten_jobs(served: Served) -> None:
    """Here one that arrived without an event."""
    served.lab.beat = True
    served.lab.cut_after = [0, 0, 0]
    with Floor(served) as floor:
        _until(lambda: served.lab.watches == 1 or bool(served.lab.cursors))
        served.lab.add(1)
        served.lab.events.clear()
        _until(lambda: _shipped(served.lab))
        floor.stop()


def test_a_job_that_somebody_else_moved_on_is_read_again(served: Served) -> None:
    """WRONG_STATION, and then it goes on from where it is."""
    name = served.lab.add(1)
    served.lab.before_scan = [lambda _: (served.lab.move(name, "surfacing"), served.lab.move(name, "edging"))]
    with Floor(served, "--once") as floor:
        assert floor.wait().code == 0
    assert served.lab.scans == [(name, "shipping")]


def test_a_job_that_was_stopped_is_left_alone(served: Served) -> None:
    """JOB_STATE: somebody put it on hold."""
    name = served.lab.add(1)

    def hold(_: ScanRequest) -> None:
        served.lab.jobs[name].state = Job.STATE_ON_HOLD
        served.lab.jobs[name].sequence += 1

    served.lab.before_scan = [hold]
    with Floor(served, "--once") as floor:
        assert floor.wait().code == 0
    assert served.lab.scans == []


def test_the_token_file_is_read_anew(served: Served) -> None:
    """Somebody else keeps it fresh while the floor runs."""
    with Floor(served) as floor:
        _until(lambda: served.lab.watches == 1)
        served.token_file.write_text("second\n")
        served.lab.add(1)
        _until(lambda: _shipped(served.lab))
        floor.stop()
    assert served.lab.tokens == {"Bearer first", "Bearer second"}


def test_a_floor_whose_mesh_is_away_waits_for_it(served: Served) -> None:
    """It says so, and does not end."""
    ca = str(served.home / "keys" / "ca.pem")
    arguments = ["simulate", "--target", "localhost:1", "--ca", ca, "--token-file", str(served.token_file)]
    with subprocess.Popen(
        [PROJECT / "bin" / "lensmesh", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        assert "the lab is open" in process.stdout.readline()
        assert "Trying again in" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_a_seed_varies_the_pace_the_same_way_every_time() -> None:
    """By half, for each job and station on its own; without one the pace is even."""
    paces = [Pace(2.0, seed=7).of(f"jobs/{number}", "edging") for number in range(50)]
    assert paces == [Pace(2.0, seed=7).of(f"jobs/{number}", "edging") for number in range(50)]
    assert len(set(paces)) == 50
    assert all(1.0 <= pace <= 3.0 for pace in paces)
    assert Pace(2.0).of("jobs/1", "edging") == 2.0


@pytest.mark.parametrize(
    ("station", "expected"), [("", "surfacing"), ("surfacing", "edging"), ("shipping", None), ("elsewhere", None)]
)
def test_the_next_station_is_the_one_after_this(station: str, expected: str | None) -> None:
    """Off the route, and at its end, there is none."""
    assert next_station(Job(station=station, route=ROUTE)) == expected


# ── onlookers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_jobs_are_listed_with_their_way(served: Served, lensmesh: Lensmesh) -> None:
    """By state, and with a word when there are more."""
    for number in (1, 2, 3):
        served.lab.add(number)
    served.lab.move("jobs/2", "edging")
    done = lensmesh("lims", "jobs")
    assert "jobs/2 IN_PRODUCTION edging 2 of 3 comfort-pal" in done.words
    assert "There are more than these 2" in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    (page,) = lensmesh("lims", "jobs", "--state", "IN_PRODUCTION", "--json").documents
    assert [job["name"] for job in page["jobs"]] == ["jobs/2"]


def test_a_job_is_shown_with_all_that_happened_to_it(served: Served, lensmesh: Lensmesh) -> None:
    """By its number or its name; as JSON the job, then the pages of its events."""
    served.lab.add(7)
    for station in ROUTE:
        served.lab.move("jobs/7", station)
    done = lensmesh("lims", "job", "7")
    assert "route: surfacing > edging > shipping" in done.out
    for what in ("RECEIVED Received", "IN_PRODUCTION edging Edging", "SHIPPED shipping Shipping"):
        assert what in done.words
    job, *pages = lensmesh("lims", "job", "jobs/7", "--json").documents
    assert job["state"] == "STATE_SHIPPED"
    assert [event["sequence"] for page in pages for event in page["events"]] == ["1", "2", "3", "4"]


def test_the_catalog_is_shown_with_the_names_in_files(served: Served, lensmesh: Lensmesh) -> None:
    """What an order can choose by `--design`, and what a file calls it."""
    done = lensmesh("lims", "catalog")
    assert "Catalog revision 3" in done.out
    assert "comfort-pal Comfort progressive progressive · made in cr39 · in files LNAM=2950" in done.words
    assert lensmesh("lims", "catalog", "--json").documents[0]["revision"]["number"] == "3"


def test_a_refusal_of_the_lab_is_a_sentence(served: Served, lensmesh: Lensmesh) -> None:
    """As JSON it has the shape of REST."""
    done = lensmesh("lims", "job", "9")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("lensmesh: There is no jobs/9.\n")
    refusal = json.loads(lensmesh("lims", "job", "9", "--json").err)
    assert (refusal["code"], refusal["details"][0]["reason"]) == (5, "NOT_FOUND")
    assert "`seven` is no job's number" in lensmesh("lims", "job", "seven").err


def test_a_lab_that_does_not_answer_is_a_sentence(served: Served, lensmesh: Lensmesh) -> None:
    """With the command that says what is the matter."""
    state.write(MeshState(served.home, ProcessId.own(), {"http_port": 1, "grpc_port": 1}))
    done = lensmesh("lims", "catalog")
    assert done.code == 1
    assert "Nothing answers at localhost:1" in done.err
    assert "`bin/lensmesh status`" in done.err
