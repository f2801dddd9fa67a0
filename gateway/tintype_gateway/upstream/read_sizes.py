"""How much of a response is read at once: less while many images pass through.

What one read has brought waits in memory for its task, and then for its client. If all of 1,000
responses come at the same moment, they take this size a thousand times, and again as asyncio's
copies of what slow clients have not read. A smaller size costs more reads, so it is for many only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp

MANY = 64
"""With more images than these passing through, less is read of each further one."""

LARGE_BYTES = 256 * 1024
"""What asyncio reads at once: fewer reads cost less CPU time."""

SMALL_BYTES = 96 * 1024


class ReadSizes:
    """Counts the images that pass through, and limits the reads of those above `MANY`."""

    def __init__(self, many: int = MANY) -> None:
        self._many = many
        self._passing = 0

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
    """Set what a transport reads at once. asyncio does not document this; under TLS it does
    nothing."""
    if transport is not None:
        transport.max_size = size
