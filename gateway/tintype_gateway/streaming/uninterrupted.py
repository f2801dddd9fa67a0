"""What has to be done when a request ends early, whoever is cancelled meanwhile."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress


async def uninterrupted(work: Coroutine[object, object, None]) -> None:
    """Wait until `work` has ended, also if the waiting task is cancelled before that.

    A client that leaves is noticed twice: by the write that fails, and then by aiohttp, which
    cancels the handler. The cleaning up after the first must not be cut short by the second.

    Raises:
        Exception: Whatever the work raises.
    """
    task = asyncio.create_task(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    task.result()
