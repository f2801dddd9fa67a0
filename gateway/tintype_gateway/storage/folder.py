"""A folder as the image store of one gateway, which serves its files by signed URLs.

Each file's modification time is its expiry.
"""

import asyncio
import logging
import os
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from tintype_gateway.storage.cleaning import bytes_in, make_room, remove_ended
from tintype_gateway.storage.interface import PIECE_BYTES, NotStoredError, StoreError, is_upload
from tintype_gateway.storage.links import Links

Result = TypeVar("Result")

PATH = "/v1/images/files"
"""The path at which the gateway serves the files."""

CLEANING_SECONDS = 60

DEFAULT_MAX_BYTES = 10 * 2**30

SPARE_SHARE = 16
"""One part in this number stays free, for images that arrive until the next cleaning."""

UPLOADS_SHARE = 2
"""One part in this number is for uploads that wait for their jobs. They are kept for longer than
results, so that these would be removed first in a full folder, which are paid."""

log = logging.getLogger(__name__)


class FolderStore:
    """Files below one folder, each written atomically. A full folder loses the first to expire."""

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
        self._upload_bytes = 0
        self._is_growing = asyncio.Event()

    def listens_at(self, url: str) -> None:
        """Set the base of URLs, unless the settings name another."""
        self._public_url = self._public_url or url.rstrip("/")

    async def put(
        self, name: str, content: bytes, content_type: str, lifetime_seconds: int
    ) -> None:
        """Store a file for at least `lifetime_seconds`. Its name contains its type."""
        if is_upload(name):
            self._require_room(len(content))
        await _in_thread(lambda: self._write(name, content, lifetime_seconds))
        self._new_bytes += len(content)
        if self._new_bytes >= self._spare_bytes:
            self._is_growing.set()

    async def sync(self, name: str) -> None:
        """Return once a stored file survives a crash of the machine.

        Raises:
            NotStoredError: No file has this name.
        """
        path = self._folder / name
        await _in_thread(lambda: _sync_all((path, *_parents(path, self._folder))))

    async def keep(self, name: str, lifetime_seconds: int) -> None:
        """Extend the expiry of a stored file to at least `lifetime_seconds` from now."""
        await _in_thread(lambda: _set_end(self._folder / name, lifetime_seconds))

    async def get(self, name: str) -> bytes:
        """Return a file.

        Raises:
            NotStoredError: No file has this name.
        """
        return await _in_thread((self._folder / name).read_bytes)

    async def delete(self, name: str) -> None:
        """Remove a file; nothing happens if there is none."""
        removed = await _in_thread(lambda: _removed(self._folder / name))
        if is_upload(name):
            self._upload_bytes = max(0, self._upload_bytes - removed)

    async def stream(self, name: str) -> AsyncGenerator[bytes, None]:
        """Yield a file in pieces. It is read to its end even if it is removed meanwhile.

        Raises:
            NotStoredError: No file has this name.
        """
        file = await _in_thread(lambda: (self._folder / name).open("rb", buffering=0))
        try:
            while piece := await _in_thread(lambda: file.read(PIECE_BYTES)):
                yield piece
        finally:
            file.close()

    async def url(self, name: str, lifetime_seconds: int) -> str:
        """Return a signed URL of a file, valid for `lifetime_seconds`."""
        query = self._links.query(name, lifetime_seconds)
        return f"{self._public_url}{PATH}/{name}?{query}"

    def find(self, name: str, expires: str, signature: str) -> tuple[Path, int]:
        """Return the file of a signed URL, and the seconds until the URL expires.

        Raises:
            ForbiddenError: The signature is invalid or has expired.
        """
        seconds = self._links.check(name, expires, signature)
        return self._folder / name, seconds

    async def clean(self) -> None:
        """Remove expired files and free space periodically, until cancelled."""
        while True:
            self._is_growing.clear()
            self._new_bytes = 0
            try:
                await asyncio.to_thread(self._clean)
            except OSError as error:
                log.warning("images not removed", extra={"error": str(error)})
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_growing.wait(), CLEANING_SECONDS)

    def _require_room(self, size: int) -> None:
        """Count the bytes of an upload.

        Raises:
            StoreError: Uploads may not have more.
        """
        if self._upload_bytes + size > self._max_bytes // UPLOADS_SHARE:
            raise StoreError("the folder of images has no room for more uploads of jobs")
        self._upload_bytes += size

    def _clean(self) -> None:
        remove_ended(self._folder, time.time())
        self._upload_bytes = bytes_in(self._folder, is_upload)
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


def _parents(path: Path, folder: Path) -> Iterator[Path]:
    """Yield the folders in which a crash could lose the entry of a file, up to the store's own."""
    for parent in path.parents:
        yield parent
        if parent == folder:
            return


def _sync_all(paths: Iterable[Path]) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _removed(path: Path) -> int:
    """Remove a file, if it is there, and return its size."""
    with suppress(FileNotFoundError):
        size = path.stat().st_size
        path.unlink()
        return size
    return 0


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
