"""Operations that are committed together, each of which succeeds or fails for itself."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from tintype_gateway.frozen import frozen_value
from tintype_gateway.ledger.errors import LedgerUnavailableError

T = TypeVar("T")

Operation = Callable[[sqlite3.Connection, float], T]
"""A function that runs inside a transaction; its arguments are the connection and Unix seconds."""


@frozen_value(frozen=True, slots=True)
class Job(Generic[T]):
    """An operation whose caller waits."""

    operation: Operation[T]
    future: asyncio.Future[T]
    is_lasting: bool
    """Whether the caller waits until the disk has all that the operation wrote or read."""

    abandon: Callable[[T], None] | None
    """Gets the result in the event loop if the caller was cancelled, or is told of a failure."""

    def commit(self, connection: sqlite3.Connection, now: float) -> "Outcome":
        """Run as the only operation of the open transaction: commit, or roll back on failure."""
        try:
            result = self.operation(connection, now)
        except Exception as error:
            # If SQLite has rolled it back already, this raises and fails the batch.
            connection.execute("ROLLBACK")
            return Outcome(self, error=_explained(error))
        connection.execute("COMMIT")
        return Outcome(self, result)

    def attempt(self, connection: sqlite3.Connection, now: float) -> "Outcome":
        """Run in a transaction of several; return the result, which is told after the commit.

        Raises:
            HalfDoneError: It failed after it had written something: the transaction must end.
        """
        changes = connection.total_changes
        try:
            result = self.operation(connection, now)
        except Exception as error:
            if connection.total_changes != changes or not connection.in_transaction:
                raise HalfDoneError from error
            return Outcome(self, error=_explained(error))
        return Outcome(self, result)

    def attempt_in_savepoint(self, connection: sqlite3.Connection, now: float) -> "Outcome":
        """Run in a savepoint; return the result, which is told after the commit."""
        connection.execute("SAVEPOINT job")
        try:
            result = self.operation(connection, now)
        except Exception as error:
            # If SQLite has rolled back the whole transaction, this raises and fails the batch.
            connection.execute("ROLLBACK TO job")
            return Outcome(self, error=_explained(error))
        finally:
            connection.execute("RELEASE job")
        return Outcome(self, result)


class HalfDoneError(Exception):
    """An operation failed after it had written something."""


Attempt = Callable[[Job[Any], sqlite3.Connection, float], "Outcome"]
"""Runs one operation of a batch."""


class Outcome(NamedTuple):
    """How an operation ended. It can have both: a result, which the disk may not have."""

    job: Job[Any]
    result: object = None
    error: Exception | None = None

    def tell(self) -> None:
        """Complete the future, in its event loop."""
        future, abandon = self.job.future, self.job.abandon
        is_heard = not future.cancelled()
        if is_heard and self.error is not None:
            future.set_exception(self.error)
        elif is_heard:
            future.set_result(self.result)
            return
        if abandon is not None and self.result is not None:
            abandon(self.result)


def begin(connection: sqlite3.Connection) -> bool:
    """Begin a transaction that may write; return False if another process writes too long.

    Raises:
        sqlite3.Error: the database cannot be used.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            return False
        raise
    return True


def finish(
    connection: sqlite3.Connection,
    batch: Sequence[Job[Any]],
    now: float,
    attempt: Attempt = Job.attempt_in_savepoint,
) -> list[Outcome]:
    """Run a batch in the transaction that has begun, and commit it. Errors are outcomes.

    An operation that is alone in its transaction needs no savepoint.
    """
    try:
        if len(batch) == 1:
            return [batch[0].commit(connection, now)]
        outcomes = [attempt(job, connection, now) for job in batch]
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        return failed(batch, f"not committed: {error}")
    return outcomes


def finish_quickly(
    connection: sqlite3.Connection, batch: Sequence[Job[Any]], now: float
) -> list[Outcome] | None:
    """Run a batch as `finish` does, without savepoints; return None if it had to be rolled back.

    Savepoints are two statements for each operation, and copies of the pages that it changes. An
    operation that fails has usually written nothing yet, and needs none.
    """
    try:
        return finish(connection, batch, now, Job.attempt)
    except HalfDoneError:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        return None


def failed(batch: Sequence[Job[Any]], reason: str) -> list[Outcome]:
    """Return that none of a batch had an effect."""
    return [Outcome(job, error=LedgerUnavailableError(reason)) for job in batch]


def _explained(error: Exception) -> Exception:
    """Return the ledger error for SQLite's; a violated constraint is a defect and stays."""
    if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
        return LedgerUnavailableError(f"the ledger cannot be used: {error}")
    return error
