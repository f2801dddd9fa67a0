"""The files that a server keeps, so that its responses can name them by URL."""

from collections import OrderedDict

from aiohttp import web

FILES_KEPT = 128
"""How many files are kept; the oldest is dropped first."""


class StoredFiles:
    """Files by name, with their media types."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, tuple[str, bytes]] = OrderedDict()

    def put(self, name: str, media_type: str, content: bytes) -> None:
        """Keep a file."""
        self._files[name] = (media_type, content)
        if len(self._files) > FILES_KEPT:
            self._files.popitem(last=False)

    def get(self, name: str) -> tuple[str, bytes] | None:
        """Return media type and content of a file, None where there is none."""
        return self._files.get(name)


STORED_FILES = web.AppKey("stored_files", StoredFiles)
"""The files of all servers: their names are unique."""
