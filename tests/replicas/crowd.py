"""Practices and engineers who all work at once, at random but for a seed, and what each of them must never see.

Everything that is asked is a step. A call whose answer was lost is no fault: who made it asks again under the same
request id, like a practice's software would.
"""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from lensmesh.lims.v1.revision_pb2 import Revision
from lensmesh.order.v1 import order_pb2
from lensmesh.order.v1 import order_service_pb2 as rpc

from tests.replicas.pairs import Replica
from tests.support.calls import bearer, taken_apart
from tests.support.engineer import Content, Engineer
from tests.support.orders import eye, makeable

DEMO = "practices/demo"
CALL_SECONDS = 15
AGAIN_SECONDS = 0.1  # an optician whose call was lost looks at the screen for so long
OPEN_ORDERS = 12
LOST = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
MATERIALS = ("mr8", "mr8", "cr39", "trivex", "poly")
COATINGS = (("hc-ar",), ("hc-ar",), ("hc",), ())
FORGETTING = 0.5  # how likely it is that an order at the lab is not asked about any more
OUTAGE = 0.4  # how likely it is that all replicas of a service are killed
PUBLISHING, REPEATING = 0.5, 0.3  # how likely, rather than a roll-back; how likely to do the same again


@dataclass(slots=True)
class Tracked:
    """What is known of an order.

    Attributes:
        name: The order.
        request: The request id of the submit that was made last; empty before the first.
        job: The job it was once said to have, which it has for ever.
        revision: The revision that job is pinned to.
        promised: Whether a submit was answered without a refusal: it may not be lost.
        cancelled: Whether somebody tried to cancel it.
    """

    name: str
    request: str = ""
    job: str = ""
    revision: int = 0
    promised: bool = False
    cancelled: bool = False

    def see(self, order: order_pb2.Order, *, job: str) -> None:
        """Compares an answer with what was known; ``job`` is the one that was known when the question was asked."""
        assert order.job or not job, f"{self.name} lost {job}"
        if self.job and order.job:
            seen = (order.job, order.catalog_revision)
            assert seen == (self.job, self.revision), f"{self.name}: {self.job} became {seen}"
        elif order.job:
            self.job, self.revision = order.job, order.catalog_revision


@dataclass(slots=True)
class World:
    """What all of them share.

    Attributes:
        steps_wanted: How many steps there are to be.
        seed: What everybody's choices follow from.
        steps: The steps so far, by kind and outcome; without those whose answer was lost.
        lost: Those.
        in_force: The latest revision whose publication was answered: nothing asked from then on may know less.
        tracked: Every order.
    """

    steps_wanted: int
    seed: int
    steps: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    in_force: int = 1
    tracked: list[Tracked] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Whether there were steps enough."""
        return self.steps.total() >= self.steps_wanted

    def random(self, who: str) -> random.Random:
        """The choices of somebody."""
        return random.Random(f"{self.seed} {who}")  # noqa: S311 -- a test's

    def published(self, revision: Revision) -> None:
        """Hears that a revision is in force."""
        self.in_force = max(self.in_force, revision.number)


class Optician:
    """Drafts, edits, validates, submits and cancels; several work on the same orders."""

    def __init__(self, world: World, name: str, orders: list[Tracked], stub: Any, token: str) -> None:  # noqa: ANN401
        self._world = world
        self._random = world.random(name)
        self._orders = orders
        self._stub = stub
        self._metadata = bearer(token)

    async def work(self) -> None:
        """Works until there were steps enough."""
        does: dict[Callable[[Tracked], Any], int] = {
            self._validate: 30,
            self._edit: 15,
            self._submit: 25,
            self._submit_again: 20,
            self._read: 8,
            self._cancel: 2,
        }
        while not self._world.done:
            if len(self._orders) < OPEN_ORDERS:
                await self._create()
                continue
            tracked = self._random.choice(self._orders)
            (step,) = self._random.choices(list(does), list(does.values()))
            await step(tracked)
            if (tracked.job or tracked.cancelled) and self._random.random() < FORGETTING and tracked in self._orders:
                self._orders.remove(tracked)

    async def _ask(self, kind: str, method: str, request: Any, *refusals: str) -> Any:  # noqa: ANN401 -- any RPC
        """Asks once; returns the answer, None for one that is lost, and the reason of a refusal that may be."""
        try:
            answer = await getattr(self._stub, method)(request, metadata=self._metadata, timeout=CALL_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() in LOST:
                self._world.lost[kind] += 1
                await asyncio.sleep(AGAIN_SECONDS)
                return None
            refused = taken_apart(error)
            assert refused.reason in refusals, f"{kind}: {refused}"
            self._world.steps[f"{kind} {refused.reason}"] += 1
            return refused.reason
        self._world.steps[kind] += 1
        return answer

    def _content(self) -> dict[str, Any]:
        sphere = self._random.randrange(-24, 17) / 4
        lens = {"design": "comfort-pal", "material": self._random.choice(MATERIALS), "colour": "clear"}
        prescription = {"right": eye(sphere=sphere), "left": eye(sphere=sphere - 0.25)}
        return {"lens": lens | {"coatings": self._random.choice(COATINGS)}, "prescription": prescription}

    async def _create(self) -> None:
        request = rpc.CreateOrderRequest(parent=DEMO, order=makeable(**self._content()), request_id=self._id())
        order = await self._ask("create", "CreateOrder", request)
        if order is not None:
            tracked = Tracked(order.name)
            self._orders.append(tracked)
            self._world.tracked.append(tracked)

    async def _validate(self, tracked: Tracked) -> None:
        least = self._world.in_force
        request = rpc.ValidateOrderRequest(name=tracked.name)
        answer = await self._ask("validate", "ValidateOrder", request, "ORDER_STATE")
        if isinstance(answer, rpc.ValidateOrderResponse):
            assert answer.catalog_revision >= least, (
                f"decided by {answer.catalog_revision} after {least} came into force"
            )

    async def _edit(self, tracked: Tracked) -> None:
        patch = makeable(**self._content())
        patch.name = tracked.name
        mask = FieldMask(paths=["lens", "prescription"])
        request = rpc.UpdateOrderRequest(order=patch, update_mask=mask)
        await self._ask("edit", "UpdateOrder", request, "ORDER_STATE")

    async def _submit(self, tracked: Tracked) -> None:
        tracked.request = self._id()
        await self._submit_as(tracked, "submit")

    async def _submit_again(self, tracked: Tracked) -> None:
        if tracked.request:
            await self._submit_as(tracked, "submit again")

    async def _submit_as(self, tracked: Tracked, kind: str) -> None:
        least, had_one, asked = self._world.in_force, tracked.job, tracked.request
        request = rpc.SubmitOrderRequest(name=tracked.name, request_id=asked)
        order = await self._ask(kind, "SubmitOrder", request, "ORDER_STATE", "NOT_MAKEABLE")
        if not isinstance(order, order_pb2.Order):
            return
        tracked.promised = True
        tracked.see(order, job=had_one)
        if kind == "submit" and order.job and not had_one:
            made = f"{order.name}: {order.job} was made by {order.catalog_revision} after {least} came into force"
            assert order.catalog_revision >= least, made

    async def _cancel(self, tracked: Tracked) -> None:
        tracked.cancelled = True
        await self._ask("cancel", "CancelOrder", rpc.CancelOrderRequest(name=tracked.name), "ORDER_STATE")

    async def _read(self, tracked: Tracked) -> None:
        job = tracked.job
        order = await self._ask("read", "GetOrder", rpc.GetOrderRequest(name=tracked.name))
        if order is not None:
            tracked.see(order, job=job)

    def _id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


class Publisher:
    """An engineer who publishes and takes back, while others do the same."""

    def __init__(
        self, world: World, name: str, engineer: Engineer, contents: Sequence[Content], *, first: int, every: int
    ) -> None:
        """Takes after how many steps of everybody to begin, and how many lie between two publications."""
        self._world = world
        self._first = first
        self._random = world.random(name)
        self._engineer = engineer
        self._contents = contents
        self._every = every

    async def work(self) -> None:
        """Works until there were steps enough."""
        turn = self._first
        while not self._world.done:
            if self._world.steps.total() < turn:
                await asyncio.sleep(0.01)
                continue
            turn += self._every
            does = self._publish if self._random.random() < PUBLISHING else self._roll_back
            try:
                revision = await asyncio.to_thread(does)
            except grpc.RpcError as error:
                self._refused(does.__name__.strip("_"), error)
                continue
            self._world.published(revision)
            self._world.steps[does.__name__.strip("_")] += 1

    def _publish(self) -> Revision:
        if self._random.random() < REPEATING:
            self._engineer.publish_again()
        return self._engineer.publish(self._random.choice(self._contents))

    def _roll_back(self) -> Revision:
        number, request = self._random.randint(1, self._world.in_force), str(uuid.uuid4())
        revision = self._engineer.roll_back(number, request)
        if self._random.random() < REPEATING:
            assert self._engineer.roll_back(number, request) == revision, "a repeat gets the first answer"
        return revision

    def _refused(self, kind: str, error: Any) -> None:  # noqa: ANN401 -- grpc's error is a call as well
        """Lets pass what may be: another was quicker, the same is in force, a replica died."""
        if error.code() in LOST:
            self._world.lost[kind] += 1
            return
        reason = taken_apart(error).reason
        assert reason in {"DRAFT_STALE", "REVISION_IN_FORCE"}, taken_apart(error)
        self._world.steps[f"{kind} {reason}"] += 1


class Crasher:
    """Kills a replica, any of them, or all that there are of a service, and starts them anew."""

    def __init__(self, world: World, replicas: Sequence[Replica], every: int) -> None:
        """Takes how many steps of everybody lie between two crashes."""
        self._world = world
        self._random = world.random("crasher")
        self._replicas = replicas
        self._every = every

    async def work(self) -> None:
        """Works until there were steps enough."""
        turn = self._every
        while not self._world.done:
            if self._world.steps.total() < turn:
                await asyncio.sleep(0.01)
                continue
            turn += self._every
            one = self._random.choice(self._replicas)
            whole = self._random.random() < OUTAGE
            killed = [each for each in self._replicas if each is one or (whole and each.service == one.service)]
            for replica in killed:
                await asyncio.to_thread(replica.kill)
            await asyncio.gather(*(asyncio.to_thread(replica.start) for replica in killed))
            self._world.steps[f"crash of {one.service}" if whole else "crash"] += 1
