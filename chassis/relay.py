"""Publishes the log to JetStream: every entry at least once, an aggregate's entries never out of order.

One elected relay per shard of the log; an aggregate belongs to one shard for good. Entries are published in waves in
which each aggregate appears once, and a wave is acknowledged whole before the next begins: so a lost acknowledgement
can repeat an event but never overtake one. The event's id is the message's de-duplication id.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from zlib import crc32

import nats
import structlog
from lensmesh.events.v1.envelope_pb2 import Envelope
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, PubAck, StorageType, StreamConfig

from chassis import place
from chassis.database import Database
from chassis.driver import Driver
from chassis.log import Cursor, Entry
from chassis.tail import Tail

STREAM = "LENSMESH"
_ACK_SECONDS = 5.0
_KEPT_SECONDS = 7 * 24 * 3600
_DEDUPLICATION_SECONDS = 120

_LOG = structlog.get_logger("relay")


async def connect(url: str) -> Client:
    """Returns a connection to NATS that comes back by itself, however long the server is away."""

    async def note(error: Exception) -> None:
        _LOG.warning("nats_error", error=str(error))

    return await nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=0.5, error_cb=note)


async def ensure_stream(stream: JetStreamContext) -> None:
    """Creates the mesh's one stream, or leaves it as it is."""
    await stream.add_stream(
        StreamConfig(
            name=STREAM,
            subjects=["lensmesh.>"],
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=_KEPT_SECONDS,
            duplicate_window=_DEDUPLICATION_SECONDS,
        ),
    )


def subject(service: str, entry: Entry) -> str:
    """Returns the subject an entry is published under (``lensmesh.order.OrderChanged``)."""
    return f"lensmesh.{service}.{entry.kind.rpartition('.')[2]}"


def envelope(entry: Entry) -> Envelope:
    """Returns the entry as it travels."""
    carried = Envelope(
        id=str(entry.id),
        aggregate=entry.aggregate,
        sequence=entry.sequence,
        tenant=entry.tenant,
        schema_version=entry.schema_version,
        traceparent=entry.traceparent,
    )
    carried.time.FromDatetime(entry.time)
    carried.payload.type_url = f"type.googleapis.com/{entry.kind}"
    carried.payload.value = entry.payload
    return carried


def shard_of(aggregate: str, shards: int) -> int:
    """Returns the shard an aggregate belongs to; the same in every process and for ever."""
    return crc32(aggregate.encode()) % shards


def name_of(shard: int, shards: int) -> str:
    """Returns the name of a shard's relay, of its lease and of its place."""
    return f"relay-{shard}-of-{shards}"


async def publish(
    url: str, service: str, database: Database, driver: Driver, tail: Tail, *, shard: int = 0, shards: int = 1
) -> None:
    """Connects to NATS, however long it is away, and runs a `Relay`; raises as that does."""
    client = await connect(url)
    try:
        await Relay(service, database, driver, tail, client.jetstream(), shard=shard, shards=shards).run()
    finally:
        await client.close()


class Relay:
    """Publishes one shard of a service's log; run `run` under `election.lead`."""

    def __init__(
        self,
        service: str,
        database: Database,
        driver: Driver,
        tail: Tail,
        stream: JetStreamContext,
        *,
        shard: int = 0,
        shards: int = 1,
    ) -> None:
        self._service = service
        self._database = database
        self._driver = driver
        self._tail = tail
        self._stream = stream
        self._shard = shard
        self._shards = shards
        self.name = name_of(shard, shards)

    async def run(self) -> None:
        """Publishes from where the shard stands, and then whatever the log grows by.

        Raises:
            PlaceTakenError: Another relay moved the shard on.
            nats.errors.Error: JetStream did not acknowledge; the place is not moved, so nothing is lost.
        """
        await ensure_stream(self._stream)
        async with self._database.across_tenants() as connection:
            spelled = await place.read(connection, self.name, beginning="0")
        async with aclosing(self._tail.batches(Cursor.parse(spelled))) as batches:
            async for batch in batches:
                await self._publish_all(batch)
                reached = str(batch[-1].cursor)
                await place.move_at_once(self._driver, self.name, expected=spelled, to=reached)
                spelled = reached

    async def _publish_all(self, batch: Sequence[Entry]) -> None:
        mine = [entry for entry in batch if shard_of(entry.aggregate, self._shards) == self._shard]
        for wave in waves(mine):
            acknowledgements = [await self._publish(entry) for entry in wave]
            async with asyncio.timeout(_ACK_SECONDS):
                await asyncio.gather(*acknowledgements)

    async def _publish(self, entry: Entry) -> "asyncio.Future[PubAck]":
        return await self._stream.publish_async(
            subject(self._service, entry),
            envelope(entry).SerializeToString(),
            headers={"Nats-Msg-Id": str(entry.id), "traceparent": entry.traceparent},
        )


def waves(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Yields the entries in waves that hold each aggregate at most once, earlier ones first."""
    waiting = list(entries)
    while waiting:
        wave: dict[str, Entry] = {}
        later = []
        for entry in waiting:
            if entry.aggregate in wave:
                later.append(entry)
            else:
                wave[entry.aggregate] = entry
        yield list(wave.values())
        waiting = later
