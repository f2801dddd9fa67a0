"""The only code that writes generated images to a client: a head, chunks of a body, an end."""

from collections.abc import Mapping

from aiohttp import web

from tintype_gateway.http.private_aiohttp import HeadWithBody
from tintype_gateway.values.response import End, Head, Part

JOINED_BYTES = 256 * 1024
"""Up to this size, a copy costs less than a second system call."""


class ResponseWriter(HeadWithBody):
    """Writes one response: a head, then parts of the body."""

    def __init__(self, request: web.Request, headers: Mapping[str, str]) -> None:
        super().__init__(headers={"Content-Type": "application/json"})
        self._asked = request
        self._more_headers = headers
        self._joined: list[bytes | memoryview] | None = None

    async def send(self, part: Part) -> None:
        """Send a part of the body, and wait for a slow client.

        Raises:
            ConnectionError: The client disconnected.
        """
        if isinstance(part, Head):
            await self._begin(part)
        elif isinstance(part, End):
            pieces = [*(self._joined or ()), part.data]
            await self.write_eof(b"".join(pieces))
        elif self._joined is not None:
            self._joined.append(part)
        else:
            await self.write(part)

    async def _begin(self, head: Head) -> None:
        self.headers.update(head.headers)
        self.headers.update(self._more_headers)
        if head.length is not None:
            self.content_length = head.length
            if head.length <= JOINED_BYTES:
                self._joined = []
        await self.prepare(self._asked)

    def break_off(self) -> None:
        """Abort the connection, so that the client sees that the response is incomplete."""
        if self._asked.transport is not None:
            self._asked.transport.abort()
