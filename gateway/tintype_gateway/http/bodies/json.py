"""Reads a JSON request body, with limits on its size and time."""

from aiohttp import web

from tintype_gateway.errors import PayloadTooLargeError, UnsupportedMediaTypeError
from tintype_gateway.http.bodies.waiting import BodyWait
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
    wait = BodyWait(request.content, pace)
    while chunk := await wait.chunk():
        body += chunk
        if len(body) > limit:
            raise _too_large(limit)
    return JsonBody(bytes(body))


def _too_large(limit: int) -> PayloadTooLargeError:
    return PayloadTooLargeError(f"the body must have at most {limit} bytes")
