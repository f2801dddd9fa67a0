"""The one thread of a process that talks to the database, and its group commit.

A commit with ``synchronous=FULL`` waits for the disk; what arrives meanwhile is committed together
in the next one. Each operation has a savepoint of its own, so that one which fails takes no other
with it, and no caller hears of success before the commit that holds it.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from tintype_gateway.ledger.errors import LedgerUnavailableError

T = TypeVar("T")

Operation = Callable[[sqlite3.Connection, float], T]
"""What runs inside a transaction; it is given the time, in seconds since 1970."""


@dataclass(frozen=True)
class _Job(Generic[T]):
    operation: Operation[T]
    future: Future[T] = field(default_factory=Future)

    def attempt(self, connection: sqlite3.Connection, now: float) -> Callable[[], None]:
        """Run in a savepoint; return what tells the caller, to be called after the commit."""
        connection.execute("SAVEPOINT job")
        try:
            result = self.operation(connection, now)
        except Exception as error:
            # If SQLite has given up the whole transaction, this raises and fails the batch.
            connection.execute("ROLLBACK TO job")
            return partial(self.future.set_exception, _explained(error))
        finally:
            connection.execute("RELEASE job")
        return partial(self.future.set_result, result)


def _explained(error: Exception) -> Exception:
    """Say what SQLite's trouble means; a broken constraint is our mistake, and stays visible."""
    if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
        return LedgerUnavailableError(f"the ledger cannot be used: {error}")
    return error


class Writer:
    """Runs operations in the order they came, with as few commits as possible."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock
        self._jobs: list[_Job[Any]] = []
        self._closed = False
        self._changed = threading.Condition()
        # A daemon, for a program that forgets to close still has to end: what is not committed
        # then was not acknowledged either.
        self._thread = threading.Thread(target=self._serve, name="ledger-writer", daemon=True)
        self._thread.start()

    def submit(self, operation: Operation[T]) -> Future[T]:
        """Queue an operation; its future completes when it is committed, or has failed.

        The future cannot be cancelled. Callable from any thread; returns at once.

        Raises:
            LedgerUnavailableError: the writer is closed.
        """
        job = _Job(operation)
        job.future.set_running_or_notify_cancel()
        with self._changed:
            self.require_open()
            self._jobs.append(job)
            self._changed.notify()
        return job.future

    def require_open(self) -> None:
        """Raise `LedgerUnavailableError` once the writer is closed."""
        if self._closed:
            raise LedgerUnavailableError("the ledger is closed")

    def close(self) -> None:
        """Finish the queue, close the connection, end the thread. Blocks until then."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _serve(self) -> None:
        with contextlib.closing(self._connection):
            while batch := self._next_batch():
                for complete in self._commit(batch):
                    complete()

    def _next_batch(self) -> Sequence[_Job[Any]]:
        """Wait for work and take all of it; nothing once the writer is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed)
            batch, self._jobs = self._jobs, []
            return batch

    def _commit(self, batch: Sequence[_Job[Any]]) -> Sequence[Callable[[], None]]:
        """Run a batch as one transaction; return what tells each caller."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            now = self._clock()
            completions = [job.attempt(self._connection, now) for job in batch]
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            return [
                partial(job.future.set_exception, LedgerUnavailableError(f"not committed: {error}"))
                for job in batch
            ]
        return completions
