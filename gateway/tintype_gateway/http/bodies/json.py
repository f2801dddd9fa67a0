"""Reads a JSON request body, with limits on its size and time."""

import asyncio

from aiohttp import web

from tintype_gateway.errors import (
    PayloadTooLargeError,
    RequestTimeoutError,
    UnsupportedMediaTypeError,
)
from tintype_gateway.http.connection_limits import BodyPace
from tintype_gateway.values.content import JsonBody


async def read_json_body(request: web.Request, pace: BodyPace) -> JsonBody:
    """Return a body whose Content-Type is JSON.

    Raises:
        UnsupportedMediaTypeError: The headers declare another type or a compression.
        PayloadTooLargeError: The body exceeds the application's limit.
        RequestTimeoutError: The body arrives too slowly.
    """
    if request.content_type != "application/json":
        raise UnsupportedMediaTypeError("the Content-Type must be application/json")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaTypeError("the body must not be compressed")
    limit = request.client_max_size
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    body = bytearray()
    if not request.content.is_eof():  # most bodies arrive together with their heads
        try:
            await _read_into(body, request, limit, pace)
        except TimeoutError as error:
            # After a pause of the process, the time may be over although the body has arrived.
            if not request.content.is_eof():
                raise RequestTimeoutError("the request body arrives too slowly") from error
    body += request.content.read_nowait()
    if len(body) > limit:
        raise _too_large(limit)
    return JsonBody(bytes(body))


async def _read_into(body: bytearray, request: web.Request, limit: int, pace: BodyPace) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with asyncio.timeout_at(started + pace.seconds_for(0)) as bound:
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > limit:
                raise _too_large(limit)
            bound.reschedule(started + pace.seconds_for(len(body)))


def _too_large(limit: int) -> PayloadTooLargeError:
    return PayloadTooLargeError(f"the body must have at most {limit} bytes")
