"""What the LIMS is made of, as the chassis serves it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lensmesh.lims.v1 import (
    floor_service_pb2,
    floor_service_pb2_grpc,
    lims_service_pb2,
    lims_service_pb2_grpc,
    rule_service_pb2,
    rule_service_pb2_grpc,
)
from pydantic import Field

from chassis.service import Composition, House, Service, Servicer
from chassis.settings import ServiceSettings
from services.lims import starter, store
from services.lims.attempts import Attempts
from services.lims.floor.servicer import FloorServicer
from services.lims.revisions import Revisions
from services.lims.rulebook import keys, publishing, readiness, scheduling
from services.lims.rulebook.heads import Heads
from services.lims.rulebook.publishing import Rulebook
from services.lims.rulebook.servicer import RuleServicer
from services.lims.servicer import LimsServicer
from services.lims.workflow import Lab


class LimsSettings(ServiceSettings):
    """The LIMS's settings."""

    lab: str = Field(
        default="labs/main", pattern=r"^labs/[a-z0-9-]{1,63}$", description="The lab whose rows these are."
    )
    product: str = Field(default="Lensmesh LIMS", description="What DescribeLims calls this product.")
    signing_key: Path | None = Field(
        default=None, description="Ed25519 key (PEM) that heads of the catalog's history are signed with."
    )
    heads_file: Path | None = Field(
        default=None,
        description="Where those heads are kept outside the database: best where nobody who administers it can write.",
    )


@asynccontextmanager
async def compose(house: House[LimsSettings]) -> AsyncIterator[Composition]:
    """Makes the LIMS's servicers; a lab without a catalog gets the starter catalog first."""
    attempts = Attempts(house.settings.lab, house.database)
    lab = Lab(
        name=house.settings.lab,
        product=house.settings.product,
        database=house.database,
        driver=house.driver,
        tail=house.tail,
        revisions=Revisions(house.settings.lab),
        attempts=attempts,
    )
    settings = house.settings
    book = Rulebook(
        lab,
        key=keys.read(settings.signing_key) if settings.signing_key else None,
        heads=Heads(settings.heads_file, lab.name) if settings.heads_file else None,
    )
    await publishing.publish_first(book, starter.texts)
    ready = asyncio.create_task(readiness.stay_ready(lab))
    try:
        async with attempts.written():
            yield _composition(house, lab, book)
    finally:
        ready.cancel()
        await asyncio.wait([ready])


def _composition(house: House[LimsSettings], lab: Lab, book: Rulebook) -> Composition:
    return Composition(
        servicers=(
            Servicer(
                lims_service_pb2.DESCRIPTOR.services_by_name["LimsService"],
                lims_service_pb2_grpc.add_LimsServiceServicer_to_server,
                LimsServicer(lab, house.pace),
            ),
            Servicer(
                floor_service_pb2.DESCRIPTOR.services_by_name["FloorService"],
                floor_service_pb2_grpc.add_FloorServiceServicer_to_server,
                FloorServicer(lab),
            ),
            Servicer(
                rule_service_pb2.DESCRIPTOR.services_by_name["RuleService"],
                rule_service_pb2_grpc.add_RuleServiceServicer_to_server,
                RuleServicer(book, house.pace),
            ),
        ),
        led={f"schedule-of-{lab.name}": lambda: scheduling.publish_what_is_due(book)},
    )


SERVICE = Service(
    name="lims",
    settings=LimsSettings,
    migrations=Path(__file__).parent / "migrations",
    compose=compose,
    routines=store.ROUTINES,
)
