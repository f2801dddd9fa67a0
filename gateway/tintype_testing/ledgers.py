"""What the ledger's tests share."""

import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tintype_gateway.accounts import HoldRequest
from tintype_gateway.ledger import Caller, Hold, Idempotency, Ledger
from tintype_gateway.ledger.factory import open_ledger


class Clock:
    """A clock that only tests advance, in Unix seconds."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


async def take(
    ledger: Ledger,
    caller: Caller,
    amount: int,
    *,
    request_id: str = "req-1",
    model: str = "gpt-image-1",
    images: int = 1,
    lifetime_seconds: float = 60,
    idempotency: Idempotency | None = None,
) -> Hold:
    """Take a hold for an ordinary request."""
    return await ledger.hold(
        caller,
        HoldRequest(
            amount=amount,
            request_id=request_id,
            model=model,
            provider="openai",
            lifetime_seconds=lifetime_seconds,
            images=images,
            idempotency=idempotency,
        ),
    )


def connect(path: Path) -> sqlite3.Connection:
    """Open the ledger's file with a connection of its own."""
    return sqlite3.connect(path, isolation_level=None)


@asynccontextmanager
async def opened(url: str, *, later_seconds: float = 0) -> AsyncIterator[Ledger]:
    """Open a ledger at a later time."""
    ledger = open_ledger(url, clock=lambda: time.time() + later_seconds)
    try:
        yield ledger
    finally:
        await ledger.close()
