"""What the ledger's tests share."""

import itertools
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tintype_gateway.holds import HoldRequest
from tintype_gateway.ledger import Caller, Hold, Idempotency, Ledger
from tintype_gateway.ledger.factory import open_ledger
from tintype_gateway.ledger.jobs import Job, JobLimits, NewJob


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


LIMITS = JobLimits(queued=100, running=10)
"""More jobs than most tests have."""

_numbers = itertools.count(1)


async def submit(
    ledger: Ledger,
    caller: Caller,
    amount: int = 100,
    *,
    model: str = "gpt-image-1",
    idempotency: Idempotency | None = None,
    limits: JobLimits = LIMITS,
    retention_seconds: int = 3600,
    webhook: Callable[[str], bytes] | None = lambda job_id: b"\xffsealed",
) -> Job:
    """Submit an ordinary job, whose id comes after all before; `webhook` seals its URL."""
    job_id = f"job_{next(_numbers):08}"
    return await ledger.submit_job(
        caller,
        HoldRequest(
            amount=amount,
            request_id="req-1",
            model=model,
            provider="openai",
            idempotency=idempotency,
        ),
        NewJob(
            id=job_id,
            operation="generations",
            model=model,
            summary={"size": "1024x1024"},
            payload=b"\x00sealed",
            trace_parent="00-trace",
            webhook=None if webhook is None else webhook(job_id),
            retention_seconds=retention_seconds,
        ),
        limits,
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
