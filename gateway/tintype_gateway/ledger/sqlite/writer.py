"""Runs the operations of a process on its database: in the event loop, or in a thread.

A transaction takes microseconds where it does not wait for the disk or for another process. So the
event loop runs all operations that are due in one of its turns as one transaction, and leaves to
the thread what waits: for the disk, where one sync serves all commits before it; for another
process that writes; and operations whose time grows with the database. `_lock` is for the use of
the connection. The event loop never waits for it: while the thread has it, operations queue for the
thread, which commits them together too.
"""

import asyncio
import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from queue import SimpleQueue
from typing import Any, TypeVar

from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.ledger.sqlite.log_file import LogFile
from tintype_gateway.ledger.sqlite.transaction import (
    Job,
    Operation,
    Outcome,
    begin,
    failed,
    finish,
    finish_quickly,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

CHECKPOINT_CHANGES = 2000
"""How many rows are changed between two checkpoints: the log is then some ten megabytes long."""


class Writer:
    """Runs operations in the order of arrival, with as few transactions and syncs as possible."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        log_file: LogFile,
        clock: Callable[[], float],
        busy_timeout_seconds: float,
    ) -> None:
        self._connection = connection
        self._log_file = log_file
        self._clock = clock
        self._busy_timeout_ms = round(busy_timeout_seconds * 1000)
        self._lock = threading.Lock()
        self._due: dict[asyncio.AbstractEventLoop, list[Job[Any]]] = {}
        self._queue: SimpleQueue[Job[Any] | Sequence[Outcome] | None] = SimpleQueue()
        self._checkpointed = 0
        self._closed = False
        for pragma in ("synchronous = NORMAL", "wal_autocheckpoint = 0", "busy_timeout = 0"):
            connection.execute(f"PRAGMA {pragma}")
        # A daemon thread, so that a program can exit without closing the ledger: operations that
        # are not committed then were not acknowledged.
        self._thread = threading.Thread(target=self._serve, name="ledger-writer", daemon=True)
        self._thread.start()

    def submit(
        self,
        operation: Operation[T],
        *,
        is_quick: bool = False,
        is_lasting: bool = True,
        abandon: Callable[[T], None] | None = None,
    ) -> asyncio.Future[T]:
        """Queue an operation; its future completes when it is committed or has failed.

        Cancelling the future does not cancel the operation: `abandon` then gets its result. It also
        gets it if the operation was committed, and the disk then failed.

        An operation that `is_quick` takes as long with a million rows as with a few, and runs in
        the event loop. One that is not `is_lasting` does not wait for the disk: see `log_file`. No
        later operation survives a power cut without it, because each sync is one of the whole log.

        Raises:
            LedgerUnavailableError: the writer is closed.
        """
        self.require_open()
        loop = asyncio.get_running_loop()
        job = Job(operation, loop.create_future(), is_lasting, abandon)
        if not is_quick:
            self._queue.put(job)
        elif (due := self._due.get(loop)) is not None:
            due.append(job)
        else:
            self._due[loop] = [job]
            loop.call_soon(self._take_turn, loop)
        return job.future

    def require_open(self) -> None:
        """Raise `LedgerUnavailableError` once the writer is closed."""
        if self._closed:
            raise LedgerUnavailableError("the ledger is closed")

    async def close(self) -> None:
        """Finish the queue, close the connection, end the thread."""
        self._closed = True
        for loop in list(self._due):
            self._hand_over(self._due.pop(loop))
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _take_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run what is due in the event loop, unless it would have to wait."""
        jobs = self._due.pop(loop, ())
        if not self._lock.acquire(blocking=False):
            self._hand_over(jobs)
            return
        try:
            outcomes = self._run_at_once(jobs)
        finally:
            self._lock.release()
        if outcomes is None:
            self._hand_over(jobs)
            return
        if lasting := [outcome for outcome in outcomes if outcome.job.is_lasting]:
            self._queue.put(lasting)
        _tell(outcome for outcome in outcomes if not outcome.job.is_lasting)

    def _run_at_once(self, jobs: Sequence[Job[Any]]) -> Sequence[Outcome] | None:
        """Run jobs, and return None if they have to wait for another process or for the disk.

        The thread also runs those of which one fails half-way: see `finish_quickly`.
        """
        if not jobs or self._log_file.is_broken:
            return None
        try:
            has_begun = begin(self._connection)
        except sqlite3.Error as error:
            return failed(jobs, f"not committed: {error}")
        return finish_quickly(self._connection, jobs, self._clock()) if has_begun else None

    def _hand_over(self, jobs: Iterable[Job[Any]]) -> None:
        for job in jobs:
            self._queue.put(job)

    def _serve(self) -> None:
        """The thread: sync what was committed, run what has to wait, and copy the log."""
        with contextlib.closing(self._connection), contextlib.closing(self._log_file):
            while batch := self._next_batch():
                committed = [each for part in batch if not isinstance(part, Job) for each in part]
                if committed:
                    _tell_loops(self._synced(committed))
                if jobs := [part for part in batch if isinstance(part, Job)]:
                    _tell_loops(self._synced(self._run_patiently(jobs)))
                if self._connection.total_changes - self._checkpointed >= CHECKPOINT_CHANGES:
                    self._checkpoint()

    def _next_batch(self) -> Sequence[Job[Any] | Sequence[Outcome]]:
        """Wait for work and return all of it; an empty list once the writer is closed."""
        batch: list[Job[Any] | Sequence[Outcome]] = []
        while not batch or not self._queue.empty():
            part = self._queue.get()
            if part is None:
                self._queue.put(None)  # ends the thread after this batch
                break
            batch.append(part)
        return batch

    def _run_patiently(self, jobs: Sequence[Job[Any]]) -> Sequence[Outcome]:
        """Run jobs as one transaction, and wait for other processes before."""
        with self._lock:
            try:
                if self._log_file.is_broken:
                    self._log_file.repair(self._connection)
                self._connection.execute(f"PRAGMA busy_timeout = {self._busy_timeout_ms}")
                try:
                    self._connection.execute("BEGIN IMMEDIATE")
                finally:
                    self._connection.execute("PRAGMA busy_timeout = 0")
            except (OSError, sqlite3.Error) as error:
                return failed(jobs, f"not committed: {error}")
            return finish(self._connection, jobs, self._clock())

    def _synced(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        """Return outcomes that last, where they have to."""
        if not any(outcome.job.is_lasting for outcome in outcomes):
            return outcomes
        try:
            self._log_file.sync()
        except OSError as error:
            lost = LedgerUnavailableError(f"committed, but perhaps not on the disk: {error}")
            return [outcome._replace(error=lost) for outcome in outcomes]
        return outcomes

    def _checkpoint(self) -> None:
        """Empty the log. What is due meanwhile waits for this, as it would for the disk."""
        try:
            self._log_file.sync()  # takes the longest, and can be waited for without the lock
            with self._lock:
                self._log_file.begin_anew(self._connection)
        except (OSError, sqlite3.Error) as error:
            log.warning("the ledger's log grows", extra={"error": str(error)})
        self._checkpointed = self._connection.total_changes


def _tell_loops(outcomes: Iterable[Outcome]) -> None:
    """Deliver results to the callers, from the thread."""
    for loop, told in groupby(outcomes, lambda outcome: outcome.job.future.get_loop()):
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(_tell, list(told))


def _tell(outcomes: Iterable[Outcome]) -> None:
    """Deliver results to the callers of one event loop, in that loop."""
    for outcome in outcomes:
        outcome.tell()
