"""NATS with JetStream: what was acknowledged survives the server."""

import signal
from pathlib import Path

import nats
from nats.js.api import StorageType, StreamConfig

from runtime import nats as embedded
from runtime import ports


async def _publish(url: str, texts: list[str]) -> None:
    client = await nats.connect(url)
    stream = client.jetstream()
    await stream.add_stream(StreamConfig(name="EVENTS", subjects=["events.>"], storage=StorageType.FILE))
    for text in texts:
        await stream.publish("events.test", text.encode())
    await client.close()


async def test_acknowledged_messages_survive_a_killed_server(tmp_path: Path) -> None:
    """JetStream writes before it answers; the stream is there again after a restart."""
    server = embedded.prepare(tmp_path / "data", tmp_path / "nats.conf", ports.free_port())
    with embedded.started(server, tmp_path / "log") as process:
        await _publish(server.url, ["one", "two", "three"])
        process.send_signal(signal.SIGKILL)
        process.wait()
    with embedded.started(server, tmp_path / "log"):
        client = await nats.connect(server.url)
        last = await client.jetstream().get_last_msg("EVENTS", "events.test")
        await client.close()
    assert (last.seq, last.data) == (3, b"three")


async def test_a_test_gets_a_server_by_its_url(tmp_path: Path) -> None:
    """On loopback and a port of its own."""
    with embedded.running(tmp_path) as url:
        assert url.startswith("nats://127.0.0.1:")
        await _publish(url, ["hello"])
