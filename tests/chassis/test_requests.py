"""Requests that may be repeated: one write, and the first answer again."""

import asyncio
import contextlib
import uuid

import pytest
from lensmesh.order.v1.order_pb2 import Order
from lensmesh.order.v1.order_service_pb2 import AddNoteRequest, SubmitOrderRequest

from chassis import requests
from chassis.errors import RequestIdReused
from chassis.requests import Answered
from tests.chassis.housing import TENANT, Doors, append, hold_thing, places, read_all


def note(request_id: str, words: str = "hello") -> AddNoteRequest:
    """Returns a request with an id."""
    return AddNoteRequest(name=f"{TENANT}/orders/1", text=words, request_id=request_id)


async def write_once(database: Doors, request: AddNoteRequest) -> Answered | None:
    """Writes as a use case does, unless the request was answered before; returns the earlier answer."""
    async with database.transaction(TENANT) as connection:
        if earlier := await requests.claim(connection, TENANT, request):
            return earlier
        await append(connection, "order", await hold_thing(connection, "order"))
        await asyncio.sleep(0)
        await requests.answer(connection, TENANT, request, subject=request.name, message=Order(name=request.text))
        return None


async def test_the_same_id_and_body_get_the_first_answer_again(database: Doors) -> None:
    """Byte for byte, and nothing is written anew; also when the id is spelled in capitals."""
    request_id = str(uuid.uuid4())
    assert await write_once(database, note(request_id)) is None
    answered = Answered(f"{TENANT}/orders/1", Order(name="hello").SerializeToString())
    assert await write_once(database, note(request_id)) == answered
    assert await write_once(database, note(request_id.upper())) == answered
    assert places(await read_all(database)) == [("order", 1)]


async def test_the_same_id_with_another_body_is_refused(database: Doors) -> None:
    """Another text, or another kind of request with the same fields."""
    request_id = str(uuid.uuid4())
    await write_once(database, note(request_id))
    with pytest.raises(RequestIdReused, match=request_id):
        await write_once(database, note(request_id, "something else"))
    async with database.transaction(TENANT) as connection:
        for other in (
            SubmitOrderRequest(name=f"{TENANT}/orders/1", etag="hello", request_id=request_id),
            AddNoteRequest(name=f"{TENANT}/orders/2", text="hello", request_id=request_id),
        ):
            with pytest.raises(RequestIdReused):
                await requests.claim(connection, TENANT, other)
    assert places(await read_all(database)) == [("order", 1)]


async def test_of_ten_that_arrive_together_one_writes_and_all_get_its_answer(database: Doors) -> None:
    """The others wait for it."""
    request_id = str(uuid.uuid4())
    answers = await asyncio.gather(*(write_once(database, note(request_id)) for _ in range(10)))
    assert answers.count(None) == 1
    assert len({answer for answer in answers if answer}) == 1
    assert places(await read_all(database)) == [("order", 1)]


async def test_when_the_first_is_undone_the_one_that_waited_writes(database: Doors) -> None:
    """A claim is worth as much as the transaction that holds it."""
    request = note(str(uuid.uuid4()))
    with contextlib.suppress(LookupError):
        async with database.transaction(TENANT) as connection:
            assert await requests.claim(connection, TENANT, request) is None
            waiting = asyncio.ensure_future(write_once(database, request))
            await asyncio.sleep(0.05)
            assert not waiting.done()
            raise LookupError
    assert await waiting is None
    assert places(await read_all(database)) == [("order", 1)]


async def test_an_id_belongs_to_its_tenant(database: Doors) -> None:
    """Another practice may use the same one, and learns nothing."""
    request = note(str(uuid.uuid4()))
    await write_once(database, request)
    async with database.transaction("practices/other") as connection:
        assert await requests.claim(connection, "practices/other", request) is None


async def test_a_released_id_can_be_asked_again(database: Doors) -> None:
    """A request that came to nothing was not answered."""
    request = note(str(uuid.uuid4()))
    await write_once(database, request)
    async with database.transaction(TENANT) as connection:
        await requests.release(connection, TENANT, uuid.UUID(request.request_id))
    assert await write_once(database, request) is None


async def test_a_request_without_an_id_is_made_each_time(database: Doors) -> None:
    """It claims nothing."""
    assert await write_once(database, note("")) is None
    assert await write_once(database, note("")) is None
    assert places(await read_all(database)) == [("order", 1), ("order", 2)]


async def test_an_answer_may_be_how_the_subject_stands(database: Doors) -> None:
    """Then nothing but the subject is kept."""
    request = note(str(uuid.uuid4()))
    async with database.transaction(TENANT) as connection:
        await requests.claim(connection, TENANT, request)
        await requests.answer(connection, TENANT, request, subject="practices/demo/orders/1")
    async with database.transaction(TENANT) as connection:
        assert await requests.claim(connection, TENANT, request) == Answered("practices/demo/orders/1", None)
