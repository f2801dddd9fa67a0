"""A client may go away while its request waits for the ledger."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import pytest

from tintype_gateway.ledger import Caller, Hold, Idempotency, Ledger
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import take
from tintype_testing.waiting import eventually

T = TypeVar("T")


async def cancel_while_locked(store: Store, waiting: Awaitable[T]) -> None:
    """Cancel an operation that waits for another process, which then lets go."""
    async with store.locked():
        task = asyncio.ensure_future(waiting)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def states_of_holds(store: Store) -> list[str]:
    return [state for (state,) in await store.query("SELECT state FROM hold")]


async def test_a_hold_of_a_cancelled_caller_is_released(
    ledger: Ledger, caller: Caller, store: Store
) -> None:
    await cancel_while_locked(store, take(ledger, caller, 400))

    async def released() -> bool:
        await ledger.accounts()
        return await states_of_holds(store) == ["released"]

    await eventually(released)
    assert (await ledger.account("studio")).held == 0


async def test_a_cancelled_hold_frees_its_idempotency_key(
    ledger: Ledger, caller: Caller, store: Store
) -> None:
    key = Idempotency("poster-7", "digest")
    await cancel_while_locked(store, take(ledger, caller, 400, idempotency=key))

    async def released() -> bool:
        await ledger.accounts()
        return await states_of_holds(store) == ["released"]

    await eventually(released)
    assert (await ledger.account("studio")).held == 0
    await take(ledger, caller, 400, idempotency=key)


async def test_a_refused_hold_of_a_cancelled_caller_changes_nothing(
    ledger: Ledger, caller: Caller, store: Store
) -> None:
    await cancel_while_locked(store, take(ledger, caller, 1001))

    await ledger.close()  # which finishes what was asked for
    assert await states_of_holds(store) == []


async def test_a_settlement_of_a_cancelled_caller_still_charges_once(
    ledger: Ledger, caller: Caller, store: Store
) -> None:
    hold = await take(ledger, caller, 400)

    await cancel_while_locked(store, ledger.settle(hold, 150))

    async def charged() -> bool:
        return (await ledger.account("studio")).available == 850

    await eventually(charged)
    assert await states_of_holds(store) == ["settled"]


@pytest.mark.parametrize("steps", [0, 1, 2, 10, 50, 250])
async def test_a_cancelled_hold_is_either_returned_or_released(
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
