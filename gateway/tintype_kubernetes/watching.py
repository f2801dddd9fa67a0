"""Decoding of a watch: a long answer that holds one JSON object a line."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from tintype_kubernetes.errors import api_error


@dataclass(frozen=True)
class WatchEvent:
    """One change of one object."""

    type: str
    """`ADDED`, `MODIFIED`, `DELETED`, or `BOOKMARK`, which carries a resourceVersion only."""
    object: dict[str, Any]

    @property
    def resource_version(self) -> str:
        """Where a later watch can go on from."""
        return str(self.object["metadata"]["resourceVersion"])


async def split_lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The complete lines of a byte stream, of any length.

    aiohttp's own `readline` gives up beyond 512 KiB, and an object may have 1.5 MiB. What follows
    the last line break is a line that was cut, and is dropped.
    """
    pending = bytearray()
    async for chunk in chunks:
        head, *rest = chunk.split(b"\n")
        pending += head
        for following in rest:
            if pending:
                yield bytes(pending)
            pending = bytearray(following)


def parse_event(line: bytes) -> WatchEvent:
    """The event that a line holds.

    Raises:
        WatchExpiredError: The stream cannot go on from its resourceVersion.
        ApiError: The server reported another error inside the stream.
    """
    event = json.loads(line)
    if event["type"] == "ERROR":
        raise api_error(event["object"])
    return WatchEvent(event["type"], event["object"])
