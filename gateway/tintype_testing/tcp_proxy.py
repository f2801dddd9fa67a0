"""A TCP proxy in front of a server, which tests can close, silence, or cut after any message."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["request", "response"]


@dataclass
class TcpProxy:
    """Forwards connections from a port of this host to another one."""

    server_port: int
    port: int = 0
    is_closed: bool = False
    is_silent: bool = False
    """Drop all messages, like a host that has lost its network."""
    is_deaf: bool = False
    """Drop the messages from the server."""
    requests: int = 0
    """The number of messages from clients."""

    holding: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while the proxy holds back a message for `hold`."""

    _held: dict[Direction, asyncio.Event] = field(default_factory=dict)
    _cut: dict[Direction, int] = field(default_factory=dict)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _passing: set["asyncio.Task[None]"] = field(default_factory=set)

    def close(self) -> None:
        """Abort every connection, and refuse new ones."""
        self.is_closed = True
        for writer in self._writers:
            writer.transport.abort()

    def open(self) -> None:
        """Accept new connections again."""
        self.is_closed = False

    def cut(self, direction: Direction, messages: int) -> None:
        """Abort a connection, once, instead of forwarding the message after `messages` others."""
        self._cut[direction] = messages

    def hold(self, direction: Direction) -> asyncio.Event:
        """Hold back the next message until the caller sets the returned event."""
        self._held[direction] = asyncio.Event()
        return self._held[direction]

    @property
    def has_cut(self) -> bool:
        """Whether the proxy has aborted the connections that `cut` asked for."""
        return not self._cut

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect a client to the server."""
        if self.is_closed:
            writer.transport.abort()
            return
        responses, requests = await asyncio.open_connection("127.0.0.1", self.server_port)
        self._writers |= {writer, requests}
        for passing in (
            self._pass_on("request", reader, requests, writer),
            self._pass_on("response", responses, writer, writer),
        ):
            self._passing.add(asyncio.create_task(passing))

    async def end(self) -> None:
        """Abort every connection, and wait until all are closed."""
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
                if self.is_silent or (self.is_deaf and direction == "response"):
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
async def proxy_to(server_port: int) -> AsyncIterator[TcpProxy]:
    """Forward a free port of this host to `server_port` while the block runs."""
    proxy = TcpProxy(server_port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
