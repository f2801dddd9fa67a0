"""The header `Idempotency-Key`."""

import re

from aiohttp import web

from tintype_gateway.errors import BadRequestError

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
