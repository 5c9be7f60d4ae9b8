"""What the LIMS is made of, as the chassis serves it."""

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
from services.lims import starter, store, workflow
from services.lims.floor.servicer import FloorServicer
from services.lims.revisions import Revisions
from services.lims.servicer import LimsServicer, RuleServicer
from services.lims.workflow import Lab


class LimsSettings(ServiceSettings):
    """The LIMS's settings."""

    lab: str = Field(
        default="labs/main", pattern=r"^labs/[a-z0-9-]{1,63}$", description="The lab whose rows these are."
    )
    product: str = Field(default="Lensmesh LIMS", description="What DescribeLims calls this product.")


@asynccontextmanager
async def compose(house: House[LimsSettings]) -> AsyncIterator[Composition]:
    """Makes the LIMS's servicers; a lab without a catalog gets the starter catalog first."""
    lab = Lab(
        name=house.settings.lab,
        product=house.settings.product,
        database=house.database,
        driver=house.driver,
        tail=house.tail,
        revisions=Revisions(house.settings.lab),
    )
    await workflow.publish_first(lab, starter.files)
    yield Composition(
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
                RuleServicer(lab),
            ),
        ),
    )


SERVICE = Service(
    name="lims",
    settings=LimsSettings,
    migrations=Path(__file__).parent / "migrations",
    compose=compose,
    routines=store.ROUTINES,
)
