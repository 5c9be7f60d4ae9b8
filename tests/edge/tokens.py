"""Tokens as good and as bad as a test wants them."""

import time
from dataclasses import dataclass, field

import jwt
from cryptography.hazmat.primitives.asymmetric import ec


def new_key() -> ec.EllipticCurvePrivateKey:
    """Make a signing key that nobody knows yet."""
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Signer:
    """Signs tokens of an optician."""

    key_id: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)

    def token(self, *, expires_in: int = 300, **claims: object) -> str:
        """Sign a token, with these claims in place of the usual ones; None leaves a claim out."""
        now = int(time.time())
        usual = {
            "iss": "lensmesh-local",
            "aud": "lensmesh",
            "sub": "users/olga",
            "iat": now - 600,
            "exp": now + expires_in,
            "roles": ["optician"],
            "practice": "practices/seaview",
        }
        said = {name: value for name, value in (usual | claims).items() if value is not None}
        return jwt.encode(said, self.key, algorithm="ES256", headers={"kid": self.key_id})
