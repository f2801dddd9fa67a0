"""Drives a response, and writes it to the client.

The handler of a request outlives its client: a client that disconnects cancels it if nothing is
sold yet; otherwise the handler completes the response and discards it.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager

from aiohttp import web

from tintype_gateway.errors import GatewayError
from tintype_gateway.http.app_keys import REQUEST_ID, REQUEST_LOG, RESPONSE_TASKS
from tintype_gateway.http.connection import ClientConnection
from tintype_gateway.http.writer import ResponseWriter
from tintype_gateway.ledger.interface import Hold
from tintype_gateway.observability.metrics import RESPONSES_BROKEN_OFF
from tintype_gateway.pipeline.client_presence import ClientPresence
from tintype_gateway.values.response import Arriving, End, Part, WrittenPart

log = logging.getLogger(__name__)

Delivered = Callable[[Hold], None]
"""Records that a client has the complete response to a settled hold."""


async def deliver(
    request: web.Request,
    parts: AsyncGenerator[Part, None],
    client: ClientPresence,
    headers: Mapping[str, str],
    delivered: Delivered,
) -> web.StreamResponse:
    """Send a response to its end, with additional `headers`.

    Raises:
        GatewayError: The request failed before anything was sent, so the status can still be set.
        ConnectionError: The client disconnected.
    """
    writer = ResponseWriter(request, headers)
    with attended(request, client):
        await _written(request, parts, client, writer, delivered)
    return writer


@contextmanager
def attended(request: web.Request, client: ClientPresence) -> Iterator[None]:
    """Let the client's disconnect do in the block what `client` says: at first, cancel it.

    Raises:
        ConnectionError: The client disconnected, and the block was cancelled.
    """
    connection = request.protocol
    assert isinstance(connection, ClientConnection)  # noqa: S101 - the server makes no others
    tasks = request.app[RESPONSE_TASKS]
    task = tasks.begin()
    try:
        client.cancels(task.cancel)
        connection.on_leave = client.leave
        yield
    except asyncio.CancelledError:
        if not client.has_left:
            raise
        raise ConnectionError("the client left") from None
    finally:
        connection.on_leave = None
        tasks.end(task)


async def _written(
    request: web.Request,
    parts: AsyncGenerator[Part, None],
    client: ClientPresence,
    writer: ResponseWriter,
    delivered: Delivered,
) -> None:
    try:
        async with aclosing(parts):
            async for part in parts:
                if isinstance(part, Arriving):
                    await pass_on(part, client, writer)
                    continue
                await _send(part, client, writer)
                if type(part) is End and part.receipt and not client.has_left:
                    delivered(part.receipt)
                del part  # an image is megabytes, and the next part may take long
    except ConnectionError:
        raise
    except Exception as error:
        if not writer.prepared:
            raise
        _break_off(request, writer, error)
    if client.has_left:
        raise ConnectionError("the client left")


async def pass_on(image: Arriving, client: ClientPresence, writer: ResponseWriter) -> None:
    """Send an image while it arrives; take all of it for a client that has left, too.

    No piece is held while a slow client is waited for: asyncio has copied what it could not send.
    """
    async with aclosing(image.pieces) as pieces:
        async for piece in pieces:
            if client.has_left:
                continue
            try:
                await writer.send_arrived(piece)
                del piece
                await writer.drained()
            except ConnectionError:
                client.leave()  # it is committed, as a part of the image was sent


async def _send(part: WrittenPart, client: ClientPresence, writer: ResponseWriter) -> None:
    if client.has_left:
        return
    try:
        await writer.send(part)
    except ConnectionError:
        client.leave()
        if not client.is_committed:
            raise


def _break_off(request: web.Request, writer: ResponseWriter, error: Exception) -> None:
    """Abort the connection in the middle of a response."""
    if isinstance(error, GatewayError):
        request[REQUEST_LOG].error = error.code
    else:
        log.error("unexpected error", exc_info=error, extra={"request_id": request[REQUEST_ID]})
        request[REQUEST_LOG].error = "internal_error"
    RESPONSES_BROKEN_OFF.inc()
    writer.break_off()
