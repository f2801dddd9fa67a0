"""A JSON response body that many requests share: serialized once, with an ETag."""

import hashlib
import json
from collections.abc import Iterable
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
        return cls.of_text(json.dumps(content).encode())

    @classmethod
    def of_list(cls, items: Iterable[Any]) -> Self:
        """Return the document of OpenAI's list of these items.

        Each is serialized for itself, because other threads stand still while Python's encoder is
        at work.
        """
        data = ", ".join(json.dumps(item) for item in items)
        return cls.of_text(f'{{"object": "list", "data": [{data}]}}'.encode())

    @classmethod
    def of_text(cls, body: bytes) -> Self:
        """Return the document of a JSON text."""
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
