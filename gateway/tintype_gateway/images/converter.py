"""The threads that convert pictures, beside the event loop.

Pillow's codecs let other threads run. No more pictures than there are threads are ever decoded at
once, whatever the number of requests: the others wait as the base64 that they came as.
"""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

from tintype_gateway.images.convert import Converted, convert
from tintype_gateway.values import Encoding

MAX_DEFAULT_WORKERS = 4
"""A machine may have more CPUs than its container may use, and each worker takes memory."""


def default_workers() -> int:
    """Return how many pictures are converted at once where nobody says it."""
    return min(len(os.sched_getaffinity(0)), MAX_DEFAULT_WORKERS)


class Converter:
    """A bounded pool of threads."""

    def __init__(self, workers: int) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="tintype-images")

    async def convert(self, text: bytes | memoryview, encoding: Encoding) -> Converted:
        """Return a base64-encoded picture in the format of `encoding`.

        One that is not yet at work when its request is cancelled is never decoded.

        Raises:
            ValueError: It cannot be decoded, or it is too large.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, convert, text, encoding)

    def close(self) -> None:
        """Let go of the threads, and of what still waits for them."""
        self._threads.shutdown(wait=False, cancel_futures=True)
