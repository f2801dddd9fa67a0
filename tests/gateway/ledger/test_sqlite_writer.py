"""The group commit, seen from below the ledger."""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import NamedTuple

import pytest

from tintype_gateway.ledger import UNRESTRICTED, LedgerUnavailableError
from tintype_gateway.ledger.interface import UNNAMED, Account
from tintype_gateway.ledger.sqlite import accounts
from tintype_gateway.ledger.sqlite.database import connect, ensure_exists
from tintype_gateway.ledger.sqlite.log_file import LogFile
from tintype_gateway.ledger.sqlite.transaction import Operation
from tintype_gateway.ledger.sqlite.writer import Writer
from tintype_testing.ledgers import Clock


class Mode(NamedTuple):
    """Who runs the operations of a test."""

    is_quick: bool
    """Whether the event loop does, or else the thread."""


@pytest.fixture(params=[Mode(is_quick=True), Mode(is_quick=False)], ids=["loop", "thread"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """Operations can come either way."""
    mode: Mode = request.param
    return mode


@pytest.fixture
def path(path: Path) -> Path:
    """A database that is there."""
    ensure_exists(path)
    return path


@asynccontextmanager
async def running(
    path: Path, connection: sqlite3.Connection | None = None
) -> AsyncIterator[Writer]:
    connection = connection or connect(path, 60)
    writer = Writer(connection, LogFile(path), Clock(), busy_timeout_seconds=60)
    try:
        yield writer
    finally:
        await writer.close()


def create(name: str) -> Operation[Account]:
    return lambda connection, now: accounts.create(
        connection, now, name, 0, False, UNRESTRICTED, UNNAMED
    )


def names(path: Path) -> list[str]:
    with closing(connect(path, 5)) as connection:
        return [account.name for account in accounts.read_all(connection, 0, None)]


@asynccontextmanager
async def at_work(writer: Writer) -> AsyncIterator[None]:
    """Keep the thread at work, so that what is submitted in the block is its next batch."""
    begun, finish = threading.Event(), threading.Event()

    def work(connection: sqlite3.Connection, now: float) -> None:
        begun.set()
        finish.wait(60)

    working = writer.submit(work)
    assert begun.wait(60)
    yield
    finish.set()
    await working


async def submit_together(
    writer: Writer, mode: Mode, *operations: Operation[object]
) -> list[asyncio.Future[object]]:
    """Return the futures of one batch, when they are done."""
    async with contextlib.nullcontext() if mode.is_quick else at_work(writer):
        futures = [writer.submit(each, is_quick=mode.is_quick) for each in operations]
    await asyncio.wait(futures, timeout=60)
    return futures


async def test_an_operation_that_fails_takes_no_other_with_it(path: Path, mode: Mode) -> None:
    def fail_halfway(connection: sqlite3.Connection, now: float) -> None:
        create("half")(connection, now)
        raise ZeroDivisionError

    async with running(path) as writer:
        first, broken, last = await submit_together(
            writer, mode, create("first"), fail_halfway, create("last")
        )

    assert isinstance(broken.exception(), ZeroDivisionError)
    assert (first.exception(), last.exception()) == (None, None)
    assert names(path) == ["first", "last"]


async def test_operations_that_refuse_before_they_write_take_no_savepoint(path: Path) -> None:
    connection = connect(path, 5)
    statements: list[str] = []

    def refuse(connection: sqlite3.Connection, now: float) -> None:
        raise LedgerUnavailableError("refused")

    async with running(path, connection) as writer:
        connection.set_trace_callback(statements.append)
        first, refused, last = await submit_together(
            writer, Mode(is_quick=True), create("first"), refuse, create("last")
        )
        connection.set_trace_callback(None)

    assert str(refused.exception()) == "refused"
    assert (first.exception(), last.exception()) == (None, None)
    assert names(path) == ["first", "last"]
    assert not [each for each in statements if "SAVEPOINT" in each or "ROLLBACK" in each]


async def test_a_commit_that_fails_fails_its_whole_batch(path: Path, mode: Mode) -> None:
    def break_the_commit(connection: sqlite3.Connection, now: float) -> None:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        connection.execute("INSERT INTO entry VALUES (99, 'nobody', 0)")

    async with running(path) as writer:
        good, bad = await submit_together(writer, mode, create("good"), break_the_commit)
        await writer.submit(create("afterwards"), is_quick=mode.is_quick)

    assert isinstance(good.exception(), LedgerUnavailableError)
    assert isinstance(bad.exception(), LedgerUnavailableError)
    assert names(path) == ["afterwards"]


async def test_nothing_of_a_batch_is_seen_before_its_commit(path: Path, mode: Mode) -> None:
    def look_from_outside(connection: sqlite3.Connection, now: float) -> list[str]:
        return names(path)

    async with running(path) as writer:
        _, during = await submit_together(writer, mode, create("studio"), look_from_outside)
        after = await writer.submit(look_from_outside, is_quick=mode.is_quick)

    assert (during.result(), after) == ([], ["studio"])


async def test_a_full_disk_is_an_error_and_the_writer_survives(path: Path, mode: Mode) -> None:
    connection = connect(path, 5)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    async with running(path, connection) as writer:
        futures = [
            writer.submit(create(f"account {number:0200}"), is_quick=mode.is_quick)
            for number in range(200)
        ]
        await asyncio.wait(futures, timeout=60)
    errors = [future.exception() for future in futures]

    assert any(isinstance(error, LedgerUnavailableError) for error in errors)
    assert len(names(path)) == errors.count(None)


async def test_a_defect_is_not_reported_as_an_outage(path: Path, mode: Mode) -> None:
    async with running(path) as writer:
        with pytest.raises(sqlite3.IntegrityError):
            await writer.submit(
                lambda connection, now: connection.execute(
                    "INSERT INTO entry VALUES (1, 'x', 'y')"
                ),
                is_quick=mode.is_quick,
            )


async def test_an_operation_cannot_be_called_off(path: Path, mode: Mode) -> None:
    async with running(path) as writer:
        writer.submit(create("studio"), is_quick=mode.is_quick).cancel()

    assert names(path) == ["studio"]


async def test_the_thread_runs_what_is_due_while_it_has_the_connection(path: Path) -> None:
    async with running(path) as writer:
        async with at_work(writer):
            due = writer.submit(create("studio"), is_quick=True)
            await asyncio.sleep(0)  # the turn in which it would have run
            assert not due.done()
        await due

    assert names(path) == ["studio"]


async def test_what_is_due_is_finished_by_closing(path: Path) -> None:
    async with running(path) as writer:
        due = writer.submit(create("studio"), is_quick=True)

    assert due.done()
    assert names(path) == ["studio"]


async def test_the_event_loop_goes_on_while_another_process_writes(path: Path) -> None:
    async with running(path) as writer:
        with closing(connect(path, 5)) as other:
            other.execute("BEGIN IMMEDIATE")
            waiting = writer.submit(create("studio"), is_quick=True)
            for _ in range(20):
                await asyncio.sleep(0.001)
            assert not waiting.done()
            other.execute("ROLLBACK")
        await waiting

    assert names(path) == ["studio"]
