"""Pages of a list: sizes as the contract says, and tokens that only fit the list that gave them out."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Generic, TypeVar

from google.protobuf.message import Message

from chassis.errors import PageTokenInvalid

DEFAULT_SIZE = 50
MAX_SIZE = 500
_DIGEST_LENGTH = 12


Place = TypeVar("Place")


@dataclass(frozen=True, slots=True)
class Page(Generic[Place]):
    """What part of a list is asked for.

    Attributes:
        size: At most so many.
        after: Where the page before ended, in the list's own terms; None at the beginning.
        list_digest: Tells this list, with its filters, from others.
    """

    size: int
    after: Place | None
    list_digest: str

    def next_token(self, last: Place) -> str:
        """Returns the token that continues after ``last``."""
        return base64.urlsafe_b64encode(f"{self.list_digest}{last}".encode()).decode()


def of(request: Message, place: Callable[[str], Place]) -> Page[Place]:
    """Returns the page a List request asks for, by its ``page_size`` and ``page_token``.

    ``place`` reads a place as the list spells it; a ValueError of it, or another spelling, means that the token is not
    the list's.

    Raises:
        PageTokenInvalid: The token is not one of this list.
    """
    size, token = request.page_size, request.page_token  # type: ignore[attr-defined]  # a List request
    digest = _list_digest(request)
    after = _after(token, digest, place) if token else None
    return Page(size=min(size or DEFAULT_SIZE, MAX_SIZE), after=after, list_digest=digest)


def _after(token: str, digest: str, place: Callable[[str], Place]) -> Place:
    try:
        spelled = base64.urlsafe_b64decode(token.encode()).decode()
        after = place(spelled.removeprefix(digest)) if spelled.startswith(digest) else None
        if after is not None and spelled == f"{digest}{after}":
            return after
    except (binascii.Error, ValueError):
        pass
    raise PageTokenInvalid("the page token is not one this list gave out; begin without a token")


def _list_digest(request: Message) -> str:
    which = type(request)()
    which.CopyFrom(request)
    for name in ("page_size", "page_token"):
        which.ClearField(name)
    spelled = request.DESCRIPTOR.full_name.encode() + b"\0" + which.SerializeToString(deterministic=True)
    return sha256(spelled).hexdigest()[:_DIGEST_LENGTH]
