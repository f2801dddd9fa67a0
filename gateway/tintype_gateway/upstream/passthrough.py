"""Pass-through: forwards images from the provider's response to the client while they arrive.

Pass-through serves requests of one call whose images are neither converted nor stored. The base64
of the images goes to the client piece by piece, so that no image is in memory as a whole. The
dialect then interprets the rest of the response, with a placeholder for each image.

If the start of the response leaves any doubt, the gateway reads the response as a whole instead. If
the text between two images does, it reads the rest as a whole. If an error shows later, the gateway
aborts the client's response, so that a complete response is always a correct one.
"""

import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType

from tintype_gateway.dialects.base import NextImage
from tintype_gateway.images.base64_view import data_url_length
from tintype_gateway.images.container import ImageHeader, Scanner, read_header
from tintype_gateway.images.lazy_json import SHORTEST_BLOB, open_string
from tintype_gateway.observability.request_meter import current_meter
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import PassedThrough
from tintype_gateway.values.plan import Plan

LOOK_BYTES = 64 * 1024
"""The bytes at the start of a response that must contain the header of the image."""

SMALLEST_RESPONSE_BYTES = 256 * 1024
"""Responses with a smaller Content-Length are read as a whole, which costs less."""

BUFFER_BYTES = 128 * 1024
"""Half of the buffer for a slow client: with more than that twice, the next read waits for it."""

FallBack = Callable[[int], Awaitable[None]]
"""Reserves the memory for a number of images that must be read as a whole.

Raises UpstreamFault if the memory is not free before the request's deadline."""

Grow = Callable[[int], bool]
"""Reserves more bytes for buffers if plenty are free, and returns whether it did."""


@dataclass(frozen=True, slots=True)
class Opening:
    """An image whose beginning has arrived."""

    start: int
    """The offset of its base64 in the bytes that were looked at."""

    header: ImageHeader


def opening_of(look: bytes, first_image: re.Pattern[bytes]) -> Opening | None:
    """Return the first image in the first bytes of a response, or None in any doubt.

    Args:
        look: The first bytes, which end inside the image.
        first_image: Matches the text before the first image of the dialect's responses.
    """
    try:
        quote = open_string(look)
    except ValueError:
        return None
    if quote < 0 or first_image.search(look, 0, quote) is None:
        return None
    return _opening_at(look, quote + 1)


def next_opening(look: bytes, between: re.Pattern[bytes]) -> Opening | None:
    """Return the image that follows on another one, or None in any doubt.

    Args:
        look: What follows the base64 of the image before, from its closing quote.
        between: Matches the text between two images of the dialect's responses.
    """
    found = between.match(look, 1)
    if found is None or look[found.end() : found.end() + 1] != b'"':
        return None
    return _opening_at(look, found.end() + 1)


def _opening_at(look: bytes, start: int) -> Opening | None:
    start += data_url_length(look, start)
    end = look.find(b'"', start)
    image = memoryview(look)[start : end if end >= 0 else None]
    try:
        return Opening(start, read_header(image[: len(image) // 4 * 4]))
    except ValueError:
        return None


class PassThrough:
    """Reads one response, and yields its images while they arrive, as far as there is no doubt.

    Use it in this order: `open`; as long as that or `next` shows an image, all of `pieces` and then
    `next`; then `rest`.
    """

    def __init__(
        self,
        first_image: re.Pattern[bytes],
        plan: Plan,
        fall_back: FallBack,
        next_image: NextImage | None = None,
        grow: Grow = lambda _: False,
    ) -> None:
        self._first_image = first_image
        self._next_image = next_image
        self._plan = plan
        self._fall_back = fall_back
        self.grow = grow
        self._opening: Opening | None = None
        self._look = b""
        self._kept: list[bytes] = []
        self._failure: Exception | None = None
        self._has_begun = self._goes_on = False
        self._meter = current_meter()
        self.passed: tuple[PassedThrough, ...] = ()
        """The images that were passed through; none if the response was read as a whole."""

    @property
    def sold_milliseconds(self) -> int | None:
        """The time that the provider has taken, or None before a part of the image was sent."""
        return self._milliseconds() if self._has_begun else None

    async def open(
        self, chunks: AsyncIterator[bytes], milliseconds: Callable[[], int] = lambda: 0
    ) -> ImageHeader | None:
        """Read the first part of a response; return the header of the image that can pass.

        Args:
            chunks: The body of the response.
            milliseconds: Returns the time that the provider has taken so far.
        """
        self._chunks, self._milliseconds = chunks, milliseconds
        self._look = await _first_bytes(chunks)
        opening = opening_of(self._look, self._first_image)
        if opening is not None and self._next_image is not None:
            quote = self._look.rindex(b'"', 0, opening.start)
            self._goes_on = self._next_image.before.search(self._look, 0, quote) is not None
        return self._opened(opening)

    async def next(self) -> ImageHeader | None:
        """Read on behind an image; return the header of the next one if that can pass, too."""
        if self._next_image is None or not self._goes_on or self._failure is not None:
            return None
        self._look = await _first_bytes(self._chunks, self._look)
        return self._opened(next_opening(self._look, self._next_image.between))

    def _opened(self, opening: Opening | None) -> ImageHeader | None:
        """Begin the checks of an image, and return its header if it can pass."""
        if opening is None or not self._is_wanted(opening.header.format):
            return None
        checks, end = _Checks(opening.header.format), self._look.find(b'"', opening.start)
        try:
            checks.add(memoryview(self._look)[opening.start : end if end >= 0 else None])
        except UpstreamFault:  # such as JSON escapes, which dialects can read in a whole response
            return None
        self._opening, self._checks = opening, checks
        return opening.header

    def longest(self, response_bytes: int | None) -> int | None:
        """Return the most bytes of the first image's base64, and of all that follows on it.

        They follow from the length of the response, if that is known.
        """
        if self._opening is None or response_bytes is None:
            return None
        return response_bytes - self._opening.start

    async def pieces(self) -> AsyncGenerator[bytes | memoryview, None]:
        """Yield the base64 of the image. If it is cut off, this ends early and `rest` raises.

        The fault is thus raised where the call is observed, not where the image is written.
        """
        assert self._opening is not None  # noqa: S101 - `open` or `next` has shown an image
        header, checks = self._opening.header, self._checks
        passing = [self._take_first()]
        try:
            self._has_begun = True
            size = len(passing[0])  # while a slow client is waited for, only it may hold a piece
            yield passing.pop()
            self._meter.passed_on(size)
            while not self._look:
                piece = await anext(self._chunks, None)
                if piece is None:
                    break
                end = piece.find(b'"')
                if end >= 0:
                    self._look = piece[end:]
                    piece = piece[:end]
                checks.add(piece)
                size, passing = len(piece), [piece]
                del piece
                yield passing.pop()
                self._meter.passed_on(size)
            checks.require_whole(has_end=bool(self._look))
        except Exception as error:
            self._failure = error
            return
        declared = self._plan.model.watermark
        watermark = "none" if declared == "c2pa" and not checks.has_c2pa else declared
        placeholder = _placeholder()
        self._kept.append(placeholder)
        self.passed += (PassedThrough(placeholder, *header, watermark),)

    def _take_first(self) -> bytes | memoryview:
        """Return the part of the image that was looked at, and keep what is around it."""
        assert self._opening is not None  # noqa: S101 - the caller has it
        look, start = self._look, self._opening.start
        end = look.find(b'"', start)
        self._kept.append(look[:start])
        self._look = look[end:] if end >= 0 else b""
        return memoryview(look)[start : end if end >= 0 else None]

    async def rest(self) -> bytes:
        """Return the response, with placeholders for the images that were passed through.

        Raises:
            UpstreamFault: An image that was passed through is incomplete, or there is no memory
                to read the response as a whole.
        """
        if self._failure is not None:
            raise self._failure
        missing = self._plan.passing_images - len(self.passed)
        if missing > 0:
            self._look = await _first_bytes(self._chunks, self._look)
            if len(self._look) >= LOOK_BYTES:
                await self._fall_back(missing)
        parts = [*self._kept, self._look]
        return b"".join([*parts, *[chunk async for chunk in self._chunks]])

    def _is_wanted(self, form: str) -> bool:
        encoding = self._plan.job.encoding
        return encoding is None or encoding.is_met_by(form)


class Interruptions:
    """Notes on a fault of the block whether it interrupts an image that passes through."""

    def __init__(self, through: PassThrough | None) -> None:
        self._through = through

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, UpstreamFault) and self._through is not None:
            error.sold_milliseconds = self._through.sold_milliseconds


class _Checks:
    """Checks an image while it passes through."""

    def __init__(self, form: str) -> None:
        self._scanner = Scanner(form)

    @property
    def has_c2pa(self) -> bool:
        """Whether the image contains a C2PA manifest so far."""
        return self._scanner.has_c2pa

    def add(self, piece: bytes | memoryview) -> None:
        """Check the next characters.

        Raises:
            UpstreamFault: They are not plain base64, or the image file is invalid.
        """
        try:
            self._scanner.feed(piece)
        except ValueError as error:
            raise _broken(str(error)) from error

    def require_whole(self, *, has_end: bool) -> None:
        """Check that the image is complete.

        Raises:
            UpstreamFault: The image is cut off.
        """
        try:
            is_whole = has_end and self._scanner.is_whole()
        except ValueError as error:
            raise _broken(str(error)) from error
        if not is_whole:
            raise _broken("it breaks off")


async def _first_bytes(chunks: AsyncIterator[bytes], begun: bytes = b"") -> bytes:
    """Return the first part of a response or of the rest of one, or all of a small one."""
    parts, size = [begun], len(begun)
    while size < LOOK_BYTES and (chunk := await anext(chunks, None)) is not None:
        parts.append(chunk)
        size += len(chunk)
    return b"".join(parts)


def _placeholder() -> bytes:
    """Return a random text that dialects accept as base64 and that no response contains."""
    token = secrets.token_hex(32).encode()
    return token * (SHORTEST_BLOB // len(token) + 1)


def _broken(why: str) -> UpstreamFault:
    message = f"the image in the provider's response cannot be passed on: {why}"
    return UpstreamFault("outcome_unknown", message)
