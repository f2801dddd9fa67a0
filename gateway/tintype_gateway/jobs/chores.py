"""Repeats the periodic work on all jobs, such as deleting those that have expired."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from tintype_gateway.ledger.errors import LedgerError

log = logging.getLogger(__name__)


async def regularly(work: Callable[[], Awaitable[object]], seconds: float, failure: str) -> None:
    """Do some work, again after a pause, until cancelled.

    It goes on after an outage of the ledger, which is logged with the message `failure`, and after
    a defect, which must not end the process.
    """
    while True:
        try:
            await work()
        except LedgerError as error:
            log.warning(failure, extra={"error": str(error)})
        except Exception:
            log.exception("unexpected error")
        await asyncio.sleep(seconds)
