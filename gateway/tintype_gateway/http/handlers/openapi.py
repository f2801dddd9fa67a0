"""The route of the document."""

from aiohttp import web

from tintype_gateway.api.openapi.document import document
from tintype_gateway.http.app_keys import CATALOGS, PIPELINE
from tintype_gateway.storage.folder import FolderStore


async def get_openapi(request: web.Request) -> web.Response:
    """Serve `GET /openapi.json`. It needs no key, and has no word of any account."""
    serves_files = isinstance(request.app[PIPELINE].images.store, FolderStore)
    vocabulary = request.app[CATALOGS].current().vocabulary
    return web.json_response(document(vocabulary, serves_files=serves_files))


ROUTES = (web.get("/openapi.json", get_openapi),)
