"""When to look at a folder: now, and after every change."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from watchfiles import awatch


async def looks(*folders: Path, recursive: bool = True) -> AsyncIterator[None]:
    """Yield at once, and again whenever something in the folders has changed since.

    The watch begins before the first look, so that no change falls in between.
    """
    changes = awatch(*folders, recursive=recursive, step=50, debounce=400)
    first_change = asyncio.ensure_future(anext(changes))
    try:
        await asyncio.sleep(0)  # here the watch begins
        yield
        await first_change
        yield
        async for _ in changes:
            yield
    finally:
        first_change.cancel()
