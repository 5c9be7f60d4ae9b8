"""The order service's entry point: messages to use cases and back, nothing else."""

from collections.abc import AsyncIterator
from uuid import UUID

import grpc
from lensmesh.events.v1.events_pb2 import OrderChanged
from lensmesh.order.v1 import order_pb2
from lensmesh.order.v1 import order_service_pb2 as rpc
from lensmesh.order.v1.order_service_pb2_grpc import OrderServiceServicer

from chassis import pages, streams
from chassis.log import Entry
from chassis.streams import Pace
from services.order import fields, model
from services.order.importing import Importer
from services.order.watching import Watching
from services.order.workflow import Workflow

_Context = grpc.aio.ServicerContext[object, object]


class OrderServicer(OrderServiceServicer):
    """Serves ``lensmesh.order.v1.OrderService``."""

    def __init__(self, workflow: Workflow, importer: Importer, watching: Watching, pace: Pace) -> None:
        self._workflow = workflow
        self._importer = importer
        self._watching = watching
        self._pace = pace

    async def CreateOrder(self, request: rpc.CreateOrderRequest, context: _Context) -> order_pb2.Order:
        return await self._workflow.create(request)

    async def ImportOrder(self, request: rpc.ImportOrderRequest, context: _Context) -> rpc.ImportOrderResponse:
        return await self._importer.import_file(request)

    async def GetOrder(self, request: rpc.GetOrderRequest, context: _Context) -> order_pb2.Order:
        return fields.message(await self._workflow.get(request.name))

    async def ListOrders(self, request: rpc.ListOrdersRequest, context: _Context) -> rpc.ListOrdersResponse:
        page = pages.of(request, UUID)
        orders = await self._workflow.page(
            request.parent,
            before=page.after,
            states=request.states,
            limit=page.size + 1,
        )
        shown, more = orders[: page.size], len(orders) > page.size
        return rpc.ListOrdersResponse(
            orders=[fields.summary(order) for order in shown],
            next_page_token=page.next_token(shown[-1].id) if more else "",
        )

    async def UpdateOrder(self, request: rpc.UpdateOrderRequest, context: _Context) -> order_pb2.Order:
        return fields.message(await self._workflow.edit(request.order, request.update_mask.paths))

    async def AddNote(self, request: rpc.AddNoteRequest, context: _Context) -> order_pb2.Order:
        return fields.message(await self._workflow.add_note(request))

    async def ValidateOrder(self, request: rpc.ValidateOrderRequest, context: _Context) -> rpc.ValidateOrderResponse:
        order = await self._workflow.validate(request.name)
        return rpc.ValidateOrderResponse(
            accepted=model.makeable(order.violations),
            violations=order.violations,
            catalog_revision=order.catalog_revision,
        )

    async def SubmitOrder(self, request: rpc.SubmitOrderRequest, context: _Context) -> order_pb2.Order:
        return fields.message(await self._workflow.submit(request))

    async def CancelOrder(self, request: rpc.CancelOrderRequest, context: _Context) -> order_pb2.Order:
        return fields.message(await self._workflow.cancel(request.name, request.etag))

    async def WatchOrder(
        self,
        request: rpc.WatchOrderRequest,
        context: _Context,
    ) -> AsyncIterator[rpc.WatchOrderResponse]:
        watched = await self._watching.order(request.name, request.cursor)
        async for message in streams.watch(
            rpc.WatchOrderResponse,
            watched.entries,
            start=watched.start,
            first=watched.first,
            update=_update,
            pace=self._pace,
        ):
            yield message

    async def WatchOrders(
        self,
        request: rpc.WatchOrdersRequest,
        context: _Context,
    ) -> AsyncIterator[rpc.WatchOrdersResponse]:
        watched = await self._watching.practice(request.parent, request.cursor)
        async for message in streams.watch(
            rpc.WatchOrdersResponse,
            watched.entries,
            start=watched.start,
            update=_update,
            pace=self._pace,
        ):
            yield message


def _update(entry: Entry) -> order_pb2.OrderUpdate:
    update = OrderChanged.FromString(entry.payload).update
    update.time.FromDatetime(entry.time)
    return update
