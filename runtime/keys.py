"""The keys of one mesh: who may sign tokens, and what the edge's TLS is trusted by.

In production an OIDC provider issues tokens and a public authority certifies the edge. Here a folder does both:

    signing.pem, jwks.json        ES256 key of the token issuer, and its public half as the edge and services read it
    ca.pem, ca.key                local authority; clients verify the edge against `ca.pem`
    edge.pem, edge.key            certificate of the gRPC listener, renewed at start when it nears its end
    history.pem                   Ed25519 key that the lab signs the history of its catalog with
    tokens/<holder>.jwt           a service's own token: it reads this file and never holds the signing key

Every private file is readable by its owner only.
"""

import base64
import ipaddress
import json
import re
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from jwt.algorithms import ECAlgorithm

from runtime.errors import NotRunningError, TokenRefusedError
from runtime.files import write_atomically

ISSUER = "lensmesh-local"
AUDIENCE = "lensmesh"
SERVICES_AUDIENCE = "lensmesh-services"  # the edge does not take it: a service's token is of no use outside

PRACTICE_ROLES = ("optician", "practice_manager")
"""Roles of people who order; they belong to a practice."""
LAB_ROLES = ("principal_engineer", "lab_operator")
"""Roles of people who make lenses; they belong to the lab, and to no practice."""

SERVICE_TOKEN_LIFE = timedelta(hours=24)

_PRACTICE = re.compile(r"practices/[a-z0-9][a-z0-9-]{0,62}")  # as the contract bounds it
_SERVER_NAMES = ("localhost", "lensmesh.local")
_SERVER_ADDRESSES = ("127.0.0.1", "::1")
_CA_LIFE = timedelta(days=3650)
_SERVER_LIFE = timedelta(days=397)  # the most that clients of public authorities accept
_RENEW_BEFORE = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one mesh, made and on disk."""

    folder: Path
    signing: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def jwks(self) -> Path:
        """The issuer's public key, as a JSON Web Key Set."""
        return self.folder / "jwks.json"

    @property
    def ca(self) -> Path:
        """The certificate clients trust."""
        return self.folder / "ca.pem"

    @property
    def certificate(self) -> Path:
        """The edge's certificate."""
        return self.folder / "edge.pem"

    @property
    def private_key(self) -> Path:
        """The private key of the edge's certificate."""
        return self.folder / "edge.key"

    @property
    def history(self) -> Path:
        """The key that the lab signs the history of its catalog with."""
        return self.folder / "history.pem"

    def token_file(self, holder: str) -> Path:
        """Where `holder` (a service, or the simulator) finds its own token."""
        return self.folder / "tokens" / f"{holder}.jwt"


def prepare(folder: Path, now: datetime) -> Keys:
    """Make the keys that are missing in `folder`, renew certificates that end within 60 days, and load the rest."""
    signing = _read_or_make_key(folder / "signing.pem")
    keys = Keys(folder, signing)
    if not keys.history.exists():
        write_atomically(keys.history, _pem(ed25519.Ed25519PrivateKey.generate()))
    write_atomically(keys.jwks, json.dumps({"keys": [_public_jwk(signing)]}, indent=2), mode=0o644)
    authority = _authority(keys, now)
    if not _valid(keys.certificate, authority, now):
        _certify_edge(keys, authority, now)
    return keys


def load(folder: Path) -> Keys:
    """The keys in `folder`, which a mesh has made.

    Raises:
        NotRunningError: there are none yet.
    """
    if not (folder / "signing.pem").exists():
        raise NotRunningError(f"There are no keys in {folder} yet. `make up` makes them.")
    return Keys(folder, _read_or_make_key(folder / "signing.pem"))


def _read_or_make_key(path: Path) -> ec.EllipticCurvePrivateKey:
    if path.exists():
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{path} holds no elliptic-curve key")
        return key
    key = ec.generate_private_key(ec.SECP256R1())
    write_atomically(path, _pem(key))
    return key


def _pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


# ── tokens ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _public_jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    """The public key as a JWK, named by its thumbprint (RFC 7638): a new key is never mistaken for an old one."""
    jwk: dict[str, Any] = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    required = json.dumps({name: jwk[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    thumbprint = base64.urlsafe_b64encode(sha256(required.encode()).digest()).decode().rstrip("=")
    return jwk | {"kid": thumbprint, "alg": "ES256", "use": "sig"}


def issue_token(
    keys: Keys,
    *,
    subject: str,
    ttl: timedelta,
    roles: Sequence[str] = (),
    practice: str | None = None,
    service: str | None = None,
    now: datetime | None = None,
) -> str:
    """Sign a token for a person or for a service.

    Args:
        keys: the keys of the mesh that shall accept it.
        subject: resource name of the holder: `users/demo-optician`, `services/order`.
        ttl: how long it is valid.
        roles: what a person is: of `PRACTICE_ROLES` or `LAB_ROLES`. Empty for a service.
        practice: resource name of the practice a person belongs to, `practices/demo`; `None` for the lab and services.
        service: the calling service, `order`; `None` for a person.
        now: time of issue; the clock's by default.

    Raises:
        TokenRefusedError: unknown role, malformed practice, or a role that does not fit the practice.
    """
    _check(roles, practice)
    issued = now or datetime.now(UTC)
    claims = {
        "iss": ISSUER,
        "aud": SERVICES_AUDIENCE if service else AUDIENCE,
        "sub": subject,
        "iat": int(issued.timestamp()),
        "exp": int((issued + ttl).timestamp()),
        "jti": secrets.token_urlsafe(16),
    }
    if roles:
        claims["roles"] = list(roles)
    if practice:
        claims["practice"] = practice
    if service:
        claims["service"] = service
    return jwt.encode(claims, keys.signing, algorithm="ES256", headers={"kid": _public_jwk(keys.signing)["kid"]})


def _check(roles: Sequence[str], practice: str | None) -> None:
    known = PRACTICE_ROLES + LAB_ROLES
    for role in roles:
        if role not in known:
            raise TokenRefusedError(f"There is no role `{role}`. Roles are: {', '.join(known)}.")
        if role in PRACTICE_ROLES and practice is None:
            raise TokenRefusedError(f"A person with the role `{role}` belongs to a practice: add --practice demo.")
        if role in LAB_ROLES and practice is not None:
            raise TokenRefusedError(f"A person with the role `{role}` works at the lab: leave --practice out.")
    if practice is not None and not _PRACTICE.fullmatch(practice):
        raise TokenRefusedError(
            f"`{practice.removeprefix('practices/')}` is no practice id: "
            "lower-case letters, digits and hyphens, at most 63, not beginning with a hyphen."
        )


def write_service_token(keys: Keys, service: str) -> None:
    """Replace the token of a service by a fresh one, in `tokens/<service>.jwt`."""
    token = issue_token(keys, subject=f"services/{service}", service=service, ttl=SERVICE_TOKEN_LIFE)
    write_atomically(keys.token_file(service), token)


def write_simulator_token(keys: Keys) -> None:
    """Replace the token by which the simulated lab acts as a lab operator, in `tokens/simulator.jwt`."""
    token = issue_token(keys, subject="users/simulator", roles=["lab_operator"], ttl=SERVICE_TOKEN_LIFE)
    write_atomically(keys.token_file("simulator"), token)


# ── certificates ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def _authority(keys: Keys, now: datetime) -> _Authority:
    key = _read_or_make_key(keys.folder / "ca.key")
    if not _valid(keys.ca, None, now):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Lensmesh local CA ({socket.gethostname()})"[:64])])
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            _certificate(name, name, key.public_key(), now, _CA_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .add_extension(identifier, critical=False)
            .sign(key, hashes.SHA256())
        )
        write_atomically(keys.ca, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
    return _Authority(x509.load_pem_x509_certificate(keys.ca.read_bytes()), key)


def _certify_edge(keys: Keys, authority: _Authority, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    names = [
        *(x509.DNSName(name) for name in _SERVER_NAMES),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in _SERVER_ADDRESSES),
    ]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Lensmesh edge")])
    issuer = authority.certificate
    certificate = (
        _certificate(subject, issuer.subject, key.public_key(), now, _SERVER_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    write_atomically(keys.private_key, _pem(key))
    write_atomically(keys.certificate, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))  # clocks of containers and their hosts differ a little
        .not_valid_after(now + life)
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _valid(path: Path, issuer: _Authority | None, now: datetime) -> bool:
    """Whether there is a certificate at `path`, not near its end, and issued by `issuer` where one is given."""
    if not path.exists():
        return False
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    if certificate.not_valid_after_utc - now < _RENEW_BEFORE:
        return False
    if issuer is None:
        return True
    try:
        certificate.verify_directly_issued_by(issuer.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
