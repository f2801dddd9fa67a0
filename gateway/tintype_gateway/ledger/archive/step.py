"""One step of a run: a transaction that locks it, so that each step happens once."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tintype_gateway.ledger.archive.session import Row, Session
from tintype_gateway.ledger.archive.statements import LOCK_RUN, UNFINISHED
from tintype_gateway.ledger.errors import LedgerError


class ArchiveError(LedgerError):
    """The run cannot go on. Whatever is not in a complete file is still in the ledger."""


@asynccontextmanager
async def step(session: Session, run_id: str) -> AsyncIterator[Row | None]:
    """Lock a run for a transaction; give its row, None if it is finished.

    The gateways get the database for as long as the transaction took.
    """
    started = time.perf_counter()
    async with session.transaction():
        await session.fetch(LOCK_RUN, run_id)
        rows = await session.fetch(UNFINISHED)
        yield rows[0] if rows and rows[0]["id"] == run_id else None
    await asyncio.sleep(time.perf_counter() - started)
