"""The body of a request: JSON of bounded size, which arrives in bounded time."""

import asyncio

from aiohttp import web

from tintype_gateway.errors import (
    PayloadTooLargeError,
    RequestTimeoutError,
    UnsupportedMediaTypeError,
)

GRACE_SECONDS = 5
"""What any body may take."""

BYTES_PER_SECOND = 16 * 1024
"""How fast the rest must come on average: less than any line that an image can be asked on."""


async def read_json_body(request: web.Request) -> bytes:
    """Return the bytes of a body that says it is JSON.

    Raises:
        UnsupportedMediaTypeError: It says that it is something else, or compressed.
        PayloadTooLargeError: It has more bytes than the application reads.
        RequestTimeoutError: It comes too slowly.
    """
    if request.content_type != "application/json":
        raise UnsupportedMediaTypeError("the Content-Type must be application/json")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaTypeError("the body must not be compressed")
    limit = request.client_max_size
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    try:
        return await _read(request, limit)
    except TimeoutError as error:
        raise RequestTimeoutError("the body comes too slowly") from error


async def _read(request: web.Request, limit: int) -> bytes:
    body = bytearray()
    loop = asyncio.get_running_loop()
    deadline = loop.time() + GRACE_SECONDS
    async with asyncio.timeout_at(deadline) as bound:
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > limit:
                raise _too_large(limit)
            bound.reschedule(deadline + len(body) / BYTES_PER_SECOND)
    return bytes(body)


def _too_large(limit: int) -> PayloadTooLargeError:
    return PayloadTooLargeError(f"the body must have at most {limit} bytes")
