"""A cancellation that comes between the commit of a hold and the next step of its caller."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from tintype_gateway.ledger import Caller, open_ledger
from tintype_testing.ledgers import connect, take


def states_of_holds(path: Path) -> list[str]:
    with closing(connect(path)) as connection:
        return [state for (state,) in connection.execute("SELECT state FROM hold")]


async def test_a_hold_taken_just_before_its_waiter_hears_of_it_is_released(path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{path}")
    await ledger.create_account("studio", credits_micro=1000)
    task = asyncio.create_task(take(ledger, Caller("studio", "key-1"), 400))
    async with asyncio.timeout(60):
        while not states_of_holds(path):  # noqa: ASYNC110 - turn by turn
            await asyncio.sleep(0)
    assert not task.done()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    await ledger.accounts()
    assert states_of_holds(path) == ["released"]
    await ledger.close()
