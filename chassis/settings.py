"""What a service process is told from outside, by environment variables named ``LENSMESH_…``."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """The settings every service has; a service with more of its own derives from this."""

    model_config = SettingsConfigDict(env_prefix="LENSMESH_", frozen=True)

    listen: str = Field(default="127.0.0.1:0", description="Address to serve gRPC on; port 0 picks a free one.")
    database_url: str = Field(description="PostgreSQL URL of the service's own role, bound to one tenant at a time.")
    relay_database_url: str = Field(description="PostgreSQL URL of the role for relays and followers.")
    database_pool: int = Field(default=10, ge=1, le=200, description="Connections kept per role.")
    max_calls: int = Field(default=64, ge=1, description="Calls worked on at once; as many as one core turns over.")
    max_waiting_calls: int = Field(
        default=64, ge=0, description="Calls that may wait for that, a second at most; more are refused at once."
    )
    max_streams: int = Field(default=1000, ge=1, description="Watches open at once; more are refused at once.")
    nats_url: str = Field(default="", description="NATS server events are published to; empty publishes none.")
    jwks_file: Path = Field(description="Public keys (JWKS) that tokens are verified with; read anew when it changes.")
    token_issuer: str = Field(default="lensmesh-local", description="The `iss` a token must carry.")
    token_audience: str = Field(default="lensmesh", description="The `aud` a token must carry.")
    token_file: Path | None = Field(default=None, description="This service's own token, read anew when it changes.")
    otlp_endpoint: str = Field(default="", description="OTLP/gRPC collector for traces; empty exports none.")
    trace_ratio: float = Field(
        default=1.0, ge=0, le=1, description="Share of traces exported when there is a collector."
    )
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR.")
    heartbeat_seconds: float = Field(default=15.0, gt=0, description="A watch that is quiet this long says so.")
    drain_delay_seconds: float = Field(
        default=0.0,
        ge=0,
        description="How long calls are still taken once health says NOT_SERVING, so that load balancers see it first.",
    )
    drain_seconds: float = Field(default=8.0, ge=0, description="How long calls in flight may take once told to stop.")


class MigrationSettings(BaseSettings):
    """What the ``migrate`` verb is told."""

    model_config = SettingsConfigDict(env_prefix="LENSMESH_", frozen=True)

    owner_database_url: str = Field(description="PostgreSQL URL of the role that owns the schema.")
    migrate_wait_seconds: float = Field(default=60.0, gt=0, description="How long to wait for another migration.")
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR.")
