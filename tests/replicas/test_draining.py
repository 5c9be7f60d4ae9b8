"""A service that is told to stop says so first, and takes calls until it was heard."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from lensmesh.lims.v1 import lims_service_pb2 as rpc
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from lensmesh.type.v1.stream_pb2 import End

from tests.support.calls import bearer
from tests.support.processes import Process

SERVICE = "lensmesh.lims.v1.LimsService"
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
LONG = "60"

Serve = Callable[..., AbstractContextManager[Process]]


@pytest.fixture
def operator(keys: Any) -> tuple[tuple[str, str], ...]:  # noqa: ANN401 -- a fixture of the suite
    """The metadata of somebody who works at the lab."""
    return bearer(keys.token(roles=("lab_operator",)))


def _until_it_says_not_serving(channel: grpc.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    give_up = time.monotonic() + 10
    while health.Check(health_pb2.HealthCheckRequest(service=SERVICE), timeout=5).status != NOT_SERVING:
        assert time.monotonic() < give_up, "it never said that it goes"


def test_calls_are_taken_and_watches_go_on_while_it_says_that_it_goes(
    serve: Serve, operator: tuple[tuple[str, str], ...]
) -> None:
    """Whoever balances the load learns it by asking; until then nobody is refused, and no watch is sent elsewhere."""
    with (
        serve("lims", LENSMESH_DRAIN_DELAY_SECONDS=LONG) as lims,
        grpc.insecure_channel(lims.address) as channel,
    ):
        stub = LimsServiceStub(channel)
        watch = stub.WatchJobs(rpc.WatchJobsRequest(), metadata=operator)
        assert next(watch).WhichOneof("event") == "heartbeat"
        os.kill(lims.popen.pid, signal.SIGTERM)
        _until_it_says_not_serving(channel)
        assert stub.DescribeLims(rpc.DescribeLimsRequest(), metadata=operator, timeout=5).product
        assert watch.is_active()
        os.kill(lims.popen.pid, signal.SIGINT)
        assert next(watch).end.reason == End.REASON_SERVER_DRAINING
        assert lims.popen.wait(20) == 0


@pytest.mark.parametrize("signals", [(signal.SIGINT,), (signal.SIGTERM, signal.SIGTERM)])
def test_it_does_not_wait_when_nobody_is_left_to_learn_of_it(serve: Serve, signals: tuple[signal.Signals, ...]) -> None:
    """SIGINT says so, and so does a second SIGTERM."""
    with serve("lims", LENSMESH_DRAIN_DELAY_SECONDS=LONG) as lims:
        os.kill(lims.popen.pid, signals[0])
        lims.wait_for("draining")
        for number in signals[1:]:
            os.kill(lims.popen.pid, number)
        assert lims.popen.wait(20) == 0
