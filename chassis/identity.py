"""Who calls: tokens verified against the published keys, and the principal they name.

Every service verifies for itself. A header set by a proxy is never believed, so it does not matter who could reach a
service's port.
"""

import json
import time
from collections import OrderedDict
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

from chassis.contract import ROLES, MethodContract
from chassis.errors import NotAllowed, NotFound, Unauthenticated

_REMEMBERED_TOKENS = 4096
_FileState = tuple[int, int, int]
_WAY_OUT = "send `authorization: Bearer <token>` with a current token"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a verified token names.

    Attributes:
        subject: ``users/…`` or ``services/…``.
        roles: A person's roles.
        practice: The practice a person belongs to (``practices/demo``); empty for lab staff and services.
        service: A service's name; empty for people.
    """

    subject: str
    roles: frozenset[str] = frozenset()
    practice: str = ""
    service: str = ""


ANONYMOUS = Principal(subject="anonymous")

current: ContextVar[Principal] = ContextVar("principal", default=ANONYMOUS)
"""The principal of the call being served."""


class Verifier:
    """Verifies tokens against a JWKS file; remembers what it verified until it expires."""

    def __init__(self, jwks_file: Path, *, issuer: str, audience: str) -> None:
        self._file = jwks_file
        self._issuer = issuer
        self._audience = audience
        self._state: _FileState | None = None
        self._keys: dict[str, jwt.PyJWK] = {}
        self._verified: OrderedDict[str, tuple[float, Principal]] = OrderedDict()

    def authenticate(self, metadata: Iterable[tuple[str, str | bytes]]) -> Principal:
        """Returns the principal that the call's ``authorization`` names.

        Raises:
            Unauthenticated: There is no token, or it cannot be believed; the sentence says why.
        """
        for key, value in metadata:
            if key == "authorization":
                scheme, _, token = str(value).partition(" ")
                if scheme.lower() != "bearer" or not token:
                    raise Unauthenticated(f"the authorization header is not a bearer token: {_WAY_OUT}")
                return self.verify(token)
        raise Unauthenticated(f"no token: {_WAY_OUT}")

    def verify(self, token: str) -> Principal:
        """Returns the principal a token names.

        Raises:
            Unauthenticated: It is expired, not for this mesh, not signed by a known key, or malformed.
        """
        self._refresh()
        remembered = self._verified.get(token)
        if remembered is not None and time.time() < remembered[0]:
            return remembered[1]
        claims = self._claims(token)
        principal = _principal(claims)
        self._verified[token] = (float(claims["exp"]), principal)
        if len(self._verified) > _REMEMBERED_TOKENS:
            self._verified.popitem(last=False)
        return principal

    def _claims(self, token: str) -> dict[str, Any]:
        services = services_audience(self._audience)
        try:
            key = self._key(jwt.get_unverified_header(token).get("kid", ""))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["ES256", "RS256"],
                issuer=self._issuer,
                audience=[self._audience, services],
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated(f"the token has expired: {_WAY_OUT}") from error
        except jwt.PyJWTError as error:
            raise Unauthenticated(f"the token cannot be believed ({error}): {_WAY_OUT}") from error
        if (claims["aud"] == services) != bool(claims.get("service")):
            raise Unauthenticated(f"the token is a service's and a person's at once: {_WAY_OUT}")
        return claims

    def _refresh(self) -> None:
        state = _state(self._file)
        if state != self._state:
            keys = json.loads(self._file.read_text())["keys"]
            self._keys = {key["kid"]: jwt.PyJWK(key) for key in keys}
            self._verified.clear()  # what a withdrawn key signed is not believed any longer
            self._state = state

    def _key(self, kid: str) -> jwt.PyJWK:
        if kid not in self._keys:
            raise jwt.InvalidKeyError("signed by a key we do not know")
        return self._keys[kid]


def services_audience(audience: str) -> str:
    """Returns the audience of tokens that services call each other with. The edge takes only the other one."""
    return f"{audience}-services"


def _principal(claims: dict[str, Any]) -> Principal:
    roles, practice, service = claims.get("roles", []), claims.get("practice", ""), claims.get("service", "")
    well_formed = isinstance(roles, list) and all(isinstance(claim, str) for claim in (*roles, practice, service))
    if not well_formed or not claims["sub"].isprintable():
        raise Unauthenticated(f"the token's claims are malformed: {_WAY_OUT}")
    unknown = set(roles) - ROLES
    if unknown:
        raise Unauthenticated(f"the token names roles that do not exist: {', '.join(sorted(unknown))}")
    return Principal(
        subject=claims["sub"],
        roles=frozenset(roles),
        practice=practice,
        service=service,
    )


def authorize(method: MethodContract, principal: Principal, tenant: str | None) -> None:
    """Lets the principal pass, or not.

    Raises:
        NotAllowed: Neither a role nor the service name is one the RPC's policy admits.
        NotFound: The request belongs to another practice; the caller learns no more than that.
    """
    if method.public:
        return
    if principal.service:
        if principal.service not in method.callers:
            raise NotAllowed(f"the service {principal.service} may not call {method.name}")
        return
    if not principal.roles & method.roles:
        needed = " or ".join(sorted(method.roles)) or "a service"
        raise NotAllowed(f"{method.name} is for {needed}; {principal.subject} is {_spoken(principal.roles)}")
    if tenant is not None and (tenant != principal.practice or not tenant):
        raise NotFound("there is no such resource; check its name and the practice of your token")


def _spoken(roles: frozenset[str]) -> str:
    return " and ".join(sorted(roles)) or "nobody in particular"


def _state(file: Path) -> _FileState:
    """Returns what changes when a file is replaced; its time alone may not, when that happens twice within a tick."""
    found = file.stat()
    return found.st_mtime_ns, found.st_ino, found.st_size


class TokenFile:
    """A token kept in a file by whoever issues it, read anew when the file changes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._state: _FileState | None = None
        self._token = ""

    def read(self) -> str:
        """Returns the current token."""
        state = _state(self._file)
        if state != self._state:
            self._token = self._file.read_text().strip()
            self._state = state
        return self._token
