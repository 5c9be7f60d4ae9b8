"""The order service's entry point: messages to use cases and back, nothing else."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import grpc
from google.protobuf.empty_pb2 import Empty
from lensmesh.events.v1.events_pb2 import OrderChanged
from lensmesh.order.v1 import account_pb2, order_pb2
from lensmesh.order.v1 import account_service_pb2 as accounts_rpc
from lensmesh.order.v1 import order_service_pb2 as rpc
from lensmesh.order.v1.account_service_pb2_grpc import AccountServiceServicer
from lensmesh.order.v1.order_service_pb2_grpc import OrderServiceServicer

from chassis import pages, streams
from chassis.log import Entry
from chassis.pages import Page
from chassis.streams import Pace
from services.order import fields, model
from services.order.accounts import Accounts
from services.order.importing import Importer
from services.order.model import Account
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
            quote=order.quote,
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


class AccountServicer(AccountServiceServicer):
    """Serves ``lensmesh.order.v1.AccountService``."""

    def __init__(self, accounts: Accounts, workflow: Workflow, importer: Importer) -> None:
        self._accounts = accounts
        self._workflow = workflow
        self._importer = importer

    async def SetAccount(self, request: accounts_rpc.SetAccountRequest, context: _Context) -> account_pb2.Account:
        asked = request.account
        number = self._number(asked.name)
        return fields.account_message(
            await self._accounts.give(number, asked.practice, is_default=asked.is_default),
        )

    async def DeleteAccount(self, request: accounts_rpc.DeleteAccountRequest, context: _Context) -> Empty:
        await self._accounts.take_away(self._number(request.name))
        return Empty()

    async def ListAccounts(
        self, request: accounts_rpc.ListAccountsRequest, context: _Context
    ) -> accounts_rpc.ListAccountsResponse:
        self._workflow.require_lab(request.parent)
        page = pages.of(request, str)
        found = await self._accounts.page(practice=request.practice, after=page.after, limit=page.size + 1)
        return accounts_rpc.ListAccountsResponse(
            accounts=map(fields.account_message, found[: page.size]),
            next_page_token=_next_token(page, found),
        )

    async def ListPracticeAccounts(
        self, request: accounts_rpc.ListPracticeAccountsRequest, context: _Context
    ) -> accounts_rpc.ListPracticeAccountsResponse:
        page = pages.of(request, str)
        found = await self._accounts.page_of_practice(request.parent, after=page.after, limit=page.size + 1)
        return accounts_rpc.ListPracticeAccountsResponse(
            accounts=map(fields.account_message, found[: page.size]),
            next_page_token=_next_token(page, found),
        )

    async def ImportOrderByAccount(
        self, request: accounts_rpc.ImportOrderByAccountRequest, context: _Context
    ) -> rpc.ImportOrderResponse:
        return await self._importer.import_by_account(request)

    def _number(self, name: str) -> str:
        """Returns the number in an account's name, which is of our lab."""
        lab, _, number = name.partition("/accounts/")
        self._workflow.require_lab(lab)
        return number


def _next_token(page: Page[str], found: Sequence[Account]) -> str:
    return page.next_token(found[page.size - 1].number) if len(found) > page.size else ""


def _update(entry: Entry) -> order_pb2.OrderUpdate:
    update = OrderChanged.FromString(entry.payload).update
    update.time.FromDatetime(entry.time)
    return update
