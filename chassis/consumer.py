"""Reads events from JetStream and applies each one once.

Delivery is at least once; the effect is exactly once, because the event's id is recorded in the transaction that holds
the effect.
"""

import uuid
from collections.abc import Awaitable, Callable

import structlog
from lensmesh.events.v1.envelope_pb2 import Envelope
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NothingYet
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.relay import STREAM, ensure_stream

Apply = Callable[[AsyncConnection, Envelope], Awaitable[None]]

_FETCH = 64
_FETCH_SECONDS = 1.0  # nats-py at times holds the first messages of a fetch back for as long
_ACK_WAIT_SECONDS = 30
_RETRY_SECONDS = 2.0

_RECORD = text("insert into applied (consumer, event) values (:consumer, :event) on conflict do nothing")
_LOG = structlog.get_logger("consumer")


class Consumer:
    """A durable consumer of some subjects. Several processes may run the same one: they share its messages."""

    def __init__(self, database: Database, stream: JetStreamContext, name: str, subject: str, apply: Apply) -> None:
        self._database = database
        self._stream = stream
        self._name = name
        self._subject = subject
        self._apply = apply

    async def run(self) -> None:
        """Applies events until cancelled; one that cannot be applied is tried again later, and logged each time."""
        await ensure_stream(self._stream)
        subscription = await self._stream.pull_subscribe(
            self._subject,
            durable=self._name,
            stream=STREAM,
            config=ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=_ACK_WAIT_SECONDS, max_ack_pending=_FETCH),
        )
        while True:
            try:
                messages = await subscription.fetch(_FETCH, timeout=_FETCH_SECONDS)
            except NothingYet:
                continue
            for message in messages:
                await self._handle(message)

    async def _handle(self, message: Msg) -> None:
        try:
            event = Envelope.FromString(message.data)
            async with self._database.across_tenants() as connection:
                parameters = {"consumer": self._name, "event": uuid.UUID(event.id)}
                if (await connection.execute(_RECORD, parameters)).rowcount:
                    await self._apply(connection, event)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the event must not be lost
            _LOG.error("event_not_applied", consumer=self._name, id=_id(message), exc_info=error)
            await message.nak(delay=_RETRY_SECONDS)
        else:
            await message.ack()


def _id(message: Msg) -> str:
    return (message.headers or {}).get("Nats-Msg-Id", "")
