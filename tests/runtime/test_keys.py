"""Keys, tokens and certificates of the local mesh."""

import json
import ssl
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from runtime import keys
from runtime.errors import NotRunningError, TokenRefusedError
from runtime.keys import Keys
from runtime.layout import Layout

NOW = datetime.now(UTC)


@pytest.fixture
def own_keys(layout: Layout) -> Keys:
    """The keys of a fresh mesh."""
    return keys.prepare(layout.keys, NOW)


def _verify(own_keys: Keys, token: str, audience: str = keys.AUDIENCE) -> dict[str, object]:
    """Verify as the edge does, by the published keys, issuer and audience; services take an audience more."""
    jwks = jwt.PyJWKSet.from_json(own_keys.jwks.read_text())
    key = jwks[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, object] = jwt.decode(token, key, ["ES256"], issuer="lensmesh-local", audience=audience)
    return claims


def test_a_persons_token_verifies_and_says_who_it_is(own_keys: Keys) -> None:
    """Roles, practice and subject, and neither service nor anything else."""
    token = keys.issue_token(
        own_keys,
        subject="users/demo-optician",
        roles=["optician"],
        practice="practices/demo",
        ttl=timedelta(hours=1),
        now=NOW,
    )
    claims = _verify(own_keys, token)
    assert claims.pop("jti")
    assert claims == {
        "iss": "lensmesh-local",
        "aud": "lensmesh",
        "sub": "users/demo-optician",
        "roles": ["optician"],
        "practice": "practices/demo",
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 3600,
    }


def test_a_services_token_lies_in_a_private_file(own_keys: Keys) -> None:
    """The service reads the file; only its owner may, and the edge does not take it."""
    keys.write_service_token(own_keys, "order")
    file = own_keys.token_file("order")
    claims = _verify(own_keys, file.read_text(), keys.SERVICES_AUDIENCE)
    assert (claims["sub"], claims["service"], claims.get("roles")) == ("services/order", "order", None)
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(jwt.InvalidAudienceError):
        _verify(own_keys, file.read_text())


def test_an_expired_token_is_refused(own_keys: Keys) -> None:
    """Its end is its end."""
    token = keys.issue_token(own_keys, subject="users/x", ttl=timedelta(minutes=5), now=NOW - timedelta(minutes=6))
    with pytest.raises(jwt.ExpiredSignatureError):
        _verify(own_keys, token)


def test_a_token_of_another_mesh_is_refused(own_keys: Keys) -> None:
    """Its key is not in the set."""
    stranger = Layout(own_keys.folder.parent / "stranger")
    stranger.make()
    token = keys.issue_token(keys.prepare(stranger.keys, NOW), subject="users/x", ttl=timedelta(hours=1))
    with pytest.raises(KeyError):
        _verify(own_keys, token)


@pytest.mark.parametrize(
    ("roles", "practice", "sentence"),
    [
        (["dentist"], None, "There is no role `dentist`"),
        (["optician"], None, "belongs to a practice"),
        (["lab_operator"], "practices/demo", "works at the lab"),
        (["optician"], "practices/Not A Name", "`Not A Name` is no practice id"),
    ],
)
def test_a_token_that_nobody_may_hold_is_not_issued(
    own_keys: Keys, roles: list[str], practice: str | None, sentence: str
) -> None:
    """The sentence says what to change."""
    with pytest.raises(TokenRefusedError, match=sentence):
        keys.issue_token(own_keys, subject="users/x", roles=roles, practice=practice, ttl=timedelta(hours=1))


def test_keys_are_kept_across_starts(own_keys: Keys) -> None:
    """Tokens and trusted certificates stay valid."""
    names = ("signing.pem", "jwks.json", "ca.pem", "ca.key", "edge.pem", "edge.key", "history.pem")
    before = {name: (own_keys.folder / name).read_bytes() for name in names}
    keys.prepare(own_keys.folder, NOW + timedelta(days=1))
    assert {name: (own_keys.folder / name).read_bytes() for name in names} == before


def test_the_edges_certificate_is_renewed_before_it_ends(own_keys: Keys) -> None:
    """By the same authority, so clients notice nothing."""
    before, authority = own_keys.certificate.read_bytes(), own_keys.ca.read_bytes()
    keys.prepare(own_keys.folder, NOW + timedelta(days=350))
    assert own_keys.certificate.read_bytes() != before
    assert own_keys.ca.read_bytes() == authority


@pytest.mark.parametrize("name", ["localhost", "lensmesh.local"])
def test_a_client_that_trusts_the_ca_trusts_the_edge(own_keys: Keys, name: str) -> None:
    """Under each of its names, by the rules of the web's PKI."""
    store = Store([x509.load_pem_x509_certificate(own_keys.ca.read_bytes())])
    edge = x509.load_pem_x509_certificate(own_keys.certificate.read_bytes())
    verifier = PolicyBuilder().store(store).time(NOW).build_server_verifier(x509.DNSName(name))
    assert verifier.verify(edge, [])[0] == edge


def test_the_edges_key_fits_its_certificate(own_keys: Keys) -> None:
    """OpenSSL loads the pair."""
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(own_keys.certificate, own_keys.private_key)


def test_private_keys_are_private_and_the_published_key_has_no_private_part(own_keys: Keys) -> None:
    """`d` is the private number of an elliptic-curve JWK."""
    for name in ("signing.pem", "ca.key", "edge.key", "history.pem"):
        assert (own_keys.folder / name).stat().st_mode & 0o077 == 0
    (published,) = json.loads(own_keys.jwks.read_text())["keys"]
    assert "d" not in published


def test_loading_keys_before_a_mesh_made_them_says_so(layout: Layout) -> None:
    """`make up` makes them."""
    with pytest.raises(NotRunningError, match="make up"):
        keys.load(layout.keys)
