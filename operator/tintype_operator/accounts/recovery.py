"""Notices that gateways respond again, for the objects that wait for it.

The pause after a failure grows to a minute. Without a look at the gateways themselves, an object
that was applied before they were ready would wait for the rest of its pause.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from tintype_accounts.backend import BackendError
from tintype_operator.watch.cache import Key

LOOK_SECONDS: Final = 5.0
"""The time between two looks at the gateways, while an object waits for them."""


class Recovery:
    """Takes the objects that got no response, and has them looked at once gateways respond."""

    def __init__(
        self,
        look: Callable[[], Awaitable[None]],
        wake: Callable[[Key], None],
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """Do nothing before `run`.

        Args:
            look: Asks a gateway for something; a `BackendError` means that none responds.
            wake: Makes an object due.
            look_seconds: The time between two looks.
        """
        self._look = look
        self._wake = wake
        self._look_seconds = look_seconds
        self._waiting: set[Key] = set()
        self._woken: set[Key] = set()
        """Were woken since a look failed for the last time, and did not succeed: gateways respond
        to a look, but not to their calls. Only their own pauses apply to them."""

        self._added = asyncio.Event()

    def failed(self, key: Key) -> None:
        """Take note that there was no response for an object."""
        if key not in self._woken:
            self._waiting.add(key)
            self._added.set()

    def succeeded(self, key: Key) -> None:
        """Take note that there was a response for an object."""
        self._waiting.discard(key)
        self._woken.discard(key)

    async def run(self) -> None:
        """Look while objects wait, until cancelled."""
        while True:
            await self._added.wait()
            await asyncio.sleep(self._look_seconds)
            try:
                await self._look()
            except BackendError:
                self._woken.clear()
                continue
            self._added.clear()
            woken, self._waiting = self._waiting, set()
            self._woken |= woken
            for key in woken:
                self._wake(key)
