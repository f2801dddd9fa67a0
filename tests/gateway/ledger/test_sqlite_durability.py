"""Which operations wait for the disk, as SQLite is told: a power cut undoes no other."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tintype_gateway.ledger import Caller, Idempotency, Ledger, open_ledger
from tintype_gateway.ledger.sqlite import database, engine
from tintype_testing.ledgers import Clock, take

CALLER = Caller("studio", "key-1")

Act = Callable[[Ledger], Awaitable[object]]


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the ledger has SQLite do, from its opening on."""
    heard: list[str] = []

    def connect(path: Path, busy_timeout_seconds: float) -> sqlite3.Connection:
        connection = database.connect(path, busy_timeout_seconds)
        connection.set_trace_callback(heard.append)
        return connection

    monkeypatch.setattr(engine, "connect", connect)
    return heard


@pytest.fixture
async def ledger(statements: list[str], path: Path) -> AsyncIterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{path}", clock=Clock())
    await ledger.create_account("studio", credits_micro=1000)
    yield ledger
    await ledger.close()


def last_commit_waited(statements: list[str]) -> bool:
    """Say whether the last transaction was one that waits for the disk."""
    settings = [statement for statement in statements if "PRAGMA synchronous" in statement]
    assert statements[-1] == "COMMIT"
    return settings[-1] == "PRAGMA synchronous = FULL"


async def settle(ledger: Ledger) -> None:
    await ledger.settle(await take(ledger, CALLER, 10), 7)


async def release(ledger: Ledger) -> None:
    await ledger.release(await take(ledger, CALLER, 10), "refused")


async def hold_for_a_key(ledger: Ledger) -> None:
    await take(ledger, CALLER, 10, idempotency=Idempotency("poster-7", "digest"))


async def grant(ledger: Ledger) -> None:
    await ledger.grant("studio", 10, reason="a gift")


async def create_key(ledger: Ledger) -> None:
    await ledger.create_key("studio")


@pytest.mark.parametrize("act", [settle, release, hold_for_a_key, grant, create_key])
async def test_what_has_to_outlive_a_power_cut_waits_for_the_disk(
    ledger: Ledger, statements: list[str], act: Act
) -> None:
    await act(ledger)

    assert last_commit_waited(statements)


async def test_a_hold_does_not_as_a_power_cut_takes_its_request_too(
    ledger: Ledger, statements: list[str]
) -> None:
    await take(ledger, CALLER, 10)

    assert not last_commit_waited(statements)
