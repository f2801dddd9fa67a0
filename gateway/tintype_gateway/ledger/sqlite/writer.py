"""The one thread of a process that talks to the database, and its group commit.

A commit that waits for the disk takes long; what arrives meanwhile is committed together in the
next one. Each operation has a savepoint of its own, so that one which fails takes no other with
it, and no caller hears of success before the commit that holds it. An operation that is alone in
its transaction needs no savepoint.
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
"""What runs inside a transaction; it is given the time, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class _Job(Generic[T]):
    operation: Operation[T]
    future: asyncio.Future[T]
    is_lasting: bool
    abandon: Callable[[T], None] | None

    def commit(self, connection: sqlite3.Connection, now: float) -> "_Outcome":
        """Run as all of the open transaction, and commit that; a failure takes it back."""
        try:
            result = self.operation(connection, now)
        except Exception as error:
            # If SQLite has given it up already, this raises and fails the batch.
            connection.execute("ROLLBACK")
            return _Outcome(self, error=_explained(error))
        connection.execute("COMMIT")
        return _Outcome(self, result)

    def attempt(self, connection: sqlite3.Connection, now: float) -> "_Outcome":
        """Run in a savepoint; return what the caller is to hear after the commit."""
        connection.execute("SAVEPOINT job")
        try:
            result = self.operation(connection, now)
        except Exception as error:
            # If SQLite has given up the whole transaction, this raises and fails the batch.
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
        """Complete the future, or abandon the result of a caller that has gone."""
        future, abandon = self.job.future, self.job.abandon
        if future.cancelled():
            if abandon is not None and self.error is None:
                abandon(self.result)
        elif self.error is None:
            future.set_result(self.result)
        else:
            future.set_exception(self.error)


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
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._closed = False
        # A daemon, for a program that forgets to close still has to end: what is not committed
        # then was not acknowledged either.
        self._thread = threading.Thread(target=self._serve, name="ledger-writer", daemon=True)
        self._thread.start()

    def submit(
        self,
        operation: Operation[T],
        *,
        is_lasting: bool = True,
        abandon: Callable[[T], None] | None = None,
    ) -> asyncio.Future[T]:
        """Queue an operation; its future completes when it is committed, or has failed.

        To cancel the future does not call the operation off: `abandon` gets its result then. One
        that is not `is_lasting` does not wait for the disk: all processes see it, also after a
        kill, but a power cut may undo it.
        Nothing later outlasts it, since a commit that waits for the disk waits for the whole log
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
        """Wait for work and take all of it; nothing once the writer is closed."""
        batch: list[_Job[Any]] = []
        while not batch or not self._jobs.empty():
            job = self._jobs.get()
            if job is None:
                self._jobs.put(None)  # to be met again when this batch is done
                break
            batch.append(job)
        return batch

    def _commit(self, batch: Sequence[_Job[Any]]) -> Sequence[_Outcome]:
        """Run a batch as one transaction; return what each caller is to hear."""
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
    """Tell all callers of one event loop, in it."""
    for outcome in outcomes:
        outcome.tell()
