"""A JSON response body that many requests share: serialized once, with an ETag."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

HEADERS = {
    # Cached, but revalidated at every use: the body depends on the catalog and on the key.
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
        """Return the document, or status 304 if `If-None-Match` has its ETag."""
        if any(each.value in ("*", self.etag) for each in request.if_none_match or ()):
            response = web.Response(status=304, headers=HEADERS)
        else:
            response = web.Response(
                body=self.body, content_type="application/json", charset="utf-8", headers=HEADERS
            )
        response.etag = self.etag
        return response
