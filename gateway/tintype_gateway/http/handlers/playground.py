"""Serves the playground's files from memory, with an ETag and a strict Content-Security-Policy.

The page may load scripts, styles and images only from this gateway, so that the API key that the
user typed cannot be sent to any other server.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import web
from aiohttp.typedefs import Handler

from tintype_gateway import playground
from tintype_gateway.http.app_keys import STATIC_FILE

CONTENT_TYPES = {
    "css": "text/css",
    "html": "text/html",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # Cached, but revalidated at every visit, so that an upgrade of the gateway shows at once.
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
}


@dataclass(frozen=True)
class Asset:
    """One file of the page."""

    body: bytes
    content_type: str

    @property
    def etag(self) -> str:
        """A weak ETag of the content, because compression changes the bytes."""
        return f'W/"{hashlib.sha256(self.body).hexdigest()[:32]}"'

    async def respond(self, request: web.Request) -> web.Response:
        """Return the file, or status 304 if the client has it."""
        request[STATIC_FILE] = True
        headers = HEADERS | {"ETag": self.etag}
        if self.etag in (request.headers.get("If-None-Match") or ""):
            return web.Response(status=304, headers=headers)
        response = web.Response(
            body=self.body, content_type=self.content_type, charset="utf-8", headers=headers
        )
        response.enable_compression()
        return response


def routes() -> list[web.RouteDef]:
    """Return `GET /` and the files of the page below `/playground/`."""
    assets = dict(_assets(files(playground) / "static"))
    return [
        web.get("/", assets.pop("index.html").respond),
        web.get("/playground/{file}", _file_of(assets)),
    ]


def _assets(folder: Traversable) -> Iterator[tuple[str, Asset]]:
    for file in folder.iterdir():
        suffix = file.name.rpartition(".")[2]
        yield file.name, Asset(file.read_bytes(), CONTENT_TYPES[suffix])


def _file_of(assets: dict[str, Asset]) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        asset = assets.get(request.match_info["file"])
        if asset is None:
            raise web.HTTPNotFound
        return await asset.respond(request)

    return serve
