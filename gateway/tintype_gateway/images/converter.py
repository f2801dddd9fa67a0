"""The threads that convert images and inspect unusual ones, beside the event loop.

Pillow's codecs release the interpreter lock. The number of threads bounds the images that are
decoded at once. Other images wait as base64.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar, TypeVarTuple

from tintype_gateway.images.convert import Converted, convert
from tintype_gateway.images.inspection import Inspection, inspect_fully
from tintype_gateway.values.job import Encoding

Args = TypeVarTuple("Args")
Result = TypeVar("Result")

MAX_DEFAULT_WORKERS = 4
"""A machine may have more CPUs than its container may use, and each worker takes memory."""


def default_workers() -> int:
    """Return the default number of images that are converted at once."""
    return min(len(os.sched_getaffinity(0)), MAX_DEFAULT_WORKERS)


class Converter:
    """A bounded pool of threads."""

    def __init__(self, workers: int) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="tintype-images")

    async def convert(self, text: bytes | memoryview, encoding: Encoding) -> Converted:
        """Return a base64-encoded image in the format of `encoding`.

        If the request is cancelled before its turn, the image is not decoded.

        Raises:
            ValueError: The image cannot be decoded, or it is too large.
        """
        return await self.run(convert, text, encoding)

    async def inspect(self, text: bytes | memoryview, *, find_c2pa: bool) -> Inspection:
        """Inspect an image fully, in a thread.

        Raises:
            ValueError: The text is not a complete image.
        """
        return await self.run(partial(inspect_fully, find_c2pa=find_c2pa), text)

    async def run(self, work: Callable[[*Args], Result], *args: *Args) -> Result:
        """Return what a blocking function returns, called in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)

    def close(self) -> None:
        """Stop the threads, and cancel pending work."""
        self._threads.shutdown(wait=False, cancel_futures=True)
