"""What differs from one edge to the next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.clusters import Endpoint

LOOPBACK = "127.0.0.1"
IMAGE = Path(__file__).parents[1] / "gen" / "lensmesh.binpb"
KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSettings:
    """Ports, keys, services and limits of one edge."""

    http_port: int
    """REST and server-sent events."""
    grpc_port: int
    """Native gRPC over TLS."""
    admin_port: int
    """Envoy's admin page, on loopback whatever `listen_address` says: it can shut Envoy down."""
    jwks: str
    """The keys tokens are signed with, as a JSON Web Key Set."""
    certificate: Path
    """Certificate chain of the TLS port, PEM."""
    private_key: Path
    """Its key, PEM."""
    secret: Path | None = None
    """Both as one file (`render_secret`), read anew when it is replaced; `None`: the two above are read once."""
    upstreams: Mapping[str, Endpoint | Sequence[Endpoint]]
    """Where each service of the contracts is (`order` → host and port, or several of them)."""
    web: Endpoint | None = None
    """Where the static server is; without one there are no pages."""
    issuer: str = "lensmesh-local"
    """Who must have issued a token (`iss`)."""
    audience: str = "lensmesh"
    """Whom a token must be for (`aud`)."""
    listen_address: str = LOOPBACK
    """Address both ports listen on."""
    image: Path = IMAGE
    """The contracts, as a descriptor image."""
    max_body_bytes: int = 1024 * KIB
    """Largest request body: a lab file of 1 MiB is the largest thing anybody sends."""
    max_response_bytes: int = 4096 * KIB
    """Largest unary answer: as large as a gRPC client takes by default."""
    max_connections: int = 10_000
    """Open client connections; beyond, new ones are closed at once."""
