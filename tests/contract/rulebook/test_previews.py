"""What a draft would have made of past orders, told before it is published."""

import asyncio
import uuid
from collections.abc import Iterator

import asyncpg
import pytest
from lensmesh.lims.v1.draft_pb2 import Draft
from lensmesh.lims.v1.examination_pb2 import PreviewGroup, PreviewReport, Progress
from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.lims.v1.lims_service_pb2 import CreateJobRequest, ValidateJobRequest
from lensmesh.lims.v1.rule_service_pb2 import PreviewDraftRequest, PreviewDraftResponse
from lensmesh.type.v1.frame_pb2 import EDGE_TYPE_BEVEL, FRAME_MATERIAL_METAL, Frame
from lensmesh.type.v1.lens_pb2 import LensSpec
from lensmesh.type.v1.prescription_pb2 import EYES_BOTH, EyePrescription, Prescription

from runtime.postgres import Server
from tests.contract.rulebook.conftest import Engineer, Works, files
from tests.support.rulebook import FILES, LIMITS, PLANS, PRICES

LAB = "labs/with-a-past"
_DEADLINE = 10.0
_PATIENCE = 120.0  # a worker leaves the processor to others, and there may be many


def _spec(sphere: float) -> JobSpec:
    eye = EyePrescription(sphere=sphere, distance_pd=31)
    return JobSpec(
        eyes=EYES_BOTH,
        prescription=Prescription(right=eye, left=eye),
        frame=Frame(a=51, b=44.01, dbl=20, ed=52, material=FRAME_MATERIAL_METAL, edge_type=EDGE_TYPE_BEVEL),
        lens=LensSpec(design="plain", material="cr39", colour="clear"),
    )


@pytest.fixture(scope="module")
def past(at_work: Works, postgres: Server) -> Iterator[Engineer]:
    """An engineer whose small lab has made four jobs and refused an order, which was tried three times."""
    with at_work(LAB) as engineer:
        engineer.published(files())
        for sphere in (-0.5, -1.0, -1.5, -2.0):
            request = CreateJobRequest(handoff_id=str(uuid.uuid4()), spec=_spec(sphere))
            engineer.lims.CreateJob(request, metadata=engineer.of_orders)
        for _ in range(3):
            engineer.lims.ValidateJob(ValidateJobRequest(spec=_spec(-2.25)), metadata=engineer.of_orders)
        asyncio.run(_written(postgres))
        yield engineer


async def _written(postgres: Server) -> None:
    connection = await asyncpg.connect(postgres.url("lims"))
    try:
        async with asyncio.timeout(_DEADLINE):
            while await connection.fetchval("select sum(count) from attempt where tenant = $1", LAB) != 3:  # noqa: ASYNC110 -- PostgreSQL tells nobody
                await asyncio.sleep(0.05)
    finally:
        await connection.close()


def preview(engineer: Engineer, **instead: str) -> tuple[list[Progress], PreviewReport]:
    """Previews the small lab's files with some replaced; returns how far it was told to be, and the report."""
    draft: Draft = engineer.draft(files(**instead))
    *before, last = _previewed(engineer, draft)
    assert last.WhichOneof("event") == "report", "\n".join(engineer.process.lines[-40:])
    assert last.report.digest == draft.digest
    return [each.progress for each in before if each.HasField("progress")], last.report


def _previewed(engineer: Engineer, draft: Draft) -> list[PreviewDraftResponse]:
    request = PreviewDraftRequest(name=draft.name)
    return list(engineer.rules.PreviewDraft(request, metadata=engineer.token, timeout=_PATIENCE))


def told(report: PreviewReport) -> list[tuple[str, str, int, int, list[tuple[str, int]]]]:
    """Returns the groups, in short."""
    return [
        (
            PreviewGroup.Kind.Name(each.kind).removeprefix("KIND_"),
            each.rule,
            each.jobs,
            each.attempts,
            [(money.currency, money.minor_units) for money in each.money],
        )
        for each in report.groups
    ]


def test_the_files_in_force_change_nothing(past: Engineer) -> None:
    """Every job and every attempt comes out as it did."""
    progress, report = preview(past)

    assert (report.jobs, report.attempts, report.unchanged, report.decided_singly) == (4, 3, 7, 0)
    assert not report.groups
    assert (progress[-1].done, progress[-1].total) == (5, 5)
    assert report.HasField("time")


def test_a_narrower_limit_tells_which_orders_it_would_have_turned_away(past: Engineer) -> None:
    """With what they brought, and in words why; the newest first."""
    _, report = preview(past, limits_yaml=LIMITS.replace("2.00 D", "1.00 D"))

    assert told(report) == [("NEWLY_REFUSED", "power", 2, 0, [("EUR", 8000)])]
    first, second = report.groups[0].examples
    assert int(first.job.removeprefix("jobs/")) > int(second.job.removeprefix("jobs/"))
    assert "Plain in CR-39" in first.ordered
    assert first.before.startswith("Accepted, EUR 40.00, ")
    assert first.after.startswith("Refused. Right eye, sphere -2.00 D: CR-39 is made from -1.00 D to +1.00 D.")


def test_a_wider_limit_tells_the_demand_it_would_have_met(past: Engineer) -> None:
    """An attempt counts as often as it was made, its money once, and it has no name."""
    _, report = preview(past, limits_yaml=LIMITS.replace("2.00 D", "3.00 D"))

    assert told(report) == [("NEWLY_ACCEPTED", "power", 0, 3, [("EUR", 4000)])]
    assert report.groups[0].examples[0].job == ""
    assert (report.unchanged, report.decided_singly) == (4, 0)


def test_a_dearer_row_tells_the_money(past: Engineer) -> None:
    """The sum of the new prices less the old ones; an example tells the charges that differ, and nothing else."""
    _, report = preview(past, prices_yaml=PRICES.replace("amount: 40.00", "amount: 42.50"))

    assert told(report) == [("REPRICED", "base-price/plain", 4, 0, [("EUR", 1000)])]
    example = report.groups[0].examples[0]
    assert (example.before, example.after) == ("EUR 40.00: Plain, CR-39 40.00.", "EUR 42.50: Plain, CR-39 42.50.")


def test_what_changes_the_lenses_is_decided_one_by_one(past: Engineer) -> None:
    """Another thickness, of another lens of the same blank."""
    _, report = preview(past, plans_yaml=PLANS.replace("centre: 1.80", "centre: 2.00"))

    assert told(report) == [("REPLANNED", "minimum-thickness/all", 4, 0, [])]
    assert report.decided_singly == 7
    assert "centre 1.80 mm" in report.groups[0].examples[0].before
    assert "centre 2.00 mm" in report.groups[0].examples[0].after


def test_a_job_older_than_what_is_kept_is_decided_by_its_spec(past: Engineer, postgres: Server) -> None:
    """It comes out like any other, only slower."""

    async def forget() -> None:
        connection = await asyncpg.connect(postgres.url("lims"))
        try:
            await connection.execute(
                "update job set replay = null where number = (select max(number) from job where tenant = $1)", LAB
            )
        finally:
            await connection.close()

    asyncio.run(forget())
    _, report = preview(past, limits_yaml=LIMITS.replace("2.00 D", "1.00 D"))

    assert (report.jobs, report.decided_singly) == (4, 1)
    assert told(report) == [("NEWLY_REFUSED", "power", 2, 0, [("EUR", 8000)])]


def test_a_preview_is_kept_with_the_revision_that_it_weighed(past: Engineer) -> None:
    """Who published it knew what it would do."""
    draft = past.draft(files(prices_yaml=FILES["prices.yaml"].replace("amount: 40.00", "amount: 41.00")))
    _previewed(past, draft)
    past.check(draft)
    revision = past.publish(draft)

    assert revision.preview.jobs == 4
