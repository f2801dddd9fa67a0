"""What is done with every request before and after the application has it, on each port."""

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
"""What comes before the id of a model, which may hold any slashes."""


def handling(handle: Handle) -> Handle:
    """Return what handles requests where aiohttp by itself would do it wrong.

    It quotes an `Expect` that it does not know, and fails where that is not UTF-8; and it keeps a
    connection of HTTP/1.0 open after a response whose end is only told by closing it.
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
    """Return what makes requests, where slashes too many do not lead to another resource."""

    def plain(message: RawRequestMessage, *args: Any) -> web.BaseRequest:
        path = message.url.raw_path
        if (shortened := plain_path(path)) != path:
            url = message.url.with_path(shortened, encoded=True, keep_query=True)
            message = message._replace(url=url)
        return make(message, *args)

    return plain


def plain_path(path: str) -> str:
    """Return a path without slashes at its end and in a row, but for those of a model's id."""
    if "//" not in path and not path.endswith("/"):
        return path
    if found := _OF_A_MODEL.match(path):
        return f"/v1/models/{path[found.end() :]}"
    return _SLASHES.sub("/", path).rstrip("/") or "/"


_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def idempotency_key(request: web.Request) -> str | None:
    """Return the key of a request, if it has one.

    Raises:
        BadRequestError: It is none.
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and _KEY.fullmatch(key) is None:
        raise BadRequestError(
            "the Idempotency-Key must be 1 to 255 visible ASCII characters",
            code="invalid_idempotency_key",
            param="Idempotency-Key",
        )
    return key
