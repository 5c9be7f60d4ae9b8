"""One leader at a time, and another one soon when it is gone."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from chassis import election
from chassis.database import Database
from chassis.election import LEASE_SECONDS, lead
from tests.chassis.housing import HERE, House, background, eventually


class Candidate:
    """One who would lead, and what became of it."""

    def __init__(self) -> None:
        self.begun = 0
        self.leads = False

    async def work(self) -> None:
        """Leads until told otherwise."""
        self.begun += 1
        self.leads = True
        try:
            await asyncio.Event().wait()
        finally:
            self.leads = False


@asynccontextmanager
async def standing(house: House, candidate: Candidate) -> AsyncIterator["asyncio.Task[object]"]:
    """Lets a candidate stand with a pool of its own, as another process would have."""
    async with house.opened(pool=2) as database, background(lead(database, "work", candidate.work)) as (task,):
        yield task


@contextmanager
def another_process(house: House) -> Iterator[subprocess.Popen[str]]:
    """Runs a process that leads; gives it once it does."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "leader.py"), house.url("service"), house.url("relay")],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        says(process, "LEADS")
        yield process
    finally:
        process.kill()
        process.communicate()


def says(process: subprocess.Popen[str], word: str) -> None:
    """Returns when the process says the word; fails when it ends without."""
    assert process.stdout is not None
    while line := process.stdout.readline():
        if word in line:
            return
    raise AssertionError(f"it ended and never said {word}")


async def test_of_two_candidates_one_leads(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """And goes on leading: its lease is renewed, beyond its length."""
    monkeypatch.setattr(election, "LEASE_SECONDS", 1.0)
    monkeypatch.setattr(election, "_RENEW_SECONDS", 0.2)
    one, other = Candidate(), Candidate()
    async with standing(house, one):
        await eventually(lambda: one.leads)
        async with standing(house, other):
            until = time.monotonic() + 1.5
            while time.monotonic() < until:
                assert one.leads
                assert not other.leads
                await asyncio.sleep(0.05)
    assert (one.begun, other.begun) == (1, 0)


async def test_a_leader_that_is_told_to_go_gives_up_its_lease_at_once(house: House) -> None:
    """The other need not wait for it to run out; and a term never comes twice."""
    one, other = Candidate(), Candidate()
    async with standing(house, one), standing(house, other):
        await eventually(lambda: one.leads or other.leads)
        first, second = (one, other) if one.leads else (other, one)
    async with standing(house, first) as task:
        await eventually(lambda: first.leads)
        terms = [await term(house)]
        async with standing(house, second):
            task.cancel()
            began = time.monotonic()
            await eventually(lambda: second.leads)
            assert time.monotonic() - began < 2
            terms.append(await term(house))
    assert terms[1] > terms[0] > 1


async def term(house: House) -> int:
    """Returns the term of who leads now."""
    async with house.raw("relay") as connection:
        return int(await connection.fetchval("select term from lease where name = 'work'"))


async def test_a_paused_leader_is_replaced_and_gives_way_when_it_wakes(house: House) -> None:
    """It cannot renew; the other leads within the lease's length, and goes on."""
    other = Candidate()
    with another_process(house) as process:
        async with standing(house, other):
            os.kill(process.pid, signal.SIGSTOP)
            began = time.monotonic()
            await eventually(lambda: other.leads)
            assert time.monotonic() - began < LEASE_SECONDS + 2
            os.kill(process.pid, signal.SIGCONT)
            await asyncio.wait_for(asyncio.to_thread(says, process, "GONE"), 10)  # who lost the lease has to stop
            assert other.leads
            assert other.begun == 1


async def test_a_killed_leader_is_replaced(house: House) -> None:
    """Its lease runs out."""
    other = Candidate()
    with another_process(house) as process:
        async with standing(house, other):
            process.kill()
            began = time.monotonic()
            await eventually(lambda: other.leads)
            assert time.monotonic() - began < LEASE_SECONDS + 2


def fails_by(error: BaseException) -> Callable[[], None]:
    """Returns work that fails so."""

    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize("error", [RuntimeError("it broke"), asyncio.CancelledError()], ids=["fails", "is cancelled"])
async def test_work_that_fails_is_begun_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """Also when what it awaited was cancelled, as calls on a closed channel are: that is not the leader's own end."""
    monkeypatch.setattr(election, "_RENEW_SECONDS", 0.05)
    candidate = Candidate()
    fail = fails_by(error)

    async def work() -> None:
        if candidate.begun < 2:
            candidate.begun += 1
            fail()
        await candidate.work()

    async with background(lead(database, "work", work)) as (task,):
        await eventually(lambda: candidate.leads)
        assert candidate.begun == 3
        assert not task.done()


async def test_work_that_ends_is_begun_anew(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over and over, while it leads."""
    monkeypatch.setattr(election, "_RENEW_SECONDS", 0.05)
    begun = 0

    async def work() -> None:
        nonlocal begun
        begun += 1

    async with background(lead(database, "work", work)):
        await eventually(lambda: begun == 3)


async def test_who_cannot_reach_the_database_does_not_lead_and_tries_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is back, so is the leader."""
    monkeypatch.setattr(election, "_RENEW_SECONDS", 0.05)
    candidate = Candidate()
    async with standing(house, candidate):
        await eventually(lambda: candidate.leads)
        async with house.raw("owner") as owner:
            await owner.execute("revoke all on lease from housing_relay")
            try:
                await eventually(lambda: not candidate.leads)
            finally:
                await owner.execute("grant select, insert, update, delete on lease to housing_relay")
        await eventually(lambda: candidate.leads)
    assert candidate.begun == 2
