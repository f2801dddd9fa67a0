"""The image store as it is used for what the jobs of a gateway are paid for.

When an image arrives, its provider has been paid. So a passing fault of the store does not lose it:
the file is stored again for some minutes, and is on the disk before the job is charged. A gateway
whose store has failed sends nothing to a provider until a file can be stored again.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator

from tintype_gateway.storage.health import fault_of
from tintype_gateway.storage.interface import ImageStore, StoreError

PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""The pauses before a file is stored again, while the store is unavailable."""

TRIAL_PAUSE_SECONDS = 5.0
"""How long a store that has failed is not tried again for jobs that wait for it."""

log = logging.getLogger(__name__)


class PatientStore:
    """An image store that repeats failed uploads for minutes, and syncs files to the disk."""

    def __init__(self, plain: ImageStore, least_seconds: int) -> None:
        """Store each file for at least `least_seconds`."""
        self.plain = plain
        """The store without patience, for files that may be missing."""

        self._least_seconds = least_seconds
        self._lock = asyncio.Lock()
        self._fault: str | None = "nothing was stored yet"
        """Why the last file could not be stored."""

        self._tried_at = float("-inf")

    async def require(self) -> None:
        """Return if the store can be used, which is tried by a file if the last one failed.

        Raises:
            StoreError: It cannot.
        """
        async with self._lock:
            is_due = time.monotonic() >= self._tried_at + TRIAL_PAUSE_SECONDS
            if self._fault is not None and is_due:
                self._fault = await fault_of(self.plain)
                self._tried_at = time.monotonic()
            if self._fault is not None:
                raise StoreError(self._fault)

    async def put(
        self, name: str, content: bytes, content_type: str, lifetime_seconds: int
    ) -> None:
        """Store a file, so that it survives a crash of the machine.

        Raises:
            StoreError: The store was unavailable for some minutes.
        """
        seconds = max(lifetime_seconds, self._least_seconds)
        for pause in PAUSES_SECONDS:
            try:
                return await self._put(name, content, content_type, seconds)
            except StoreError as error:
                extra = {"file": name, "error": str(error)}
                log.warning("a file of a job is not stored yet", extra=extra)
            await asyncio.sleep(pause)
        return await self._put(name, content, content_type, seconds)

    async def _put(self, name: str, content: bytes, content_type: str, seconds: int) -> None:
        try:
            await self.plain.put(name, content, content_type, seconds)
            await self.plain.sync(name)
        except StoreError as error:
            self._fault = str(error)
            raise
        self._fault = None

    async def sync(self, name: str) -> None:
        """See `ImageStore`."""
        await self.plain.sync(name)

    async def keep(self, name: str, lifetime_seconds: int) -> None:
        """See `ImageStore`."""
        await self.plain.keep(name, lifetime_seconds)

    async def get(self, name: str) -> bytes:
        """See `ImageStore`."""
        return await self.plain.get(name)

    async def delete(self, name: str) -> None:
        """See `ImageStore`."""
        await self.plain.delete(name)

    def stream(self, name: str) -> AsyncGenerator[bytes, None]:
        """See `ImageStore`."""
        return self.plain.stream(name)

    async def url(self, name: str, lifetime_seconds: int) -> str:
        """Return the name: the URLs of a job are made when it is read.

        A key that cannot be renewed just now, with which a bucket signs them, loses no image.
        """
        return name
