"""Writes that may be repeated: the same request id and body get the first answer again.

The id is claimed in the transaction of the write itself, under a unique key: of many that arrive together one writes
and the others wait for it, then find its answer.
"""

import uuid
from dataclasses import dataclass
from hashlib import sha256

from google.protobuf.message import Message
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import RequestIdReused

_CLAIM = text(
    "insert into request (tenant, id, digest) values (:tenant, :id, :digest) on conflict do nothing returning true",
)
_CLAIMED = text("select digest, subject, answer from request where tenant = :tenant and id = :id")
_ANSWER = text("update request set subject = :subject, answer = :answer where tenant = :tenant and id = :id")
_RELEASE = text("delete from request where tenant = :tenant and id = :id")


@dataclass(frozen=True, slots=True)
class Answered:
    """What a request was answered the first time.

    Attributes:
        subject: The resource it made or changed.
        answer: The answer's bytes; None where the answer is how the resource stands.
    """

    subject: str
    answer: bytes | None


async def claim(connection: AsyncConnection, tenant: str, request: Message) -> Answered | None:
    """Claims a request's ``request_id`` for this transaction; returns the first answer when it is a repeat.

    A request without an id claims nothing.

    Raises:
        RequestIdReused: The id belongs to another request.
    """
    request_id, digest = identity(request)
    if request_id is None:
        return None
    key = {"tenant": tenant, "id": request_id}
    if (await connection.execute(_CLAIM, {**key, "digest": digest})).first():
        return None
    row = (await connection.execute(_CLAIMED, key)).one()
    if row.digest != digest:
        raise _reused(request_id)
    return Answered(row.subject, row.answer)


async def claimed(connection: AsyncConnection, tenant: str, request: Message) -> bool:
    """Tells whether a request's ``request_id`` is claimed, without claiming it.

    Raises:
        RequestIdReused: It is, by another request.
    """
    request_id, digest = identity(request)
    row = (await connection.execute(_CLAIMED, {"tenant": tenant, "id": request_id})).first()
    if row is not None and row.digest != digest:
        raise _reused(request_id)
    return row is not None


async def answer(
    connection: AsyncConnection,
    tenant: str,
    request: Message,
    *,
    subject: str,
    message: Message | None = None,
) -> None:
    """Keeps what a claimed request is answered: a message, or how its subject stands whenever it is repeated."""
    if request_id := _request_id(request):
        await connection.execute(
            _ANSWER,
            {
                "tenant": tenant,
                "id": request_id,
                "subject": subject,
                "answer": message.SerializeToString() if message is not None else None,
            },
        )


async def release(connection: AsyncConnection, tenant: str, request_id: uuid.UUID) -> None:
    """Forgets a request that came to nothing, so that it can be asked again under the same id."""
    await connection.execute(_RELEASE, {"tenant": tenant, "id": request_id})


def _reused(request_id: uuid.UUID | None) -> RequestIdReused:
    return RequestIdReused(f"the request id {request_id} was used for another request; use a new one")


def identity(request: Message) -> tuple[uuid.UUID | None, bytes]:
    """Returns what a request is known by: its id, None where it has none, and the digest of the rest of it."""
    request_id = _request_id(request)
    return (request_id, _digest(request)) if request_id else (None, b"")


def _request_id(request: Message) -> uuid.UUID | None:
    spelled = request.request_id  # type: ignore[attr-defined]  # what this module is for
    return uuid.UUID(spelled) if spelled else None


def _digest(request: Message) -> bytes:
    body = type(request)()
    body.CopyFrom(request)
    body.ClearField("request_id")
    return sha256(request.DESCRIPTOR.full_name.encode() + b"\0" + body.SerializeToString(deterministic=True)).digest()
