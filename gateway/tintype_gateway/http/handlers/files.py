"""The route that serves the files of a folder."""

from aiohttp import web

from tintype_gateway.errors import NotFoundError, RangeNotSatisfiableError
from tintype_gateway.storage.folder import PATH, FolderStore
from tintype_gateway.storage.interface import FOLDER_OF_IMAGES, disposition, media_type

_NAME = r"[0-9a-f]{32}\.(?:png|jpeg|webp|gif|svg)"
"""Matches the names of stored images, and no other path."""


class KeptFile(web.FileResponse):
    """A file whose modification time is its expiry, and is therefore not sent as Last-Modified."""

    last_modified = property(lambda self: None, lambda self, value: None)


def file_route(store: FolderStore) -> web.RouteDef:
    """Return the route to the images of a store."""

    async def get_file(request: web.Request) -> KeptFile:
        name = request.match_info["name"]
        query = request.query
        path, seconds = store.find(
            f"{FOLDER_OF_IMAGES}/{name}", query.get("expires", ""), query.get("signature", "")
        )
        if not path.is_file():
            raise NotFoundError("the image is no longer stored", code="image_not_found")
        _check_range(request, path.stat().st_size)
        return KeptFile(path, headers=_headers(name, seconds))

    return web.get(f"{PATH}/{FOLDER_OF_IMAGES}/{{name:{_NAME}}}", get_file)


def _check_range(request: web.Request, size: int) -> None:
    """Refuse an unsatisfiable range, with an error body that aiohttp would not send.

    Raises:
        RangeNotSatisfiableError: The range starts after the end, is invalid, or there are several.
    """
    try:
        start = request.http_range.start
    except ValueError as error:
        raise RangeNotSatisfiableError(size) from error
    if start is not None and start >= size:
        raise RangeNotSatisfiableError(size)


def _headers(name: str, seconds: int) -> dict[str, str]:
    """Set headers: the media type, which browsers must not guess, and the caching time."""
    return {
        "Content-Type": media_type(name.rpartition(".")[2]),
        "Content-Disposition": disposition(name),
        "Cache-Control": f"private, max-age={seconds}, immutable",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
