"""What the order service stands on hangs or goes down: a clear answer in time, and back to work by itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest

from runtime.postgres import Server
from tests.chassis.housing import eventually
from tests.overload.conftest import ORDER, ORDERS, House, reason, retry_seconds

SUBMITTED, SENT = "STATE_SUBMITTED", "STATE_SENT_TO_LAB"
GRACE_SECONDS = 0.9
"""What an answer may take beyond its deadline; after 1 s it is the edge that gives up, and it knows less."""
CLEAR = {(503, "UNAVAILABLE"), (504, "DEADLINE_EXCEEDED"), (429, "OVERLOADED")}


async def draft(client: httpx.AsyncClient) -> str:
    """Creates a draft and returns its address."""
    return f"/v1/{(await client.post(ORDERS, json=ORDER)).raise_for_status().json()['name']}"


async def timed(call: Awaitable[httpx.Response]) -> tuple[httpx.Response, float]:
    """Returns an answer and the seconds it took."""
    began = time.monotonic()
    answer = await call
    return answer, time.monotonic() - began


def assert_refused_in_time(answer: httpx.Response, seconds: float, deadline: float) -> None:
    """Fails unless the refusal is clear and came by the deadline."""
    assert (answer.status_code, reason(answer)) in CLEAR, answer.text
    assert seconds < deadline + GRACE_SECONDS
    if reason(answer) != "DEADLINE_EXCEEDED":  # what may have taken effect is not simply repeated
        assert retry_seconds(answer) > 0


async def works_again(client: httpx.AsyncClient) -> bool:
    """Tells whether an order can be made and submitted."""
    created = await client.post(ORDERS, json=ORDER)
    if not created.is_success:
        return False
    submitted = await client.post(f"/v1/{created.json()['name']}:submit", json={})
    return submitted.is_success and submitted.json()["state"] == SENT


async def reaches_the_lab(client: httpx.AsyncClient, order: str) -> bool:
    """Tells whether an order has its job."""
    answer = await client.get(order)
    return answer.is_success and answer.json()["state"] == SENT and bool(answer.json()["job"])


@pytest.fixture(autouse=True)
async def _back_to_work(rest: httpx.AsyncClient) -> AsyncIterator[None]:
    """After each of these tests the house works again within seconds, by itself."""
    await eventually(lambda: works_again(rest))
    yield
    began = time.monotonic()
    await eventually(lambda: works_again(rest))
    assert time.monotonic() - began < 10


async def test_a_lab_that_hangs_is_a_clear_answer_and_a_submit_that_is_kept(
    house: House, rest: httpx.AsyncClient
) -> None:
    """Validation says when to try again; the submit is accepted, and its job comes when the lab is back."""
    order = await draft(rest)
    with house.lab.frozen():
        assert_refused_in_time(*await timed(rest.post(f"{order}:validate")), deadline=2)
        answer, seconds = await timed(rest.post(f"{order}:submit", json={}))
        assert (answer.status_code, answer.json()["state"]) == (200, SUBMITTED)
        assert seconds < 5 + GRACE_SECONDS
    await eventually(lambda: reaches_the_lab(rest, order))


async def test_a_lab_that_is_down_is_the_same_only_sooner(house: House, rest: httpx.AsyncClient) -> None:
    """Nobody waits for a deadline when there is nobody to answer."""
    order = await draft(rest)
    with house.lab.cut():
        assert_refused_in_time(*await timed(rest.post(f"{order}:validate")), deadline=2)
        answer, seconds = await timed(rest.post(f"{order}:submit", json={}))
        assert (answer.status_code, answer.json()["state"]) == (200, SUBMITTED)
        assert seconds < 5 + GRACE_SECONDS
    await eventually(lambda: reaches_the_lab(rest, order))


async def test_reads_go_on_while_submits_wait_for_a_lab_that_hangs(house: House, rest: httpx.AsyncClient) -> None:
    """More submits than the service has calls: they wait for the lab in a room of their own, and none is lost."""
    orders = [await draft(rest) for _ in range(40)]
    with house.lab.frozen():
        submitting = []
        for order in orders:  # one comes with each read
            submitting.append(asyncio.ensure_future(rest.post(f"{order}:submit", json={})))
            answer, seconds = await timed(rest.get(order))
            assert answer.status_code == 200, answer.text
            assert seconds < 1.5
        answers = await asyncio.gather(*submitting)
    assert [(answer.status_code, answer.json()["state"]) for answer in answers] == [(200, SUBMITTED)] * len(orders)

    async def all_have_jobs() -> bool:
        return all([await reaches_the_lab(rest, order) for order in orders])

    await eventually(all_have_jobs, 40)
    jobs = [(await rest.get(order)).json()["job"] for order in orders]
    assert len(set(jobs)) == len(jobs)


async def test_a_database_that_is_down_is_unavailable_at_once(house: House, rest: httpx.AsyncClient) -> None:
    """With when to try again, well before the deadline."""
    order = await draft(rest)
    with house.database.cut():
        for _ in range(10):
            answer, seconds = await timed(rest.get(order))
            assert (answer.status_code, reason(answer)) == (503, "UNAVAILABLE")
            assert_refused_in_time(answer, seconds, deadline=0)


async def test_a_database_that_hangs_holds_nobody_beyond_the_deadline(house: House, rest: httpx.AsyncClient) -> None:
    """Many at once, reads and writes: each has an answer in time, and what is too much has it at once."""
    order = await draft(rest)
    with house.database.frozen():
        reads = [timed(rest.get(order)) for _ in range(60)]
        writes = [timed(rest.post(f"{order}:submit", json={}))]
        *read, written = await asyncio.gather(*reads, *writes)
        for answer, seconds in read:
            assert_refused_in_time(answer, seconds, deadline=2)
        assert_refused_in_time(*written, deadline=10)


@asynccontextmanager
async def row_held(postgres: Server, order: str) -> AsyncIterator[asyncpg.Connection]:
    """Holds an order's row locked while the block runs, as a transaction that does not end would."""
    connection = await asyncpg.connect(postgres.url("order"))
    try:
        async with connection.transaction():
            identifier = order.rpartition("/")[2]
            assert await connection.fetchval("select true from orders where id = $1 for update", identifier)
            yield connection
    finally:
        await connection.close()


async def waiting_for_locks(connection: asyncpg.Connection) -> int:
    """Returns how many statements of the service wait for a lock."""
    waiting = await connection.fetchval(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and usename = 'order_service'"
    )
    return int(waiting)


async def test_a_row_that_others_hold_is_not_waited_for_beyond_the_deadline(
    rest: httpx.AsyncClient, postgres: Server
) -> None:
    """The statement is given up with its call: nothing goes on waiting in the database for nobody."""
    order = await draft(rest)
    async with row_held(postgres, order) as connection:
        hasty = rest.post(f"{order}:submit", json={}, headers={"grpc-timeout": "700m"})
        assert_refused_in_time(*await timed(hasty), deadline=0.7)
        await eventually(lambda: _none(waiting_for_locks(connection)), 2)
        assert_refused_in_time(*await timed(rest.post(f"{order}:submit", json={})), deadline=5)


async def _none(count: Awaitable[int]) -> bool:
    return await count == 0


async def test_an_exhausted_pool_is_a_clear_answer_too(rest: httpx.AsyncClient, postgres: Server) -> None:
    """All connections wait for a lock: who needs one is told in time, and has one again when they are back."""
    order = await draft(rest)
    patch = {"customerReference": "later"}
    async with row_held(postgres, order):
        edits = [asyncio.ensure_future(timed(rest.patch(order, json=patch))) for _ in range(4)]
        await asyncio.sleep(0.3)
        assert_refused_in_time(*await timed(rest.get(order)), deadline=2)
        for edit in edits:
            assert_refused_in_time(*await edit, deadline=5)
    assert (await rest.get(order)).status_code == 200


async def test_nobody_waits_for_nats(house: House, rest: httpx.AsyncClient) -> None:
    """What is to be published waits in the log; orders go on."""
    for broken in (house.nats.cut, house.nats.frozen):
        with broken():
            for _ in range(5):
                began = time.monotonic()
                assert await works_again(rest)
                assert time.monotonic() - began < 2
