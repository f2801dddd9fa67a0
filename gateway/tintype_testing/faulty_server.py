"""Providers that misbehave on the wire, where no HTTP server library would follow a test.

A behavior is what one of them does on a connection, from its first byte on:

    async with faulty_server(resets_in_the_body) as provider:
        ...  # calls to provider.url
"""

import asyncio
import socket
import ssl
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

DRIP_SECONDS = 0.05


@dataclass
class Call:
    """One connection of a caller."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def request(self) -> None:
        """Read the whole request."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        await self.reader.readexactly(int(length))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Close so that the caller gets a reset (SO_LINGER of zero seconds), not an end."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Behavior = Callable[[Call], Awaitable[None]]


@dataclass
class FaultyProvider:
    """Behaves so on every connection, and counts them."""

    behavior: Behavior
    url: str = ""
    calls: int = 0
    left: int = 0
    """Callers that closed the connection before the behavior was through."""

    _open: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(Call(reader, writer)))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, call: Call) -> None:
        self.calls += 1
        try:
            await self.behavior(call)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left += 1
        finally:
            call.writer.close()

    async def close(self) -> None:
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


@asynccontextmanager
async def faulty_server(
    behavior: Behavior, tls: ssl.SSLContext | None = None
) -> AsyncIterator[FaultyProvider]:
    """Run a provider that behaves so, on a free port of the loopback interface."""
    provider = FaultyProvider(behavior)
    server = await asyncio.start_server(provider.accept, "127.0.0.1", 0, ssl=tls)
    scheme, port = "https" if tls else "http", server.sockets[0].getsockname()[1]
    provider.url = f"{scheme}://127.0.0.1:{port}"
    try:
        yield provider
    finally:
        server.close()
        await provider.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await server.wait_closed()


def http_response(
    body: bytes, *headers: str, status: str = "200 OK", length: int | None = None
) -> bytes:
    """Return an HTTP response; `length` is its Content-Length, by default the correct one."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {size}", "", ""]).encode() + body


def says(data: bytes) -> Behavior:
    """Return the behavior of a server that sends these bytes to any request, and closes."""
    return partial(_say, data)


async def _say(data: bytes, call: Call) -> None:
    await call.request()
    await call.send(data)


async def resets_before_the_request(call: Call) -> None:
    """Accept the connection, and reset it with the request unread."""
    await call.reader.readexactly(1)
    call.reset()


async def resets_in_the_head(call: Call) -> None:
    await call.request()
    await call.send(b"HTTP/1.1 200 OK\r\nContent-Ty")
    call.reset()


async def resets_in_the_body(call: Call) -> None:
    await call.request()
    await call.send(http_response(b'{"created": 1, "data": [', length=10_000))
    call.reset()


async def drips_its_head(call: Call) -> None:
    """Send a byte of a head that never ends every now and then."""
    await call.request()
    await call.send(b"HTTP/1.1 200 OK\r\nX-Padding: ")
    while True:
        await call.send(b"x")
        await asyncio.sleep(DRIP_SECONDS)


async def drips_its_body(call: Call) -> None:
    """Send a byte of white space, which JSON allows, every now and then."""
    await call.request()
    await call.send(http_response(b"", length=10**9))
    while True:
        await call.send(b" ")
        await asyncio.sleep(DRIP_SECONDS)


async def drips_its_stream(call: Call) -> None:
    """Begin a stream of events, and send signs of life for ever."""
    await call.request()
    await call.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    while True:
        await call.send(b": patience\n\n")
        await asyncio.sleep(DRIP_SECONDS)


async def never_ends_its_head(call: Call) -> None:
    await call.request()
    await call.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await call.send(b"X-More: and more\r\n" * 100)


async def never_ends_its_body(call: Call) -> None:
    await call.request()
    await call.send(http_response(b'{"data": [{"b64_json": "', length=10**12))
    while True:
        await call.send(b"A" * 65_536)


async def never_ends_its_stream(call: Call) -> None:
    """Send unrequested events for ever."""
    await call.request()
    await call.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    while True:
        await call.send(b'data: {"type": "keepalive"}\n\n' * 1000)


async def never_gets_to_the_point(call: Call) -> None:
    """Send interim responses (RFC 9110, 15.2) for ever."""
    await call.request()
    while True:
        await call.send(b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n")
        await asyncio.sleep(DRIP_SECONDS)


def gzip_bomb(mebibytes: int) -> bytes:
    """Return a gzip response that decompresses to a thousand times its size."""
    packer = zlib.compressobj(9, wbits=31)
    body = b"".join(packer.compress(b" " * 2**20) for _ in range(mebibytes)) + packer.flush()
    return http_response(body, "Content-Encoding: gzip")
