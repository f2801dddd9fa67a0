"""The passage of one picture, from a provider's answer into ours."""

import re
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from tintype_gateway.images.container import shows_end
from tintype_gateway.images.lazy_json import SHORTEST_BLOB
from tintype_gateway.observability.request_meter import current_meter
from tintype_gateway.splice.beginning import beginning_of, is_plain
from tintype_gateway.values import PassedOn, Plan, UpstreamFault

LOOK_BYTES = 64 * 1024
"""The first bytes of an answer, in which a picture must show what there is to know of it."""

SMALLEST_ANSWER_BYTES = 256 * 1024
"""Answers that are known to be smaller are read whole, which costs less."""

BUFFER_BYTES = 128 * 1024
"""Half of what waits in memory for a slow client: as much as one read of a socket brings, which
therefore need not pause the next one."""

_SHORT = 64
"""Characters at the beginning of a picture that tell the length of a WebP."""

_ENDING = 4096
"""Characters at the end of a picture that must show that it is whole."""

OPENING = b'{"data":[{"b64_json":"'
"""How our answer begins."""


class Outlet(Protocol):
    """Where an answer goes."""

    async def begin(self, headers: Mapping[str, str]) -> None:
        """Send the head of an answer of status 200."""

    async def write(self, piece: bytes | memoryview) -> None:
        """Send a piece of the body, and wait for a slow client.

        Raises:
            ConnectionError: The client left.
        """


class Splice:
    """Reads one answer, and passes its first picture on where nothing is in doubt."""

    def __init__(
        self,
        first_picture: re.Pattern[bytes],
        plan: Plan,
        headers: Mapping[str, str],
        outlet: Outlet,
    ) -> None:
        self._first_picture = first_picture
        self._plan = plan
        self._headers = headers
        self._outlet = outlet
        self._length = 0
        self._ending = b""
        self._meter = current_meter()
        self.passed: PassedOn | None = None
        """The picture that was passed on, None where the answer was read whole."""

    async def read(self, chunks: AsyncIterator[bytes]) -> bytes:
        """Return an answer, with a short text in the place of a picture that was passed on.

        Raises:
            UpstreamFault: What was passed on is no whole picture.
            ConnectionError: The client left.
        """
        look = await _first_bytes(chunks)
        beginning = beginning_of(look, self._first_picture, self._plan.model.watermark)
        if beginning is None or not self._is_wanted(beginning.header.format):
            return b"".join([look, *[chunk async for chunk in chunks]])
        before, first = look[: beginning.start], look[beginning.start :][:_SHORT]
        await self._begin(look[beginning.start :])
        del look  # so that it is not in memory while a slow client takes the rest
        after = await self._pass_on(chunks)
        self._require_whole(first, beginning.header.format)
        stand_in = _stand_in()
        self.passed = PassedOn(stand_in, *beginning.header, beginning.watermark)
        return b"".join([before, stand_in, *after])

    def _is_wanted(self, form: str) -> bool:
        encoding = self._plan.job.encoding
        return encoding is None or encoding.is_met_by(form)

    async def _begin(self, piece: bytes) -> None:
        await self._outlet.begin(self._headers)
        await self._outlet.write(OPENING)
        await self._send(piece)

    async def _pass_on(self, chunks: AsyncIterator[bytes]) -> list[bytes]:
        """Send the picture to its end, and return what follows, with the closing quote."""
        async for chunk in chunks:
            end = chunk.find(b'"')
            if end >= 0:
                await self._send(chunk[:end])
                return [chunk[end:], *[later async for later in chunks]]
            await self._send(chunk)
        raise _broken("it breaks off")

    async def _send(self, piece: bytes) -> None:
        if not is_plain(piece):
            raise _broken("it is not plain base64")
        self._length += len(piece)
        self._ending = (self._ending + piece[-_ENDING:])[-_ENDING:]
        await self._outlet.write(piece)
        self._meter.passed_on(len(piece))

    def _require_whole(self, first: bytes, form: str) -> None:
        try:
            whole = self._length % 4 == 0 and shows_end(first, self._ending, self._length, form)
        except ValueError as error:
            raise _broken(str(error)) from error
        if not whole:
            raise _broken("it breaks off")


async def _first_bytes(chunks: AsyncIterator[bytes]) -> bytes:
    """Return the first part of an answer, or all of a small one."""
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if size >= LOOK_BYTES:
            break
    return b"".join(parts)


def _stand_in() -> bytes:
    """Return a text that is read as a picture's base64, and that no answer can hold by itself."""
    token = secrets.token_hex(32).encode()
    return token * (SHORTEST_BLOB // len(token) + 1)


def _broken(why: str) -> UpstreamFault:
    message = f"the picture in the provider's answer cannot be passed on: {why}"
    return UpstreamFault("outcome_unknown", message)
