"""The group commit, seen from below the ledger."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.gateway.ledger.support import Clock
from tests.gateway.ledger.support import connect as connect_from_outside
from tintype_gateway.ledger import UNRESTRICTED, LedgerUnavailableError
from tintype_gateway.ledger.interface import Account
from tintype_gateway.ledger.sqlite import accounts
from tintype_gateway.ledger.sqlite.database import connect, ensure_exists
from tintype_gateway.ledger.sqlite.writer import Operation, Writer


@pytest.fixture
def path(path: Path) -> Path:
    """A database that is there."""
    ensure_exists(path)
    return path


@contextmanager
def running(connection: sqlite3.Connection) -> Iterator[Writer]:
    writer = Writer(connection, Clock())
    try:
        yield writer
    finally:
        writer.close()


def create(name: str) -> Operation[Account]:
    return lambda connection, now: accounts.create(connection, now, name, 0, False, UNRESTRICTED)


def do_nothing(connection: sqlite3.Connection, now: float) -> object:
    return None


def names(path: Path) -> list[str]:
    with closing(connect(path, 5)) as connection:
        return [account.name for account in accounts.read_all(connection)]


def submit_together(
    path: Path, writer: Writer, *operations: Operation[object]
) -> list[Future[object]]:
    """Submit operations that end in one batch: the first waits for a lock until all are there."""
    with closing(connect_from_outside(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        futures = [writer.submit(operation) for operation in (do_nothing, *operations)]
    wait(futures, timeout=10)
    return futures[1:]


def test_an_operation_that_fails_takes_no_other_with_it(path: Path) -> None:
    def fail_halfway(connection: sqlite3.Connection, now: float) -> None:
        create("half")(connection, now)
        raise ZeroDivisionError

    with running(connect(path, 5)) as writer:
        first, broken, last = submit_together(
            path, writer, create("first"), fail_halfway, create("last")
        )

    assert isinstance(broken.exception(), ZeroDivisionError)
    assert (first.exception(), last.exception()) == (None, None)
    assert names(path) == ["first", "last"]


def test_a_commit_that_fails_fails_its_whole_batch(path: Path) -> None:
    def break_the_commit(connection: sqlite3.Connection, now: float) -> None:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        connection.execute("INSERT INTO entry VALUES (99, 'nobody', 0)")

    with running(connect(path, 5)) as writer:
        good, bad = submit_together(path, writer, create("good"), break_the_commit)
        afterwards = writer.submit(create("afterwards"))

    assert isinstance(good.exception(), LedgerUnavailableError)
    assert isinstance(bad.exception(), LedgerUnavailableError)
    assert afterwards.exception() is None
    assert names(path) == ["afterwards"]


def test_nothing_of_a_batch_is_seen_before_its_commit(path: Path) -> None:
    def look_from_outside(connection: sqlite3.Connection, now: float) -> list[str]:
        return names(path)

    with running(connect(path, 5)) as writer:
        _, during = submit_together(path, writer, create("studio"), look_from_outside)
        after = writer.submit(look_from_outside)

    assert (during.result(), after.result()) == ([], ["studio"])


def test_a_full_disk_is_told_and_survived(path: Path) -> None:
    connection = connect(path, 5)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    with running(connection) as writer:
        futures = [writer.submit(create(f"account {number:0200}")) for number in range(200)]
    errors = [future.exception() for future in futures]

    assert any(isinstance(error, LedgerUnavailableError) for error in errors)
    assert len(names(path)) == errors.count(None)


def test_a_mistake_of_ours_is_not_taken_for_an_outage(path: Path) -> None:
    with running(connect(path, 5)) as writer:
        future = writer.submit(
            lambda connection, now: connection.execute("INSERT INTO entry VALUES (1, 'x', 'y')")
        )

    with pytest.raises(sqlite3.IntegrityError):
        future.result()


def test_an_operation_cannot_be_called_off(path: Path) -> None:
    with running(connect(path, 5)) as writer:
        future = writer.submit(create("studio"))

        assert not future.cancel()

    assert names(path) == ["studio"]
