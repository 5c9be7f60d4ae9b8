"""`simulate`, as the process that it is, in a stand-in lab."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest
from lensmesh.lims.v1.floor_pb2 import LensProgress, LensValues
from lensmesh.lims.v1.floor_service_pb2 import ScanRequest
from lensmesh.lims.v1.job_pb2 import Job
from lensmesh.type.v1.prescription_pb2 import SIDE_LEFT, SIDE_RIGHT

from cli.simulate import Pace, inspection, next_station
from runtime import state
from runtime.settings import PROJECT
from runtime.state import MeshState, ProcessId, ProcessState, Status
from tests.cli.conftest import Done, Lensmesh
from tests.cli.lab import ROUTE, Lab, ServedLab


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come true within 20 s"
        time.sleep(0.01)


class Floor:
    """`lensmesh simulate` as the process that it is."""

    def __init__(self, served: ServedLab, *options: str) -> None:
        self.process = subprocess.Popen(
            [PROJECT / "bin" / "lensmesh", *served.simulate("--pace", "0.01", *options)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )

    def __enter__(self) -> Self:
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


def test_once_ships_what_is_open_and_ends(served: ServedLab) -> None:
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


def test_jobs_are_moved_on_as_they_arrive_until_the_floor_is_told_to_stop(served: ServedLab) -> None:
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


def test_a_watch_that_ends_is_resumed_after_its_last_message(served: ServedLab) -> None:
    """So no job that arrived meanwhile is overlooked."""
    served.lab.cut_after = [1, 2]
    with Floor(served) as floor:
        _until(lambda: served.lab.watches == 1)
        served.lab.add(1)
        _until(lambda: len(served.lab.cursors) >= 3 and _shipped(served.lab))
        floor.stop()
    assert served.lab.cursors[:3] == ["", "1", "3"]


def test_a_heartbeat_is_the_time_to_look_for_forgotten_jobs(served: ServedLab) -> None:
    """Here one that arrived without an event."""
    served.lab.beat = True
    served.lab.cut_after = [0, 0, 0]
    with Floor(served) as floor:
        _until(lambda: served.lab.watches == 1 or bool(served.lab.cursors))
        served.lab.add(1)
        served.lab.events.clear()
        _until(lambda: _shipped(served.lab))
        floor.stop()


def test_a_job_that_somebody_else_moved_on_is_read_again(served: ServedLab) -> None:
    """WRONG_STATION, and then it goes on from where it is."""
    name = served.lab.add(1)

    def overtake(_: ScanRequest) -> None:
        served.lab.move(name, "surfacing")
        served.lab.move(name, "edging")

    served.lab.before_scan = [overtake]
    with Floor(served, "--once") as floor:
        assert floor.wait().code == 0
    assert served.lab.scans == [(name, "shipping")]


def test_a_job_that_cannot_be_moved_is_let_go(served: ServedLab) -> None:
    """When nobody else moved it either, asking again would not help; the others go on."""
    name = served.lab.add(1)
    served.lab.add(2)

    def lose_the_way(request: ScanRequest) -> None:
        if request.job == name:
            served.lab.jobs[name].next_station = "rebuilt"

    served.lab.before_scan = [lose_the_way] * 2
    with Floor(served, "--once") as floor:
        done = floor.wait()
    assert done.code == 0, done.out
    assert f"{name} stays where it is: it is not next" in done.words
    assert "jobs/2 shipping SHIPPED" in done.words


def test_a_job_that_was_stopped_is_left_alone(served: ServedLab) -> None:
    """JOB_STATE: somebody put it on hold."""
    name = served.lab.add(1)

    def hold(_: ScanRequest) -> None:
        served.lab.jobs[name].state = Job.STATE_ON_HOLD
        served.lab.jobs[name].sequence += 1

    served.lab.before_scan = [hold]
    with Floor(served, "--once") as floor:
        assert floor.wait().code == 0
    assert served.lab.scans == []


def test_the_token_file_is_read_anew(served: ServedLab) -> None:
    """Somebody else keeps it fresh while the floor runs."""
    with Floor(served) as floor:
        _until(lambda: served.lab.watches == 1)
        served.token_file.write_text("second\n")
        served.lab.add(1)
        _until(lambda: _shipped(served.lab))
        floor.stop()
    assert served.lab.tokens == {"Bearer first", "Bearer second"}


def test_a_token_file_without_a_token_is_a_sentence(served: ServedLab, lensmesh: Lensmesh, tmp_path: Path) -> None:
    """Before any work begins: there is no lab to be."""
    nowhere, empty = tmp_path / "nowhere", tmp_path / "empty"
    empty.touch()
    for file, sentence in ((nowhere, "cannot be read (No such file or directory)"), (empty, "holds no token")):
        done = lensmesh(*served.simulate("--token-file", str(file)))
        assert (done.code, done.out) == (2, "")
        assert done.err == f"lensmesh: The token file {file} {sentence}.\n"


def test_a_token_file_that_goes_away_ends_the_floor_with_a_sentence(served: ServedLab) -> None:
    """Whatever goes on at the time."""
    with Floor(served) as floor:
        _until(lambda: served.lab.watches == 1)
        served.token_file.unlink()
        served.lab.add(1)
        done = floor.wait()
    assert done.code == 2
    assert done.out.endswith(
        f"lensmesh: The token file {served.token_file} cannot be read (No such file or directory).\n"
    )
    assert "Traceback" not in done.out


@pytest.mark.parametrize(("name", "said"), [("simulator", True), ("lims", False)])
def test_a_second_floor_in_one_mesh_is_told_of_the_first(
    served: ServedLab, lensmesh: Lensmesh, name: str, *, said: bool
) -> None:
    """Two labs on the same jobs look like one that does not keep its pace."""
    ports = {"http_port": 1, "grpc_port": served.port}
    with subprocess.Popen(["sleep", "60"]) as first:
        process = ProcessState(name, Status.READY, since=0, id=ProcessId.of(first.pid))
        state.write(MeshState(served.home, ProcessId.own(), ports, (process,)))
        try:
            done = lensmesh("simulate", "--once", "--token-file", str(served.token_file))
        finally:
            first.kill()
    assert done.code == 0, done.err
    assert ("The mesh has a simulated lab of its own" in done.out) == said


def test_a_floor_whose_mesh_is_away_waits_for_it(served: ServedLab) -> None:
    """It says so, and does not end."""
    arguments = served.simulate("--target", "localhost:1")
    with subprocess.Popen(
        [PROJECT / "bin" / "lensmesh", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        assert "the lab is open" in process.stdout.readline()
        assert re.search(r"Trying again in [\d.]+ s: .*[Cc]onnect", process.stdout.readline())
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


def test_the_next_station_is_the_one_that_the_lab_says() -> None:
    """Behind a breakage it is not the one after this."""
    assert next_station(Job(station="edging", next_station="surfacing", route=ROUTE)) == "surfacing"


def test_lenses_that_are_inspected_measure_what_was_ordered() -> None:
    """Those that wait for it, and everything of them that was ordered."""
    job = Job(name="jobs/7")
    job.spec.prescription.left.sphere, job.spec.prescription.left.axis = -1.25, 90
    job.spec.prescription.left.add = 2
    job.lenses.add(side=SIDE_RIGHT, inspection=LensProgress.INSPECTION_PASSED)
    job.lenses.add(side=SIDE_LEFT, inspection=LensProgress.INSPECTION_DUE)

    (lens,) = inspection(job).lenses
    assert lens.side == SIDE_LEFT
    assert lens.measured == LensValues(sphere=-1.25, cylinder=0, axis=90, add=2)


@pytest.mark.parametrize(
    ("station", "expected"), [("", "surfacing"), ("surfacing", "edging"), ("shipping", None), ("elsewhere", None)]
)
def test_the_next_station_is_the_one_after_this(station: str, expected: str | None) -> None:
    """Off the route, and at its end, there is none."""
    assert next_station(Job(station=station, route=ROUTE)) == expected
