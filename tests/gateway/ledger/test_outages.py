"""What callers see when the database cannot be used."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.gateway.ledger.support import connect, take
from tintype_gateway.ledger import Caller, Hold, Ledger, LedgerUnavailableError, open_ledger

CALLER = Caller("studio", "key-1")
HOLD = Hold("hold-0", "studio", 10)

OPERATIONS: dict[str, Callable[[Ledger], Awaitable[object]]] = {
    "create_account": lambda ledger: ledger.create_account("other"),
    "account": lambda ledger: ledger.account("studio"),
    "accounts": lambda ledger: ledger.accounts(),
    "grant": lambda ledger: ledger.grant("studio", 1, reason="a gift"),
    "create_key": lambda ledger: ledger.create_key("studio"),
    "authenticate": lambda ledger: ledger.authenticate("sk-tintype-unknown"),
    "revoke_key": lambda ledger: ledger.revoke_key("key-1"),
    "hold": lambda ledger: take(ledger, CALLER, 10),
    "renew": lambda ledger: ledger.renew(HOLD, 10),
    "settle": lambda ledger: ledger.settle(HOLD, 10),
    "release": lambda ledger: ledger.release(HOLD, "timeout"),
    "expire_holds": lambda ledger: ledger.expire_holds(),
    "audit": lambda ledger: ledger.audit(),
}


@pytest.fixture
async def impatient(path: Path) -> AsyncIterator[Ledger]:
    """A ledger that waits only a moment for other processes."""
    ledger = open_ledger(f"sqlite:///{path}", busy_timeout_seconds=0.02)
    await ledger.create_account("studio", credits_micro=1000)
    yield ledger
    await ledger.close()


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - {"audit"}))
async def test_a_locked_database_is_unavailable_in_bounded_time(
    impatient: Ledger, path: Path, name: str
) -> None:
    other = connect(path)
    other.execute("BEGIN IMMEDIATE")

    async with asyncio.timeout(10):
        with pytest.raises(LedgerUnavailableError, match="locked"):
            await OPERATIONS[name](impatient)

    other.close()


async def test_many_callers_of_a_locked_database_wait_together(
    impatient: Ledger, path: Path
) -> None:
    other = connect(path)
    other.execute("BEGIN IMMEDIATE")

    async with asyncio.timeout(10):
        outcomes = await asyncio.gather(
            *(take(impatient, CALLER, 1) for _ in range(2000)), return_exceptions=True
        )

    other.close()
    assert {type(outcome) for outcome in outcomes} == {LedgerUnavailableError}


async def test_an_audit_does_not_wait_for_a_locked_database(impatient: Ledger, path: Path) -> None:
    other = connect(path)
    other.execute("BEGIN IMMEDIATE")

    assert (await impatient.audit()).problems == ()

    other.close()


async def test_the_ledger_works_again_once_the_lock_is_gone(impatient: Ledger, path: Path) -> None:
    other = connect(path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnavailableError):
        await take(impatient, CALLER, 400)
    other.close()

    await take(impatient, CALLER, 400)

    assert (await impatient.account("studio")).held == 400


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_closed_ledger_is_unavailable(ledger: Ledger, name: str) -> None:
    await ledger.close()

    with pytest.raises(LedgerUnavailableError, match="closed"):
        await OPERATIONS[name](ledger)


async def test_closing_finishes_what_was_asked_for(
    ledger: Ledger, caller: Caller, path: Path
) -> None:
    tasks = [asyncio.create_task(take(ledger, caller, 10)) for _ in range(50)]
    await asyncio.sleep(0)

    await ledger.close()

    assert all(isinstance(hold, Hold) for hold in await asyncio.gather(*tasks))


async def test_a_closed_ledger_can_be_closed_again(ledger: Ledger) -> None:
    await ledger.close()

    await ledger.close()


async def test_a_table_that_is_gone_is_told_to_each_caller(ledger: Ledger, path: Path) -> None:
    other = connect(path)
    other.execute("DROP TABLE api_key")
    other.close()

    with pytest.raises(LedgerUnavailableError):
        await ledger.authenticate("sk-tintype-unknown")

    assert await ledger.accounts() == []
