"""The tasks that drive responses. The server owns them, so that they outlive connections."""

import asyncio
from collections.abc import Coroutine

from aiohttp import web


class ResponseTasks:
    """The responses in progress. At shutdown the server awaits those without a client."""

    def __init__(self, drain_seconds: float) -> None:
        self._drain_seconds = drain_seconds
        self._ends_at: float | None = None
        self._running: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[object, object, None]) -> "asyncio.Task[None]":
        """Run a response in a task of its own."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def begin_drain(self, app: web.Application) -> None:
        """Limit the time of the remaining responses from now on."""
        self._ends_at = asyncio.get_running_loop().time() + self._drain_seconds

    async def drain(self, app: web.Application) -> None:
        """Wait for the remaining responses, and cancel those that exceed the limit."""
        now = asyncio.get_running_loop().time()
        if self._running:
            await asyncio.wait(self._running, timeout=max((self._ends_at or now) - now, 0))
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
