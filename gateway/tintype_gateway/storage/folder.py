"""A folder as the store of one gateway, which serves its files by signed links.

Each file's modification time says until when it is kept.
"""

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from tintype_gateway.storage.cleaning import make_room, remove_ended
from tintype_gateway.storage.interface import NotStoredError, StoreError
from tintype_gateway.storage.links import Links

Result = TypeVar("Result")

PATH = "/v1/images/files"
"""Where the gateway serves the files."""

CLEANING_SECONDS = 60

DEFAULT_MAX_BYTES = 10 * 2**30

SPARE_SHARE = 16
"""One part in so many is left free, which may fill up until room is made again."""

log = logging.getLogger(__name__)


class FolderStore:
    """Files below one folder, each written in one step. When it is full, the first to end go."""

    def __init__(
        self,
        folder: Path,
        links: Links,
        public_url: str = "",
        max_bytes: int = DEFAULT_MAX_BYTES,
    ) -> None:
        self._folder = folder
        self._links = links
        self._public_url = public_url.rstrip("/")
        self._max_bytes = max_bytes
        self._spare_bytes = max_bytes // SPARE_SHARE
        self._new_bytes = 0
        self._is_growing = asyncio.Event()

    def listens_at(self, url: str) -> None:
        """Build URLs on this one, unless the settings name another."""
        self._public_url = self._public_url or url.rstrip("/")

    async def put(
        self, name: str, content: bytes, content_type: str, lifetime_seconds: int
    ) -> None:
        """Keep a file, at least for so long. Its type is in its name."""
        await _in_thread(lambda: self._write(name, content, lifetime_seconds))
        self._new_bytes += len(content)
        if self._new_bytes >= self._spare_bytes:
            self._is_growing.set()

    async def keep(self, name: str, lifetime_seconds: int) -> None:
        """Keep a file that is there already, at least for so long from now."""
        await _in_thread(lambda: _set_end(self._folder / name, lifetime_seconds))

    async def get(self, name: str) -> bytes:
        """Return a file.

        Raises:
            NotStoredError: There is none of this name.
        """
        return await _in_thread((self._folder / name).read_bytes)

    async def url(self, name: str, lifetime_seconds: int) -> str:
        """Return the URL where anybody who has it can fetch a file, for so long."""
        query = self._links.query(name, lifetime_seconds)
        return f"{self._public_url}{PATH}/{name}?{query}"

    def find(self, name: str, expires: str, signature: str) -> tuple[Path, int]:
        """Return the file that a link opens, and for how many more seconds it does.

        Raises:
            ForbiddenError: The link opens nothing.
        """
        seconds = self._links.check(name, expires, signature)
        return self._folder / name, seconds

    async def clean(self) -> None:
        """Remove files whose time is over, and make room, for as long as this process lives."""
        while True:
            self._is_growing.clear()
            self._new_bytes = 0
            try:
                await asyncio.to_thread(self._clean)
            except OSError as error:
                log.warning("images not removed", extra={"error": str(error)})
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_growing.wait(), CLEANING_SECONDS)

    def _clean(self) -> None:
        remove_ended(self._folder, time.time())
        if removed := make_room(self._folder, self._max_bytes - self._spare_bytes):
            log.warning("images removed before their time", extra={"count": removed})

    def _write(self, name: str, content: bytes, lifetime_seconds: int) -> None:
        path = self._folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{secrets.token_hex(8)}")
        try:
            draft.write_bytes(content)
            _set_end(draft, lifetime_seconds)
            draft.rename(path)
        finally:
            draft.unlink(missing_ok=True)


def _set_end(path: Path, lifetime_seconds: int) -> None:
    end = time.time() + lifetime_seconds
    os.utime(path, (end, end))


async def _in_thread(work: Callable[[], Result]) -> Result:
    try:
        return await asyncio.to_thread(work)
    except FileNotFoundError as error:
        raise NotStoredError("there is no such file") from error
    except OSError as error:
        raise StoreError(f"the folder of images cannot be used: {error.strerror}") from error
