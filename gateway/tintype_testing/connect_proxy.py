"""An HTTP proxy that opens tunnels with CONNECT, and forwards requests for `http://` URLs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class ConnectProxy:
    """Remembers what it was asked for. Names that it knows lead to a port of this machine."""

    port: int = 0
    status: str = "200 Connection established"
    """The response to CONNECT; a tunnel opens with 200."""

    names: dict[str, int] = field(default_factory=dict)
    """The ports on this machine by host names, which need no DNS."""

    asked: list[str] = field(default_factory=list)
    """The target of each request."""

    @property
    def url(self) -> str:
        """Return the URL of the proxy."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect one client to its target."""
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            self.asked.append(target)
            if method == "CONNECT":
                writer.write(f"HTTP/1.1 {self.status}\r\n\r\n".encode())
                await writer.drain()
                if self.status.startswith("200"):
                    await self._joined(reader, writer, target, b"")
            else:
                await self._joined(reader, writer, urlsplit(target).netloc, head)

    async def _joined(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        target: str,
        first: bytes,
    ) -> None:
        """Forward bytes both ways until one side ends."""
        host, _, port = target.partition(":")
        address = ("127.0.0.1", self.names[host]) if host in self.names else (host, int(port))
        upstream_reader, upstream_writer = await asyncio.open_connection(*address)
        upstream_writer.write(first)
        await asyncio.gather(_forward(reader, upstream_writer), _forward(upstream_reader, writer))
        await _closed(upstream_writer)


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Forward bytes until their end, and end the other side then."""
    with suppress(OSError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.close()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


@asynccontextmanager
async def connect_proxy() -> AsyncIterator[ConnectProxy]:
    """Run a proxy on a free loopback port, and yield it."""
    proxy, clients = ConnectProxy(), set[asyncio.StreamWriter]()
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        clients.add(writer)
        await proxy.serve(reader, writer)
        await _closed(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for writer in clients:
            writer.transport.abort()
        await asyncio.gather(*serving)
