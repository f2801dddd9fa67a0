"""The way to a server, which can be closed and opened again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Way:
    """A port of this host that leads to another one."""

    server_port: int
    port: int = 0
    is_closed: bool = False

    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _passing: set["asyncio.Task[None]"] = field(default_factory=set)

    def close(self) -> None:
        """Cut every connection, and let no further one through."""
        self.is_closed = True
        for writer in self._writers:
            writer.transport.abort()

    def open(self) -> None:
        """Let new connections through."""
        self.is_closed = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_closed:
            writer.transport.abort()
            return
        answers, requests = await asyncio.open_connection("127.0.0.1", self.server_port)
        self._writers |= {writer, requests}
        for source, target in ((reader, requests), (answers, writer)):
            self._passing.add(asyncio.create_task(_pass_on(source, target)))

    async def end(self) -> None:
        self.close()
        await asyncio.gather(*self._passing)


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while message := await source.read(2**16):
            target.write(message)
            await target.drain()
    target.transport.abort()


@asynccontextmanager
async def way_to(server_port: int) -> AsyncIterator[Way]:
    """Lead a free port of this host to another one while the block runs."""
    way = Way(server_port)
    server = await asyncio.start_server(way.serve, "127.0.0.1", 0)
    way.port = server.sockets[0].getsockname()[1]
    try:
        yield way
    finally:
        server.close()
        await way.end()
