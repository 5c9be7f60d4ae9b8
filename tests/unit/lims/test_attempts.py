"""Refused attempts wait in memory, within bounds, until they can be written."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from lensmesh.lims.v1.job_pb2 import JobSpec

from chassis.database import Database
from rules.catalog import Catalog
from rules.decide import decide
from rules.load import load
from services.lims import attempts, messages, starter
from services.lims.attempts import Attempts
from services.lims.model import Attempt, Ordered, Revision

CATALOG = load(starter.files())
REVISION = Revision(7, "digest", datetime(2026, 1, 1, tzinfo=UTC))


@dataclass
class Shelf(Database):
    """A database that can be away, and what was written to it."""

    away: bool = False
    written: list[Attempt] = field(default_factory=list)

    @asynccontextmanager
    async def transaction(self, tenant: str) -> AsyncIterator["Shelf"]:  # type: ignore[override]
        """Runs a transaction."""
        del tenant
        if self.away:
            raise ConnectionError("away")
        yield self


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """The database."""

    async def add(connection: Shelf, lab: str, some: Sequence[Attempt]) -> None:
        del lab
        connection.written += some

    monkeypatch.setattr("services.lims.store.add_attempts", add)
    return Shelf()


def refuse(into: Attempts, panto: int) -> Ordered:
    """Has a spec refused, one for each tilt."""
    message = JobSpec()
    message.frame.panto = panto
    ordered = messages.ordered(message, "100200")
    into.note(ordered, REVISION, CATALOG, decide(CATALOG, messages.spec(ordered)))
    return ordered


async def test_what_is_refused_again_is_counted_and_written_once(shelf: Shelf) -> None:
    """And after that it begins anew."""
    noted = Attempts("labs/main", shelf)
    first = refuse(noted, 1)
    refuse(noted, 1)
    refuse(noted, 2)
    await noted.write()
    await noted.write()

    assert [(each.count, each.catalog_revision) for each in shelf.written] == [(2, 7), (1, 7)]
    assert shelf.written[0].spec == first.content


async def test_while_the_database_is_away_attempts_wait_and_are_counted_on(shelf: Shelf) -> None:
    """Nobody who is refused notices."""
    noted = Attempts("labs/main", shelf)
    shelf.away = True
    refuse(noted, 1)
    await noted.write()
    refuse(noted, 1)
    shelf.away = False
    await noted.write()

    assert [each.count for each in shelf.written] == [2]


async def test_of_more_than_memory_should_hold_the_oldest_is_let_go(shelf: Shelf) -> None:
    """Also of those that are taken back."""
    noted = Attempts("labs/main", shelf, most=3)
    shelf.away = True
    specs = [refuse(noted, panto) for panto in range(1, 4)]
    await noted.write()
    specs.append(refuse(noted, 4))
    await noted.write()
    shelf.away = False
    await noted.write()

    assert [each.spec for each in shelf.written] == [each.content for each in specs[1:]]


async def test_what_only_lacks_something_is_not_noted(shelf: Shelf) -> None:
    """An empty form is no demand."""
    noted = Attempts("labs/main", shelf)
    ordered = messages.ordered(JobSpec())
    decision = decide(CATALOG, messages.spec(ordered))
    noted.note_unless_unfinished(ordered, REVISION, CATALOG, decision)
    await noted.write()

    assert not decision.accepted
    assert shelf.written == []


async def test_what_is_noted_when_the_service_ends_is_written(shelf: Shelf) -> None:
    """Within the second, and at the latest at the end."""
    noted = Attempts("labs/main", shelf, seconds=60)
    async with noted.written():
        refuse(noted, 1)

    assert len(shelf.written) == 1


def test_the_account_of_who_was_refused_is_in_nothing_that_is_kept(catalog_that_tells: Catalog) -> None:
    """Neither where a constraint would say it."""
    ordered = messages.ordered(JobSpec(), "100200")
    decision = decide(catalog_that_tells, messages.spec(ordered))
    kept = attempts._attempt(attempts._Noted(ordered, REVISION, catalog_that_tells, decision, 1))

    assert any("100200" in each.message for each in decision.violations)
    assert b"100200" not in kept.violations


@pytest.fixture
def catalog_that_tells() -> Catalog:
    """A catalog with a constraint that names the account it objects to."""
    files = dict(starter.files())
    constraint = {
        "id": "barred",
        "scope": "pair",
        "refuse": 'order.account == "100200"',
        "at": "lens.design",
        "shows": "order.account",
        "severity": "error",
        "code": "BARRED",
        "says": "ask the lab.",
        "reason": "the test",
    }
    return load({**files, "barred.yaml": {"constraints": [constraint]}})
