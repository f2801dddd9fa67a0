"""A stream as an HTTP answer: its head is sent with the first event, and not before."""

import logging
from collections.abc import Callable, Iterator, Mapping

from aiohttp import web

from tintype_gateway.errors import GatewayError, InternalError
from tintype_gateway.http.app_keys import FACTS, PIPELINE, REQUEST_ID
from tintype_gateway.pipeline.sse_serializer import error_event
from tintype_gateway.streaming.relay import Stream
from tintype_gateway.upstream.sse import MEDIA_TYPE, Pieces

log = logging.getLogger(__name__)

WRITE_BYTES = 256 * 1024
"""How much is written before a slow client is waited for."""

HEADERS = {
    "Content-Type": MEDIA_TYPE,
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",  # nginx would gather events until its buffers are full
}


async def send_stream(
    request: web.Request, stream: Stream, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Send a stream to its end.

    Raises:
        GatewayError: It failed before anything was sent, so that the error has its own status.
        ConnectionError: The client left.
    """
    response = _EventResponse(request, lambda: {**HEADERS, **stream.headers(), **headers})
    try:
        receipt = await stream.relay(response.send)
        await response.write_eof()
        request.app[PIPELINE].deliveries.add(receipt)
    except ConnectionError:
        raise
    except Exception as error:
        if not response.prepared:
            raise
        await response.send(error_event(_told(request, error)))
        await response.write_eof()
    finally:
        request[FACTS]["bytes"] = response.sent
    return response


class _EventResponse(web.StreamResponse):
    _send_headers_immediately = False
    """The head goes out with the first event, in one packet."""

    def __init__(self, request: web.Request, headers: Callable[[], Mapping[str, str]]) -> None:
        super().__init__()
        self._asked = request
        self._headers_now = headers
        self.sent = 0

    async def send(self, event: Pieces) -> None:
        """Send an event, and the head before the first one."""
        if not self.prepared:
            self.headers.update(self._headers_now())
            await self.prepare(self._asked)
        for part in _parts(event):
            self.sent += len(part)
            await self.write(part)


def _parts(event: Pieces) -> Iterator[bytes | memoryview]:
    """Yield an event in parts of bounded size: what is written is copied behind the scenes."""
    for piece in event:
        for start in range(0, len(piece), WRITE_BYTES):
            yield memoryview(piece)[start : start + WRITE_BYTES]


def _told(request: web.Request, error: Exception) -> GatewayError:
    """Return what the client is told of an error in the middle of its stream."""
    if not isinstance(error, GatewayError):
        log.error("unexpected error", exc_info=error, extra={"request_id": request[REQUEST_ID]})
        error = InternalError("an unexpected error: it has been logged")
    request[FACTS].update(error=error.code, status=error.status)
    return error
