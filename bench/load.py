"""A client of minimal cost: sockets, prebuilt requests, and responses that are only counted."""

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

BUFFER_BYTES = 256 * 1024

RESPONSE_SECONDS = 120
"""The time limit of one response."""

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_LAST_CHUNK = b"\r\n0\r\n\r\n"


class WrongResponseError(Exception):
    """A response with another status or a too short body."""


@dataclass(frozen=True)
class Request:
    """What to send, where to, and how much must come back."""

    url: str
    body: bytes
    headers: tuple[str, ...] = ()
    response_bytes: int = 0
    """The minimum length of the response's body."""

    content_type: str = "application/json"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 80

    def encoded(self) -> bytes:
        """Return the request as it goes over the wire."""
        parts = urlsplit(self.url)
        lines = (
            f"POST {parts.path} HTTP/1.1",
            f"Host: {parts.netloc}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            *self.headers,
        )
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@dataclass
class Load:
    """What the clients of one run saw."""

    wall_seconds: float = 0
    latencies: list[float] = field(default_factory=list)
    """The seconds of each complete response."""

    failures: list[str] = field(default_factory=list)


class Connection:
    """One kept-alive connection, used by one client."""

    is_last = False
    """Whether the last response closes the connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._loop = asyncio.get_running_loop()

    async def ask(self, request: bytes, response_bytes: int) -> None:
        """Send a request, and read its response to the end.

        Raises:
            WrongResponseError: The status is not 200, or the response is too short.
        """
        await self._loop.sock_sendall(self._socket, request)
        head, read = await self._read_head()
        status = _STATUS.match(head)
        if status is None or status[1] != b"200":
            raise WrongResponseError(f"{head[:200]!r}")
        self.is_last = _CLOSE.search(head) is not None
        length = _LENGTH.search(head)
        body = await (self._rest(read, int(length[1])) if length else self._chunks(read))
        if body < response_bytes:
            raise WrongResponseError(f"only {body} of {response_bytes} bytes")

    def was_closed(self) -> bool:
        """Return whether the other side has closed a connection on which nothing is awaited."""
        try:
            return self._socket.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    async def _read_head(self) -> tuple[bytes, bytes]:
        """Return the head of a response, and the part of the body that arrived with it."""
        received = b""
        while b"\r\n\r\n" not in received:
            received += await self._read()
        head, _, rest = received.partition(b"\r\n\r\n")
        return head, rest

    async def _rest(self, read: bytes, length: int) -> int:
        missing = length - len(read)
        while missing > 0:
            missing -= await self._read_into()
        return length

    async def _chunks(self, read: bytes) -> int:
        """Read up to the last chunk: no JSON holds the bytes that it ends with."""
        total, end = len(read), read[-len(_LAST_CHUNK) :]
        while end != _LAST_CHUNK:
            count = await self._read_into()
            total += count
            end = (end + self._buffer[max(0, count - len(_LAST_CHUNK)) : count])[
                -len(_LAST_CHUNK) :
            ]
        return total

    async def _read(self) -> bytes:
        count = await self._read_into()
        return bytes(self._buffer[:count])

    async def _read_into(self) -> int:
        count = await self._loop.sock_recv_into(self._socket, self._buffer)
        if count == 0:
            raise WrongResponseError("the connection was closed")
        return count


@asynccontextmanager
async def connections(address: tuple[str, int], count: int) -> AsyncIterator[list[Connection]]:
    """Open connections, and close them afterwards."""
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(count):
            opened.append(connection := await connected(address))
            stack.callback(connection.close)
        yield opened


async def connected(address: tuple[str, int]) -> Connection:
    """Open a connection.

    Raises:
        OSError: No server accepts it.
    """
    connection = socket.socket()
    try:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(connection, address)
    except OSError:
        connection.close()
        raise
    return Connection(connection)


async def steadily(request: Request, clients: int, seconds: float) -> Load:
    """Let clients send one request after the other: each the next one after the response."""
    load = Load()
    end = time.perf_counter() + seconds

    async def client(connection: Connection) -> None:
        while time.perf_counter() < end and not load.failures:
            await _timed(connection, request, load)

    await _run(request, clients, client, load)
    return load


async def at_once(request: Request, clients: int) -> Load:
    """Send a number of requests at the same time."""
    load = Load()
    await _run(request, clients, lambda connection: _timed(connection, request, load), load)
    return load


async def _run(
    request: Request, clients: int, client: Callable[[Connection], Awaitable[None]], load: Load
) -> None:
    async with connections(request.address, clients) as opened:
        begin = time.perf_counter()
        await asyncio.gather(*(client(connection) for connection in opened))
        load.wall_seconds = time.perf_counter() - begin


async def _timed(connection: Connection, request: Request, load: Load) -> None:
    encoded = request.encoded()
    begin = time.perf_counter()
    try:
        async with asyncio.timeout(RESPONSE_SECONDS):
            await connection.ask(encoded, request.response_bytes)
        load.latencies.append(time.perf_counter() - begin)
    except (OSError, TimeoutError, WrongResponseError) as error:
        load.failures.append(f"{type(error).__name__}: {error}")
