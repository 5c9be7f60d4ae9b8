"""The network between a service and what it stands on, for a test to cut, to freeze and to mend."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_CHUNK = 64 * 1024


class Cable:
    """Carries TCP connections from a port of its own to another, in a thread of its own."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def _do(self, what: "asyncio._CoroutineLike[None]") -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    def plug_in(self) -> None:
        """Begins to carry."""
        self._thread.start()
        self._do(self._mend())

    def unplug(self) -> None:
        """Ends for good."""
        self._do(self._cut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Refuses every connection while the block runs, and breaks those there are: the other side is down."""
        self._do(self._cut())
        try:
            yield
        finally:
            self._do(self._mend())

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Lets every connection stand, and nothing pass, while the block runs: the other side hangs."""
        self._do(self._freeze())
        try:
            yield
        finally:
            self._do(self._mend())

    async def _mend(self) -> None:
        self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _freeze(self) -> None:
        self._flowing.clear()

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for end in tuple(self._ends):
            end.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        self._ends |= {writer, far_writer}
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        self._ends -= {writer, far_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        with suppress(OSError, RuntimeError):
            writer.close()


@contextmanager
def cable(target_port: int) -> Iterator[Cable]:
    """Carries to a port while the block runs."""
    carrying = Cable(target_port)
    carrying.plug_in()
    try:
        yield carrying
    finally:
        carrying.unplug()
