"""Tests the image store at the start, so that an error shows before the first request."""

import asyncio
import logging

from tintype_gateway.storage.interface import ImageStore, StoreError

log = logging.getLogger(__name__)

TRIAL = "checks/trial"
"""The file that the test writes. S3 has no smaller permission that would allow a test."""

TRIAL_SECONDS = 60

PAUSE_SECONDS = 30.0
"""The pause between two tests of a store that fails."""


class StoreHealth:
    """The reason why the store cannot be used, from the start until it can."""

    def __init__(self, store: ImageStore | None, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._store = store
        self._pause_seconds = pause_seconds
        self.error: str | None = None

    async def watch(self) -> None:
        """Test the store until it can be used; log each new error, and the recovery."""
        if self._store is None:
            return
        while (error := await fault_of(self._store)) is not None:
            if error != self.error:
                log.error("the image store cannot be used", extra={"error": error})
            self.error = error
            await asyncio.sleep(self._pause_seconds)
        if self.error is not None:
            log.warning("the image store can be used again")
        self.error = None


async def fault_of(store: ImageStore) -> str | None:
    """Return why nothing can be stored, tried by a file; None if it can."""
    try:
        await store.put(TRIAL, b"", "application/octet-stream", TRIAL_SECONDS)
    except StoreError as error:
        return str(error)
    return None
