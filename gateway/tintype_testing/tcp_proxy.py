"""The way to a server, which can break anywhere in a conversation, and be closed and opened."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["request", "answer"]


@dataclass
class Way:
    """A port of this host that leads to another one, until it is told otherwise."""

    server_port: int
    port: int = 0
    is_closed: bool = False
    is_silent: bool = False
    """Swallow everything, as a host does that has lost its network."""
    is_deaf: bool = False
    """Swallow the answers."""
    requests: int = 0
    """How many messages came from clients."""

    holding: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while a message is held back that `hold` asked for."""

    _held: dict[Direction, asyncio.Event] = field(default_factory=dict)
    _cut: dict[Direction, int] = field(default_factory=dict)
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

    def cut(self, direction: Direction, messages: int) -> None:
        """Close a connection instead of passing on the message after so many, once."""
        self._cut[direction] = messages

    def hold(self, direction: Direction) -> asyncio.Event:
        """Hold back the next message until the event that this returns is set."""
        self._held[direction] = asyncio.Event()
        return self._held[direction]

    @property
    def has_cut(self) -> bool:
        """Whether what `cut` asked for has happened."""
        return not self._cut

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect a client with the server."""
        if self.is_closed:
            writer.transport.abort()
            return
        answers, requests = await asyncio.open_connection("127.0.0.1", self.server_port)
        self._writers |= {writer, requests}
        for passing in (
            self._pass_on("request", reader, requests, writer),
            self._pass_on("answer", answers, writer, writer),
        ):
            self._passing.add(asyncio.create_task(passing))

    async def end(self) -> None:
        """Cut every connection, and wait until all are gone."""
        self.close()
        await asyncio.gather(*self._passing)

    async def _pass_on(
        self,
        direction: Direction,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        client: asyncio.StreamWriter,
    ) -> None:
        with suppress(OSError):
            while message := await source.read(2**16):
                self.requests += direction == "request"
                if self.is_silent or (self.is_deaf and direction == "answer"):
                    continue
                if released := self._held.pop(direction, None):
                    self.holding.set()
                    await released.wait()
                    self.holding.clear()
                if self._cuts_now(direction):
                    client.transport.abort()
                    break
                target.write(message)
                await target.drain()
        target.transport.abort()

    def _cuts_now(self, direction: Direction) -> bool:
        left = self._cut.pop(direction, None)
        if left:
            self._cut[direction] = left - 1
        return left == 0


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
