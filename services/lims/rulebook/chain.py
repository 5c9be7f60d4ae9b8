"""The chain of revisions: heads, signatures, and what is wrong with a history.

A revision's head is a digest over its place in the chain: its number, what it holds, the head before it, who published
it, why, when, what it restores and what was attached to it. So nothing of a revision, nor their order, can be changed
without all later heads changing. Who can rewrite the database can write new heads as well; therefore heads are signed,
and also kept outside the database, where that hand does not reach.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class Place:
    """What a head is made of.

    Attributes:
        number: The revision's number, from 1.
        digest: SHA-256 over its stored bytes, in hex.
        parent_head: The head before it; empty for the first.
        author: Who published it.
        note: Why.
        publish_time: When it came into force, with a time zone, to the microsecond.
        restores: Number of the revision whose content it restores; 0 when it is no roll-back.
        attached: SHA-256 over the stored bytes of what is attached to it, in hex; empty where nothing is.
    """

    number: int
    digest: str
    parent_head: str
    author: str
    note: str
    publish_time: datetime
    restores: int = 0
    attached: str = ""

    @property
    def head(self) -> str:
        """The head, in hex."""
        said = {
            "attached": self.attached,
            "author": self.author,
            "digest": self.digest,
            "note": self.note,
            "number": self.number,
            "parent_head": self.parent_head,
            "publish_time": self.publish_time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "restores": self.restores,
        }
        return sha256(json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """A head that was published.

    Attributes:
        number: The revision's number.
        head: Its head, in hex.
        signature: Ed25519 over the head's text; empty when no key was set.
    """

    number: int
    head: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Link:
    """A revision as it is stored: what its place is by its stored bytes, and the head that was published of it.

    Attributes:
        place: Its place, with digests made anew of the bytes that are stored.
        stored_digest: The digest that is stored beside the bytes.
        published: The head that is stored; None for a revision of before heads.
    """

    place: Place
    stored_digest: str
    published: Head | None


def signed(place: Place, key: Ed25519PrivateKey | None) -> Head:
    """Returns the head of a place, signed where there is a key."""
    head = place.head
    return Head(place.number, head, key.sign(head.encode()) if key else b"")


def is_signed(head: Head, key: Ed25519PublicKey) -> bool:
    """Tells whether a head's signature is the key's."""
    try:
        key.verify(head.signature, head.head.encode())
    except InvalidSignature:
        return False
    return True


def continues(kept: Sequence[Head], link: Link, key: Ed25519PublicKey | None) -> bool:
    """Tells whether a stored revision may be kept as the next one: it follows the last, and all of it is true."""
    before = kept[-1] if kept else Head(0, "", b"")
    return link.place.number == before.number + 1 and not list(_faults_of_link(link, before.head, key))


def faults(links: Iterable[Link], kept: Sequence[Head] | None, key: Ed25519PublicKey | None) -> Iterator[str]:
    """Yields everything that is wrong with a history, each with the revision it was found at.

    Args:
        links: The stored revisions, by number.
        kept: The heads that are kept outside the database, by number; None where none are.
        key: What signatures are verified by; None where there is no key.
    """
    if key is None:
        yield "no signing key is set, so that no signature could be verified"
    if kept is None:
        yield "no heads are kept outside the database, so that a chain rewritten whole would not be noticed"
    outside = {head.number: head for head in kept or ()}
    before = Head(0, "", b"")
    for link in links:
        place = link.place
        if place.number != before.number + 1:
            yield f"revision {place.number}: follows revision {before.number}; what was between them is missing"
        yield from _faults_of_link(link, before.head, key)
        known = outside.pop(place.number, None)
        if known is None and kept is not None:
            yield f"revision {place.number}: its head is not kept outside the database"
        elif known is not None and known.head != place.head:
            yield f"revision {place.number}: its head is {place.head}, kept outside the database is {known.head}"
        before = link.published or Head(place.number, place.head, b"")
    for number, head in outside.items():
        yield f"revision {number}: is missing; its head is kept outside the database ({head.head})"


def _faults_of_link(link: Link, parent_head: str, key: Ed25519PublicKey | None) -> Iterator[str]:
    place, published = link.place, link.published
    name = f"revision {place.number}"
    if place.digest != link.stored_digest:
        yield f"{name}: its stored bytes have the digest {place.digest}, not {link.stored_digest}"
    if place.parent_head != parent_head:
        yield f"{name}: its parent's head is {parent_head or 'none'}, it says {place.parent_head or 'none'}"
    if published is None:
        yield f"{name}: has no head"
        return
    if place.head != published.head:
        yield f"{name}: its head is {place.head}, it says {published.head}: something of it was changed"
    if key is not None and not is_signed(published, key):
        yield f"{name}: its head is not signed by the lab's key"
