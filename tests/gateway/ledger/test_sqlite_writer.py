"""The group commit, seen from below the ledger."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from tintype_gateway.ledger import UNRESTRICTED, LedgerUnavailableError
from tintype_gateway.ledger.interface import Account
from tintype_gateway.ledger.sqlite import accounts
from tintype_gateway.ledger.sqlite.database import connect, ensure_exists
from tintype_gateway.ledger.sqlite.writer import Operation, Writer
from tintype_testing.ledgers import Clock

NORMAL, FULL = 1, 2
"""How SQLite numbers the settings of `synchronous`: with the latter a commit waits for the disk."""


@pytest.fixture
def path(path: Path) -> Path:
    """A database that is there."""
    ensure_exists(path)
    return path


@asynccontextmanager
async def running(connection: sqlite3.Connection) -> AsyncIterator[Writer]:
    writer = Writer(connection, Clock())
    try:
        yield writer
    finally:
        await writer.close()


def create(name: str) -> Operation[Account]:
    return lambda connection, now: accounts.create(connection, now, name, 0, False, UNRESTRICTED)


def do_nothing(connection: sqlite3.Connection, now: float) -> object:
    return None


def names(path: Path) -> list[str]:
    with closing(connect(path, 5)) as connection:
        return [account.name for account in accounts.read_all(connection)]


def read_synchronous(connection: sqlite3.Connection, now: float) -> int:
    (setting,) = connection.execute("PRAGMA synchronous").fetchone()
    return int(setting)


@asynccontextmanager
async def at_work(writer: Writer) -> AsyncIterator[None]:
    """Keep the writer from what is submitted in the block, which is then one batch."""
    begun, finish = threading.Event(), threading.Event()

    def work(connection: sqlite3.Connection, now: float) -> None:
        begun.set()
        finish.wait(10)

    working = writer.submit(work)
    assert begun.wait(10)
    yield
    finish.set()
    await working


async def submit_together(
    writer: Writer, *operations: Operation[object]
) -> list[asyncio.Future[object]]:
    """Return the futures of one batch, when they are done."""
    async with at_work(writer):
        futures = [writer.submit(operation) for operation in operations]
    await asyncio.wait(futures, timeout=60)
    return futures


async def test_an_operation_that_fails_takes_no_other_with_it(path: Path) -> None:
    def fail_halfway(connection: sqlite3.Connection, now: float) -> None:
        create("half")(connection, now)
        raise ZeroDivisionError

    async with running(connect(path, 5)) as writer:
        first, broken, last = await submit_together(
            writer, create("first"), fail_halfway, create("last")
        )

    assert isinstance(broken.exception(), ZeroDivisionError)
    assert (first.exception(), last.exception()) == (None, None)
    assert names(path) == ["first", "last"]


async def test_a_commit_that_fails_fails_its_whole_batch(path: Path) -> None:
    def break_the_commit(connection: sqlite3.Connection, now: float) -> None:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        connection.execute("INSERT INTO entry VALUES (99, 'nobody', 0)")

    async with running(connect(path, 5)) as writer:
        good, bad = await submit_together(writer, create("good"), break_the_commit)
        await writer.submit(create("afterwards"))

    assert isinstance(good.exception(), LedgerUnavailableError)
    assert isinstance(bad.exception(), LedgerUnavailableError)
    assert names(path) == ["afterwards"]


async def test_nothing_of_a_batch_is_seen_before_its_commit(path: Path) -> None:
    def look_from_outside(connection: sqlite3.Connection, now: float) -> list[str]:
        return names(path)

    async with running(connect(path, 5)) as writer:
        _, during = await submit_together(writer, create("studio"), look_from_outside)
        after = await writer.submit(look_from_outside)

    assert (during.result(), after) == ([], ["studio"])


async def test_a_full_disk_is_an_error_and_the_writer_survives(path: Path) -> None:
    connection = connect(path, 5)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    async with running(connection) as writer:
        futures = [writer.submit(create(f"account {number:0200}")) for number in range(200)]
        await asyncio.wait(futures, timeout=60)
    errors = [future.exception() for future in futures]

    assert any(isinstance(error, LedgerUnavailableError) for error in errors)
    assert len(names(path)) == errors.count(None)


async def test_a_defect_is_not_reported_as_an_outage(path: Path) -> None:
    async with running(connect(path, 5)) as writer:
        with pytest.raises(sqlite3.IntegrityError):
            await writer.submit(
                lambda connection, now: connection.execute("INSERT INTO entry VALUES (1, 'x', 'y')")
            )


async def test_an_operation_cannot_be_called_off(path: Path) -> None:
    async with running(connect(path, 5)) as writer:
        writer.submit(create("studio")).cancel()

    assert names(path) == ["studio"]


async def test_only_what_must_outlive_a_power_cut_waits_for_the_disk(path: Path) -> None:
    async with running(connect(path, 5)) as writer:
        settings = [
            await writer.submit(read_synchronous, is_lasting=is_lasting)
            for is_lasting in (True, False, False, True, False)
        ]

    assert settings == [FULL, NORMAL, NORMAL, FULL, NORMAL]


async def test_a_batch_waits_for_the_disk_if_one_of_it_has_to(path: Path) -> None:
    async with running(connect(path, 5)) as writer:
        async with at_work(writer):
            setting = writer.submit(read_synchronous, is_lasting=False)
            lasting = writer.submit(do_nothing)
        await lasting

    assert setting.result() == FULL
