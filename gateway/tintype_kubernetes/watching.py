"""Decodes the response to a watch, which has one JSON object a line."""

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
        """The version from which a later watch can continue."""
        return str(self.object["metadata"]["resourceVersion"])


async def split_lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the complete lines of a byte stream, of any length.

    aiohttp's `readline` fails beyond 512 KiB, but an object may have 1.5 MiB. An incomplete last
    line is dropped.
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
    """Return the event in a line.

    Raises:
        WatchExpiredError: The server no longer has the resourceVersion of the watch.
        ApiError: The server reported another error inside the stream.
    """
    event = json.loads(line)
    if event["type"] == "ERROR":
        raise api_error(event["object"])
    return WatchEvent(event["type"], event["object"])
