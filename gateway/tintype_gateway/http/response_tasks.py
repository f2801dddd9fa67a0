"""The tasks that drive responses, some of which outlive their connections."""

import asyncio

from aiohttp import web


class ResponseTasks:
    """The responses in progress. At shutdown the server awaits those without a client."""

    def __init__(self, drain_seconds: float) -> None:
        self._drain_seconds = drain_seconds
        self._ends_at: float | None = None
        self._running: set[asyncio.Task[object]] = set()

    def begin(self) -> asyncio.Task[object]:
        """Return the current task, which drives a response until `end`."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is called in a coroutine
        self._running.add(task)
        return task

    def end(self, task: asyncio.Task[object]) -> None:
        """Note that a task drives no response any more."""
        self._running.discard(task)

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
