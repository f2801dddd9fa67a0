"""The log is copied to the database while the ledger is in use, and begins anew."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tintype_gateway.ledger import Caller, Ledger, open_ledger
from tintype_gateway.ledger.sqlite import writer
from tintype_gateway.ledger.sqlite.database import connect
from tintype_gateway.ledger.sqlite.log_file import LogFile
from tintype_testing.ledgers import take
from tintype_testing.waiting import eventually

CALLER = Caller("studio", "key-1")


@pytest.fixture
async def ledger(path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ledger]:
    """A ledger that makes checkpoints often."""
    monkeypatch.setattr(writer, "CHECKPOINT_CHANGES", 50)
    ledger = open_ledger(f"sqlite:///{path}")
    await ledger.create_account("studio", unlimited=True)
    yield ledger
    await ledger.close()


def log_of(path: Path) -> Path:
    return Path(f"{path}-wal")


def salt(path: Path) -> bytes:
    """What tells the frames of this log from those of the last time it was written."""
    return log_of(path).read_bytes()[16:24]


async def pay(ledger: Ledger, times: int) -> None:
    for _ in range(times):
        await ledger.settle(await take(ledger, CALLER, 10), 7)


async def test_the_log_does_not_grow_with_the_number_of_requests(
    ledger: Ledger, path: Path
) -> None:
    await pay(ledger, 50)
    length = log_of(path).stat().st_size

    await asyncio.gather(*(pay(ledger, 50) for _ in range(8)))

    assert log_of(path).stat().st_size < 4 * length
    assert (await ledger.account("studio")).balance == -7 * 450
    assert (await ledger.audit()).problems == ()


async def test_a_reader_holds_up_the_log_and_no_request(ledger: Ledger, path: Path) -> None:
    with closing(connect(path, 5)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM hold").fetchall()
        before = salt(path)
        await asyncio.wait_for(pay(ledger, 60), 60)
        assert salt(path) == before

    async def begins_anew() -> bool:
        await pay(ledger, 10)
        return salt(path) != before

    await eventually(begins_anew)


def test_the_log_begins_anew_before_anyone_has_to_wait_for_it(path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{path}")
    with closing(connect(path, 5)) as connection, closing(LogFile(path)) as log:
        connection.execute("UPDATE account SET created_at = 0")
        before, version = salt(path), version_of(connection)

        log.begin_anew(connection)

        assert salt(path) != before
        assert version_of(connection) == version
    asyncio.run(ledger.close())


def version_of(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def test_a_log_that_is_synced_is_the_one_that_is_written(path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{path}")
    with closing(LogFile(path)) as log:
        assert os.fstat(log._descriptor).st_ino == log_of(path).stat().st_ino
    asyncio.run(ledger.close())
