"""What can be chosen about the embedded mesh, all by `LENSMESH_…` environment variables.

    LENSMESH_HTTP_PORT=9080 make up        another public port
    LENSMESH_HOME=/mnt/ssd/mesh make up    the databases elsewhere; every home is a mesh of its own
    LENSMESH_ONLY=postgres,nats make up    only the servers, to run a service by hand in a debugger
    LENSMESH_REPLICAS=order=2,lims=2 make up    two processes of each service, sharing its work

A port of 0 means: a free one, chosen at start and written to the state.
"""

import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from runtime.errors import SettingsError
from runtime.ports import free_port

PROJECT = Path(__file__).resolve().parents[1]

PROCESSES = ("postgres", "nats", "lims-migrate", "order-migrate", "lims", "order", "web", "envoy", "simulator")
"""Every process a mesh may have."""

SERVICES = ("lims", "order")
"""Those of them that are ours, and can have replicas."""

MOST_REPLICAS = 8
"""How many processes of services a mesh may have: PostgreSQL here has connections for no more."""

# What the command reads of its surroundings, and what the mesh gives its processes.
_READ_ELSEWHERE = frozenset(
    f"LENSMESH_{name}" for name in ("URL", "TOKEN", "TOKEN_FILE", "COMMAND", "JWKS_FILE", "LISTEN")
)

Port = Annotated[int, Field(ge=0, le=65535)]


class MeshSettings(BaseSettings):
    """The settings of one mesh."""

    model_config = SettingsConfigDict(env_prefix="LENSMESH_", frozen=True, extra="ignore")

    home: Path = Field(
        default=PROJECT / ".lensmesh", description="State folder: databases, logs, keys. One mesh per home."
    )
    http_port: Port = Field(default=8080, description="REST and SSE, for browsers and curl.")
    grpc_port: Port = Field(default=8443, description="gRPC over TLS, for integrators and the command line.")
    admin_port: Port = Field(default=9901, description="Envoy's admin page, loopback only.")
    postgres_port: Port = Field(default=15432, description="PostgreSQL, loopback only.")
    nats_port: Port = Field(default=14222, description="NATS, loopback only.")
    lims_port: Port = Field(default=15061, description="The LIMS's own gRPC port, behind Envoy.")
    order_port: Port = Field(default=15062, description="The order service's own gRPC port, behind Envoy.")
    web_port: Port = Field(default=15063, description="The static server's own port, behind Envoy.")
    simulate: bool = Field(default=True, description="Run the simulated lab, which works on the jobs that arrive.")
    simulate_pace: float = Field(
        default=1.0, gt=0, description="Seconds a job spends at each station of the simulated lab."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="How much the services log."
    )
    only: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Names of the processes to run, separated by commas; empty means all."
    )
    replicas: Annotated[Mapping[str, Annotated[int, Field(ge=1)]], NoDecode] = Field(
        default={}, description="How many processes of a service: `order=2,lims=2`. One of each that is not named."
    )

    @field_validator("home", mode="before")
    @classmethod
    def _named(cls, home: str | Path) -> str | Path:
        if not str(home).strip():
            raise ValueError("it names no folder; unset it for the project's own")
        return home

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, level: str) -> str:
        return level.upper()

    @field_validator("only", mode="before")
    @classmethod
    def _split(cls, only: str | tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name.strip() for name in only.split(",") if name.strip()) if isinstance(only, str) else only

    @field_validator("only")
    @classmethod
    def _known(cls, only: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := set(only) - set(PROCESSES):
            raise ValueError(f"there is no process `{min(unknown)}`; processes are {', '.join(PROCESSES)}")
        return only

    @field_validator("replicas", mode="before")
    @classmethod
    def _counted(cls, replicas: str | Mapping[str, int]) -> Mapping[str, int | str]:
        if not isinstance(replicas, str):
            return replicas
        counted: dict[str, int | str] = {}
        for pair in filter(None, map(str.strip, replicas.split(","))):
            service, _, count = (part.strip() for part in pair.partition("="))
            if not count.isdecimal() or not int(count):
                raise ValueError(f"`{pair}` is no number of replicas; write it as `order=2,lims=2`")
            if service in counted:
                raise ValueError(f"`{service}` is there twice")
            counted[service] = count
        return counted

    @field_validator("replicas")
    @classmethod
    def _affordable(cls, replicas: Mapping[str, int]) -> Mapping[str, int]:
        if unknown := set(replicas) - set(SERVICES):
            raise ValueError(f"there is no service `{min(unknown)}`; services are {', '.join(SERVICES)}")
        if sum(replicas.get(service, 1) for service in SERVICES) > MOST_REPLICAS:
            raise ValueError(f"a mesh on one machine has at most {MOST_REPLICAS} replicas in all")
        return replicas

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        names: dict[int, str] = {}
        for name, port in self.ports.items():
            if port and names.setdefault(port, name) != name:
                raise ValueError(
                    f"{variable(names[port])} and {variable(name)} are both {port}; give each its own port"
                )
        return self

    @property
    def ports(self) -> dict[str, int]:
        """Every port by the name of its setting."""
        return {name: getattr(self, name) for name in type(self).model_fields if name.endswith("_port")}

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, for another process to load."""
        values = self.model_dump(mode="json") | {
            "only": ",".join(self.only),
            "replicas": ",".join(f"{service}={count}" for service, count in self.replicas.items()),
        }
        return {variable(name): str(value) for name, value in values.items()}

    def with_ports_chosen(self) -> Self:
        """These settings with a free port in place of every 0."""
        chosen = dict(self.ports)
        for name, port in chosen.items():
            if port == 0:
                chosen[name] = free_port(taken=frozenset(chosen.values()))
        return self.model_copy(update=chosen)


def variable(setting: str) -> str:
    """The environment variable that sets `setting`."""
    return f"{MeshSettings.model_config['env_prefix']}{setting}".upper()


def misspelt(known: Iterable[str]) -> str | None:
    """What to say of a `LENSMESH_…` variable that nothing reads; none when each is read by something.

    Args:
        known: the settings that others read, beside those of the mesh.
    """
    readable = {*map(variable, (*MeshSettings.model_fields, *known)), *_READ_ELSEWHERE}
    for name in sorted(os.environ):
        if name.startswith(variable("")) and name not in readable:
            near = get_close_matches(name, readable, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]}?" if near else "docs/reference/configuration.md lists them all."
            return f"Nothing reads {name}: {hint} Unset it, or spell it right."
    return None


def load(only: tuple[str, ...] = (), replicas: str = "") -> MeshSettings:
    """Read the settings from the environment; an argument that is not empty is preferred to its variable.

    Raises:
        SettingsError: a variable's value makes no sense; the sentence names all of them.
    """
    chosen = {name: value for name, value in {"only": only, "replicas": replicas}.items() if value}
    try:
        return MeshSettings.model_validate(chosen)
    except ValidationError as error:
        problems = [_problem(each["loc"], each["msg"], each["input"], chosen) for each in error.errors()]
        raise SettingsError(f"These settings make no sense: {'; '.join(problems)}.") from error


def _problem(place: tuple[int | str, ...], objection: str, value: object, chosen: Mapping[str, object]) -> str:
    """Say what is wrong with a setting, with its value as it was typed; what is wrong with several names them."""
    words = objection.removeprefix("Value error, ")
    if not place:
        return words
    name = str(place[0])
    return f"{variable(name)}={chosen.get(name, os.environ.get(variable(name), value))} ({words})"
