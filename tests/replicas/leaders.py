"""Who leads what: the leases of the services' databases, and what each replica says of itself."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.replicas.house import House

SERVICES = ("order", "lims")


@dataclass(frozen=True, slots=True)
class Led:
    """Work that one replica of a service does at a time."""

    service: str
    lease: str


@dataclass(frozen=True, slots=True)
class Term:
    """A replica's time as a leader."""

    replica: str
    began: datetime


async def led_work(house: House) -> list[Led]:
    """Everything in the mesh that has a leader, as the databases know it."""
    return [
        Led(service, row["name"])
        for service in SERVICES
        for row in await house.query(service, "select name from lease order by name")
    ]


def term(house: House, led: Led) -> Term:
    """The latest term of some led work."""
    terms = [
        Term(process.name, said["time"])
        for process in house.state.processes
        if process.name.startswith(f"{led.service}-") and process.port
        for said in house.events(process.name, "leading")
        if said["lease"] == led.lease
    ]
    return max(terms, key=lambda each: each.began)


async def gathered(house: House) -> dict[Led, Term]:
    """Makes one replica lead everything its service leads, by restarting another; returns the terms."""
    for service in SERVICES:
        await house.typed("restart", f"{service}-2")
    work = await led_work(house)
    terms = {led: term(house, led) for led in work}
    for service in SERVICES:
        assert len({terms[led].replica for led in work if led.service == service}) == 1, terms
    return terms


async def handed_over(house: House, work: Iterable[Led], since: datetime, seconds: float) -> dict[Led, float]:
    """Waits until another process leads each: the other replica, or the one started in the lost one's place.

    Returns:
        After how many seconds.
    """
    took: dict[Led, float] = {}
    waiting = set(work)
    give_up = time.monotonic() + seconds
    while waiting:
        assert time.monotonic() < give_up, f"nobody leads {waiting}"
        for led in tuple(waiting):
            if (began := term(house, led).began) > since:
                took[led] = (began - since).total_seconds()
                waiting.discard(led)
        await asyncio.sleep(0.05)
    return took


def told(took: dict[Led, float]) -> str:
    """The hand-over times as a line to print."""
    return ", ".join(f"{led.service}/{led.lease} {seconds:.1f} s" for led, seconds in took.items())


def now() -> datetime:
    """The time, as the services' logs tell it."""
    return datetime.now(UTC)
