"""The one thread of a process that writes to the database, with group commit.

A commit that waits for the disk takes long. The operations that arrive meanwhile are committed
together in the next one. Each operation has its own savepoint, so that a failure does not affect
others, and its caller gets the result after the commit. An operation that is alone in its
transaction needs no savepoint.
"""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from queue import SimpleQueue
from typing import Any, Generic, NamedTuple, TypeVar

from tintype_gateway.ledger.errors import LedgerUnavailableError

T = TypeVar("T")

Operation = Callable[[sqlite3.Connection, float], T]
"""A function that runs inside a transaction; its arguments are the connection and Unix seconds."""


@dataclass(frozen=True, slots=True)
class _Job(Generic[T]):
    operation: Operation[T]
    future: asyncio.Future[T]
    is_lasting: bool
    abandon: Callable[[T], None] | None

    def commit(self, connection: sqlite3.Connection, now: float) -> "_Outcome":
        """Run as the only operation of the open transaction: commit, or roll back on failure."""
        try:
            result = self.operation(connection, now)
        except Exception as error:
            # If SQLite has rolled it back already, this raises and fails the batch.
            connection.execute("ROLLBACK")
            return _Outcome(self, error=_explained(error))
        connection.execute("COMMIT")
        return _Outcome(self, result)

    def attempt(self, connection: sqlite3.Connection, now: float) -> "_Outcome":
        """Run in a savepoint; return the result, which the caller gets after the commit."""
        connection.execute("SAVEPOINT job")
        try:
            result = self.operation(connection, now)
        except Exception as error:
            # If SQLite has rolled back the whole transaction, this raises and fails the batch.
            connection.execute("ROLLBACK TO job")
            return _Outcome(self, error=_explained(error))
        finally:
            connection.execute("RELEASE job")
        return _Outcome(self, result)


class _Outcome(NamedTuple):
    job: _Job[Any]
    result: object = None
    error: Exception | None = None

    def tell(self) -> None:
        """Complete the future, or call `abandon` if its caller was cancelled."""
        future, abandon = self.job.future, self.job.abandon
        if future.cancelled():
            if abandon is not None and self.error is None:
                abandon(self.result)
        elif self.error is None:
            future.set_result(self.result)
        else:
            future.set_exception(self.error)


def _explained(error: Exception) -> Exception:
    """Return the ledger error for SQLite's; a violated constraint is a defect and stays."""
    if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
        return LedgerUnavailableError(f"the ledger cannot be used: {error}")
    return error


class Writer:
    """Runs operations in the order of arrival, with as few commits as possible."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._closed = False
        # A daemon thread, so that a program can exit without closing the ledger: operations that
        # are not committed then were not acknowledged.
        self._thread = threading.Thread(target=self._serve, name="ledger-writer", daemon=True)
        self._thread.start()

    def submit(
        self,
        operation: Operation[T],
        *,
        is_lasting: bool = True,
        abandon: Callable[[T], None] | None = None,
    ) -> asyncio.Future[T]:
        """Queue an operation; its future completes when it is committed or has failed.

        Cancelling the future does not cancel the operation: `abandon` then gets its result. An
        operation that is not `is_lasting` does not wait for the disk: all processes see it, also
        after a kill, but a power cut may undo it. No later operation survives without it, because
        a commit that waits for the disk syncs the whole log
        (https://www.sqlite.org/pragma.html#pragma_synchronous).

        Raises:
            LedgerUnavailableError: the writer is closed.
        """
        self.require_open()
        job = _Job(operation, asyncio.get_running_loop().create_future(), is_lasting, abandon)
        self._jobs.put(job)
        return job.future

    def require_open(self) -> None:
        """Raise `LedgerUnavailableError` once the writer is closed."""
        if self._closed:
            raise LedgerUnavailableError("the ledger is closed")

    async def close(self) -> None:
        """Finish the queue, close the connection, end the thread."""
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        with contextlib.closing(self._connection):
            while batch := self._next_batch():
                outcomes = self._commit(batch)
                for loop, told in groupby(outcomes, lambda outcome: outcome.job.future.get_loop()):
                    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                        loop.call_soon_threadsafe(_tell, list(told))

    def _next_batch(self) -> Sequence[_Job[Any]]:
        """Wait for operations and return all of them; an empty list once the writer is closed."""
        batch: list[_Job[Any]] = []
        while not batch or not self._jobs.empty():
            job = self._jobs.get()
            if job is None:
                self._jobs.put(None)  # ends the thread after this batch
                break
            batch.append(job)
        return batch

    def _commit(self, batch: Sequence[_Job[Any]]) -> Sequence[_Outcome]:
        """Run a batch as one transaction; return the result for each caller."""
        synchronous = "FULL" if any(job.is_lasting for job in batch) else "NORMAL"
        try:
            self._connection.execute(f"PRAGMA synchronous = {synchronous}")
            self._connection.execute("BEGIN IMMEDIATE")
            now = self._clock()
            if len(batch) == 1:
                return [batch[0].commit(self._connection, now)]
            outcomes = [job.attempt(self._connection, now) for job in batch]
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            return [
                _Outcome(job, error=LedgerUnavailableError(f"not committed: {error}"))
                for job in batch
            ]
        return outcomes


def _tell(outcomes: Sequence[_Outcome]) -> None:
    """Deliver the results to all callers of one event loop, in that loop."""
    for outcome in outcomes:
        outcome.tell()
