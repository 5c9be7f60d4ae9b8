"""The relay and its consumers over a real JetStream: in order, at least once on the wire, exactly once in effect."""

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import nats
import pytest
from lensmesh.events.v1.envelope_pb2 import Envelope
from lensmesh.lims.v1.job_pb2 import JobEvent
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from chassis import consumer, place, relay
from chassis.consumer import Consumer
from chassis.driver import Driver
from chassis.election import lead
from chassis.place import PlaceTakenError
from chassis.relay import STREAM, Relay, ensure_stream
from chassis.tail import Tail
from runtime import nats as local_nats
from runtime.ports import free_port
from tests.chassis.housing import TENANT, Doors, background, eventually, hold_thing, read_all, write

_NAMES = (f"housing{number}" for number in itertools.count())


@dataclass(frozen=True, slots=True)
class Wire:
    """A service's subjects on the session's NATS, a name of its own for each test."""

    service: str
    client: Client
    database: Doors
    tail: Tail

    @property
    def stream(self) -> JetStreamContext:
        """JetStream."""
        return self.client.jetstream()

    @property
    def subject(self) -> str:
        """Everything of this service."""
        return f"lensmesh.{self.service}.>"

    def relay(self, shard: int = 0, shards: int = 1) -> Relay:
        """Returns a relay of one shard."""
        return Relay(
            self.service, self.database, self.database.driver, self.tail, self.stream, shard=shard, shards=shards
        )

    async def messages(self, *, after: int = 0) -> list[Msg]:
        """Returns every message that JetStream keeps of this service, in its order."""
        await ensure_stream(self.stream)
        config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, inactive_threshold=5)
        subscription = await self.stream.pull_subscribe(self.subject, stream=STREAM, config=config)
        found: list[Msg] = []
        pending = (await subscription.consumer_info()).num_pending
        while len(found) < pending:
            found += await subscription.fetch(pending - len(found), timeout=5)
        await subscription.unsubscribe()
        return found[after:]

    async def published(self) -> list[tuple[str, int]]:
        """Returns what was published: which aggregate's how-manieth event."""
        envelopes = [Envelope.FromString(message.data) for message in await self.messages()]
        return [(envelope.aggregate, envelope.sequence) for envelope in envelopes]

    async def has_published(self, count: int) -> bool:
        """Tells whether so many messages are there."""
        return len(await self.published()) == count


@pytest.fixture
async def wire(database: Doors, nats_url: str) -> AsyncIterator[Wire]:
    """A connection to the session's NATS beside a running tail."""
    client = await nats.connect(nats_url)
    tail = Tail(database.driver)
    async with background(tail.run()):
        yield Wire(next(_NAMES), client, database, tail)
    await client.close()


def assert_each_in_order(published: list[tuple[str, int]]) -> None:
    """Fails unless each aggregate's events come from 1 on, without gaps, repeats or disorder."""
    for name in {name for name, _ in published}:
        sequences = [sequence for aggregate, sequence in published if aggregate == name]
        assert sequences == list(range(1, len(sequences) + 1)), name


async def test_everything_is_published_in_order_per_aggregate_past_and_live(wire: Wire) -> None:
    """What was there before it ran, and what comes while it does."""
    for name in ("a", "b", "c"):
        await write(wire.database, name, range(1, 30))
    async with background(wire.relay().run()):
        await asyncio.gather(*(write(wire.database, name, range(30, 60)) for name in ("a", "b", "c")))
        await eventually(lambda: wire.has_published(3 * 59))
    assert_each_in_order(await wire.published())


async def test_an_event_travels_with_all_that_its_readers_need(wire: Wire) -> None:
    """Subject, ids, tenant, time, and the payload's bytes as they are."""
    await write(wire.database, "jobs/7", [1])
    (entry,) = await read_all(wire.database)
    async with background(wire.relay().run()):
        await eventually(lambda: wire.has_published(1))
    (message,) = await wire.messages()
    assert message.subject == f"lensmesh.{wire.service}.JobEvent"
    assert (message.headers or {})["Nats-Msg-Id"] == str(entry.id)
    envelope = Envelope.FromString(message.data)
    assert (envelope.id, envelope.tenant, envelope.schema_version) == (str(entry.id), TENANT, 1)
    assert envelope.time.ToDatetime(entry.time.tzinfo) == entry.time
    event = JobEvent()
    assert envelope.payload.Unpack(event)
    assert event == JobEvent(job="jobs/7", sequence=1)


async def test_killed_after_publishing_it_publishes_again_and_jetstream_drops_the_repeats(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between publishing and noting it, nothing is lost and nothing comes twice."""
    await write(wire.database, "order", range(1, 6))

    async def die(*_: object, **__: object) -> None:
        raise SystemError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(place, "move_at_once", die)
        with pytest.raises(SystemError):
            await asyncio.wait_for(wire.relay().run(), 10)
    assert len(await wire.published()) == 5
    async with wire.database.across_tenants() as connection:
        assert await place.read(connection, wire.relay().name, beginning="?") == "0"
    await write(wire.database, "order", [6])
    async with background(wire.relay().run()):
        await eventually(lambda: wire.has_published(6))
    assert await wire.published() == [("order", sequence) for sequence in range(1, 7)]


async def test_of_two_relays_at_once_only_one_moves_the_place(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither knows of the other; the second finds the place moved and gives up, and no event comes twice."""
    await write(wire.database, "order", range(1, 6))
    both_have_published = asyncio.Barrier(2)
    move = place.move_at_once
    moved: list[str] = []

    async def move_together(driver: Driver, name: str, *, expected: str, to: str) -> None:
        if expected == "0":
            await both_have_published.wait()
        await move(driver, name, expected=expected, to=to)
        moved.append(to)

    monkeypatch.setattr(place, "move_at_once", move_together)
    async with background(wire.relay().run(), wire.relay().run()) as relays:
        (loser,), (winner,) = await asyncio.wait(relays, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        with pytest.raises(PlaceTakenError):
            await loser
        await write(wire.database, "order", [6])
        await eventually(lambda: wire.has_published(6))
        assert not winner.done()
    assert len(set(moved)) == len(moved)
    assert await wire.published() == [("order", sequence) for sequence in range(1, 7)]


async def test_shards_publish_each_aggregate_once_and_in_order(wire: Wire) -> None:
    """Two relays, two places, one log."""
    names = [f"order-{number}" for number in range(8)]
    shards = [wire.relay(shard, 2) for shard in range(2)]
    async with background(*(shard.run() for shard in shards)):
        await asyncio.gather(*(write(wire.database, name, range(1, 11)) for name in names))
        await eventually(lambda: wire.has_published(80))
    assert_each_in_order(await wire.published())
    assert {relay.shard_of(name, 2) for name in names} == {0, 1}, "or this proves nothing"


async def test_nats_may_be_away_for_a_while(wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is killed in the middle; what was logged meanwhile is published when it is back, in order, once."""
    monkeypatch.setattr(relay, "_ACK_SECONDS", 0.5)
    monkeypatch.setattr("chassis.election._RENEW_SECONDS", 0.1)
    server = local_nats.prepare(tmp_path / "nats", tmp_path / "nats.conf", free_port())

    def publish() -> object:
        return relay.publish(server.url, wire.service, wire.database, wire.database.driver, wire.tail)

    with capture_logs():
        async with background(lead(wire.database, "relay", publish)):  # type: ignore[arg-type]
            await write(wire.database, "order", range(1, 4))
            with local_nats.started(server, tmp_path / "nats.log") as process:
                async with _elsewhere(wire, server.url) as there:
                    await eventually(lambda: there.has_published(3))
                process.kill()
                process.wait()
                await write(wire.database, "order", range(4, 30))
            with local_nats.started(server, tmp_path / "nats.log"):
                async with _elsewhere(wire, server.url) as there:
                    await eventually(lambda: there.has_published(29))
                    assert await there.published() == [("order", sequence) for sequence in range(1, 30)]


class _elsewhere:  # noqa: N801 -- a context manager, used as a function
    """The same service's subjects on another NATS."""

    def __init__(self, wire: Wire, url: str) -> None:
        self._wire = wire
        self._url = url

    async def __aenter__(self) -> Wire:
        self._client = await nats.connect(self._url)
        return Wire(self._wire.service, self._client, self._wire.database, self._wire.tail)

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()


class Effects:
    """A consumer's effect: it counts a tenant's things, and fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.tried = 0

    async def apply(self, connection: AsyncConnection, event: Envelope) -> None:
        """Counts the event; the failure comes after the effect."""
        self.tried += 1
        await hold_thing(connection, event.aggregate, tenant=event.tenant)
        if self.failures:
            self.failures -= 1
            raise LookupError("it does not go today")


async def counted(database: Doors) -> dict[str, int]:
    """Returns how many events took effect for each aggregate."""
    async with database.across_tenants() as connection:
        return {row.name: row.sequence for row in await connection.execute(text("select name, sequence from thing"))}


def consume(wire: Wire, effects: Effects, name: str | None = None) -> Consumer:
    """Returns a consumer of this service's events."""
    return Consumer(wire.database, wire.stream, name or f"counter-{wire.service}", wire.subject, effects.apply)


async def send(wire: Wire, envelope: Envelope, message_id: str) -> None:
    """Publishes an envelope under a message id, as a relay does."""
    await ensure_stream(wire.stream)
    await wire.stream.publish(
        f"lensmesh.{wire.service}.JobEvent", envelope.SerializeToString(), headers={"Nats-Msg-Id": message_id}
    )


def envelope(aggregate: str, sequence: int = 1) -> Envelope:
    """Returns an event on the wire."""
    return Envelope(id=str(uuid.uuid4()), aggregate=aggregate, sequence=sequence, tenant=TENANT)


async def idle(wire: Wire) -> bool:
    """Tells whether the consumer has nothing left to do."""
    info = await wire.stream.consumer_info(STREAM, f"counter-{wire.service}")
    return (info.num_pending, info.num_ack_pending) == (0, 0)


async def test_an_event_delivered_twice_takes_effect_once(wire: Wire) -> None:
    """It came again after the time for which JetStream knows repeats."""
    effects = Effects()
    repeated = envelope("order")
    for message_id in ("first", "again"):
        await send(wire, repeated, f"{wire.service}-{message_id}")
    await send(wire, envelope("other"), f"{wire.service}-other")
    async with background(consume(wire, effects).run()):
        await eventually(lambda: idle_with(wire, effects, 2))
    assert await counted(wire.database) == {"order": 1, "other": 1}


async def idle_with(wire: Wire, effects: Effects, tried: int) -> bool:
    """Tells whether so many events were tried and nothing is left."""
    return effects.tried >= tried and await idle(wire)


async def test_an_event_that_cannot_be_applied_is_tried_again_and_its_half_effect_undone(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not lost, and it does not count twice."""
    monkeypatch.setattr(consumer, "_RETRY_SECONDS", 0.1)
    effects = Effects(failures=2)
    await send(wire, envelope("order"), f"{wire.service}-1")
    with capture_logs() as lines:
        async with background(consume(wire, effects).run()):
            await eventually(lambda: idle_with(wire, effects, 3))
    assert await counted(wire.database) == {"order": 1}
    assert [line["event"] for line in lines].count("event_not_applied") == 2


async def test_what_is_no_event_does_not_stop_those_behind_it(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is logged and tried again, for ever, but not instead of the others."""
    monkeypatch.setattr(consumer, "_RETRY_SECONDS", 0.1)
    effects = Effects()
    await ensure_stream(wire.stream)
    await wire.stream.publish(f"lensmesh.{wire.service}.Noise", b"\xff\xff\xff")
    await send(wire, envelope("order"), f"{wire.service}-1")
    with capture_logs() as lines:
        async with background(consume(wire, effects).run()) as (task,):
            await eventually(lambda: effects.tried == 1)
            await eventually(lambda: sum(line["event"] == "event_not_applied" for line in lines) > 1)
            assert not task.done()
    await wire.stream.purge_stream(STREAM, subject=f"lensmesh.{wire.service}.Noise")


async def test_two_processes_of_one_consumer_share_its_events(wire: Wire) -> None:
    """Each event takes effect in one of them."""
    one, other = Effects(), Effects()
    async with background(consume(wire, one).run(), consume(wire, other).run()):
        for number in range(40):
            await send(wire, envelope(f"order-{number}"), f"{wire.service}-{number}")
        await eventually(lambda: counted_is(wire.database, {f"order-{number}": 1 for number in range(40)}))
    assert one.tried + other.tried == 40


async def test_a_consumer_outlives_nats(wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is killed and comes back; the consumer goes on by itself."""
    monkeypatch.setattr(consumer, "_RETRY_SECONDS", 0.1)
    monkeypatch.setattr(consumer, "_FETCH_SECONDS", 0.5)
    server = local_nats.prepare(tmp_path / "nats", tmp_path / "nats.conf", free_port())
    effects = Effects()
    with capture_logs():
        with local_nats.started(server, tmp_path / "nats.log") as process:
            client = await relay.connect(server.url)
            there = Wire(wire.service, client, wire.database, wire.tail)
            running = asyncio.ensure_future(consume(there, effects).run())
            await send(there, envelope("order"), "1")
            await eventually(lambda: effects.tried == 1)
            process.kill()
            process.wait()
        with local_nats.started(server, tmp_path / "nats.log"):
            async with _elsewhere(wire, server.url) as again:
                await send(again, envelope("order", 2), "2")
            await eventually(lambda: effects.tried == 2)
            assert not running.done()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await client.close()


async def test_the_effect_and_its_record_are_one_transaction(wire: Wire) -> None:
    """Two consumers each have their own record of the same event."""
    event = envelope("order")
    await send(wire, event, f"{wire.service}-1")
    one, other = Effects(), Effects()
    async with background(consume(wire, one).run(), consume(wire, other, name=f"second-{wire.service}").run()):
        await eventually(lambda: one.tried == other.tried == 1)
        await eventually(lambda: counted_is(wire.database, {"order": 2}))
    async with wire.database.across_tenants() as connection:
        applied = await connection.execute(text("select event from applied"))
        assert [str(found) for found in applied.scalars()] == [event.id] * 2


async def counted_is(database: Doors, expected: dict[str, int]) -> bool:
    """Tells whether so much took effect."""
    return await counted(database) == expected
