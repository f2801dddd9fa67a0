"""One wake-up for a burst of events."""

import asyncio
from contextlib import suppress


class Debounce:
    """Wakes one task: soon after the last trigger of a burst, and never long after the first.

    A trigger after a long pause is likely the only one, so it does not wait for others.
    """

    def __init__(
        self,
        quiet_seconds: float = 0.25,
        longest_seconds: float = 2.0,
        lone_seconds: float = 0.05,
    ) -> None:
        """Set the times of a burst.

        Args:
            quiet_seconds: A burst is over after this time without a trigger.
            longest_seconds: A burst is over after this time in any case.
            lone_seconds: The same as `quiet_seconds`, for a trigger that comes `longest_seconds`
                or more after the last burst.
        """
        self._quiet_seconds = quiet_seconds
        self._longest_seconds = longest_seconds
        self._lone_seconds = lone_seconds
        self._event = asyncio.Event()
        self._ended_at = float("-inf")

    def trigger(self) -> None:
        """Wake the task once the burst that this trigger belongs to is over."""
        self._event.set()

    async def wait(self, seconds: float) -> bool:
        """Return True once a burst is over, or False if none begins within `seconds`."""
        if not await self._next(seconds):
            return False
        time = asyncio.get_running_loop().time
        is_lone = time() >= self._ended_at + self._longest_seconds
        quiet = self._lone_seconds if is_lone else self._quiet_seconds
        with suppress(TimeoutError):
            async with asyncio.timeout(self._longest_seconds):
                while await self._next(quiet):
                    quiet = self._quiet_seconds
        self._event.clear()
        self._ended_at = time()
        return True

    async def _next(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True
