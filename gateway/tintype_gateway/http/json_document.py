"""JSON that many requests get: it is written once, and its ETag spares sending it again."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

HEADERS = {
    # Kept, but asked for again at every use: it changes with the catalog, and with the key.
    "Cache-Control": "private, no-cache",
    "Vary": "Authorization",
}


@dataclass(frozen=True)
class JsonDocument:
    """The body of a response."""

    body: bytes = field(repr=False)
    etag: str

    @classmethod
    def of(cls, content: Any) -> Self:
        """Return the document of a JSON value."""
        body = json.dumps(content).encode()
        return cls(body, hashlib.sha256(body).hexdigest()[:32])

    def response(self, request: web.Request) -> web.Response:
        """Return the document, or 304 where `If-None-Match` says that the client has it."""
        if any(each.value in ("*", self.etag) for each in request.if_none_match or ()):
            response = web.Response(status=304, headers=HEADERS)
        else:
            response = web.Response(
                body=self.body, content_type="application/json", charset="utf-8", headers=HEADERS
            )
        response.etag = self.etag
        return response
