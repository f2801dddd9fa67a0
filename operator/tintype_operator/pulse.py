"""Many small causes, one reaction."""

import asyncio
from contextlib import suppress


class Pulse:
    """Wakes one task: soon after the last of a burst of causes, and never much after the first."""

    def __init__(self, quiet_seconds: float = 0.25, longest_seconds: float = 2.0) -> None:
        """Set how long no cause may come before the burst is over, and how long it may last."""
        self._quiet_seconds = quiet_seconds
        self._longest_seconds = longest_seconds
        self._event = asyncio.Event()

    def set(self) -> None:
        """Give a cause."""
        self._event.set()

    async def wait(self, seconds: float) -> bool:
        """Return whether a cause came within that time, once its burst is over."""
        if not await self._next(seconds):
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(self._longest_seconds):
                while await self._next(self._quiet_seconds):
                    pass
        self._event.clear()
        return True

    async def _next(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True
