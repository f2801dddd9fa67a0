"""A way to a server that can break anywhere in a conversation."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["request", "answer"]


@dataclass
class Proxy:
    """Passes bytes on, until it is told otherwise."""

    server_port: int
    port: int = 0
    silent: bool = False
    """Swallow everything, as a host does that has lost its network."""
    deaf: bool = False
    """Swallow the answers."""
    requests: int = 0
    """How many messages came from clients."""

    _cut: dict[Direction, int] = field(default_factory=dict)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    def cut(self, direction: Direction, messages: int) -> None:
        """Close a connection instead of passing on the message after so many, once."""
        self._cut[direction] = messages

    @property
    def has_cut(self) -> bool:
        """Whether what `cut` asked for has happened."""
        return not self._cut

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect a client with the server."""
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self.server_port)
        self._writers |= {writer, to_server}
        for passing in (
            self._pass_on("request", reader, to_server, writer),
            self._pass_on("answer", from_server, writer, writer),
        ):
            self._tasks.add(asyncio.create_task(passing))

    async def close(self) -> None:
        """Cut every connection."""
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._tasks)

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
                if self.silent or (self.deaf and direction == "answer"):
                    continue
                left = self._cut.get(direction)
                if left == 0:
                    del self._cut[direction]
                    client.transport.abort()
                    break
                if left is not None:
                    self._cut[direction] = left - 1
                target.write(message)
                await target.drain()
        target.transport.abort()


@asynccontextmanager
async def proxy_to(server_port: int) -> AsyncIterator[Proxy]:
    """Run a proxy to a port of this host."""
    proxy = Proxy(server_port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
