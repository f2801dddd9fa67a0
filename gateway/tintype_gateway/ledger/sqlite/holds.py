"""Operations on holds: take, renew, settle, release and expire."""

import sqlite3
from collections.abc import Collection
from typing import NoReturn

from tintype_gateway.holds import Hold, Idempotency, Settlement
from tintype_gateway.ledger.errors import (
    HoldClosedError,
    IdempotencyInProgressError,
    IdempotencyMismatchError,
    IdempotencyOutcomeUnknownError,
    IdempotencyReplayError,
)
from tintype_gateway.ledger.hold_record import HoldRecord
from tintype_gateway.ledger.sqlite import budgets, entries, reservations
from tintype_gateway.ledger.usage import recorded_user
from tintype_gateway.ledger.validation import (
    IDEMPOTENCY_KEPT_SECONDS,
    MISMATCH,
    RELEASED_BATCH,
    RELEASED_KEPT_SECONDS,
    checked_amount,
    checked_images,
)


def claim(
    connection: sqlite3.Connection, now: float, account: str, idempotency: Idempotency
) -> None:
    """Check that no hold uses the key; free it from a hold that has it no longer."""
    first = require_unused(connection, now, account, idempotency)
    if first is not None:
        free(connection, first)


def require_unused(
    connection: sqlite3.Connection, now: float, account: str, idempotency: Idempotency
) -> str | None:
    """Check that no hold uses the key, and return the id of one that has it no longer."""
    first = connection.execute(
        "SELECT * FROM hold WHERE account = ? AND idempotency_key = ?", (account, idempotency.key)
    ).fetchone()
    if first is None:
        return None
    if first["state"] == "open" or first["created_at"] > now - IDEMPOTENCY_KEPT_SECONDS:
        _refuse(connection, first, idempotency.request_digest)
    return str(first["id"])


def free(connection: sqlite3.Connection, hold_id: str) -> None:
    """Free the idempotency key of a hold."""
    connection.execute(
        "UPDATE hold SET idempotency_key = NULL, request_digest = NULL WHERE id = ?", (hold_id,)
    )


def _refuse(connection: sqlite3.Connection, first: sqlite3.Row, request_digest: str) -> NoReturn:
    if first["request_digest"] != request_digest:
        raise IdempotencyMismatchError(MISMATCH)
    if first["state"] == "open":
        raise IdempotencyInProgressError(f"request {first['request_id']} is still running")
    if first["state"] != "settled":
        raise IdempotencyOutcomeUnknownError(first["request_id"])
    (charged,) = connection.execute(
        "SELECT -amount FROM entry JOIN posting ON posting.id = entry.posting_id"
        " WHERE posting.hold_id = ? AND entry.account = ?",
        (first["id"], first["account"]),
    ).fetchone()
    raise IdempotencyReplayError(first["request_id"], charged)


def take(connection: sqlite3.Connection, now: float, record: HoldRecord) -> Hold:
    """Set credits aside, unless the idempotency key, the rates or the balance forbid it."""
    account = record.caller.account
    if record.request.idempotency is not None:
        claim(connection, now, account, record.request.idempotency)
    counted = reservations.set_aside(connection, now, account, record.request)
    _insert(connection, now, record, counted.day)
    return record.hold(counted.budget_remaining)


def renew(connection: sqlite3.Connection, now: float, hold: Hold, lifetime_seconds: float) -> None:
    """Set the remaining lifetime of an open hold."""
    renewed = connection.execute(
        "UPDATE hold SET expires_at = ? WHERE id = ? AND state = 'open'",
        (now + lifetime_seconds, hold.id),
    ).rowcount
    if not renewed:
        raise HoldClosedError(f"{hold.id} is not open")


def settle(
    connection: sqlite3.Connection, now: float, hold: Hold, cost: int, images: int
) -> Settlement:
    """Close a hold with a charge."""
    ended = _closable(connection, hold)
    connection.execute(
        "UPDATE hold SET state = 'settled', closed_at = ?, images = ? WHERE id = ?",
        (now, checked_images(images), hold.id),
    )
    charged = checked_amount(min(cost, ended["amount"]))
    account = reservations.give_back(connection, ended, charged)
    entries.post_charge(connection, now, ended, charged, images)
    if account["budgets"] is not None:
        budgets.alert(connection, now, account["name"], ended["model"])
    before = account["balance"] - account["held"]
    available = None if account["unlimited"] else before + reservations.still_held(ended) - charged
    late = ended["state"] == "expired"
    return Settlement(charged=charged, available=available, late=late, excess=cost - charged)


def release(
    connection: sqlite3.Connection, now: float, hold: Hold, reason: str, outcome_unknown: bool
) -> None:
    """Close a hold without a charge; frees its idempotency key unless the outcome is unknown."""
    reservations.give_back(connection, _closable(connection, hold))
    connection.execute(
        "UPDATE hold SET state = 'released', closed_at = ?, release_reason = ?, outcome_unknown = ?"
        " WHERE id = ?",
        (now, reason, outcome_unknown, hold.id),
    )
    if not outcome_unknown:
        free(connection, hold.id)


def mark_delivered(connection: sqlite3.Connection, now: float, settled: Collection[Hold]) -> None:
    """Record when the clients had their complete responses; the first time counts."""
    connection.executemany(
        "UPDATE hold SET delivered_at = ?"
        " WHERE id = ? AND state = 'settled' AND delivered_at IS NULL",
        [(now, hold.id) for hold in settled],
    )


def expire(connection: sqlite3.Connection, now: float) -> int:
    """Release overdue holds. Their owners can still settle or release them."""
    overdue = connection.execute(
        "SELECT * FROM hold WHERE state = 'open' AND expires_at <= ?", (now,)
    ).fetchall()
    for row in overdue:
        reservations.give_back(connection, row)
        connection.execute(
            "UPDATE hold SET state = 'expired', closed_at = ? WHERE id = ?", (now, row["id"])
        )
    return len(overdue)


def forget_released(connection: sqlite3.Connection, now: float) -> int:
    """Delete old released holds, up to one batch."""
    return connection.execute(
        "DELETE FROM hold WHERE id IN (SELECT id FROM hold"
        " WHERE state = 'released' AND outcome_unknown = 0 AND closed_at <= ? LIMIT ?)",
        (now - RELEASED_KEPT_SECONDS, RELEASED_BATCH),
    ).rowcount


def _insert(connection: sqlite3.Connection, now: float, record: HoldRecord, day: str) -> None:
    connection.execute(
        "INSERT INTO hold (id, account, amount, key_id, request_id, model, provider, end_user,"
        " idempotency_key, request_digest, created_at, expires_at, day)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            record.hold_id,
            record.caller.account,
            record.request.amount,
            record.caller.key_id,
            record.request.request_id,
            record.request.model,
            record.request.provider,
            recorded_user(record.request.user),
            *record.idempotency_columns,
            now,
            now + record.request.lifetime_seconds,
            day,
        ),
    )


def _closable(connection: sqlite3.Connection, hold: Hold) -> sqlite3.Row:
    """Return the row of a hold that is neither settled nor released."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT id, account, amount, state, key_id, model, end_user, day FROM hold WHERE id = ?",
        (hold.id,),
    ).fetchone()
    if row is None or row["state"] not in ("open", "expired"):
        raise HoldClosedError(f"{hold.id} is {row['state'] if row else 'unknown'}")
    return row
