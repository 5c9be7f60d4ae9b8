"""A small service on real contracts, to see what the chassis does around any servicer. Also a program, as services are.

What a scan does is said by its station.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
from lensmesh.lims.v1 import floor_service_pb2, lims_service_pb2
from lensmesh.lims.v1.floor_service_pb2_grpc import FloorServiceServicer, add_FloorServiceServicer_to_server
from lensmesh.lims.v1.job_pb2 import Job, JobEvent
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceServicer, add_LimsServiceServicer_to_server
from lensmesh.order.v1 import order_service_pb2
from lensmesh.order.v1.order_pb2 import Order
from lensmesh.order.v1.order_service_pb2_grpc import OrderServiceServicer, add_OrderServiceServicer_to_server

from chassis import streams
from chassis.database import Database
from chassis.errors import EtagMismatch, FieldInvalid
from chassis.log import Cursor
from chassis.service import Composition, House, Service, Servicer, run
from chassis.settings import ServiceSettings

SECRET = "sphere of the patient"
NOWHERE = "postgresql://nobody:nothing@127.0.0.1:1/nothing"


class Floor(FloorServiceServicer):
    """Scans; says which it began, and how many are still running."""

    def __init__(self) -> None:
        self.running = 0

    async def Scan(self, request: floor_service_pb2.ScanRequest, context: object) -> Job:  # noqa: ARG002, N802
        """Does what the station says."""
        self.running += 1
        structlog.get_logger("floor").info("scan_begun", station=request.station)
        try:
            await _at(request.station)
        finally:
            self.running -= 1
        return Job(name=request.job)


async def _at(station: str) -> None:
    match station:
        case "slow":
            await asyncio.sleep(60)
        case "dawdle":
            await asyncio.sleep(1)
        case "crash":
            raise RuntimeError(SECRET)
        case "refuse":
            raise EtagMismatch("somebody else scanned it; read it anew")
        case "object":
            raise FieldInvalid([(f"radii[{number}]", "must be a radius " + "x" * 200) for number in range(500)])
        case "database":
            database = Database(NOWHERE, NOWHERE, pool=1)
            async with database.across_tenants():
                raise AssertionError("there is no database there")


class Jobs(LimsServiceServicer):
    """Watches the log."""

    def __init__(self, house: House[Any]) -> None:
        self._house = house
        self.watching = 0
        self.sent = 0

    async def WatchJobs(  # noqa: N802
        self,
        request: lims_service_pb2.WatchJobsRequest,
        context: object,  # noqa: ARG002
    ) -> AsyncIterator[lims_service_pb2.WatchJobsResponse]:
        """Streams every event after the cursor; the cursor "crash" makes a servicer that fails."""
        if request.cursor == "crash":
            raise RuntimeError(SECRET)
        start = Cursor.parse(request.cursor or "0")
        self.watching += 1
        try:
            async for response in streams.watch(
                lims_service_pb2.WatchJobsResponse,
                self._house.tail.follow(start, matches=lambda _: True),
                start=start,
                update=lambda entry: JobEvent.FromString(entry.payload),
                pace=self._house.pace,
            ):
                yield response
                self.sent += 1
        finally:
            self.watching -= 1


class Orders(OrderServiceServicer):
    """Orders of a tenant."""

    async def GetOrder(self, request: order_service_pb2.GetOrderRequest, context: object) -> Order:  # noqa: ARG002, N802
        """Says what was asked for."""
        return Order(name=request.name)


def service(made: Callable[[House[Any], Floor, Jobs], None] = lambda *_: None) -> Service[ServiceSettings]:
    """Returns the service; ``made`` is told what it is made of."""

    @asynccontextmanager
    async def compose(house: House[ServiceSettings]) -> AsyncIterator[Composition]:
        floor, jobs = Floor(), Jobs(house)
        made(house, floor, jobs)
        yield Composition(
            servicers=[
                Servicer(
                    floor_service_pb2.DESCRIPTOR.services_by_name["FloorService"],
                    add_FloorServiceServicer_to_server,
                    floor,
                ),
                Servicer(
                    lims_service_pb2.DESCRIPTOR.services_by_name["LimsService"],
                    add_LimsServiceServicer_to_server,
                    jobs,
                ),
                Servicer(
                    order_service_pb2.DESCRIPTOR.services_by_name["OrderService"],
                    add_OrderServiceServicer_to_server,
                    Orders(),
                ),
            ],
        )

    return Service("housing", ServiceSettings, Path(__file__).parent / "versions", compose)


if __name__ == "__main__":
    run(service())
