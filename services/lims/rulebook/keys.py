"""Reads the key that heads are signed with."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key


class SigningKeyError(Exception):
    """The file holds no Ed25519 key; the message says the way out."""


def read(file: Path) -> Ed25519PrivateKey:
    """Returns the key that a PEM file holds.

    Raises:
        SigningKeyError: It holds none, or cannot be read.
    """
    try:
        key = load_pem_private_key(file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SigningKeyError(f"LENSMESH_SIGNING_KEY: {file} holds no key: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyError(f"LENSMESH_SIGNING_KEY: {file} holds another key; an Ed25519 key in PEM is needed")
    return key
