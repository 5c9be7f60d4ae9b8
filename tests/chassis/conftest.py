"""Fixtures of the chassis's tests over real servers: a house with its database, emptied for each test."""

from collections.abc import AsyncIterator

import pytest

from runtime.postgres import Server
from tests.chassis import housing
from tests.chassis.housing import Doors, House


@pytest.fixture(scope="session")
def built(postgres: Server) -> House:
    """The session's house."""
    return housing.build(postgres)


@pytest.fixture
async def house(built: House) -> House:
    """The session's house, with nobody and nothing in it."""
    await built.empty()
    return built


@pytest.fixture
async def database(house: House) -> AsyncIterator[Doors]:
    """The house's database, as a process of the service holds it."""
    async with house.opened() as opened:
        yield opened
