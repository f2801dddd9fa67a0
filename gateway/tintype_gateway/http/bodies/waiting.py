"""Waits for the body of a request, and blames the client only for its own delays."""

import asyncio

from aiohttp import StreamReader

from tintype_gateway.errors import RequestTimeoutError
from tintype_gateway.http.connection_limits import BodyPace

PAUSE_SECONDS = 0.1
"""A timer that is later than this tells that the process was paused: it got no CPU, or was stopped.
The event loop of a gateway under load is some milliseconds late."""


class BodyWait:
    """Reads the chunks of a body as they arrive, at the pace that its client must keep.

    Only the time in which the gateway waits for the client counts, neither that in which it works
    nor that in which it got no CPU. During such a pause the client may have sent all that the
    buffers of the connection hold, and then have waited for the gateway.
    """

    def __init__(self, content: StreamReader, pace: BodyPace) -> None:
        self._content = content
        self._pace = pace
        self._bytes = 0
        self._waited_seconds = 0.0

    async def chunk(self) -> bytes:
        """Return the next chunk, empty at the end of the body.

        Raises:
            RequestTimeoutError: The body arrives too slowly.
            ConnectionError: The client has disconnected.
        """
        chunk = self._content.read_nowait()  # most bodies arrive together with their heads
        while not chunk and not self._content.is_eof():
            chunk = await self._next()
        self._bytes += len(chunk)
        return chunk

    async def _next(self) -> bytes:
        """Wait for a chunk. It is empty at the end, or if the process was paused meanwhile."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        due = started + max(0.0, self._pace.seconds_for(self._bytes) - self._waited_seconds)
        try:
            async with asyncio.timeout_at(due):
                chunk = await self._content.readany()
        except TimeoutError as error:
            paused = loop.time() - due
            chunk = await self._arrived()
            is_over = not chunk and not self._content.is_eof()
            if is_over and paused < PAUSE_SECONDS:
                raise RequestTimeoutError("the request body arrives too slowly") from error
            self._waited_seconds += due - started - paused
        else:
            self._waited_seconds += loop.time() - started
        return chunk

    async def _arrived(self) -> bytes:
        """Return what has arrived by now, also what is still in the socket's buffer."""
        # The event loop reads sockets when it begins the next pass, and goes on with the reader
        # after the tasks that are due: two passes see everything.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return self._content.read_nowait()
