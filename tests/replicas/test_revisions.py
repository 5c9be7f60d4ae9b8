"""Revisions come and go while practices work and processes die: each job is decided by the one in force, once.

A seeded crowd of opticians, engineers and a crasher; what they must never see is asserted as they go (`crowd`). What
both databases hold afterwards is then held against the rules, decided anew in this process.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import asyncpg
import grpc
import pytest
from lensmesh.lims.v1 import lims_service_pb2 as lims_rpc
from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from lensmesh.order.v1 import order_pb2
from lensmesh.order.v1.order_service_pb2_grpc import OrderServiceStub
from lensmesh.type.v1.violation_pb2 import Violation, Violations

from chassis import channels
from rules.catalog import Catalog
from rules.decide import decide
from rules.decision import Decision
from services.lims import messages
from services.lims.revisions import compiled
from tests.replicas.crowd import Crasher, Optician, Publisher, Tracked, World
from tests.replicas.pairs import Pairs, pairs
from tests.support.calls import bearer
from tests.support.engineer import Engineer, changed, refusing

pytestmark = pytest.mark.timeout(400)

STEPS = int(os.environ.get("LENSMESH_STEPS", "5000"))
SEED = int(os.environ.get("LENSMESH_SEED", "1"))
OPTICIANS = 8
STEPS_BETWEEN_PUBLICATIONS = 80  # of each engineer
STEPS_BETWEEN_CRASHES = 500
SETTLE_SECONDS = 60
REPLAYS = 150
ORDERS, LIMS = "lensmesh.order.v1.OrderService", "lensmesh.lims.v1.LimsService"
IMPATIENT = [("grpc.max_reconnect_backoff_ms", 200)]


@pytest.fixture(scope="module")
def both(keys: Any) -> Iterator[Pairs]:  # noqa: ANN401 -- a fixture of the suite
    """Two of each."""
    with pairs(keys) as running:
        yield running


async def test_every_job_is_decided_by_the_revision_in_force_whatever_happens(
    both: Pairs,
    keys: Any,  # noqa: ANN401 -- a fixture of the suite
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Publish, roll back, validate, edit, submit, submit again, cancel and kill -9, all at once."""
    world = World(STEPS, SEED)
    clock = [time.monotonic()]
    async with AsyncExitStack() as stack:
        orders = await stack.enter_async_context(channels.connect(both.target("order"), ORDERS))
        lims = await stack.enter_async_context(channels.connect(both.target("lims"), LIMS))
        rules = stack.enter_context(grpc.insecure_channel(both.target("lims"), IMPATIENT))
        engineer = Engineer(rules, keys.token(roles=("principal_engineer",)))
        contents = await asyncio.to_thread(_contents, engineer)
        clock.append(time.monotonic())
        await _work(world, both, orders, rules, contents, keys)
        clock.append(time.monotonic())
        await _settled(both, engineer)
        clock.append(time.monotonic())
        evidence = await Evidence.gathered(both)
        evidence.each_job_is_of_the_revision_in_force_at_its_commit()
        evidence.each_job_is_decided_again_alike()
        evidence.each_hand_off_has_its_one_job()
        ends = evidence.no_order_is_lost(world.tracked)
        said = evidence.each_open_order_says_what_its_revision_says()
        repeated = await evidence.each_hand_off_gets_its_job_again(LimsServiceStub(lims), keys.token(service="order"))
    clock.append(time.monotonic())
    checked, worked, settled, held = (after - before for before, after in pairwise(clock))
    under = len({job["catalog_revision"] for job in evidence.jobs})
    with capsys.disabled():
        print(  # noqa: T201 -- what was done is part of the result
            f"\n  seed {world.seed}: {world.steps.total()} steps in {worked:.0f} s, settled in {settled:.1f} s"
            f" (the contents were checked in {checked:.0f} s, the evidence held in {held:.0f} s)"
            f"\n  {_counts(world.steps)}; answers lost: {_counts(world.lost)}"
            f"\n  {len(evidence.revisions)} revisions of {len(evidence.catalogs)} contents; {len(evidence.jobs)} jobs"
            f" under {under} of them and {said} open orders, all decided anew alike; {repeated} hand-offs repeated"
            f"\n  orders: {_counts(ends)}"
        )
    assert len(evidence.revisions) > STEPS // STEPS_BETWEEN_PUBLICATIONS // 2, "too few to show anything"
    assert evidence.jobs
    assert said


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counter.items()))


def _contents(engineer: Engineer) -> list[Any]:
    files = engineer.files()
    dearer = changed(files, lambda _, text: text.replace("amount: 128.00", "amount: 131.00"), "prices")
    assert dearer != files
    return [
        engineer.checked(refusing(files, "no-mr8", 'lens.material == "mr8"', "lens.material")),
        engineer.checked(refusing(dearer, "no-hc-ar", '"hc-ar" in lens.coatings', "lens.coatings")),
    ]


async def _work(
    world: World,
    both: Pairs,
    orders: grpc.aio.Channel,
    rules: grpc.Channel,
    contents: list[Any],
    keys: Any,  # noqa: ANN401 -- a fixture of the suite
) -> None:
    optician = keys.token(roles=("optician",), practice="practices/demo")
    shared: list[list[Tracked]] = [[] for _ in range(OPTICIANS // 2)]  # two work on the same orders
    stub = OrderServiceStub(orders)
    async with asyncio.TaskGroup() as crowd:
        for number in range(OPTICIANS):
            name = f"optician {number}"
            crowd.create_task(Optician(world, name, shared[number % len(shared)], stub, optician).work())
        for first, name in enumerate(("engineer 1", "engineer 2")):
            engineer = Engineer(rules, keys.token(roles=("principal_engineer",)))
            begins = first * STEPS_BETWEEN_PUBLICATIONS // 2
            who = Publisher(world, name, engineer, contents, first=begins, every=STEPS_BETWEEN_PUBLICATIONS)
            crowd.create_task(who.work())
        crowd.create_task(Crasher(world, both.replicas, STEPS_BETWEEN_CRASHES).work())


async def _settled(both: Pairs, engineer: Engineer) -> None:
    """Waits until no order is on its way, and the revision in force has decided all that are open."""
    in_force = (await asyncio.to_thread(engineer.in_force)).number
    give_up = time.monotonic() + SETTLE_SECONDS
    while True:
        unsettled = await both.query("order", "select id from handoff where outcome is null")
        stale = await both.query(
            "order",
            "select id from orders where state in ('STATE_DRAFT', 'STATE_NEEDS_ATTENTION')"
            " and catalog_revision between 1 and $1",
            in_force - 1,
        )
        if not unsettled and not stale:
            return
        assert time.monotonic() < give_up, f"{len(unsettled)} are on their way for ever, {len(stale)} are not reviewed"
        await asyncio.sleep(0.2)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What both databases hold when all is quiet.

    Attributes:
        revisions: The revisions, with the time at which each was committed.
        catalogs: Their catalogs, by digest.
        jobs: The jobs, with the time at which each was committed.
        handoffs: The hand-offs.
        orders: The orders.
    """

    revisions: Mapping[int, asyncpg.Record]
    catalogs: Mapping[str, Catalog]
    jobs: list[asyncpg.Record]
    handoffs: list[asyncpg.Record]
    orders: list[asyncpg.Record]

    @classmethod
    async def gathered(cls, both: Pairs) -> "Evidence":
        """Reads it all, as nobody but a superuser can."""
        # a job's row is written anew when it moves, its first event never
        committed = "pg_xact_commit_timestamp(log.xmin) as committed"
        revisions = await both.query(
            "lims",
            f"select number, digest, {committed} from revision join log"  # noqa: S608 -- a constant
            " on log.aggregate = 'labs/main/catalog' and log.sequence = number order by number",
        )
        jobs = await both.query(
            "lims",
            f"select job.*, {committed} from job join log"  # noqa: S608 -- a constant
            " on log.aggregate = 'jobs/' || job.number and log.sequence = 1 order by job.number",
        )
        contents = await both.query("lims", "select distinct digest, content from revision")
        return cls(
            revisions={row["number"]: row for row in revisions},
            catalogs={row["digest"]: compiled(row["content"]) for row in contents},
            jobs=jobs,
            handoffs=await both.query("order", "select * from handoff"),
            orders=await both.query("order", "select * from orders"),
        )

    def each_job_is_of_the_revision_in_force_at_its_commit(self) -> None:
        """The last one that was committed before it."""
        assert sorted(self.revisions) == list(range(1, len(self.revisions) + 1))
        commits = [row["committed"] for _, row in sorted(self.revisions.items())]
        assert commits == sorted(commits)
        for job in self.jobs:
            in_force = max(number for number, row in self.revisions.items() if row["committed"] < job["committed"])
            assert job["catalog_revision"] == in_force, f"job {job['number']} while {in_force} was in force"

    def each_job_is_decided_again_alike(self) -> None:
        """By its revision's rules, byte for byte."""
        kept: dict[tuple[str, bytes], Decision] = {}
        for job in self.jobs:
            decision = self._decision(kept, job["spec"], job["catalog_revision"])
            assert decision.accepted, f"job {job['number']} is not makeable"
            assert decision.to_bytes() == job["decision"], f"job {job['number']} was decided otherwise"

    def each_hand_off_has_its_one_job(self) -> None:
        """A hand-off that was accepted, and no other, has a job of what was handed off, and its order names it."""
        jobs = {job["handoff_id"]: job for job in self.jobs}
        accepted = {row["id"]: row for row in self.handoffs if row["outcome"] == "ACCEPTED"}
        assert len(jobs) == len(self.jobs)
        assert set(jobs) == set(accepted)
        orders = {order["id"]: order for order in self.orders}
        once = Counter(row["order_id"] for row in accepted.values())
        assert set(once.values()) <= {1}, "an order was made twice"
        for identifier, job in jobs.items():
            order = orders[accepted[identifier]["order_id"]]
            assert order["handoff"] == identifier
            assert (order["job"], order["catalog_revision"]) == (f"jobs/{job['number']}", job["catalog_revision"])
            assert job["spec"] == accepted[identifier]["spec"]
            cancelled = (order["state"] == "STATE_CANCELLED", job["state"] == "CANCELLED")
            assert cancelled in {(True, True), (False, False)}, "an order is cancelled and its job goes on"

    def no_order_is_lost(self, tracked: list[Tracked]) -> Counter[str]:
        """Who was told that an order is submitted finds it at the lab, or in need of attention, or cancelled it."""
        orders = {f"{row['tenant']}/orders/{row['id']}": row for row in self.orders}
        refused = {row["order_id"] for row in self.handoffs if row["outcome"] == "REFUSED"}
        for each in tracked:
            order = orders[each.name]
            assert order["state"] != "STATE_SUBMITTED"
            if each.job:
                assert (order["job"], order["catalog_revision"]) == (each.job, each.revision)
            elif each.promised and not each.cancelled and not order["job"]:
                assert order["id"] in refused, f"{each.name} was submitted, and nothing came of it"
                assert order["state"] in {"STATE_NEEDS_ATTENTION", "STATE_DRAFT"}
        return Counter(row["state"].removeprefix("STATE_") for row in self.orders)

    def each_open_order_says_what_its_revision_says(self) -> int:
        """Its violations are those of the revision that it names; returns how many such orders there are."""
        kept: dict[tuple[str, bytes], Decision] = {}
        decided = 0
        for order in self.orders:
            if order["state"] not in {"STATE_DRAFT", "STATE_NEEDS_ATTENTION"} or not order["catalog_revision"]:
                continue
            content = order_pb2.Order.FromString(order["content"])
            spec = JobSpec(eyes=content.eyes, prescription=content.prescription, frame=content.frame, lens=content.lens)
            decision = self._decision(kept, spec.SerializeToString(deterministic=True), order["catalog_revision"])
            told: list[Violation] = list(messages.violations_message(decision.violations).violations)
            assert list(Violations.FromString(order["violations"]).violations) == told, f"order {order['id']}"
            decided += 1
        return decided

    async def each_hand_off_gets_its_job_again(self, lims: Any, token: str) -> int:  # noqa: ANN401 -- a generated stub
        """Whatever is in force now; returns how many were asked for."""
        specs = {row["id"]: row["spec"] for row in self.handoffs}
        asked = self.jobs[:: max(1, len(self.jobs) // REPLAYS)]
        for job in asked:
            spec = JobSpec.FromString(specs[job["handoff_id"]])
            request = lims_rpc.CreateJobRequest(handoff_id=str(job["handoff_id"]), spec=spec)
            again = await lims.CreateJob(request, metadata=bearer(token), timeout=20)
            assert (again.name, again.catalog_revision) == (f"jobs/{job['number']}", job["catalog_revision"])
        return len(asked)

    def _decision(self, kept: dict[tuple[str, bytes], Decision], spec: bytes, number: int) -> Decision:
        digest = self.revisions[number]["digest"]
        if (digest, spec) not in kept:
            asked = messages.ordered(JobSpec.FromString(spec))
            kept[digest, spec] = decide(self.catalogs[digest], messages.spec(asked), revision=digest)
        return kept[digest, spec]
