"""kill -9 at every boundary of submit and of CreateJob: one job, or none and the order says so.

Each boundary gets a process of its own that ends itself there (`tests.support.crash`). The next process finds what the
last one left. When all boundaries are through, a process that is left in peace must bring every order to an end: half
of them by its author's repeated submit, half by itself.
"""

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import grpc
import pytest
from lensmesh.lims.v1 import lims_service_pb2 as lims_rpc
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from lensmesh.order.v1 import order_pb2
from lensmesh.order.v1 import order_service_pb2 as rpc
from lensmesh.order.v1.order_service_pb2_grpc import OrderServiceStub

from runtime.ports import free_port
from runtime.postgres import running as running_postgres
from tests.support import crash, processes
from tests.support.calls import bearer
from tests.support.orders import makeable

pytestmark = [pytest.mark.timeout(1500)]

DEMO = "practices/demo"
SUBMIT = crash.UseCase("order", "submit", "services/order/workflow.py")
CREATE_JOB = crash.UseCase("lims", "create_job", "services/lims/workflow.py")
# a run has a boundary more or less when a pooled connection is new; the last one is passed when none of these is met
UNMET_IN_A_ROW = 3
SETTLE_SECONDS = 60
# a process that is starting is asked every few milliseconds whether it is there
IMPATIENT = [(f"grpc.{which}_reconnect_backoff_ms", 20) for which in ("initial", "min", "max")]


@dataclass
class Mesh:
    """Order and LIMS over a PostgreSQL of their own, one of them about to be killed again and again."""

    told: dict[str, dict[str, str]]
    optician: str
    operator: str
    folder: Path
    submitted: dict[str, str] = field(default_factory=dict)
    boundaries: list[str] = field(default_factory=list)

    @contextmanager
    def stub(self, service: str, cls: Any) -> Iterator[Any]:  # noqa: ANN401 -- generated stubs
        """A stub on a fresh channel, ready."""
        with grpc.insecure_channel(self.told[service]["LENSMESH_LISTEN"], options=IMPATIENT) as channel:
            grpc.channel_ready_future(channel).result(timeout=20)
            yield cls(channel)

    def submit_one(self) -> None:
        """Drafts and submits an order; the answer may never come."""
        with self.stub("order", OrderServiceStub) as orders:
            draft = orders.CreateOrder(
                rpc.CreateOrderRequest(parent=DEMO, order=makeable()),
                metadata=bearer(self.optician),
                timeout=20,
            )
            self.submitted[draft.name] = str(uuid.uuid4())
            self.repeat(orders, draft.name)

    def repeat(self, orders: Any, name: str) -> None:  # noqa: ANN401 -- a generated stub
        """Submits an order under its request id, whether or not that was done before."""
        request = rpc.SubmitOrderRequest(name=name, request_id=self.submitted[name])
        call = orders.SubmitOrder.future(request, metadata=bearer(self.optician), timeout=20)
        assert call.code() in {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}, call.details()

    def kill_everywhere(self, case: crash.UseCase) -> None:
        """Runs the use case once for each of its boundaries, in a process that ends there.

        The next process starts as soon as one has ended: whoever still waits for an answer finds it.
        """
        context, unmet, boundary = crash.forks(case), 0, 0
        with ThreadPoolExecutor(32) as authors:
            while unmet < UNMET_IN_A_ROW:
                boundary += 1
                process = crash.start(context, case, self.told[case.service], end_at=boundary, folder=self.folder)
                submitting = authors.submit(self.submit_one)
                while not submitting.done() and (process.exitcode is None or case is SUBMIT):
                    process.join(0.01)  # an author of the killed service is told at once; one of its neighbour waits
                unmet = 0 if self._ended_itself(process) else unmet + 1
                process.kill()
                process.join(10)
                if submitting.done():
                    submitting.result()

    def _ended_itself(self, process: BaseProcess) -> bool:
        report = self.folder / "boundary"
        if not report.exists():
            assert process.exitcode is None, (self.folder / "output").read_text()[-2000:]
            return False
        process.join(10)
        assert process.exitcode == -9, (self.folder / "output").read_text()[-2000:]
        self.boundaries.append(report.read_text())
        return True

    def settled(self) -> dict[str, order_pb2.Order]:
        """Leaves a process in peace until no order is on its way any more; returns how each one stands."""
        with self.stub("order", OrderServiceStub) as orders:
            for name in list(self.submitted)[::2]:
                self.repeat(orders, name)
            give_up = time.monotonic() + SETTLE_SECONDS
            while True:
                standing = {name: self._get(orders, name) for name in self.submitted}
                if all(order.state != order_pb2.Order.STATE_SUBMITTED for order in standing.values()):
                    return standing
                assert time.monotonic() < give_up, "an order is on its way for ever"

    def _get(self, orders: Any, name: str) -> order_pb2.Order:  # noqa: ANN401 -- a generated stub
        order: order_pb2.Order = orders.GetOrder(rpc.GetOrderRequest(name=name), metadata=bearer(self.optician))
        return order

    def jobs(self) -> list[str]:
        """Returns the names of all jobs the lab has."""
        names, request = [], lims_rpc.ListJobsRequest(page_size=500)
        with self.stub("lims", LimsServiceStub) as lims:
            while True:
                page = lims.ListJobs(request, metadata=bearer(self.operator))
                names += [job.name for job in page.jobs]
                if not page.next_page_token:
                    return names
                request.page_token = page.next_page_token


@pytest.fixture
def mesh(tmp_path: Path, keys: Any) -> Iterator[Mesh]:  # noqa: ANN401 -- a fixture of the suite
    """A mesh of its own, so that its jobs can be counted."""
    with running_postgres(tmp_path / "postgres") as server:
        ports = {service: free_port() for service in ("lims", "order")}
        told = {}
        for service, port in ports.items():
            server.bootstrap(service)
            told[service] = processes.environment(
                server,
                service,
                keys.jwks_file,
                keys.local.token_file(service),
                LENSMESH_LISTEN=f"127.0.0.1:{port}",
                LENSMESH_LIMS_TARGET=f"127.0.0.1:{ports['lims']}",
                LENSMESH_LOG_LEVEL="WARNING",
            )
            processes.migrate(service, told[service])
        optician = keys.token(roles=("optician",), practice=DEMO)
        yield Mesh(told, optician, keys.token(roles=("lab_operator",)), tmp_path)


def test_a_submit_killed_anywhere_makes_one_job_or_leaves_a_draft(
    mesh: Mesh, capsys: pytest.CaptureFixture[str]
) -> None:
    """The order service is killed at each boundary of submit, from its first line to its last."""
    with processes.serving("lims", {**mesh.told["lims"], "LENSMESH_LOG_LEVEL": "INFO"}):
        mesh.kill_everywhere(SUBMIT)
        with processes.serving("order", {**mesh.told["order"], "LENSMESH_LOG_LEVEL": "INFO"}):
            _judge(mesh, mesh.settled(), capsys)


def test_a_create_job_killed_anywhere_makes_one_job(mesh: Mesh, capsys: pytest.CaptureFixture[str]) -> None:
    """The LIMS is killed at each boundary of CreateJob, under an order service that keeps asking."""
    with processes.serving("order", {**mesh.told["order"], "LENSMESH_LOG_LEVEL": "INFO"}):
        mesh.kill_everywhere(CREATE_JOB)
        with processes.serving("lims", {**mesh.told["lims"], "LENSMESH_LOG_LEVEL": "INFO"}):
            _judge(mesh, mesh.settled(), capsys)


def _judge(mesh: Mesh, standing: dict[str, order_pb2.Order], capsys: pytest.CaptureFixture[str]) -> None:
    """Every order at the lab has a job of its own, every other one is a draft, and the lab has no job beside."""
    sent = {name for name, order in standing.items() if order.state == order_pb2.Order.STATE_SENT_TO_LAB}
    drafts = {name for name, order in standing.items() if order.state == order_pb2.Order.STATE_DRAFT}
    assert sent | drafts == set(standing)
    jobs = [standing[name].job for name in sent]
    assert sorted(mesh.jobs()) == sorted(jobs)
    assert len(set(jobs)) == len(jobs)
    assert len(mesh.boundaries) > 50, "the use case has many boundaries; too few were met to mean anything"
    with capsys.disabled():
        places = len({place.split()[0] for place in mesh.boundaries})
        print(  # noqa: T201 -- what was done is part of the result
            f"\n  killed at {len(mesh.boundaries)} boundaries ({places} lines): "
            f"{len(jobs)} orders with one job each, {len(drafts)} drafts without, 0 jobs beside",
        )
