"""Cross-origin requests (the Fetch standard): which pages of other origins may call the API."""

import re
from collections.abc import Awaitable, Callable, Collection

from aiohttp import hdrs, web

ANY = "*"
"""Allows every origin. This is safe because the API uses keys and no cookies."""

EXPOSED = (
    *("x-request-id", "x-should-retry", "Retry-After", "ETag", "Allow", "Deprecation", "Sunset"),
    "Location",
    *("Preference-Applied", "Idempotent-Replayed", "Tintype-Route", "Tintype-Adjusted"),
    *("Tintype-Cost-Micro-Credits", "Tintype-Budget-Remaining"),
    *("Tintype-Catalog-Revision", "Tintype-Profile"),
)
"""The response headers that a page may read."""

MAX_AGE_SECONDS = 7200
"""How long a browser may cache a preflight; no browser caches it for longer."""

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""The name of a header (RFC 9110, 5.6.2)."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Cors:
    """Responds to preflights of the allowed origins, and lets their pages read responses."""

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = frozenset(origins)

    def install(self, app: web.Application) -> None:
        """Add CORS to an application before it starts."""
        if self._origins:
            app.middlewares.append(self._preflight)
            app.on_response_prepare.append(self._add_headers)

    @web.middleware
    async def _preflight(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Respond to a preflight of an existing path, with the methods of that path.

        All requested headers are allowed, because SDKs send headers of their own.
        """
        refusal = request.match_info.http_exception
        is_asked = (
            request.method == "OPTIONS" and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
        )
        if not (
            is_asked and self._allowed(request) and isinstance(refusal, web.HTTPMethodNotAllowed)
        ):
            return await handler(request)
        names = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "").split(",")
        return web.Response(
            status=204,
            headers={
                hdrs.ACCESS_CONTROL_ALLOW_METHODS: ", ".join(sorted(refusal.allowed_methods)),
                hdrs.ACCESS_CONTROL_ALLOW_HEADERS: ", ".join(
                    name.strip() for name in names if _TOKEN.fullmatch(name.strip())
                ),
                hdrs.ACCESS_CONTROL_MAX_AGE: str(MAX_AGE_SECONDS),
            },
        )

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        vary = [response.headers.get("Vary"), "Origin", "Access-Control-Request-Headers"]
        response.headers["Vary"] = ", ".join(filter(None, vary))
        if allowed := self._allowed(request):
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = allowed
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = ", ".join(EXPOSED)

    def _allowed(self, request: web.Request) -> str | None:
        origin = request.headers.get("Origin")
        if origin is None:
            return None
        if ANY in self._origins:
            return ANY
        return origin if origin in self._origins else None
