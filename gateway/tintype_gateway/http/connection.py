"""One client's connection, with limits that aiohttp's server does not have.

aiohttp's own connection waits for ever for the rest of a request head and for a client that does
not read its response. It responds to invalid HTTP in plain text, and logs a traceback.
"""

import asyncio
import logging
from collections.abc import Callable

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from typing_extensions import override

from tintype_gateway.errors import (
    BadRequestError,
    GatewayError,
    HeadersTooLargeError,
    InternalError,
    UriTooLongError,
)
from tintype_gateway.http.connection_limits import ConnectionLimits
from tintype_gateway.http.private_aiohttp import Connection
from tintype_gateway.observability.metrics import CONNECTIONS_CUT, HTTP_REQUESTS

log = logging.getLogger(__name__)

MAX_LINE_BYTES = 8190
"""The longest path, with the query, in bytes."""

MAX_FIELD_BYTES = 32 * 1024
"""The largest header, in bytes: large enough to report that a JWT is too large."""

MAX_HEAD_BYTES = 64 * 1024
"""The largest head, in bytes: otherwise a hundred headers of the largest size would be kept."""

MAX_HEADERS = 100


class ClientConnection(Connection):
    """aiohttp's connection, which closes if the client is too slow."""

    __slots__ = (
        "_head_bytes",
        "_head_timer",
        "_stall_timer",
        "_unread_bytes",
        "is_closing",
        "limits",
        "on_leave",
    )

    limits: ConnectionLimits
    """The limits of the server, which sets them when it creates the connection."""

    is_closing: bool
    """Whether the connection closes after the response to its current request."""

    on_leave: Callable[[], object] | None
    """Called when the client disconnects, instead of cancelling the current handler."""

    _head_timer: asyncio.TimerHandle | None
    _stall_timer: asyncio.TimerHandle | None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._head_bytes = 0
        self._unread_bytes = 0
        self.is_closing = False
        self.on_leave = None
        self._stall_timer = None
        self._start_head_timer()

    @override
    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_head_timer()
        self._stop_stall_timer()
        if self.on_leave is not None:
            self.release_handler()
            self.on_leave()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        seen = self.request_count
        super().data_received(data)
        if self.request_count > seen:
            self._head_bytes = 0
            self._stop_head_timer()
        elif self.is_between_requests():
            self._note_head(len(data))

    @override
    def close(self) -> None:
        self.is_closing = True
        super().close()

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reader()

    @override
    def resume_writing(self) -> None:
        self._stop_stall_timer()
        super().resume_writing()

    @override
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Respond with an error to a request that never reached the application, and close."""
        if isinstance(exc, ConnectionError) and self._has_left():
            raise exc  # the client has disconnected
        error = _refusal(exc, self.max_line_size) if status == 400 else _defect(exc)
        if request.writer is not None and request.writer.output_size > 0:
            raise ConnectionError(
                "the response has started: the gateway can only close the connection"
            )
        return closing_response(error)

    def part(self) -> bool:
        """Make the next response the last one; return whether its request is yet to come."""
        self.is_closing = True
        return self.is_between_requests()

    def cut(self, reason: str) -> None:
        """Close the connection without a response, and count the reason."""
        CONNECTIONS_CUT.labels(reason).inc()
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()

    def _has_left(self) -> bool:
        return self.transport is None or self.transport.is_closing()

    def _note_head(self, count: int) -> None:
        """Limit the size and the time of an incomplete request head."""
        self._head_bytes += count
        if self._head_bytes > MAX_HEAD_BYTES:
            self.cut("large_head")
        elif self._head_timer is None:
            self._start_head_timer()

    def _watch_reader(self) -> None:
        """Check periodically whether the client has read anything."""
        transport = self.transport
        if not isinstance(transport, asyncio.WriteTransport):
            return
        unread = transport.get_write_buffer_size()
        if self._stall_timer is not None and unread >= self._unread_bytes:
            self.cut("stalled_reader")
            return
        self._unread_bytes = unread
        self._stall_timer = self.event_loop.call_later(
            self.limits.stall_seconds, self._watch_reader
        )

    def _start_head_timer(self) -> None:
        self._head_timer = self.event_loop.call_later(
            self.limits.head_seconds, self.cut, "slow_head"
        )

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_stall_timer(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None


def closing_response(error: GatewayError) -> web.Response:
    """Return the response to a request that the application never gets, and count it."""
    HTTP_REQUESTS.labels("unknown", "unknown", str(error.status)).inc()
    response = web.json_response(error.body(), status=error.status, headers=error.headers())
    response.force_close()
    return response


def _refusal(exc: BaseException | None, max_line_bytes: int) -> GatewayError:
    """Return the error for invalid HTTP, without quoting the request."""
    if isinstance(exc, LineTooLong):
        if exc.args[1:2] == (max_line_bytes,):
            return UriTooLongError(f"the path must have at most {max_line_bytes} bytes")
        return HeadersTooLargeError(f"a header must have at most {MAX_FIELD_BYTES} bytes")
    if "Too many headers" in str(exc):
        return HeadersTooLargeError(f"there must be at most {MAX_HEADERS} headers")
    return BadRequestError("the request is not valid HTTP (RFC 9112)", code="malformed_http")


def _defect(exc: BaseException | None) -> GatewayError:
    log.error("unexpected error", exc_info=exc)
    return InternalError("an unexpected error occurred; it was logged")
