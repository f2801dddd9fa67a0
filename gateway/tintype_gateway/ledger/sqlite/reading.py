"""Long reads of the SQLite file, which neither block the event loop nor the writer."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

from tintype_gateway.ledger.sqlite.database import connect, unavailable

T = TypeVar("T")


class Reading:
    """A connection with one snapshot, whose statements run in threads, one after another."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return the result of `work`.

        If the caller is cancelled, the statement is interrupted, and has ended when this raises.
        """
        running = asyncio.ensure_future(asyncio.to_thread(work, self._connection))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            while not running.done():
                self._connection.interrupt()
                await asyncio.wait([running], timeout=0.01)
            running.exception()  # retrieves it
            raise


@contextlib.asynccontextmanager
async def reading(path: Path, busy_timeout_seconds: float) -> AsyncIterator[Reading]:
    """Read one snapshot of a file while others change it.

    Raises:
        LedgerUnavailableError: the file cannot be read.
    """
    with unavailable("cannot read the ledger"):
        connection = await asyncio.to_thread(connect, path, busy_timeout_seconds)
        try:
            connection.execute("BEGIN")
            yield Reading(connection)
        finally:
            connection.close()
