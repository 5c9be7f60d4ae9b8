"""A revision comes into force: what becomes of the orders that are open, and of those on their way to the lab."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from lensmesh.lims.v1.revision_pb2 import Revision
from lensmesh.order.v1 import order_pb2
from lensmesh.order.v1 import order_service_pb2 as rpc
from lensmesh.order.v1.order_service_pb2_grpc import OrderServiceStub

from runtime.ports import free_port
from runtime.postgres import running as running_postgres
from tests.contract.order.practice import DEMO, Practice
from tests.support import processes
from tests.support.calls import bearer
from tests.support.engineer import Content, Engineer, refusing
from tests.support.orders import makeable

pytestmark = pytest.mark.timeout(180)

REVIEW_SECONDS = 20
MR8 = 'lens.material == "mr8"'
STARTS_SOON = [(f"grpc.{which}_reconnect_backoff_ms", 50) for which in ("initial", "min", "max")]


@dataclass
class Trade:
    """A practice and a lab over a PostgreSQL of their own, whose catalog changes."""

    told: dict[str, dict[str, str]]
    keys: Any

    @contextmanager
    def lims(self) -> Iterator[Engineer]:
        """Runs the LIMS; yields its engineer."""
        with processes.serving("lims", self.told["lims"]) as process:
            token = self.keys.token(roles=("principal_engineer",))
            with grpc.insecure_channel(process.address) as channel:
                yield Engineer(channel, token)

    @contextmanager
    def orders(self) -> Iterator[tuple[Practice, processes.Process]]:
        """Runs the order service; yields a practice of it and its process."""
        with processes.serving("order", self.told["order"]) as process:
            token = self.keys.token(roles=("optician",), practice=DEMO)
            with grpc.insecure_channel(process.address, STARTS_SOON) as channel:
                yield Practice(OrderServiceStub(channel), token), process


@pytest.fixture(scope="module")
def trade(keys: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trade]:  # noqa: ANN401 -- a fixture of the suite
    """Both services' databases, migrated, and an address the LIMS keeps."""
    with running_postgres(tmp_path_factory.mktemp("reviews")) as server:
        more = {"lims": {"LENSMESH_LISTEN": f"127.0.0.1:{free_port()}"}}
        more["order"] = {"LENSMESH_LIMS_TARGET": more["lims"]["LENSMESH_LISTEN"], "LENSMESH_HEARTBEAT_SECONDS": "0.5"}
        told = {}
        for service, settings in more.items():
            token = keys.local.token_file(service)
            told[service] = processes.environment(server, service, keys.jwks_file, token, **settings)
            server.bootstrap(service)
            processes.migrate(service, told[service])
        yield Trade(told, keys)


@pytest.fixture(scope="module")
def without_mr8(trade: Trade) -> Content:
    """A catalog that refuses the material of `makeable`; the starter catalog is in force."""
    with trade.lims() as engineer:
        return engineer.checked(refusing(engineer.files(), "no-mr8", MR8, "lens.material"))


@pytest.fixture
def starter(trade: Trade) -> Iterator[None]:
    """Leaves the starter catalog in force."""
    yield
    with trade.lims() as engineer, suppress(grpc.RpcError):  # it is in force
        engineer.roll_back(1)


def reviewed(practice: Practice, name: str, revision: int) -> order_pb2.Order:
    """Reads an order until a revision has decided it."""
    give_up = time.monotonic() + REVIEW_SECONDS
    while (order := practice.get(name)).catalog_revision < revision:
        assert time.monotonic() < give_up, f"still by revision {order.catalog_revision}"
        time.sleep(0.02)
    return order


def validated(practice: Practice, **changes: Any) -> order_pb2.Order:  # noqa: ANN401 -- fields of an order
    """Creates a draft and asks the lab about it."""
    name = practice.create(**changes).name
    practice.call("ValidateOrder", rpc.ValidateOrderRequest(name=name))
    return practice.get(name)


@pytest.mark.usefixtures("starter")
def test_open_orders_are_decided_again_and_their_pages_are_told(trade: Trade, without_mr8: Content) -> None:
    """What the lab was never asked about stays as it is; the author's etag stays good."""
    with trade.lims() as engineer, trade.orders() as (practice, _):
        asked, never_asked = validated(practice), practice.create()
        refused = validated(practice, lens={"design": "comfort-pal", "material": "unknown"})
        assert not asked.violations
        assert refused.violations
        watch = practice.stub.WatchOrders(
            rpc.WatchOrdersRequest(parent=DEMO, cursor="0"), metadata=bearer(practice.token)
        )

        revision = engineer.publish(without_mr8)
        now = reviewed(practice, asked.name, revision.number)
        assert [each.field for each in now.violations] == ["lens.material"]
        assert (now.etag, now.state, now.catalog_revision) == (asked.etag, asked.state, revision.number)
        assert reviewed(practice, refused.name, revision.number).violations
        told = told_of(watch, asked.name)
        assert [(each.code, each.field) for each in told.violations] == [("NOT_AVAILABLE", "lens.material")]
        assert told.etag == asked.etag
        assert practice.get(never_asked.name) == never_asked

        back = engineer.roll_back(asked.catalog_revision)
        again = reviewed(practice, asked.name, back.number)
        assert not again.violations
        assert again.quote.price == asked.quote.price
        assert again.quote.catalog_revision == back.number
        watch.cancel()


def told_of(watch: Any, order: str) -> order_pb2.OrderUpdate:  # noqa: ANN401 -- grpc's call
    """Returns the first update of an order that tells of violations."""
    updates = (message.update for message in watch if message.WhichOneof("event") == "update")
    found: order_pb2.OrderUpdate = next(each for each in updates if each.order == order and each.violations)
    return found


@pytest.mark.usefixtures("starter")
def test_a_review_that_is_killed_goes_on_where_it_was(trade: Trade, without_mr8: Content) -> None:
    """Every open order is decided by the new revision, and its page is told so once."""
    with trade.lims() as engineer, ExitStack() as first:
        practice, process = first.enter_context(trade.orders())
        names = [validated(practice).name for _ in range(60)]
        before = {name: last_sequence(practice, name) for name in names}
        revision = engineer.publish(without_mr8)
        give_up = time.monotonic() + REVIEW_SECONDS
        while not (done := decided_by(practice, revision)):
            assert time.monotonic() < give_up, "no review began"
        process.kill()
        assert len(done) < len(names), "it was killed too late"
        with trade.orders() as (practice, _):
            for name in names:
                assert reviewed(practice, name, revision.number).violations
            assert {name: last_sequence(practice, name) - 1 for name in names} == before


def decided_by(practice: Practice, revision: Revision) -> list[str]:
    """Returns the open orders that a revision has decided."""
    orders = practice.call("ListOrders", rpc.ListOrdersRequest(parent=DEMO, page_size=500)).orders
    return [order.name for order in orders if order.catalog_revision == revision.number]


def last_sequence(practice: Practice, name: str) -> int:
    """Returns the sequence of an order's last event."""
    watch = practice.stub.WatchOrder(rpc.WatchOrderRequest(name=name), metadata=bearer(practice.token))
    message = next(watch)
    watch.cancel()
    return int(message.update.sequence)


@pytest.mark.usefixtures("starter")
def test_what_an_author_changed_meanwhile_is_left_alone(trade: Trade, without_mr8: Content) -> None:
    """An edit takes the lab's opinion away, and no review of what it was brings it back."""
    with trade.lims() as engineer, trade.orders() as (practice, _):
        orders = [validated(practice) for _ in range(40)]
        revision = engineer.publish(without_mr8)
        edited = []
        for place, order in enumerate(reversed(orders)):
            patch = order_pb2.Order(name=order.name, customer_reference=f"edited {place}")
            mask = FieldMask(paths=["customer_reference"])
            edited.append(practice.call("UpdateOrder", rpc.UpdateOrderRequest(order=patch, update_mask=mask)))
        last = validated(practice)
        assert last.catalog_revision == revision.number
        for order in edited:
            now = practice.get(order.name)
            assert (now.customer_reference, now.etag) == (order.customer_reference, order.etag)
            assert (now.catalog_revision, len(now.violations)) == (0, 0)


@pytest.mark.usefixtures("starter")
def test_an_order_on_its_way_that_the_new_revision_refuses_needs_attention(trade: Trade, without_mr8: Content) -> None:
    """Its author was told that it is submitted; now it says why it is not, and by which revision."""
    with trade.orders() as (practice, process):
        name = practice.create().name
        assert practice.submit(name).state == order_pb2.Order.STATE_SUBMITTED, "nobody is there to take it"
        process.kill()
    with trade.lims() as engineer:
        revision = engineer.publish(without_mr8)
        with trade.orders() as (practice, _):
            order = practice.until(name, order_pb2.Order.STATE_NEEDS_ATTENTION, REVIEW_SECONDS)
            assert [each.field for each in order.violations] == ["lens.material"]
            assert order.catalog_revision == revision.number
            assert not order.job

            back = engineer.roll_back(1)
            order = reviewed(practice, name, back.number)
            assert not order.violations
            assert order.state == order_pb2.Order.STATE_NEEDS_ATTENTION, "what comes of it is its author's to say"
            assert practice.submit(name).state == order_pb2.Order.STATE_SENT_TO_LAB


def test_makeable_orders_are_of_the_material_that_is_taken_away() -> None:
    """Or nothing above shows anything."""
    assert makeable().lens.material == "mr8"
