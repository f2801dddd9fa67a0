"""A server that reads bodies with images, as a handler of the gateway does."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tintype_gateway.api.requests import ImageGenerationRequest
from tintype_gateway.http.bodies.images import read_images_body
from tintype_gateway.http.bodies.json_images import FetchImage
from tintype_gateway.http.bodies.limits import UploadLimits
from tintype_gateway.http.middleware import enveloped, observed
from tintype_gateway.runtime.spool import Spools
from tintype_gateway.values.content import Upload, UploadedDocument
from tintype_testing.http import http_client

SCHEMA = ImageGenerationRequest.model_json_schema()
LIMITS = UploadLimits(total_bytes=64 * 1024**2)


@dataclass
class UploadServer:
    """Reads each body, and keeps what it read."""

    spools: Spools
    url: str = ""
    limits: UploadLimits = LIMITS
    fetch: FetchImage | None = None
    documents: list[UploadedDocument] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)
    """The bytes of the last request's images, and of its mask."""

    is_reading: asyncio.Event = field(default_factory=asyncio.Event)

    async def post(self, request: web.Request) -> web.Response:
        """Read a request, and respond as to an edit without images."""
        length = request.content_length or 0
        async with self.spools.opened(self.limits.total_bytes, length, digests=True) as spool:
            self.is_reading.set()
            document = await read_images_body(request, spool, SCHEMA, self.limits, self.fetch)
            uploads = (*document.images, *([document.mask] if document.mask else []))
            self.files = await asyncio.to_thread(lambda: [read(each) for each in uploads])
            self.documents.append(document)
        return web.json_response({"created": 1, "data": []})

    @property
    def document(self) -> UploadedDocument:
        """What the last request held."""
        return self.documents[-1]

    async def send(self, body: bytes, content_type: str) -> httpx2.Response:
        """Send a body as it is."""
        async with http_client(self.url) as http:
            headers = {"Content-Type": content_type}
            return await http.post("/v1/images/edits", content=body, headers=headers)


def read(upload: Upload) -> bytes:
    """Return all bytes of an upload, which are those that its digest says."""
    data = upload.content.read(0, upload.content.length)
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (upload.sha256, upload.content.length)
    return data


def is_refused(response: httpx2.Response, status: int, code: str, param: str | None) -> None:
    """Check that a response is an error with these fields and a message."""
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (status, code, param)
    assert error["type"] == "invalid_request_error"
    assert len(error["message"]) > 10


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[UploadServer]:
    server = UploadServer(Spools(tmp_path, 2**30))
    app = web.Application(middlewares=[observed, enveloped])
    app.router.add_post("/v1/images/edits", server.post)
    async with TestServer(app) as listening:
        server.url = str(listening.make_url("/")).rstrip("/")
        yield server
    server.spools.close()
