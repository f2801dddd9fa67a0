"""Ids that sort by time: new rows are neighbors in an index, which so has few pages in use.

An index on random ids has to be read and written all over as it grows beyond the memory.
"""

import secrets
import time

_RANDOM_BYTES = 10


def ordered_hex() -> str:
    """Return 32 hexadecimal digits: 48 bits of milliseconds since 1970, and 80 random ones."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(_RANDOM_BYTES)}"
