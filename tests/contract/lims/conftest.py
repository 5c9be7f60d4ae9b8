"""The real LIMS over a real PostgreSQL, through pytest-grpc's fixtures.

pytest-grpc's own address fixture leaks a socket and its own server is synchronous, so `grpc_addr`, `grpc_server` and
`grpc_create_channel` are overridden; `grpc_channel` and `grpc_stub` are the plugin's.
"""

import uuid
from collections.abc import Callable, Iterator
from typing import Protocol

import grpc
import pytest
from lensmesh.lims.v1.floor_service_pb2_grpc import FloorServiceStub
from lensmesh.lims.v1.job_pb2 import Job, JobSpec
from lensmesh.lims.v1.lims_service_pb2 import CreateJobRequest
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from lensmesh.type.v1.frame_pb2 import EDGE_TYPE_BEVEL, FRAME_MATERIAL_METAL, Frame
from lensmesh.type.v1.lens_pb2 import LensSpec
from lensmesh.type.v1.prescription_pb2 import EYES_BOTH, EyePrescription, Prescription

from tests.contract.lims.calls import MakeJob, Metadata, Serve
from tests.support.processes import Process


class Issuer(Protocol):
    """Issues tokens; the session's keys do."""

    def token(self, *, roles: tuple[str, ...] = (), practice: str | None = None, service: str | None = None) -> str:
        """Returns a token of a person or a service."""


@pytest.fixture(scope="session")
def lims(serve: Serve) -> Iterator[Process]:
    """The LIMS as a process of its own."""
    with serve("lims", LENSMESH_HEARTBEAT_SECONDS="0.2") as process:
        yield process


@pytest.fixture(scope="module")
def grpc_addr(lims: Process) -> str:
    """Where it listens."""
    return lims.address


@pytest.fixture(scope="module")
def grpc_server(lims: Process) -> Process:
    """The server under test."""
    return lims


@pytest.fixture(scope="module")
def grpc_create_channel(grpc_addr: str) -> Callable[..., grpc.Channel]:
    """Makes a channel to it."""

    def create(credentials: object = None, options: object = None) -> grpc.Channel:
        del credentials
        return grpc.insecure_channel(grpc_addr, options)

    return create


@pytest.fixture(scope="module")
def grpc_stub_cls() -> type[LimsServiceStub]:
    """The client of the contract."""
    return LimsServiceStub


@pytest.fixture(scope="module")
def floor(grpc_channel: grpc.Channel) -> FloorServiceStub:
    """The client of the floor."""
    return FloorServiceStub(grpc_channel)


@pytest.fixture(scope="session")
def tokens(keys: Issuer) -> dict[str, Metadata]:
    """What each kind of caller sends with a call, by name."""

    def bearer(token: str) -> Metadata:
        return (("authorization", f"Bearer {token}"),)

    return {
        "order": bearer(keys.token(service="order")),
        "billing": bearer(keys.token(service="billing")),
        "optician": bearer(keys.token(roles=("optician",), practice="practices/demo")),
        "operator": bearer(keys.token(roles=("lab_operator",))),
        "engineer": bearer(keys.token(roles=("principal_engineer",))),
        "nobody": (),
    }


@pytest.fixture(scope="session")
def order(tokens: dict[str, Metadata]) -> Metadata:
    """The order service's token."""
    return tokens["order"]


@pytest.fixture(scope="session")
def operator(tokens: dict[str, Metadata]) -> Metadata:
    """A lab operator's token."""
    return tokens["operator"]


@pytest.fixture(scope="session")
def engineer(tokens: dict[str, Metadata]) -> Metadata:
    """The principal engineer's token."""
    return tokens["engineer"]


@pytest.fixture
def progressive() -> JobSpec:
    """A pair of progressive lenses that can be made."""
    return JobSpec(
        eyes=EYES_BOTH,
        prescription=Prescription(
            right=EyePrescription(sphere=-0.5, cylinder=-1.25, axis=140, add=1.25, distance_pd=31, fitting_height=16),
            left=EyePrescription(sphere=0.5, cylinder=-3, axis=15, add=1.25, distance_pd=31, fitting_height=16),
        ),
        frame=Frame(a=51, b=44.01, dbl=20, ed=52, material=FRAME_MATERIAL_METAL, edge_type=EDGE_TYPE_BEVEL),
        lens=LensSpec(design="comfort-pal", material="cr39", colour="clear", coatings=["hc"]),
    )


@pytest.fixture
def make_job(grpc_stub: LimsServiceStub, order: Metadata, progressive: JobSpec) -> MakeJob:
    """Makes a new job."""

    def make() -> Job:
        request = CreateJobRequest(handoff_id=str(uuid.uuid4()), spec=progressive)
        return grpc_stub.CreateJob(request, metadata=order)

    return make
