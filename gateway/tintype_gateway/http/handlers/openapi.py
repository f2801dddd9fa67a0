"""The route of the OpenAPI document, which is rendered once for each set of usable models."""

from functools import cache

from aiohttp import web

from tintype_gateway.api.openapi.document import document
from tintype_gateway.catalog.snapshot import View
from tintype_gateway.http.app_keys import CATALOGS, PIPELINE, PUBLIC_MODELS
from tintype_gateway.http.incoming import incoming_of
from tintype_gateway.http.json_document import JsonDocument
from tintype_gateway.storage.folder import FolderStore


async def get_openapi(request: web.Request) -> web.Response:
    """Serve `GET /openapi.json`. Without a key it contains nothing of the catalog, unless a
    setting allows it; with a key it contains what the caller may use."""
    serves_files = isinstance(request.app[PIPELINE].images.store, FolderStore)
    view = await _view(request)
    if view is None:
        return _of_no_catalog(serves_files).response(request)
    made = await view.once(
        "openapi", serves_files, lambda: JsonDocument.of(document(view, serves_files=serves_files))
    )
    return made.response(request)


async def _view(request: web.Request) -> View | None:
    catalogs = request.app[CATALOGS]
    if "Authorization" in request.headers:
        caller = await request.app[PIPELINE].authenticate(incoming_of(request))
        return catalogs.current().view(caller.models)
    return catalogs.current().view() if request.app[PUBLIC_MODELS] else None


@cache
def _of_no_catalog(serves_files: bool) -> JsonDocument:
    return JsonDocument.of(document(None, serves_files=serves_files))


ROUTES = (web.get("/openapi.json", get_openapi),)
