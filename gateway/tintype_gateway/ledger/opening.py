"""Open the ledger that a URL names."""

import time
from collections.abc import Callable
from pathlib import Path

from tintype_gateway.ledger.interface import Ledger
from tintype_gateway.ledger.sqlite.engine import SqliteLedger

SQLITE_PREFIX = "sqlite:///"


def open_ledger(
    url: str, *, clock: Callable[[], float] = time.time, busy_timeout_seconds: float = 5.0
) -> Ledger:
    """Open the ledger at `url`, creating it if it is not there.

    `sqlite:///credits.db` is a relative path, `sqlite:////var/lib/credits.db` an absolute one.
    `clock` gives seconds since 1970; `busy_timeout_seconds` bounds the wait for other processes
    that use the same file. Reads the disk: call it before serving.

    Raises:
        ValueError: no engine serves this URL.
        LedgerUnavailableError: the database cannot be opened, or is of another schema version.
    """
    path = url.removeprefix(SQLITE_PREFIX)
    if path == url or not path:
        # Only the scheme is repeated: the rest of a database URL may hold a password.
        scheme = url.partition(":")[0]
        raise ValueError(
            f"cannot open a ledger at {scheme}: use {SQLITE_PREFIX}PATH "
            "(postgresql:// is not available yet)"
        )
    return SqliteLedger(Path(path).absolute(), clock, busy_timeout_seconds)
