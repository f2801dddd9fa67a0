"""Connections that read one snapshot of the file, so that threads can share a long work."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from tintype_gateway.ledger.sqlite.database import connect

ATTEMPTS = 100
"""How often another commit may come between the beginnings of the transactions."""

DATA_VERSION = "PRAGMA data_version"
"""Returns another value once another connection has committed a change."""

FIRST_READ = "SELECT 1 FROM account LIMIT 1"
"""The first read of a transaction decides which snapshot it sees."""


@contextlib.contextmanager
def open_snapshot(
    path: Path, busy_timeout_seconds: float, most: int
) -> Iterator[Sequence[sqlite3.Connection]]:
    """Open connections in transactions that see the same snapshot: as many as asked for, or one.

    Raises:
        LedgerUnavailableError: The file cannot be opened.
        sqlite3.Error: It cannot be read.
    """
    with contextlib.ExitStack() as stack:
        observer, *readers = (
            stack.enter_context(contextlib.closing(connect(path, busy_timeout_seconds)))
            for _ in range(1 + most)
        )
        yield begin_together(observer, readers)


def begin_together(
    observer: sqlite3.Connection, readers: Sequence[sqlite3.Connection]
) -> Sequence[sqlite3.Connection]:
    """Begin transactions in the same snapshot, and return their connections.

    No lock is taken. The transactions begin again if the observer, which has none itself, has
    noticed a commit meanwhile; if that happens every time, only the first one begins.
    """
    for _ in range(ATTEMPTS):
        before = _data_version(observer)
        for reader in readers:
            reader.execute("BEGIN")
            reader.execute(FIRST_READ).fetchall()
        if _data_version(observer) == before:
            return readers
        for reader in readers:
            reader.execute("ROLLBACK")
    readers[0].execute("BEGIN")
    return readers[:1]


def _data_version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute(DATA_VERSION).fetchone()
    return int(version)
