"""How much of a response is read at once: less of each while many arrive.

Each read costs about 0.1 ms in the event loop, whatever it brings. What it has brought waits in
memory for its task and then for its client, so all responses share a fixed number of bytes, and one
that passes through gets more than asyncio's own size only where plenty of memory is free.

Under TLS asyncio has two buffers of this size, encrypted and decrypted, for each connection as long
as it is open. So the size is set when a connection is opened, by the number of calls.

asyncio documents neither of the two attributes that set this.
"""

from asyncio.sslproto import SSLProtocol
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import aiohttp

SHARED_BYTES = 16 * 1024 * 1024
"""What is read at once of all responses together, as long as each has `SMALLEST_BYTES`."""

LARGEST_BYTES = 1024 * 1024
"""The largest read: a larger one saves no more, because its bytes leave the processor's cache."""

SMALLEST_BYTES = 96 * 1024

ASYNCIO_BYTES = 256 * 1024
"""What asyncio reads at once by default. No connection with TLS gets more: one that is kept open
has its buffers all the time."""


def read_bytes(responses: int) -> int:
    """Return how many bytes are read at once of each of this number of responses."""
    return max(SMALLEST_BYTES, min(LARGEST_BYTES, SHARED_BYTES // responses))


class ReadSizes:
    """Counts the calls, and the responses that arrive, and sets the size of their reads.

    Each call is a `with` block: `with sizes: ...`.
    """

    def __init__(self) -> None:
        self._calls = 0
        self._arriving = 0

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
        SSLProtocol.max_size = min(ASYNCIO_BYTES, read_bytes(max(1, self._calls)))

    @contextmanager
    def reading(
        self, response: aiohttp.ClientResponse, grow: Callable[[int], bool] | None = None
    ) -> Iterator[None]:
        """Count a response as arriving within the block, and set what is read of it at once.

        The connection is left as it was: another call may use it next.

        Args:
            response: The response, whose head has arrived.
            grow: Reserves more bytes, if plenty are free, for what waits for a client: one read
                and the next one. None for a response that is kept as a whole.
        """
        self._arriving += 1
        transport = _plain_transport(response)
        if transport is not None:
            size = read_bytes(self._arriving)
            more = 2 * (size - ASYNCIO_BYTES)
            may_grow = more <= 0 or grow is None or grow(more)
            transport.max_size = size if may_grow else ASYNCIO_BYTES
        try:
            yield
        finally:
            self._arriving -= 1
            if transport is not None:
                transport.max_size = ASYNCIO_BYTES


def _plain_transport(response: aiohttp.ClientResponse) -> Any:
    """Return what a response is read from; None under TLS, or once all of it was read."""
    connection = response.connection
    transport = None if connection is None else connection.transport
    if transport is None or transport.get_extra_info("ssl_object") is not None:
        return None
    return transport
