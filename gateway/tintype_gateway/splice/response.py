"""A plain answer as HTTP: spliced, its head goes out with the first bytes of the picture."""

import logging
from collections.abc import Mapping, Sequence

from aiohttp import web
from typing_extensions import override

from tintype_gateway.errors import GatewayError
from tintype_gateway.http.app_keys import FACTS, REQUEST_ID
from tintype_gateway.observability.metrics import ANSWERS_BROKEN_OFF
from tintype_gateway.splice.splice import OPENING
from tintype_gateway.values import Response

log = logging.getLogger(__name__)

JOINED_BYTES = 256 * 1024
"""Up to here, a copy costs less than a second system call."""


class PlainResponse(web.StreamResponse):
    """An `Outlet` to one client, of which nothing is sent before its `begin`."""

    _send_headers_immediately = False
    """The head waits for the first bytes of the body: one packet instead of two."""

    def __init__(self, request: web.Request, headers: Mapping[str, str]) -> None:
        super().__init__(headers={"Content-Type": "application/json", **headers})
        self._asked = request

    async def begin(self, headers: Mapping[str, str]) -> None:
        """See `Outlet`."""
        self.headers.update(headers)
        await self.prepare(self._asked)

    @override
    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """See `Outlet`."""
        try:
            await super().write(data)
        except ConnectionError as error:  # aiohttp's is one of its client's errors as well
            raise ConnectionError("the client left") from error

    async def end(self, answer: Response) -> None:
        """Send an answer, or what follows its first picture if that was passed on.

        Raises:
            ConnectionError: The client left.
        """
        pieces: Sequence[bytes | memoryview] = answer.pieces
        if self.prepared:
            assert pieces[0] == OPENING  # noqa: S101 - one function writes all answers
            pieces = pieces[2:]
        else:
            self.content_length = answer.length
            await self.begin(answer.headers)
            if answer.length <= JOINED_BYTES:
                pieces = [b"".join(pieces)]
        *pieces, last = pieces
        for piece in pieces:
            await self.write(piece)
        await self.write_eof(bytes(last))

    def break_off(self, error: Exception) -> None:
        """Close the connection, so that no client takes what it has for an answer."""
        if isinstance(error, GatewayError):
            self._asked[FACTS]["error"] = error.code
        else:
            extra = {"request_id": self._asked[REQUEST_ID]}
            log.error("unexpected error", exc_info=error, extra=extra)
            self._asked[FACTS]["error"] = "internal_error"
        ANSWERS_BROKEN_OFF.inc()
        if self._asked.transport is not None:
            self._asked.transport.abort()
