"""What all operations in SQLite have in common."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tintype_gateway.ledger.sqlite.database import connect, ensure_exists
from tintype_gateway.ledger.sqlite.log_file import LogFile
from tintype_gateway.ledger.sqlite.transaction import Operation
from tintype_gateway.ledger.sqlite.writer import Writer

T = TypeVar("T")


class SqliteOperations:
    """The file and the one connection that all operations write by."""

    def __init__(self, path: Path, clock: Callable[[], float], busy_timeout_seconds: float) -> None:
        self._path = path
        self._busy_timeout_seconds = busy_timeout_seconds
        ensure_exists(path)
        connection = connect(path, busy_timeout_seconds)
        self._writer = Writer(connection, LogFile(path), clock, busy_timeout_seconds)

    async def _do(self, operation: Operation[T]) -> T:
        return await self._writer.submit(operation)

    async def _do_quickly(self, operation: Operation[T]) -> T:
        return await self._writer.submit(operation, is_quick=True)

    async def _read(self, operation: Operation[T]) -> T:
        """Read few rows. Nothing that is read has to outlive a power cut."""
        return await self._writer.submit(operation, is_quick=True, is_lasting=False)
