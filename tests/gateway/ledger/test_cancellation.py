"""A client may go away while its request waits for the ledger."""

import asyncio
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

import pytest

from tests.gateway.ledger.support import connect, eventually, take
from tintype_gateway.ledger import Caller, Hold, Idempotency, Ledger

T = TypeVar("T")


async def cancel_while_locked(path: Path, waiting: Awaitable[T]) -> None:
    """Cancel an operation that waits for another process, which then lets go."""
    other = connect(path)
    other.execute("BEGIN IMMEDIATE")
    task = asyncio.ensure_future(waiting)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    other.execute("ROLLBACK")
    other.close()


def states_of_holds(path: Path) -> list[str]:
    connection = connect(path)
    states = [state for (state,) in connection.execute("SELECT state FROM hold")]
    connection.close()
    return states


async def test_a_hold_that_nobody_waits_for_is_released(
    ledger: Ledger, caller: Caller, path: Path
) -> None:
    await cancel_while_locked(path, take(ledger, caller, 400))

    async def released() -> bool:
        await ledger.accounts()
        return states_of_holds(path) == ["released"]

    await eventually(released)
    assert (await ledger.account("studio")).held == 0


async def test_a_hold_taken_just_before_its_waiter_hears_of_it_is_released(
    ledger: Ledger, caller: Caller, path: Path
) -> None:
    task = asyncio.create_task(take(ledger, caller, 400))
    await asyncio.sleep(0)
    deadline = time.monotonic() + 10
    while not states_of_holds(path):  # the loop stands still, so the task cannot go on
        assert time.monotonic() < deadline
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    await ledger.accounts()
    assert states_of_holds(path) == ["released"]


async def test_a_cancelled_hold_frees_its_idempotency_key(
    ledger: Ledger, caller: Caller, path: Path
) -> None:
    key = Idempotency("poster-7", "digest")
    await cancel_while_locked(path, take(ledger, caller, 400, idempotency=key))

    async def free() -> bool:
        return (await ledger.account("studio")).held == 0 and bool(states_of_holds(path))

    await eventually(free)
    await take(ledger, caller, 400, idempotency=key)


async def test_a_refused_hold_that_nobody_waits_for_changes_nothing(
    ledger: Ledger, caller: Caller, path: Path
) -> None:
    await cancel_while_locked(path, take(ledger, caller, 1001))

    await ledger.accounts()
    assert states_of_holds(path) == []
    assert (await ledger.account("studio")).available == 1000


async def test_a_settlement_that_nobody_waits_for_still_charges_once(
    ledger: Ledger, caller: Caller, path: Path
) -> None:
    hold = await take(ledger, caller, 400)

    await cancel_while_locked(path, ledger.settle(hold, 150))

    assert (await ledger.account("studio")).available == 850


@pytest.mark.parametrize("steps", [0, 1, 2, 10, 50, 250])
async def test_whenever_it_is_cancelled_a_hold_is_either_told_or_released(
    ledger: Ledger, caller: Caller, steps: int
) -> None:
    tasks = [asyncio.create_task(take(ledger, caller, 10)) for _ in range(50)]
    for _ in range(steps):
        await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    told = sum(isinstance(outcome, Hold) for outcome in outcomes)

    async def only_the_told_are_held() -> bool:
        return (await ledger.account("studio")).held == 10 * told

    await eventually(only_the_told_are_held)
    assert (await ledger.audit()).problems == ()
