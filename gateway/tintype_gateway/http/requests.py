"""Handling of every request outside the applications: `Expect`, paths and idempotency keys."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import HttpVersion11, web
from aiohttp.http_parser import RawRequestMessage

from tintype_gateway.errors import BadRequestError, ExpectationFailedError
from tintype_gateway.http.connection import closing_response

Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
MakeRequest = Callable[..., web.BaseRequest]

_SLASHES = re.compile("/{2,}")
_OF_A_MODEL = re.compile("/+v1/+models/+(?=[^/])")
"""The path before a model's id, which may contain slashes."""


def handling(handle: Handle) -> Handle:
    """Return a request handler that corrects two faults of aiohttp.

    aiohttp quotes an unknown `Expect` in its response, and fails if the value is not UTF-8. It
    also keeps an HTTP/1.0 connection open after a response that only a close can end.
    """

    async def checked(request: web.BaseRequest) -> web.StreamResponse:
        expected = request.headers.get("Expect", "100-continue")
        if expected.lower() != "100-continue" and request.version >= HttpVersion11:
            return closing_response(ExpectationFailedError("`Expect` must be 100-continue"))
        response = await handle(request)
        if request.version < HttpVersion11 and response.content_length is None:
            response.force_close()
        return response

    return checked


def with_plain_paths(make: MakeRequest) -> MakeRequest:
    """Return a request factory that removes redundant slashes from paths."""

    def plain(message: RawRequestMessage, *args: Any) -> web.BaseRequest:
        path = message.url.raw_path
        if (shortened := plain_path(path)) != path:
            url = message.url.with_path(shortened, encoded=True, keep_query=True)
            message = message._replace(url=url)
        return make(message, *args)

    return plain


def plain_path(path: str) -> str:
    """Return a path without trailing or repeated slashes, except those of a model's id."""
    if "//" not in path and not path.endswith("/"):
        return path
    if found := _OF_A_MODEL.match(path):
        return f"/v1/models/{path[found.end() :]}"
    return _SLASHES.sub("/", path).rstrip("/") or "/"


_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def idempotency_key(request: web.Request) -> str | None:
    """Return the idempotency key of a request, if it has one.

    Raises:
        BadRequestError: The key is invalid.
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and _KEY.fullmatch(key) is None:
        raise BadRequestError(
            "the Idempotency-Key must be 1 to 255 visible ASCII characters",
            code="invalid_idempotency_key",
            param="Idempotency-Key",
        )
    return key
