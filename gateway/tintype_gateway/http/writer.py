"""The only code that writes generated images to a client: a head, chunks of a body, an end."""

from collections.abc import Mapping

from aiohttp import web

from tintype_gateway.http.chunks import Chunks
from tintype_gateway.http.private_aiohttp import HeadWithBody
from tintype_gateway.values.response import JOINED_BYTES, End, Event, Head, WrittenPart

WRITE_BYTES = 1024 * 1024
"""The bytes that are written before waiting for a slow client; asyncio may copy them. A write costs
some 50 microseconds, whatever it sends."""


class ResponseWriter(HeadWithBody):
    """Writes one response: a head, then parts of the body."""

    def __init__(self, request: web.Request, headers: Mapping[str, str]) -> None:
        super().__init__(headers={"Content-Type": "application/json"})
        self._asked = request
        self._more_headers = headers
        self._chunks: Chunks | None = None
        """The chunks of the body; None if it has a Content-Length, or ends with the connection."""

    async def send(self, part: WrittenPart) -> None:
        """Send a part of the body, and wait for a slow client.

        Raises:
            ConnectionError: The client disconnected.
        """
        chunks = self._chunks
        if isinstance(part, bytes | memoryview):
            await self._write(part)
        elif isinstance(part, Event):
            await self._write_event(part)
        elif isinstance(part, Head):
            await self._begin(part)
        elif isinstance(part, End):
            await self.write_eof(part.data if chunks is None else chunks.ended(part.data))
        elif chunks is not None:
            chunks.begin(part.length)

    async def _write_event(self, event: Event) -> None:
        length = sum(map(len, event.pieces))
        if length <= JOINED_BYTES:
            await self._write(b"".join(event.pieces))
            return
        if self._chunks is not None:
            self._chunks.begin(length)
        for piece in event.pieces:
            await self._write(piece)

    async def _write(self, part: bytes | memoryview) -> None:
        if len(part) > WRITE_BYTES:
            part = memoryview(part)
        for start in range(0, len(part), WRITE_BYTES):
            piece = part[start : start + WRITE_BYTES]
            await self.write(self._framed(piece))

    async def send_arrived(self, piece: bytes | memoryview) -> None:
        """Send a piece of the body as it arrived; let `drained` wait for a slow client.

        Raises:
            ConnectionError: The client disconnected.
        """
        await self.put(self._framed(piece))

    def _framed(self, piece: bytes | memoryview) -> bytes | memoryview:
        return piece if self._chunks is None else self._chunks.framed(piece)

    async def _begin(self, head: Head) -> None:
        self.headers.update(head.headers)
        self.headers.update(self._more_headers)
        if head.length is not None:
            self.content_length = head.length
        await self.prepare(self._asked)
        self._chunks = Chunks() if self.take_chunks() else None

    def break_off(self) -> None:
        """Abort the connection, so that the client sees that the response is incomplete."""
        if self._asked.transport is not None:
            self._asked.transport.abort()
