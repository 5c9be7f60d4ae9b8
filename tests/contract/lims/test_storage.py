"""What the LIMS's database itself guards, whatever the code above does."""

import asyncpg
import pytest

from runtime.postgres import Server
from tests.contract.lims.calls import MakeJob, Serve
from tests.support.processes import Process

LAB = "labs/main"


async def _run(url: str, statement: str, lab: str = "") -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            if lab:
                await connection.execute("select set_config('lensmesh.tenant', $1, true)", lab)
            return await connection.fetch(statement)
    finally:
        await connection.close()


@pytest.fixture
def service_url(grpc_server: Process, postgres: Server) -> str:
    """The database as the running service's own role reaches it."""
    assert grpc_server
    return postgres.url("lims", "lims_service")


@pytest.mark.parametrize("table", ["job", "revision", "log"])
async def test_without_a_lab_there_are_no_rows(service_url: str, make_job: MakeJob, table: str) -> None:
    """Row-level security fails closed."""
    make_job()
    assert await _run(service_url, f"select 1 from {table}") == []  # noqa: S608
    assert await _run(service_url, f"select 1 from {table}", "labs/other") == []  # noqa: S608
    assert await _run(service_url, f"select 1 from {table} limit 1", LAB)  # noqa: S608


@pytest.mark.parametrize(
    "statement",
    [
        "update revision set note = 'rewritten'",
        "delete from revision",
        "update job set spec = ''",
        "update job set catalog_revision = 2",
        "update job set decision = null",
        "update job set account = ''",
        "update job set replay = ''",
        "update attempt set spec = ''",
        "delete from attempt",
        "update job set route = '{shipping}'",
        "delete from job",
        "update log set payload = ''",
        "delete from log",
    ],
)
async def test_what_is_pinned_cannot_be_rewritten_by_the_service(
    service_url: str, make_job: MakeJob, statement: str
) -> None:
    """Revisions and events are only ever added; of a job only where it stands may change."""
    make_job()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await _run(service_url, statement, LAB)


async def test_a_revision_is_addressed_by_the_hash_of_its_stored_bytes(service_url: str) -> None:
    """The table itself refuses another digest."""
    rows = await _run(service_url, "select digest = encode(sha256(content), 'hex') as right from revision", LAB)
    assert [row["right"] for row in rows] == [True]
    with pytest.raises(asyncpg.CheckViolationError):
        await _run(
            service_url,
            "insert into revision (tenant, number, digest, parent_digest, content, author, note)"
            " values ('labs/main', 2, 'beef', 'cafe', 'x', 'x', 'x')",
            LAB,
        )


async def test_two_replicas_that_start_at_once_publish_one_starter_catalog(serve: Serve, service_url: str) -> None:
    """A second process over the same database finds the first one's revision."""
    with serve("lims"), serve("lims"):
        rows = await _run(service_url, "select number from revision", LAB)
    assert [row["number"] for row in rows] == [1]
