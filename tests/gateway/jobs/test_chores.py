"""What gateways do for all jobs goes on, whatever happens to it once."""

import asyncio
import logging
from contextlib import suppress

import pytest

from tintype_gateway.jobs.chores import regularly
from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_testing.waiting import eventually


async def test_an_outage_and_a_defect_end_no_chore(caplog: pytest.LogCaptureFixture) -> None:
    failures: list[Exception] = [LedgerUnavailableError("away"), ValueError("a defect")]
    done = 0

    async def work() -> None:
        nonlocal done
        if failures:
            raise failures.pop(0)
        done += 1

    with caplog.at_level(logging.WARNING):
        chore = asyncio.create_task(regularly(work, 0, "nothing is counted"))
        await eventually(lambda: done > 1)
    chore.cancel()
    with suppress(asyncio.CancelledError):
        await chore

    assert [each.message for each in caplog.records] == ["nothing is counted", "unexpected error"]
