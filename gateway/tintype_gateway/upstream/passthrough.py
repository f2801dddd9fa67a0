"""An image passed through: from a provider's response to the client's, while it is being read.

Of a response of one call that is neither converted nor stored, the characters between two quotes
go into our response piece by piece, so that no image is ever in memory as a whole. What is left,
JSON with a placeholder for the image, is read by the dialect as any other response. In doubt at the
beginning of the image, the response is read whole instead. What turns out to be wrong later breaks
our response off: one that has begun is right, or has no end.
"""

import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from tintype_gateway.images.base64_view import data_url_length
from tintype_gateway.images.container import ImageHeader, Scanner, read_header
from tintype_gateway.images.lazy_json import SHORTEST_BLOB, open_string
from tintype_gateway.observability.request_meter import current_meter
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import PassedThrough
from tintype_gateway.values.plan import Plan

LOOK_BYTES = 64 * 1024
"""The first bytes of a response, in which an image must show its format and size."""

SMALLEST_RESPONSE_BYTES = 256 * 1024
"""Responses that are known to be smaller are read whole, which costs less."""

BUFFER_BYTES = 128 * 1024
"""Half of what waits in memory for a slow client: as much as one read of a socket brings, which
therefore need not pause the next one."""

FallBack = Callable[[], Awaitable[None]]
"""Reserves the memory that a response needs which has to be read whole.

Raises UpstreamFault where there is none before the request's deadline."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What the first bytes of a response show of its first image."""

    start: int
    """Where its base64 begins."""

    header: ImageHeader


def opening_of(look: bytes, first_image: re.Pattern[bytes]) -> Opening | None:
    """Return how a response begins, of which `look` is the first part, or None in any doubt.

    Args:
        look: The first bytes, in the middle of the image.
        first_image: Matches what stands before the first image of the dialect's responses.
    """
    try:
        quote = open_string(look)
    except ValueError:
        return None
    if quote < 0 or first_image.search(look, 0, quote) is None:
        return None
    start = quote + 1 + data_url_length(look[quote + 1 :])
    image = look[start:]
    if not is_plain(image):
        return None
    try:
        return Opening(start, read_header(memoryview(image)[: len(image) // 4 * 4]))
    except ValueError:
        return None


def is_plain(piece: bytes) -> bool:
    """Return whether these can be characters of a base64 text that every reader understands.

    Neither escapes nor the URL-safe alphabet, both of which dialects can read in a whole response.
    """
    return piece.isascii() and not (b"\\" in piece or b"-" in piece or b"_" in piece)


class PassThrough:
    """Reads one response, and hands out its first image as it arrives where nothing is in doubt.

    Use it in this order: `open`; if that shows an image, all of `pieces`; then `rest`.
    """

    def __init__(self, first_image: re.Pattern[bytes], plan: Plan, fall_back: FallBack) -> None:
        self._first_image = first_image
        self._plan = plan
        self._fall_back = fall_back
        self._opening: Opening | None = None
        self._look = self._placeholder = b""
        self._after: list[bytes] = []
        self._failure: Exception | None = None
        self._meter = current_meter()
        self.passed: PassedThrough | None = None
        """The image that was handed out; None where the response was read whole."""

    async def open(self, chunks: AsyncIterator[bytes]) -> ImageHeader | None:
        """Read the first part of a response; return the header of the image that can pass."""
        self._chunks = chunks
        self._look = await _first_bytes(chunks)
        opening = opening_of(self._look, self._first_image)
        if opening is None or not self._is_wanted(opening.header.format):
            return None
        self._opening = opening
        return opening.header

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield the base64 of the image. Where it breaks off this just ends, and `rest` raises.

        So that the fault is raised where the call is watched, and not where the image is written.
        """
        assert self._opening is not None  # noqa: S101 - `open` has shown an image
        start, header = self._opening.start, self._opening.header
        piece, self._look = self._look[start:], self._look[:start]
        checks = _Checks(header.format)
        try:
            checks.add(piece)
            yield piece
            self._meter.passed_on(len(piece))
            async for piece in self._chunks:
                end = piece.find(b'"')
                if end >= 0:
                    self._after = [piece[end:]]
                    piece = piece[:end]
                checks.add(piece)
                yield piece
                self._meter.passed_on(len(piece))
                if end >= 0:
                    break
            checks.require_whole(has_end=bool(self._after))
        except Exception as error:
            self._failure = error
            return
        declared = self._plan.model.watermark
        watermark = "none" if declared == "c2pa" and not checks.has_c2pa else declared
        self._placeholder = _placeholder()
        self.passed = PassedThrough(self._placeholder, *header, watermark)

    async def rest(self) -> bytes:
        """Return the response, with a placeholder for an image that was handed out.

        Raises:
            UpstreamFault: What was handed out is no whole image, or there is no memory to read the
                response whole.
        """
        if self._failure is not None:
            raise self._failure
        if self.passed is None:
            await self._fall_back()
        parts = [self._look, self._placeholder, *self._after]
        return b"".join([*parts, *[chunk async for chunk in self._chunks]])

    def _is_wanted(self, form: str) -> bool:
        encoding = self._plan.job.encoding
        return encoding is None or encoding.is_met_by(form)


class _Checks:
    """What an image shows of itself while it passes."""

    def __init__(self, form: str) -> None:
        self._scanner = Scanner(form)

    @property
    def has_c2pa(self) -> bool:
        """Whether a C2PA manifest has passed."""
        return self._scanner.has_c2pa

    def add(self, piece: bytes) -> None:
        """Look at the next characters.

        Raises:
            UpstreamFault: They are no plain base64, or of no sound file.
        """
        if not is_plain(piece):
            raise _broken("it is not plain base64")
        try:
            self._scanner.feed(piece)
        except ValueError as error:
            raise _broken(str(error)) from error

    def require_whole(self, *, has_end: bool) -> None:
        """Make sure that the image is there to its end.

        Raises:
            UpstreamFault: It is not.
        """
        try:
            is_whole = has_end and self._scanner.is_whole()
        except ValueError as error:
            raise _broken(str(error)) from error
        if not is_whole:
            raise _broken("it breaks off")


async def _first_bytes(chunks: AsyncIterator[bytes]) -> bytes:
    """Return the first part of a response, or all of a small one."""
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if size >= LOOK_BYTES:
            break
    return b"".join(parts)


def _placeholder() -> bytes:
    """Return a text that is read as an image's base64, and that no response holds by itself."""
    token = secrets.token_hex(32).encode()
    return token * (SHORTEST_BLOB // len(token) + 1)


def _broken(why: str) -> UpstreamFault:
    message = f"the image in the provider's response cannot be passed on: {why}"
    return UpstreamFault("outcome_unknown", message)
