"""How memory is kept: by the C library, for buffers of a few megabytes that come and go, and by
Python's garbage collector, which stops everything while it looks at an object.
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
"""How much free memory a process keeps before it returns some."""

LARGEST_BYTES = 32 * 1024 * 1024
"""The largest buffer that is taken from kept memory. glibc silently refuses a greater value."""

RETURN_SECONDS = 60
"""How often memory that is kept is given back all the same."""


def tune_allocator() -> None:
    """Have buffers of the size of an image reused.

    By default glibc maps each of them anew, so that every answer pays for thousands of page
    faults: on answers of 1.5 MiB this halves the CPU time of a request. A C library without
    mallopt is left as it is.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        log.info("the C library has no mallopt: memory is not tuned")
        return
    mallopt(_M_MMAP_THRESHOLD, LARGEST_BYTES)
    mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)


def return_kept() -> None:
    """Give memory that is kept but not used back to the system, as far as the C library can."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


async def return_kept_regularly() -> None:
    """Give memory back every minute, for as long as this runs.

    Under load the allocator keeps the most that it ever needed, in pieces. To return it takes a
    millisecond or two; what is needed again is then fetched again.
    """
    while True:
        await asyncio.sleep(RETURN_SECONDS)
        await asyncio.to_thread(return_kept)


async def spare_collector(started: asyncio.Event) -> None:
    """Once started, never again search what is there by then for garbage, since it stays.

    With a thousand models the search takes tens of milliseconds, and new catalogs make it due.
    """
    await started.wait()
    gc.collect()
    gc.freeze()
