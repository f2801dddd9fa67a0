"""Operations on holds, which call functions in the database."""

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial

from asyncpg import Record

from tintype_gateway.holds import Hold, Settlement
from tintype_gateway.ledger.budgets import budget_from_json, window_of, zone_of
from tintype_gateway.ledger.errors import (
    AccountNotFoundError,
    BudgetExceededError,
    HoldClosedError,
    IdempotencyInProgressError,
    IdempotencyMismatchError,
    IdempotencyOutcomeUnknownError,
    IdempotencyReplayError,
    InsufficientCreditsError,
    LedgerError,
    RateLimitedError,
)
from tintype_gateway.ledger.hold_record import HoldRecord
from tintype_gateway.ledger.ordered_ids import ordered_hex
from tintype_gateway.ledger.postgres.batches import Batches
from tintype_gateway.ledger.postgres.database import Database
from tintype_gateway.ledger.usage import recorded_user
from tintype_gateway.ledger.validation import (
    IDEMPOTENCY_KEPT_SECONDS,
    MAXIMUM_AMOUNT,
    MISMATCH,
    RELEASED_BATCH,
    RELEASED_KEPT_SECONDS,
    checked_amount,
    checked_images,
)

TAKE = "SELECT * FROM ledger_hold_batch($1, $2, $3)"

RENEW = """
UPDATE hold SET expires_at = coalesce($1, clock_timestamp()) + $3
WHERE id = $2 AND state = 'open' RETURNING id
"""

SETTLE = "SELECT * FROM ledger_settle_batch($1, $2)"

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


class Holds:
    """Takes and settles holds, as many as are due in one transaction."""

    def __init__(self, database: Database, now: Callable[[], datetime | None]) -> None:
        kept = timedelta(seconds=IDEMPOTENCY_KEPT_SECONDS)
        self._database = database
        self._now = now
        self._taken = Batches(database, TAKE, lambda: (now(), kept))
        self._settled = Batches(database, SETTLE, lambda: (now(),))

    async def take(self, record: HoldRecord) -> Hold:
        """Set credits aside, unless the idempotency key, the rates or the balance forbid it.

        If the caller is cancelled or does not get the response, the hold is released.
        """
        account = record.caller.account
        abandon = partial(_abandon, self._database, self._now(), record.hold_id)
        taking = self._taken.submit(account, hold_row(record), abandon=abandon)
        try:
            taken = await taking
        except asyncio.CancelledError:
            if not taking.cancelled() and taking.exception() is None:
                _ = abandon()  # it was taken just before
            raise
        if taken["refusal"] is not None:
            raise refusal_of(record, taken)
        return record.hold(taken["budget_remaining"])

    async def settle(self, hold: Hold, cost: int, images: int) -> Settlement:
        """Close a hold with a charge."""
        row = {
            "id": hold.id,
            "call": ordered_hex(),
            "cost": checked_amount(min(cost, MAXIMUM_AMOUNT)),  # no hold is larger
            "images": checked_images(images),
        }
        settled = await self._settled.submit(hold.account, row)
        if settled["refusal"] is not None:
            raise HoldClosedError(f"{hold.id} is {settled['refusal']}")
        charged = settled["charged"]
        return Settlement(
            charged, settled["available"], late=settled["late"], excess=cost - charged
        )


def hold_row(record: HoldRecord) -> dict[str, object]:
    """Return a hold as a row of a batch."""
    request, caller = record.request, record.caller
    key, digest = record.idempotency_columns
    return {
        "id": record.hold_id,
        "account": caller.account,
        "amount": request.amount,
        "images": request.images,
        "seconds": request.lifetime_seconds,
        "key_id": caller.key_id,
        "request_id": request.request_id,
        "model": request.model,
        "provider": request.provider,
        "idempotency_key": key,
        "request_digest": digest,
        "end_user": recorded_user(request.user),
    }


async def renew(
    database: Database, now: datetime | None, hold: Hold, lifetime_seconds: float
) -> None:
    """Set the remaining lifetime of an open hold."""
    if not await database.fetch(RENEW, now, hold.id, timedelta(seconds=lifetime_seconds)):
        raise HoldClosedError(f"{hold.id} is not open")


async def release(
    database: Database, now: datetime | None, hold: Hold, reason: str, outcome_unknown: bool
) -> None:
    """Close a hold without a charge; frees its idempotency key unless the outcome is unknown."""
    (row,) = await database.fetch(RELEASE, now, ordered_hex(), hold.id, reason, outcome_unknown)
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
    return database.start(RELEASE, now, ordered_hex(), hold_id, "caller went away", False)


def refusal_of(record: HoldRecord, row: Record) -> LedgerError:
    """Return why a hold of a batch was not taken."""
    match row["refusal"]:
        case "no account":
            return AccountNotFoundError(f"there is no account {record.caller.account!r}")
        case "rate limited":
            return RateLimitedError(row["wait"] / 1_000_000)
        case "budget exceeded":
            budget, zone = budget_from_json(row["budget"]), zone_of(row["zone"])
            over = window_of(budget, row["budget_spent"], row["today"], zone)
            return BudgetExceededError(over, record.request.amount)
        case "insufficient credits":
            return InsufficientCreditsError(record.request.amount, row["available"])
    return key_refusal_of(row)


def key_refusal_of(row: Record) -> LedgerError:
    """Return why an idempotency key cannot be used."""
    first = row["first_request_id"]
    match row["refusal"]:
        case "mismatch":
            return IdempotencyMismatchError(MISMATCH)
        case "in progress":
            return IdempotencyInProgressError(f"request {first} is still running")
        case "replay":
            return IdempotencyReplayError(first, row["first_charged"])
    return IdempotencyOutcomeUnknownError(first)
