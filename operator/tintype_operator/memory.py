"""Memory of a process whose objects live long."""

import ctypes
import gc
from typing import Final

_TRIM: Final = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""A function of glibc, which other C libraries lack: malloc_trim(3)."""


def settle() -> None:
    """Take all present objects for long-lived ones, and return free memory to the system.

    The garbage collector would need more time than a pass for thousands of objects, and glibc keeps
    the memory of parsed pages that is free again.
    """
    gc.collect()
    gc.freeze()
    if _TRIM is not None:
        _TRIM(ctypes.c_size_t(0))
