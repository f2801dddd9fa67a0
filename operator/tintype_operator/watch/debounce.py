"""One reaction to a burst of events."""

import asyncio
import time
from contextlib import suppress


class Debounce:
    """Wakes one task: soon after the last of a burst of causes, and never much after the first.

    A cause after a long silence is likely the only one, and is not kept waiting for others.
    """

    def __init__(
        self,
        quiet_seconds: float = 0.25,
        longest_seconds: float = 2.0,
        lone_seconds: float = 0.05,
    ) -> None:
        """Set how long no cause may come before the burst is over, and how long it may last.

        A cause after as much silence as a burst may last is alone if none follows in
        `lone_seconds`.
        """
        self._quiet_seconds = quiet_seconds
        self._longest_seconds = longest_seconds
        self._lone_seconds = lone_seconds
        self._event = asyncio.Event()
        self._ended_at = float("-inf")

    def set(self) -> None:
        """Give a cause."""
        self._event.set()

    async def wait(self, seconds: float) -> bool:
        """Return whether a cause came within that time, once its burst is over."""
        if not await self._next(seconds):
            return False
        is_silent = time.monotonic() >= self._ended_at + self._longest_seconds
        quiet = self._lone_seconds if is_silent else self._quiet_seconds
        with suppress(TimeoutError):
            async with asyncio.timeout(self._longest_seconds):
                while await self._next(quiet):
                    quiet = self._quiet_seconds
        self._event.clear()
        self._ended_at = time.monotonic()
        return True

    async def _next(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True
