"""A rolling restart is nobody's business but the operator's."""

import asyncio
import json
import os
import signal
import time

import pytest

from tests.replicas.house import House, until
from tests.replicas.load import Load, rest

pytestmark = [pytest.mark.timeout(300), pytest.mark.load]

REQUESTS = 5000
PRACTICES = 8
UNDER_WAY = 100


async def test_a_rolling_restart_of_every_service_fails_no_request(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """Practices create, read, validate and submit while each replica of each service is replaced by a new process."""
    replicas = ("order-1", "order-2", "lims-1", "lims-2")
    before = {name: house.pid(name) for name in replicas}
    async with rest(house.state.http_url, house.token("optician", "--practice", "demo")) as client:
        load, began = Load(client), time.monotonic()
        restarting = asyncio.create_task(_restart(house, "order", "lims"))
        await load.run(PRACTICES, lambda: restarting.done() and load.requests >= REQUESTS)
        seconds = time.monotonic() - began
    with capsys.disabled():
        print(  # noqa: T201 -- what was done is part of the result
            f"\n  {load.requests} requests in {seconds:.0f} s {dict(load.outcomes)}, slowest {load.slowest:.1f} s, "
            f"{len(load.failures)} failed; restarted within {await restarting}",
        )
    assert load.failures == []
    assert all(house.pid(name) != pid for name, pid in before.items())


def test_the_command_shows_each_replica(house: House) -> None:
    """Its status and its log; the name of the service alone says which there are."""
    shown = {each["name"]: each["port"] for each in json.loads(house.lensmesh("status", "--json"))["processes"]}
    assert len({shown[f"{service}-{number}"] for service in ("order", "lims") for number in (1, 2)}) == 4
    assert '"event": "serving"' in house.lensmesh("logs", "lims-2", "-n", "1000")
    assert "`order` runs as order-1 and order-2" in house.lensmesh("logs", "order", code=2)


async def test_a_replica_that_is_killed_takes_no_more_with_it_than_it_was_working_on(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """A practice has one request under way, so at most one fails; what finds nobody at the port goes to the other."""
    async with rest(house.state.http_url, house.token("optician", "--practice", "demo")) as client:
        load, back = Load(client), asyncio.Event()
        working = asyncio.create_task(load.run(PRACTICES, back.is_set))
        await until(lambda: load.requests > UNDER_WAY, 60, "nobody works")
        os.kill(house.pid("order-1"), signal.SIGKILL)
        await until(lambda: not house.state.ready, 10, "it was not killed")
        await until(lambda: house.state.ready, 60, "it did not come back")
        back.set()
        await working
    with capsys.disabled():
        print(f"\n  order-1 killed: {len(load.failures)} of {load.requests} requests failed")  # noqa: T201 -- as above
    assert len(load.failures) <= PRACTICES, load.failures


async def _restart(house: House, *services: str) -> dict[str, str]:
    """Restarts the services one after the other; returns how long each took."""
    took = {}
    for service in services:
        began = time.monotonic()
        await house.typed("restart", service)
        took[service] = f"{time.monotonic() - began:.0f} s"
    return took
