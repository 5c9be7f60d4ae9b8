"""Fixtures of the whole suite: one PostgreSQL and one NATS a session, keys, and services as processes."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runtime import keys as local_keys
from runtime.nats import running as running_nats
from runtime.postgres import Server
from runtime.postgres import running as running_postgres
from tests.support import processes
from tests.support.processes import Process

Serve = Callable[..., AbstractContextManager[Process]]


@dataclass(frozen=True, slots=True)
class TestKeys:
    """Keys of the session's mesh, and the tokens they sign."""

    __test__ = False

    local: local_keys.Keys

    @property
    def jwks_file(self) -> Path:
        """The public keys, as services read them."""
        return self.local.jwks

    def token(
        self,
        *,
        roles: tuple[str, ...] = (),
        practice: str | None = None,
        service: str | None = None,
        subject: str = "",
        ttl: timedelta = timedelta(hours=1),
    ) -> str:
        """Returns a token of a person or a service."""
        return local_keys.issue_token(
            self.local,
            subject=subject or (f"services/{service}" if service else "users/test"),
            ttl=ttl,
            roles=roles,
            practice=practice,
            service=service,
        )


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> TestKeys:
    """Signing keys made for this session, with a token file for each service."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "tokens").mkdir()
    made = local_keys.prepare(folder, datetime.now(UTC))
    for service in ("lims", "order"):
        local_keys.write_service_token(made, service)
    return TestKeys(made)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real PostgreSQL of the session's own."""
    with running_postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real NATS with JetStream of the session's own."""
    with running_nats(tmp_path_factory.mktemp("nats")) as url:
        yield url


@pytest.fixture(scope="session")
def environment(postgres: Server, keys: TestKeys) -> Callable[..., dict[str, str]]:
    """Makes a service's database, migrated, and the environment it is started with."""
    prepared: set[str] = set()

    def make(service: str, **more: str) -> dict[str, str]:
        told = processes.environment(postgres, service, keys.jwks_file, keys.local.token_file(service), **more)
        if service not in prepared:
            postgres.bootstrap(service)
            processes.migrate(service, told)
            prepared.add(service)
        return told

    return make


@pytest.fixture(scope="session")
def serve(environment: Callable[..., dict[str, str]]) -> Serve:
    """Runs a service as a process while a block runs; more settings are keyword arguments."""

    @contextmanager
    def run(service: str, **more: str) -> Iterator[Process]:
        with processes.serving(service, environment(service, **more)) as process:
            yield process

    return run
