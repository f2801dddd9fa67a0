"""Tuning of memory management: glibc's malloc, for many short-lived buffers of some megabytes, and
Python's garbage collector, which stops the process while it runs.
"""

import asyncio
import ctypes
import gc
import logging
from contextlib import suppress

log = logging.getLogger(__name__)

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3)."""

KEPT_BYTES = 256 * 1024 * 1024
"""The free memory that the process keeps before it returns some to the system."""

LARGEST_BYTES = 32 * 1024 * 1024
"""The largest buffer that reuses free memory. glibc silently refuses a greater value."""

RETURN_SECONDS = 60
"""The interval at which free memory is returned to the system."""


def tune_allocator() -> None:
    """Make malloc reuse buffers of the size of an image.

    By default glibc maps each of them anew, at the cost of thousands of page faults for each
    response. With responses of 1.5 MiB, this halves the CPU time of a request. Does nothing with a
    C library without mallopt.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        log.info("the C library has no mallopt: memory is not tuned")
        return
    mallopt(_M_MMAP_THRESHOLD, LARGEST_BYTES)
    mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)


def return_kept() -> None:
    """Return free memory to the system, if the C library supports it."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


async def return_kept_regularly(every_seconds: float = RETURN_SECONDS) -> None:
    """Return free memory every minute, until cancelled.

    Under load the allocator keeps its peak size, in fragments. Returning memory takes a millisecond
    or two.
    """
    while True:
        await asyncio.sleep(every_seconds)
        await asyncio.to_thread(return_kept)


def exclude_living() -> None:
    """Exclude all objects that exist from garbage collection.

    They are still freed with their last reference. A full collection stops the process for some 20
    microseconds for each model or binding of the catalog, and new catalogs trigger it. What is
    garbage by now is collected before; a cycle that becomes garbage later is never collected, so
    this is for rare moments.
    """
    gc.collect()
    gc.freeze()


async def spare_collector(started: asyncio.Event) -> None:
    """Exclude all objects that exist after the start from garbage collection."""
    await started.wait()
    exclude_living()
