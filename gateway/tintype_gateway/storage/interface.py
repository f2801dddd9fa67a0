"""What the gateway asks of a store."""

import secrets
from typing import Protocol

FOLDER_OF_IMAGES = "images"


class StoreError(Exception):
    """The store did not do what it was asked. The message has no secrets."""


class NotStoredError(StoreError):
    """The store has nothing of this name."""


class ImageStore(Protocol):
    """Files by name. All operations raise `StoreError`, in bounded time, where they fail."""

    async def put(
        self, name: str, content: bytes, content_type: str, lifetime_seconds: int
    ) -> None:
        """Keep a file, at least for so long."""

    async def keep(self, name: str, lifetime_seconds: int) -> None:
        """Keep a file that is there already, at least for so long from now."""

    async def get(self, name: str) -> bytes:
        """Return a file.

        Raises:
            NotStoredError: There is none of this name.
        """

    async def url(self, name: str, lifetime_seconds: int) -> str:
        """Return the URL where anybody who has it can fetch a file, for so long."""


def new_name(form: str) -> str:
    """Return a name for an image of this format, which nobody can guess."""
    return f"{FOLDER_OF_IMAGES}/{secrets.token_hex(16)}.{form}"
