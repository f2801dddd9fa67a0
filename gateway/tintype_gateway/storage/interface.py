"""The interface of an image store."""

import secrets
from collections.abc import AsyncGenerator
from typing import Protocol

FOLDER_OF_IMAGES = "images"

UPLOADS = "jobs/"
"""What the names of uploads that wait for their job begin with. They have no format at the end."""

PIECE_BYTES = 192 * 1024
"""The most bytes of a file that are read at once: as base64 they are one write to a client."""


class StoreError(Exception):
    """An operation of the store failed. The message contains no secrets."""


class NotStoredError(StoreError):
    """The store has no file of this name."""


class ImageStore(Protocol):
    """Files by name. All operations raise `StoreError`, in bounded time, if they fail."""

    async def put(
        self, name: str, content: bytes, content_type: str, lifetime_seconds: int
    ) -> None:
        """Store a file for at least `lifetime_seconds`."""

    async def sync(self, name: str) -> None:
        """Return once a stored file survives a crash of the machine.

        Raises:
            NotStoredError: No file has this name.
        """

    async def keep(self, name: str, lifetime_seconds: int) -> None:
        """Extend the expiry of a stored file to at least `lifetime_seconds` from now."""

    async def get(self, name: str) -> bytes:
        """Return a file.

        Raises:
            NotStoredError: No file has this name.
        """

    async def delete(self, name: str) -> None:
        """Remove a file; nothing happens if there is none."""

    def stream(self, name: str) -> AsyncGenerator[bytes, None]:
        """Yield a file in pieces of at most `PIECE_BYTES`, which are all of it that is in memory.

        Close it if not all pieces are taken.

        Raises:
            NotStoredError: No file has this name.
        """

    async def url(self, name: str, lifetime_seconds: int) -> str:
        """Return a signed URL of a file, valid for `lifetime_seconds`."""


def new_name(form: str) -> str:
    """Return a random name for an image of this format."""
    return f"{FOLDER_OF_IMAGES}/{secrets.token_hex(16)}.{form}"


def is_upload(name: str) -> bool:
    """Return whether a file is of an upload that waits for its job, and no record of one."""
    return name.startswith(UPLOADS) and not name.endswith(".json")


def media_type(form: str) -> str:
    """Return the media type of an image of this format."""
    return "image/svg+xml" if form == "svg" else f"image/{form}"


def disposition(name: str) -> str:
    """Return how a browser treats an image that it opens by its URL.

    An SVG may hold scripts, so it is saved and not shown.
    """
    kind = "attachment" if name.endswith(".svg") else "inline"
    return f'{kind}; filename="{name.rpartition("/")[2]}"'
