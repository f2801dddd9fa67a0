"""The chunks of a request's body, with limits on their size and time."""

from typing import Self

from aiohttp import HttpVersion11, web

from tintype_gateway.errors import PayloadTooLargeError, UnsupportedMediaTypeError
from tintype_gateway.http.bodies.waiting import BodyWait
from tintype_gateway.http.connection_limits import BodyPace


async def defer_continue(request: web.Request) -> None:
    """Leave it to `ArrivingBody` to say `100 Continue`: a route's `expect_handler`.

    So a client that waits for it learns what is wrong with its key or its headers before it sends
    its images.
    """


def _expects_continue(request: web.Request) -> bool:
    """Return whether the client waits for `100 Continue` before it sends the body."""
    expected = request.headers.get("Expect", "").lower()
    return expected == "100-continue" and request.version >= HttpVersion11


class ArrivingBody:
    """Iterates over the chunks of a body, as they arrive, and asks for it where that is expected.

    Raises:
        PayloadTooLargeError: The body has more than `max_bytes`.
        RequestTimeoutError: The body arrives too slowly.
        UnsupportedMediaTypeError: The body is compressed.
        ConnectionError: The client has disconnected.
    """

    def __init__(self, request: web.Request, max_bytes: int, pace: BodyPace) -> None:
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise UnsupportedMediaTypeError("the body must not be compressed")
        self._request = request
        self._content = request.content
        self._wait = BodyWait(request.content, pace)
        self._max_bytes = max_bytes
        self._bytes = 0
        self._count(request.content_length or 0)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._bytes:
            await self._ask()
        chunk = await self._wait.chunk()
        if not chunk:
            raise StopAsyncIteration
        self._bytes += len(chunk)
        self._count(self._bytes)
        return chunk

    async def _ask(self) -> None:
        """Let a client send its body that waits until it may (RFC 9110, 10.1.1)."""
        if _expects_continue(self._request) and not self._content.total_bytes:
            await self._request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._request.writer.output_size = 0  # as aiohttp does: the response has not begun

    def _count(self, size: int) -> None:
        if size > self._max_bytes:
            raise PayloadTooLargeError(f"the body must have at most {self._max_bytes} bytes")
