"""A lab of its own for each module, whose engineer works on its rules over a real LIMS and a real PostgreSQL."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import grpc
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from lensmesh.lims.v1.draft_pb2 import Draft
from lensmesh.lims.v1.examination_pb2 import CheckReport
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub
from lensmesh.lims.v1.revision_pb2 import CatalogFiles, Revision
from lensmesh.lims.v1.rule_service_pb2 import (
    CheckDraftRequest,
    CreateDraftRequest,
    PublishDraftRequest,
    VerifyHistoryRequest,
    VerifyHistoryResponse,
)
from lensmesh.lims.v1.rule_service_pb2_grpc import RuleServiceStub

from tests.support import rulebook
from tests.support.processes import Process

Metadata = tuple[tuple[str, str], ...]


class Issuer(Protocol):
    """Issues tokens; the session's keys do."""

    def token(self, *, roles: tuple[str, ...] = (), service: str | None = None, subject: str = "") -> str:
        """Returns a token of a person or a service."""


@dataclass(slots=True)
class Engineer:
    """The principal engineer of a lab, at a running LIMS."""

    lab: str
    process: Process
    token: Metadata
    of_orders: Metadata
    heads: Path
    key: Path
    channel: grpc.Channel = field(repr=False)

    @property
    def rules(self) -> RuleServiceStub:
        """The client of the rules."""
        return RuleServiceStub(self.channel)

    @property
    def lims(self) -> LimsServiceStub:
        """The client of the LIMS."""
        return LimsServiceStub(self.channel)

    def call(self, name: str, request: Any) -> Any:  # noqa: ANN401 -- whatever the contract says
        """Makes a call of the rules."""
        return getattr(self.rules, name)(request, metadata=self.token, timeout=30)

    def draft(self, files: CatalogFiles, *, note: str = "what the test wants", base: int = 0) -> Draft:
        """Makes a draft."""
        draft = Draft(note=note, base_revision=base, files=files)
        return self.call("CreateDraft", CreateDraftRequest(draft=draft))

    def check(self, draft: Draft) -> CheckReport:
        """Checks a draft; returns the report."""
        *_, last = self.call("CheckDraft", CheckDraftRequest(name=draft.name))
        assert last.WhichOneof("event") == "report", "\n".join(self.process.lines[-40:])
        return last.report

    def publish(self, draft: Draft, **more: Any) -> Revision:  # noqa: ANN401 -- fields of the request
        """Publishes a draft."""
        return self.call("PublishDraft", PublishDraftRequest(name=draft.name, **more))

    def published(self, files: CatalogFiles, *, note: str = "what the test wants") -> Revision:
        """Drafts, checks and publishes files."""
        draft = self.draft(files, note=note)
        assert not self.check(draft).findings
        return self.publish(draft)

    def verify(self) -> VerifyHistoryResponse:
        """Verifies the history."""
        return self.call("VerifyHistory", VerifyHistoryRequest())


Works = Callable[[str], AbstractContextManager[Engineer]]


@pytest.fixture(scope="session")
def at_work(
    serve: Callable[..., AbstractContextManager[Process]], keys: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Works:
    """Has an engineer work at a lab while a block runs."""

    @contextmanager
    def working(lab: str, **more: str) -> Iterator[Engineer]:
        folder = tmp_path_factory.getbasetemp() / lab.replace("/", "-")
        folder.mkdir(exist_ok=True)
        key = folder / "history.key"
        if not key.exists():
            pem = Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            key.write_bytes(pem)
        heads = folder / "heads.jsonl"
        settings = {
            "LENSMESH_LAB": lab,
            "LENSMESH_SIGNING_KEY": str(key),
            "LENSMESH_HEADS_FILE": str(heads),
            "LENSMESH_HEARTBEAT_SECONDS": "0.2",
        }
        with serve("lims", **settings, **more) as process, grpc.insecure_channel(process.address) as channel:
            yield Engineer(
                lab=lab,
                process=process,
                token=_bearer(keys.token(roles=("principal_engineer",), subject="users/petra")),
                of_orders=_bearer(keys.token(service="order")),
                heads=heads,
                key=key,
                channel=channel,
            )

    return working


def _bearer(token: str) -> Metadata:
    return (("authorization", f"Bearer {token}"),)


@pytest.fixture(scope="module")
def engineer(at_work: Works, request: pytest.FixtureRequest) -> Iterator[Engineer]:
    """The engineer of the module's own lab."""
    with at_work(f"labs/{request.module.__name__.rpartition('.')[2].replace('_', '-')}") as working:
        yield working


def files(**instead: str) -> CatalogFiles:
    """Returns the small lab's files, some of them replaced: by name, with `_` for the dot."""
    texts: Mapping[str, str] = {**rulebook.FILES, **{name.replace("_", "."): text for name, text in instead.items()}}
    return CatalogFiles(
        catalog={"floor.yaml": texts["floor.yaml"]},
        constraints={"limits.yaml": texts["limits.yaml"]},
        tables={"plans.yaml": texts["plans.yaml"]},
        prices={"prices.yaml": texts["prices.yaml"]},
    )
