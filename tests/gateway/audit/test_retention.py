"""Gateways delete what is older than the retention of the settings."""

import asyncio
from datetime import timedelta
from pathlib import Path

from tintype_gateway.audit.retention import forget_regularly
from tintype_gateway.ledger import Ledger
from tintype_testing.ledgers import opened
from tintype_testing.waiting import eventually_equal

DAY = 24 * 3600


async def names(ledger: Ledger) -> list[str]:
    return [change.difference.name for change in await ledger.changes()]


async def test_changes_are_kept_for_the_retention_and_no_longer(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    for name, days in (("old", -3), ("young", -1)):
        async with opened(url, later_seconds=days * DAY) as ledger:
            await ledger.create_account(name)
    async with opened(url) as ledger:
        cleaning = asyncio.create_task(forget_regularly(ledger, timedelta(days=2)))

        await eventually_equal(lambda: names(ledger), ["young"])

        cleaning.cancel()
