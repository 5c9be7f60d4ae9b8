"""A job on a floor, for the tests of what happens there."""

import uuid
from datetime import UTC, datetime

from optics.eyes import Side
from rules.catalog import Station
from rules.floor import Breakage as Reason
from rules.floor import Responsible
from services.lims.model import Job, LensProgress, State

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""A Monday, while the lab works."""

FLOOR = {
    station.id: station
    for station in (
        Station("picking", "Stock room", "Preparing", minutes=60, picks=True),
        Station("surfacing", "Surface", "Surfacing", minutes=480),
        Station("coating", "Coat", "Coating", minutes=600),
        Station("edging", "Edge", "Edging", minutes=240),
        Station("inspection", "Measure", "Final inspection", minutes=120, inspects=True),
        Station("shipping", "Pack", "Shipped", minutes=60),
    )
}
ROUTE = tuple(FLOOR)
SCRATCH = Reason("scratch", "Scratch", Responsible.LAB, "picking", new_blank=True)
PEELING = Reason("peeling", "Peels", Responsible.LAB, "coating", new_blank=False, stations=("edging", "inspection"))
REASONS = {each.id: each for each in (SCRATCH, PEELING)}


def lens(side: Side | None = Side.RIGHT, route: tuple[str, ...] = ROUTE, **how: object) -> LensProgress:
    """A lens that waits to be begun."""
    return LensProgress(side, f"sf-{side or 'any'}", route, **how)  # type: ignore[arg-type]


def job(*lenses: LensProgress, route: tuple[str, ...] = ROUTE) -> Job:
    """A job that was received at noon; of two lenses, when none are given."""
    return Job(
        number=100_001,
        handoff_id=uuid.UUID(int=1),
        spec=b"",
        spec_digest=b"",
        account="",
        state=State.RECEIVED,
        station="",
        route=route,
        catalog_revision=1,
        sequence=1,
        create_time=NOON,
        update_time=NOON,
        customer_status="Received",
        lenses=lenses or (lens(Side.RIGHT), lens(Side.LEFT)),
    )
