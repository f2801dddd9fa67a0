"""Deletes changes that are older than the retention of the settings."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.operations.changes import ChangeOperations

PAUSE_SECONDS = 3600
"""The time between two cleanings."""

log = logging.getLogger(__name__)


async def forget_regularly(ledger: ChangeOperations, kept: timedelta) -> None:
    """Delete old changes every hour, until cancelled."""
    while True:
        try:
            forgotten = await ledger.forget_changes(datetime.now(UTC) - kept)
            if forgotten:
                log.info("old changes deleted", extra={"changes": forgotten})
        except LedgerError as error:
            log.warning("old changes not deleted", extra={"error": str(error)})
        await asyncio.sleep(PAUSE_SECONDS)
