"""Repeats an operation of the ledger that a job cannot go on without, until the ledger responds."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tintype_gateway.ledger.errors import LedgerUnavailableError

RETRY_SECONDS = 0.5
"""The pause between two tries."""

Result = TypeVar("Result")

log = logging.getLogger(__name__)


async def persisted(job_id: str, operation: Callable[[], Awaitable[Result]]) -> Result:
    """Return the result of an operation that may be repeated, as soon as the ledger makes it.

    Raises:
        LedgerError: The ledger has refused it.
    """
    while True:
        try:
            return await operation()
        except LedgerUnavailableError as error:
            extra = {"job": job_id, "error": str(error)}
            log.warning("a job waits for the ledger", extra=extra)
        await asyncio.sleep(RETRY_SECONDS)
