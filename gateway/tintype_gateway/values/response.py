"""The parts of a response to a client."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tintype_gateway.accounts import Hold


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a successful response."""

    headers: Mapping[str, str]
    length: int | None = None
    """The number of bytes of the body; None if it is not known yet."""


@dataclass(frozen=True, slots=True)
class End:
    """The last bytes of a response that is complete."""

    data: bytes = field(repr=False)
    receipt: Hold | None = None
    """The hold that paid for the response, if the response is complete."""


Part = Head | bytes | memoryview | End
"""A part of a response: a head, chunks of the body, and an end, in this order."""


@dataclass(frozen=True, slots=True)
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
