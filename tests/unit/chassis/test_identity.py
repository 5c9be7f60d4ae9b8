"""Tokens: who is believed, and who is not."""

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from chassis.errors import Unauthenticated
from chassis.identity import Principal, TokenFile, Verifier

ISSUER, AUDIENCE = "lensmesh-local", "lensmesh"


class Issuer:
    """Signs tokens, and publishes its key by a name."""

    def __init__(self, kid: str = "one") -> None:
        self.kid = kid
        self.key = ec.generate_private_key(ec.SECP256R1())

    @property
    def jwk(self) -> dict[str, Any]:
        """The public key."""
        public: dict[str, Any] = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return public | {"kid": self.kid, "alg": "ES256", "use": "sig"}

    @property
    def pem(self) -> bytes:
        """The public key, as anybody may have it."""
        return self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def token(self, *, without: tuple[str, ...] = (), **claims: Any) -> str:  # noqa: ANN401 -- claims, sound or not
        """Returns a token that is sound but for what is said."""
        sound = {"iss": ISSUER, "aud": AUDIENCE, "sub": "users/ada", "exp": time.time() + 60, "roles": ["optician"]}
        spelled = {name: value for name, value in {**sound, **claims}.items() if name not in without}
        return jwt.encode(spelled, self.key, algorithm="ES256", headers={"kid": self.kid})


def publish(file: Path, *issuers: Issuer) -> None:
    """Replaces the key set as issuers do: whole."""
    new = file.with_suffix(".new")
    new.write_text(json.dumps({"keys": [issuer.jwk for issuer in issuers]}))
    new.replace(file)


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    """Where the key set is published."""
    return tmp_path / "jwks.json"


@pytest.fixture
def issuer(jwks: Path) -> Issuer:
    """An issuer whose key is published."""
    made = Issuer()
    publish(jwks, made)
    return made


@pytest.fixture
def verifier(jwks: Path) -> Verifier:
    """Believes the published keys."""
    return Verifier(jwks, issuer=ISSUER, audience=AUDIENCE)


def test_a_sound_token_names_its_holder(issuer: Issuer, verifier: Verifier) -> None:
    """A person with roles and a practice, or a service."""
    person = issuer.token(roles=["optician", "practice_manager"], practice="practices/demo")
    assert verifier.verify(person) == Principal(
        "users/ada", frozenset({"optician", "practice_manager"}), practice="practices/demo"
    )
    service = issuer.token(sub="services/order", service="order", aud=f"{AUDIENCE}-services", without=("roles",))
    assert verifier.verify(service) == Principal("services/order", service="order")


def encoded(value: object) -> str:
    """Returns a part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def unsigned(issuer: Issuer) -> str:
    """Returns a token of `alg: none`."""
    _, claims, _ = issuer.token().split(".")
    return f"{encoded({'alg': 'none', 'typ': 'JWT', 'kid': issuer.kid})}.{claims}."


def signed_with_the_public_key(issuer: Issuer) -> str:
    """Returns a token whose HMAC secret is the key that everybody knows."""
    _, claims, _ = issuer.token().split(".")
    signed = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': issuer.kid})}.{claims}"
    signature = hmac.new(issuer.pem, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def with_another_role(issuer: Issuer) -> str:
    """Returns a token whose claims were changed after it was signed."""
    header, _, signature = issuer.token().split(".")
    other = encoded({"iss": ISSUER, "aud": AUDIENCE, "sub": "users/ada", "exp": time.time() + 60, "roles": []})
    return f"{header}.{other}.{signature}"


@pytest.mark.parametrize(
    ("spell", "said"),
    [
        (lambda issuer: issuer.token(exp=time.time() - 1), "has expired"),
        (lambda issuer: issuer.token(aud="another-mesh"), "cannot be believed"),
        (lambda issuer: issuer.token(aud=["another-mesh"]), "cannot be believed"),
        (lambda issuer: issuer.token(iss="somebody"), "cannot be believed"),
        (lambda issuer: issuer.token(nbf=time.time() + 60), "cannot be believed"),
        *((lambda issuer, name=name: issuer.token(without=(name,)), name) for name in ("exp", "iss", "aud", "sub")),
        (lambda _: Issuer("two").token(), "a key we do not know"),
        (lambda _: Issuer("one").token(), "cannot be believed"),
        (unsigned, "cannot be believed"),
        (signed_with_the_public_key, "cannot be believed"),
        (with_another_role, "cannot be believed"),
        (lambda issuer: issuer.token(roles=["optician", "king"]), "roles that do not exist: king"),
        (lambda issuer: issuer.token(roles=["unspecified"]), "roles that do not exist"),
        (lambda issuer: issuer.token(roles=["ROLE_OPTICIAN"]), "roles that do not exist"),
        *(
            (lambda issuer, roles=roles: issuer.token(roles=roles), "malformed")
            for roles in ("optician", 5, None, [[]])
        ),
        (lambda issuer: issuer.token(service=["order"], aud=f"{AUDIENCE}-services"), "malformed"),
        (lambda issuer: issuer.token(service="order"), "at once"),
        (lambda issuer: issuer.token(aud=f"{AUDIENCE}-services"), "at once"),
        (lambda issuer: issuer.token(sub="users/a\0b"), "malformed"),
        (lambda issuer: issuer.token(practice=1), "malformed"),
        (lambda issuer: issuer.token()[:-4], "cannot be believed"),
        (lambda _: "hello", "cannot be believed"),
        (lambda _: "a.b.c", "cannot be believed"),
        (lambda _: "é.ü.ö", "cannot be believed"),
    ],
)
def test_an_unsound_token_is_refused_and_says_why(
    issuer: Issuer, verifier: Verifier, spell: Callable[[Issuer], str], said: str
) -> None:
    """Each time it is sent."""
    token = spell(issuer)
    for _ in range(2):
        with pytest.raises(Unauthenticated, match=said):
            verifier.verify(token)


@pytest.mark.parametrize("signed", [unsigned, signed_with_the_public_key, with_another_role])
def test_the_forgeries_of_this_test_are_sound_but_for_their_signature(
    issuer: Issuer, signed: Callable[[Issuer], str]
) -> None:
    """Or they would be refused for another reason, and prove nothing."""
    claims = jwt.decode(signed(issuer), options={"verify_signature": False})
    assert claims["iss"] == ISSUER
    assert claims["exp"] > time.time()
    assert jwt.get_unverified_header(signed(issuer))["kid"] == issuer.kid


def test_a_remembered_token_expires(issuer: Issuer, verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was believed a moment ago; that does not help it."""
    now = time.time()
    token = issuer.token(exp=int(now) + 30)
    verifier.verify(token)
    assert token in verifier._verified
    monkeypatch.setattr(time, "time", lambda: now + 29)
    verifier.verify(token)
    expired = issuer.token(exp=int(now) - 30)
    verifier._verified[expired] = (now - 30, verifier.verify(token))
    with pytest.raises(Unauthenticated, match="expired"):
        verifier.verify(expired)


def test_no_more_tokens_are_remembered_than_there_is_room_for(
    issuer: Issuer, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sends many does not fill the memory; refused ones are not remembered at all."""
    monkeypatch.setattr("chassis.identity._REMEMBERED_TOKENS", 3)
    for number in range(6):
        verifier.verify(issuer.token(sub=f"users/{number}"))
        with pytest.raises(Unauthenticated):
            verifier.verify(f"nonsense-{number}")
    assert [principal.subject for _, principal in verifier._verified.values()] == ["users/3", "users/4", "users/5"]


def test_a_withdrawn_key_is_not_believed_any_longer(issuer: Issuer, verifier: Verifier, jwks: Path) -> None:
    """At once, though its token is remembered."""
    token = issuer.token()
    verifier.verify(token)
    publish(jwks, Issuer("two"))
    with pytest.raises(Unauthenticated, match="a key we do not know"):
        verifier.verify(token)


def test_a_key_withdrawn_within_a_tick_of_the_files_clock_is_noticed(
    issuer: Issuer, verifier: Verifier, jwks: Path
) -> None:
    """Two files of one moment are still two files."""
    token = issuer.token()
    verifier.verify(token)
    moment = jwks.stat().st_mtime_ns
    publish(jwks, Issuer("two"))
    os.utime(jwks, ns=(moment, moment))
    with pytest.raises(Unauthenticated, match="a key we do not know"):
        verifier.verify(token)


def test_keys_are_rotated_without_a_gap(issuer: Issuer, verifier: Verifier, jwks: Path) -> None:
    """While both are published both are believed; then only the new one."""
    new = Issuer("two")
    old_token, new_token = issuer.token(), new.token()
    publish(jwks, issuer, new)
    assert verifier.verify(old_token) == verifier.verify(new_token)
    publish(jwks, new)
    assert verifier.verify(new_token).subject == "users/ada"
    with pytest.raises(Unauthenticated):
        verifier.verify(old_token)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ([], "no token"),
        ([("x-authorization", "Bearer x")], "no token"),
        ([("authorization", "Basic YTpi")], "not a bearer token"),
        ([("authorization", "Bearer")], "not a bearer token"),
        ([("authorization", "")], "not a bearer token"),
    ],
)
def test_a_call_without_a_bearer_token_is_refused_and_told_the_way_out(
    issuer: Issuer, verifier: Verifier, metadata: list[tuple[str, str]], said: str
) -> None:
    """How to send one."""
    assert issuer
    with pytest.raises(Unauthenticated, match=said) as error:
        verifier.authenticate(metadata)
    assert "authorization: Bearer <token>" in error.value.message


def test_the_scheme_may_be_spelled_in_any_case(issuer: Issuer, verifier: Verifier) -> None:
    """As RFC 7235 says."""
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert verifier.authenticate([("authorization", f"{scheme} {issuer.token()}")]).subject == "users/ada"


def test_a_services_own_token_is_read_anew_when_it_changes(tmp_path: Path) -> None:
    """Also within a tick of the file's clock."""
    file = tmp_path / "order.jwt"
    file.write_text("first\n")
    token = TokenFile(file)
    assert token.read() == token.read() == "first"
    moment = file.stat().st_mtime_ns
    new = tmp_path / "new"
    new.write_text("other\n")
    new.replace(file)
    os.utime(file, ns=(moment, moment))
    assert token.read() == "other"
