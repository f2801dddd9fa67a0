"""How much of a response is read at once: less while there are many.

What one read has brought waits in memory for its task, and then for its client. If all of 1,000
responses come at the same moment, they take this size a thousand times, and again as asyncio's
copies of what slow clients have not read. A smaller size costs more reads, so it is for many only.

Under TLS asyncio has buffers of this size, encrypted and decrypted, for each connection as long as
it is open. So it counts how many calls there are when a connection is opened, and not how many
images pass through.

asyncio documents neither of the two attributes that set this.
"""

from asyncio.sslproto import SSLProtocol
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import aiohttp

MANY = 64
"""With more calls, or images that pass through, less is read at once of each further one."""

LARGE_BYTES = 256 * 1024
"""What asyncio reads at once: fewer reads cost less CPU time."""

SMALL_BYTES = 96 * 1024


class ReadSizes:
    """Counts the calls, and the images that pass through, and limits the reads above `MANY`.

    Each call is a `with` block: `with sizes: ...`.
    """

    def __init__(self, many: int = MANY) -> None:
        self._many = many
        self._calls = 0
        self._passing = 0

    def __enter__(self) -> None:
        self._calls += 1
        self._limit_encrypted()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._calls -= 1
        self._limit_encrypted()

    def _limit_encrypted(self) -> None:
        """Set the size for all connections with TLS that are opened from now on."""
        SSLProtocol.max_size = SMALL_BYTES if self._calls > self._many else LARGE_BYTES

    @contextmanager
    def limited(self, response: aiohttp.ClientResponse) -> Iterator[None]:
        """Count a response as passing through within the block, and limit its reads if need be.

        The connection is left as it was: another call may use it next.
        """
        connection = response.connection  # None once all of the response was read
        transport = None if connection is None else connection.transport
        self._passing += 1
        is_limited = self._passing > self._many
        if is_limited:
            _limit(transport, SMALL_BYTES)
        try:
            yield
        finally:
            self._passing -= 1
            if is_limited:
                _limit(transport, LARGE_BYTES)


def _limit(transport: Any, size: int) -> None:
    """Set what a transport without TLS reads at once."""
    if transport is not None:
        transport.max_size = size
