"""The parts of a response to a client."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import field

from tintype_gateway.frozen import frozen_value
from tintype_gateway.holds import Hold

JOINED_BYTES = 256 * 1024
"""Up to this size, to copy the pieces of a body or of an event costs less than further packets."""


@frozen_value(frozen=True, slots=True)
class Head:
    """The head of a successful response."""

    headers: Mapping[str, str]
    length: int | None = None
    """The number of bytes of the body; None if it is not known yet."""


@frozen_value(frozen=True, slots=True)
class End:
    """The last bytes of a response that is complete."""

    data: bytes = field(repr=False)
    receipt: Hold | None = None
    """The hold that paid for the response, if the response is complete."""


@frozen_value(frozen=True, slots=True)
class Chunk:
    """The beginning of a chunk of the body: its bytes, which follow, are written without a copy."""

    length: int
    """The number of the bytes that follow, above 0. At the end of the body, which is then JSON,
    there may be fewer."""


@frozen_value(frozen=True, slots=True)
class Event:
    """A whole event of a stream, in pieces, so that a large image is not copied."""

    pieces: tuple[bytes | memoryview, ...] = field(repr=False)


@frozen_value(frozen=True, slots=True)
class Arriving:
    """Bytes of the body that are still arriving.

    Take all of them, even for a client that has left, before the next part.
    """

    pieces: AsyncGenerator[bytes | memoryview, None] = field(repr=False)


WrittenPart = Head | Chunk | Event | bytes | memoryview | End

Part = WrittenPart | Arriving
"""A part of a response: a head, the bytes of the body, and an end, in this order."""


@frozen_value(frozen=True, slots=True)
class Response:
    """A successful response: its body in pieces, so that no image is copied, and its headers."""

    pieces: tuple[bytes | memoryview, ...] = field(repr=False)
    """Texts, with the value of one image between each two of them."""

    headers: Mapping[str, str]
    receipt: Hold
    """The hold that paid for it."""

    @property
    def length(self) -> int:
        """The number of bytes of the body."""
        return sum(len(piece) for piece in self.pieces)
