"""A service as a process: what it logs, and how it goes when it is told to."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from lensmesh.lims.v1.floor_service_pb2 import ScanRequest
from lensmesh.lims.v1.floor_service_pb2_grpc import FloorServiceStub
from lensmesh.lims.v1.job_pb2 import Job
from lensmesh.lims.v1.lims_service_pb2 import WatchJobsRequest
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from lensmesh.type.v1.stream_pb2 import End

from tests.chassis.calls import Issuer, bearer, refused
from tests.chassis.housing import HERE, ROOT, House, eventually
from tests.support import processes
from tests.support.processes import Process

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
FLOOR = (sys.executable, str(HERE / "floor.py"))


@contextmanager
def running(house: House, keys: Issuer, **more: str) -> Iterator[Process]:
    """Runs the floor as a process."""
    with processes.serving("floor", house.environment(keys.jwks_file, **more), FLOOR) as process:
        yield process


def logged(process: Process) -> list[dict[str, object]]:
    """Returns every line of the process; fails when one is not JSON."""
    return [json.loads(line) for line in process.lines]


async def test_told_to_go_it_ends_its_watches_finishes_its_calls_and_exits_cleanly(house: House, keys: Issuer) -> None:
    """SIGTERM is a request, not an accident; every line it logged on the way is JSON with the caller's trace."""
    metadata = (*bearer(keys.token(roles=("lab_operator",))), ("traceparent", f"00-{TRACE}-{SPAN}-00"))
    with running(house, keys) as process:
        async with grpc.aio.insecure_channel(process.address) as channel:
            floor = FloorServiceStub(channel)
            watch = LimsServiceStub(channel).WatchJobs(WatchJobsRequest(), metadata=metadata)
            assert (await watch.read()).WhichOneof("event") == "heartbeat"
            scan = floor.Scan(ScanRequest(job="jobs/1", station="dawdle"), metadata=metadata)
            await eventually(lambda: any("scan_begun" in line for line in process.lines))
            process.popen.terminate()
            assert (await watch.read()).end.reason == End.REASON_SERVER_DRAINING
            assert await watch.read() == grpc.aio.EOF
            assert await scan == Job(name="jobs/1")
        assert process.popen.wait(processes.STOP_SECONDS) == 0
        process.collect()
        lines = logged(process)
    calls = [line for line in lines if line["event"] in ("call", "scan_begun")]
    assert sorted(str(line.get("method")) for line in calls) == [
        "/lensmesh.lims.v1.FloorService/Scan",
        "/lensmesh.lims.v1.LimsService/WatchJobs",
        "None",
    ]
    assert {line["trace_id"] for line in calls} == {TRACE}


async def test_a_fault_is_in_the_log_under_the_trace_its_caller_was_told(house: House, keys: Issuer) -> None:
    """Also when the caller brought no trace of its own."""
    with running(house, keys) as process:
        async with grpc.aio.insecure_channel(process.address) as channel:
            call = FloorServiceStub(channel).Scan(
                ScanRequest(job="jobs/1", station="crash"), metadata=bearer(keys.token(roles=("lab_operator",)))
            )
            refusal = await refused(call)
        fault = process.wait_for("fault")
    assert fault["trace_id"] == refusal.info.metadata["trace_id"] != ""
    assert "sphere of the patient" in str(fault["exception"])


def test_what_is_wrong_with_its_settings_is_said_in_a_sentence(house: House, keys: Issuer) -> None:
    """By the names of the variables; no traceback for what the operator can mend."""
    done = subprocess.run(
        FLOOR,
        env=house.environment(keys.jwks_file, LENSMESH_DATABASE_POOL="0"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "LENSMESH_DATABASE_POOL" in done.stderr
    assert "Traceback" not in done.stderr
