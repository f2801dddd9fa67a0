"""Operations on holds, which call functions in the database."""

import asyncio
import uuid
from collections.abc import Collection
from datetime import datetime, timedelta

from asyncpg import Record

from tintype_gateway.accounts import Hold, Settlement
from tintype_gateway.ledger.errors import (
    AccountNotFoundError,
    HoldClosedError,
    IdempotencyInProgressError,
    IdempotencyMismatchError,
    IdempotencyOutcomeUnknownError,
    IdempotencyReplayError,
    InsufficientCreditsError,
    LedgerError,
    LedgerUnavailableError,
    RateLimitedError,
)
from tintype_gateway.ledger.hold_record import HoldRecord
from tintype_gateway.ledger.postgres.database import Database
from tintype_gateway.ledger.validation import (
    IDEMPOTENCY_KEPT_SECONDS,
    MAXIMUM_AMOUNT,
    MISMATCH,
    RELEASED_BATCH,
    RELEASED_KEPT_SECONDS,
    checked_amount,
    checked_images,
)

TAKE = "SELECT * FROM ledger_hold($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"

RENEW = """
UPDATE hold SET expires_at = coalesce($1, clock_timestamp()) + $3
WHERE id = $2 AND state = 'open' RETURNING id
"""

SETTLE = "SELECT * FROM ledger_settle($1, $2, $3, $4, $5)"

RELEASE = "SELECT ledger_release($1, $2, $3, $4, $5) AS refusal"

EXPIRE = "SELECT ledger_expire($1) AS expired"

FORGET_RELEASED = """
DELETE FROM hold WHERE id IN (
    SELECT id FROM hold
    WHERE state = 'released' AND NOT outcome_unknown
        AND closed_at <= coalesce($1, clock_timestamp()) - $2::interval
    LIMIT $3 FOR UPDATE SKIP LOCKED
) RETURNING 1
"""

MARK_DELIVERED = """
UPDATE hold SET delivered_at = coalesce($1, clock_timestamp())
WHERE id = ANY ($2) AND state = 'settled' AND delivered_at IS NULL
"""


async def take(database: Database, now: datetime | None, record: HoldRecord) -> Hold:
    """Set credits aside, unless the idempotency key, the rates or the balance forbid it.

    If the caller is cancelled or does not get the response, the hold is released.
    """
    database.require_open()
    taking = database.start(
        TAKE,
        now,
        record.hold_id,
        record.caller.account,
        record.request.amount,
        record.request.images,
        timedelta(seconds=record.request.lifetime_seconds),
        record.caller.key_id,
        record.request.request_id,
        record.request.model,
        record.request.provider,
        *record.idempotency_columns,
        timedelta(seconds=IDEMPOTENCY_KEPT_SECONDS),
    )
    try:
        (row,) = await asyncio.shield(taking)
    except (asyncio.CancelledError, LedgerUnavailableError):
        taking.add_done_callback(lambda _: _abandon(database, now, record.hold_id))
        raise
    if row["refusal"] is not None:
        raise _refusal(record, row)
    return record.hold


async def renew(
    database: Database, now: datetime | None, hold: Hold, lifetime_seconds: float
) -> None:
    """Set the remaining lifetime of an open hold."""
    if not await database.fetch(RENEW, now, hold.id, timedelta(seconds=lifetime_seconds)):
        raise HoldClosedError(f"{hold.id} is not open")


async def settle(
    database: Database, now: datetime | None, hold: Hold, cost: int, images: int
) -> Settlement:
    """Close a hold with a charge."""
    at_most = checked_amount(min(cost, MAXIMUM_AMOUNT))  # no hold is larger
    (row,) = await database.fetch(
        SETTLE, now, uuid.uuid4(), hold.id, at_most, checked_images(images)
    )
    if row["refusal"] is not None:
        raise HoldClosedError(f"{hold.id} is {row['refusal']}")
    charged = row["charged"]
    return Settlement(charged, row["available"], late=row["late"], excess=cost - charged)


async def release(
    database: Database, now: datetime | None, hold: Hold, reason: str, outcome_unknown: bool
) -> None:
    """Close a hold without a charge; frees its idempotency key unless the outcome is unknown."""
    (row,) = await database.fetch(RELEASE, now, uuid.uuid4(), hold.id, reason, outcome_unknown)
    if row["refusal"] is not None:
        raise HoldClosedError(f"{hold.id} is {row['refusal']}")


async def mark_delivered(
    database: Database, now: datetime | None, settled: Collection[Hold]
) -> None:
    """Record when the clients had their complete responses; the first time counts."""
    await database.fetch(MARK_DELIVERED, now, [hold.id for hold in settled])


async def expire(database: Database, now: datetime | None) -> int:
    """Release overdue holds. Their owners can still settle or release them."""
    (row,) = await database.fetch(EXPIRE, now)
    return int(row["expired"])


async def forget_released(database: Database, now: datetime | None) -> int:
    """Delete old released holds, a batch at a time."""
    kept, total = timedelta(seconds=RELEASED_KEPT_SECONDS), 0
    while forgotten := await database.fetch(FORGET_RELEASED, now, kept, RELEASED_BATCH):
        total += len(forgotten)
    return total


def _abandon(
    database: Database, now: datetime | None, hold_id: str
) -> "asyncio.Task[list[Record]]":
    """Release a hold without an owner, if it was taken. If that fails, the hold expires."""
    return database.start(RELEASE, now, uuid.uuid4(), hold_id, "caller went away", False)


def _refusal(record: HoldRecord, row: Record) -> LedgerError:
    first = row["first_request_id"]
    match row["refusal"]:
        case "no account":
            return AccountNotFoundError(f"there is no account {record.caller.account!r}")
        case "rate limited":
            return RateLimitedError(row["wait"] / 1_000_000)
        case "insufficient credits":
            return InsufficientCreditsError(record.request.amount, row["available"])
        case "mismatch":
            return IdempotencyMismatchError(MISMATCH)
        case "in progress":
            return IdempotencyInProgressError(f"request {first} is still running")
        case "replay":
            return IdempotencyReplayError(first, row["first_charged"])
    return IdempotencyOutcomeUnknownError(first)
