"""Maps the floor's messages to what the lab does there, and back."""

from typing import Any

import grpc
from google.api.httpbody_pb2 import HttpBody
from lensmesh.lims.v1 import floor_pb2, job_pb2
from lensmesh.lims.v1 import floor_service_pb2 as rpc
from lensmesh.lims.v1.floor_service_pb2_grpc import FloorServiceServicer

from chassis import pages
from services.lims.floor import messages, workflow
from services.lims.messages import job_message, number, quote
from services.lims.workflow import Lab

Context = grpc.aio.ServicerContext[Any, Any]

_MOST_MOVEMENTS = 2**63 - 1


class FloorServicer(FloorServiceServicer):
    """The lab's floor."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    async def Scan(self, request: rpc.ScanRequest, _context: Context) -> job_pb2.Job:
        """Moves a job on."""
        return job_message(await workflow.scan(self._lab, number(request.job), request.station))

    async def ScanOut(self, request: rpc.ScanOutRequest, _context: Context) -> job_pb2.Job:
        """Ends the work at a station."""
        return job_message(await workflow.scan_out(self._lab, number(request.job), request.station))

    async def PickBlanks(self, request: rpc.PickBlanksRequest, _context: Context) -> job_pb2.Job:
        """Confirms the blanks in a tray."""
        return job_message(await workflow.pick(self._lab, number(request.job), request.codes))

    async def RecordInspection(self, request: rpc.RecordInspectionRequest, _context: Context) -> floor_pb2.Inspection:
        """Judges measured lenses."""
        return await workflow.inspect(self._lab, number(request.job), request)

    async def ReportBreakage(self, request: rpc.ReportBreakageRequest, _context: Context) -> job_pb2.Job:
        """Sends broken lenses back."""
        return job_message(await workflow.break_lenses(self._lab, number(request.job), request))

    async def ReverseBreakage(self, request: rpc.ReverseBreakageRequest, _context: Context) -> job_pb2.Job:
        """Takes a breakage back."""
        job, _, breakage = request.breakage.partition("/breakages/")
        return job_message(await workflow.reverse_breakage(self._lab, number(job), int(breakage)))

    async def HoldJob(self, request: rpc.HoldJobRequest, _context: Context) -> job_pb2.Job:
        """Stops a job."""
        return job_message(await workflow.hold(self._lab, number(request.job), request.reason))

    async def ReleaseJob(self, request: rpc.ReleaseJobRequest, _context: Context) -> job_pb2.Job:
        """Lets a job go on."""
        return job_message(await workflow.release(self._lab, number(request.job)))

    async def OutsourceJob(self, request: rpc.OutsourceJobRequest, _context: Context) -> job_pb2.Job:
        """Gives a job to a partner."""
        job = await workflow.outsource(self._lab, number(request.job), request.partner, request.until)
        return job_message(job)

    async def ReceiveFromPartner(self, request: rpc.ReceiveFromPartnerRequest, _context: Context) -> job_pb2.Job:
        """Takes a job back from a partner."""
        return job_message(await workflow.receive_from_partner(self._lab, number(request.job)))

    async def RemakeJob(self, request: rpc.RemakeJobRequest, _context: Context) -> job_pb2.Job:
        """Makes a job again."""
        made = await workflow.remake(self._lab, number(request.job), request)
        return job_message(made.job, quote(made.job.catalog_revision, made.decision) if made.decision else None)

    async def GetJobTicket(self, request: rpc.GetJobTicketRequest, _context: Context) -> HttpBody:
        """Returns the ticket of a job."""
        return HttpBody(content_type="application/pdf", data=await workflow.ticket(self._lab, number(request.job)))

    async def ListBreakages(self, request: rpc.ListBreakagesRequest, _context: Context) -> rpc.ListBreakagesResponse:
        """Lists what broke of a job."""
        broken = await workflow.breakages(self._lab, number(request.job))
        return rpc.ListBreakagesResponse(breakages=map(messages.breakage, broken))

    async def ListInspections(
        self, request: rpc.ListInspectionsRequest, _context: Context
    ) -> rpc.ListInspectionsResponse:
        """Lists a job's inspections."""
        kept = await workflow.inspections(self._lab, number(request.job))
        return rpc.ListInspectionsResponse(inspections=map(floor_pb2.Inspection.FromString, kept))

    async def ListFloorRecords(
        self, request: rpc.ListFloorRecordsRequest, _context: Context
    ) -> rpc.ListFloorRecordsResponse:
        """Lists what was done to a job."""
        done = await workflow.records(self._lab, number(request.job))
        return rpc.ListFloorRecordsResponse(records=map(messages.record, done))

    async def ListStations(self, _request: rpc.ListStationsRequest, _context: Context) -> rpc.ListStationsResponse:
        """Lists the stations with the jobs there."""
        return rpc.ListStationsResponse(
            stations=[messages.station(*each) for each in await workflow.stations(self._lab)]
        )

    async def ReceiveBlanks(self, request: rpc.ReceiveBlanksRequest, _context: Context) -> floor_pb2.BlankStock:
        """Books a delivery."""
        return await workflow.receive_blanks(self._lab, _blank(request.blank), request)

    async def CountBlanks(self, request: rpc.CountBlanksRequest, _context: Context) -> floor_pb2.BlankStock:
        """Books a count."""
        return await workflow.count_blanks(self._lab, _blank(request.blank), request)

    async def SetReorderLevel(self, request: rpc.SetReorderLevelRequest, _context: Context) -> floor_pb2.BlankStock:
        """Sets when a blank is to be ordered."""
        shelf = await workflow.set_reorder_level(
            self._lab,
            _blank(request.blank),
            reorder_at=request.reorder_at,
            order_up_to=request.order_up_to,
        )
        return messages.stock(shelf.stock, shelf.opc)

    async def ListBlankStock(self, request: rpc.ListBlankStockRequest, _context: Context) -> rpc.ListBlankStockResponse:
        """Lists what is in stock."""
        page = pages.of(request, str)
        found = await workflow.blank_stock(
            self._lab, after=page.after or "", reorder_only=request.reorder_only, limit=page.size + 1
        )
        shown, more = found[: page.size], len(found) > page.size
        return rpc.ListBlankStockResponse(
            stock=[messages.stock(each.stock, each.opc) for each in shown],
            next_page_token=page.next_token(shown[-1].stock.blank) if more else "",
        )

    async def ListStockMovements(
        self, request: rpc.ListStockMovementsRequest, _context: Context
    ) -> rpc.ListStockMovementsResponse:
        """Lists the stock's changes."""
        page = pages.of(request, _movement)
        found = await workflow.movements(
            self._lab,
            before=page.after,
            blank=_blank(request.blank),
            job=number(request.job) if request.job else None,
            limit=page.size + 1,
        )
        shown, more = found[: page.size], len(found) > page.size
        return rpc.ListStockMovementsResponse(
            movements=map(messages.movement, shown),
            next_page_token=page.next_token(shown[-1].number) if more else "",
        )


def _blank(name: str) -> str:
    """Returns the id in a blank's name, which the contract has validated."""
    return name.removeprefix("blanks/")


def _movement(spelled: str) -> int:
    place = int(spelled)
    if not 0 < place <= _MOST_MOVEMENTS:
        raise ValueError("not a movement's number")
    return place
