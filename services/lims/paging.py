"""Page tokens: where a list of jobs goes on, bound to the question that was asked.

A token holds the last job's number and a digest of the filter. It is opaque, not secret: what a caller may see is
decided by policy and tenant, not by whether a token can be guessed.
"""

import base64
import binascii
import struct
from collections.abc import Collection
from hashlib import sha256

from chassis.errors import PageTokenInvalid
from services.lims.model import State

_LAYOUT = struct.Struct(">q8s")


def page_size(asked: int, *, default: int, most: int) -> int:
    """Returns how many to list: what was asked, ``default`` for 0, never more than ``most``."""
    return min(asked or default, most)


def write_token(after: int, states: Collection[State]) -> str:
    """Returns the token of the page after a job."""
    return base64.urlsafe_b64encode(_LAYOUT.pack(after, _digest(states))).decode().rstrip("=")


def read_token(token: str, states: Collection[State]) -> int | None:
    """Returns the number of the job a page begins after; None for the first page.

    Raises:
        PageTokenInvalid: This list, asked with this filter, did not give out the token.
    """
    if not token:
        return None
    try:
        after, digest = _LAYOUT.unpack(base64.b64decode(token + "=" * (-len(token) % 4), altchars="-_", validate=True))
    except (binascii.Error, struct.error, ValueError) as error:
        raise PageTokenInvalid("the page token is not one of this list; begin without one") from error
    if digest != _digest(states):
        raise PageTokenInvalid("the page token belongs to a list with another filter; begin without one")
    return int(after)


def _digest(states: Collection[State]) -> bytes:
    return sha256(f"jobs:{','.join(sorted(set(states)))}".encode()).digest()[:8]
