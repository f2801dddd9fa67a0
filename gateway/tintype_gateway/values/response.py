"""A response on its way to its client."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tintype_gateway.accounts import Hold


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a successful response."""

    headers: Mapping[str, str]
    length: int | None = None
    """The bytes of the body; None where they are not known yet."""


@dataclass(frozen=True, slots=True)
class End:
    """The last bytes of a response that is complete."""

    data: bytes = field(repr=False)
    receipt: Hold | None = None
    """What paid for it, if it has all that was asked for."""


Part = Head | bytes | memoryview | End
"""Of a response: a head, chunks of the body, and an end, in this order."""


@dataclass(frozen=True, slots=True)
class Response:
    """A successful response: its body in pieces, so that no image is copied, and its headers."""

    pieces: tuple[bytes | memoryview, ...] = field(repr=False)
    """Texts, and between each two of them the value of one image."""

    headers: Mapping[str, str]
    receipt: Hold
    """The hold that paid for it."""

    @property
    def length(self) -> int:
        """The bytes of the body."""
        return sum(len(piece) for piece in self.pieces)
