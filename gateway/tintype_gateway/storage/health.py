"""Can the store be used? It is tried at the start, so that no client is the first to find out."""

import asyncio
import logging

from tintype_gateway.storage.interface import ImageStore, StoreError

log = logging.getLogger(__name__)

TRIAL = "checks/trial"
"""What is stored to try it. Only writing tells all: S3 has no right to ask for less."""

TRIAL_SECONDS = 60

PAUSE_SECONDS = 30.0
"""Between two trials of a store that cannot be used."""


class StoreHealth:
    """Why the store cannot be used, from the start on until it can."""

    def __init__(self, store: ImageStore | None, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._store = store
        self._pause_seconds = pause_seconds
        self.error: str | None = None

    async def watch(self) -> None:
        """Try the store until it can be used, and log what is wrong, and that it is over."""
        if self._store is None:
            return
        while (error := await _fault(self._store)) is not None:
            if error != self.error:
                log.error("the image store cannot be used", extra={"error": error})
            self.error = error
            await asyncio.sleep(self._pause_seconds)
        if self.error is not None:
            log.warning("the image store can be used from now on")
        self.error = None


async def _fault(store: ImageStore) -> str | None:
    try:
        await store.put(TRIAL, b"", "application/octet-stream", TRIAL_SECONDS)
    except StoreError as error:
        return str(error)
    return None
