"""What the order service is made of, as the chassis serves it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lensmesh.order.v1 import account_service_pb2, order_service_pb2
from lensmesh.order.v1.account_service_pb2_grpc import add_AccountServiceServicer_to_server
from lensmesh.order.v1.order_service_pb2_grpc import add_OrderServiceServicer_to_server
from pydantic import Field

from chassis.channels import Credentials
from chassis.identity import TokenFile
from chassis.service import Composition, House, Service, Servicer
from chassis.settings import ServiceSettings
from lims_client.client import LimsClient
from services.order import store
from services.order.accounts import Accounts
from services.order.consumers import CatalogFollower, JobFollower
from services.order.importing import Importer
from services.order.servicer import AccountServicer, OrderServicer
from services.order.watching import Watching
from services.order.workflow import Workflow


class OrderSettings(ServiceSettings):
    """The settings of the order service."""

    token_file: Path = Field(description="The order service's own token, which the LIMS knows it by.")
    lims_target: str = Field(description="Where the lab's LIMS serves gRPC.")
    lab: str = Field(default="labs/main", description="Resource name of that lab.")
    first_accounts: str = Field(
        default="",
        pattern=r"^([\w.-]+=practices/[a-z0-9-]+,?)*$",
        description="Practices' accounts with the lab to begin with, while it has given none: `100200=practices/demo`.",
    )


@asynccontextmanager
async def compose(house: House[OrderSettings]) -> AsyncIterator[Composition]:
    """Makes the order service out of what it stands on."""
    settings = house.settings
    credentials = Credentials(TokenFile(settings.token_file))
    # half of our calls at most wait for the lab, so that the others go on when it hangs
    lims = LimsClient(settings.lims_target, credentials, max_calls=max(1, settings.max_calls // 2))
    try:
        workflow = Workflow(house.database, house.driver, house.tail, lims, settings.lab)
        accounts = Accounts(house.database, settings.lab)
        await accounts.give_first(_pairs(settings.first_accounts))
        importer = Importer(house.database, lims, workflow, accounts)
        watching = Watching(house.driver, house.tail, workflow)
        follower = JobFollower(house.database, house.tail, lims, settings.lab)
        catalog = CatalogFollower(house.database, lims, workflow)
        yield Composition(
            servicers=[
                Servicer(
                    order_service_pb2.DESCRIPTOR.services_by_name["OrderService"],
                    add_OrderServiceServicer_to_server,
                    OrderServicer(workflow, importer, watching, house.pace),
                ),
                Servicer(
                    account_service_pb2.DESCRIPTOR.services_by_name["AccountService"],
                    add_AccountServiceServicer_to_server,
                    AccountServicer(accounts, workflow, importer),
                ),
            ],
            led={"handoffs": workflow.finish_handoffs, "follower": follower.run, "catalog": catalog.run},
        )
    finally:
        await lims.close()


def _pairs(given: str) -> list[tuple[str, str]]:
    return [(number, practice) for number, _, practice in (each.partition("=") for each in given.split(",") if each)]


SERVICE = Service(
    name="order",
    settings=OrderSettings,
    migrations=Path(__file__).parent / "migrations",
    compose=compose,
    routines=store.ROUTINES,
)
