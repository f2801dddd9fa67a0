"""Double-entry bookkeeping: postings that move credits between accounts."""

import sqlite3
from datetime import UTC, datetime

from tintype_gateway.holds import Idempotency
from tintype_gateway.ledger.errors import IdempotencyMismatchError
from tintype_gateway.ledger.validation import FUNDING, MISMATCH, REVENUE


def post_funds(
    connection: sqlite3.Connection,
    now: float,
    kind: str,
    account: str,
    amount: int,
    reason: str,
    idempotency: Idempotency | None = None,
    reference: str | None = None,
) -> int | None:
    """Move credits from the funding account to an account, or back if the amount is negative.

    This happens once for each idempotency key. Returns the id of the posting, None if it had
    happened before.
    """
    key, digest = (idempotency.key, idempotency.request_digest) if idempotency else (None, None)
    first = connection.execute(
        "SELECT request_digest FROM posting WHERE idempotency_key = ?", (key,)
    ).fetchone()
    if first is not None:
        if first["request_digest"] != digest:
            raise IdempotencyMismatchError(MISMATCH)
        return None
    posting = connection.execute(
        "INSERT INTO posting"
        " (kind, reason, created_at, idempotency_key, request_digest, reference)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (kind, reason, now, key, digest, reference),
    )
    _enter(connection, posting.lastrowid, source=FUNDING, target=account, amount=amount)
    return posting.lastrowid


def post_charge(
    connection: sqlite3.Connection, now: float, hold: sqlite3.Row, amount: int, images: int
) -> None:
    """Move credits from a hold's account to the revenue account. A charge of 0 is recorded too."""
    posting = connection.execute(
        "INSERT INTO posting (kind, hold_id, created_at) VALUES (?, ?, ?)",
        ("late_charge" if hold["state"] == "expired" else "charge", hold["id"], now),
    )
    _enter(connection, posting.lastrowid, source=hold["account"], target=REVENUE, amount=amount)
    connection.execute(
        "INSERT INTO daily_usage (account, day, model, key_id, end_user, requests, images, charged)"
        " VALUES (?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT DO UPDATE SET requests = requests + 1,"
        " images = images + excluded.images, charged = charged + excluded.charged",
        (
            hold["account"],
            _day(now),
            hold["model"],
            hold["key_id"],
            hold["end_user"],
            images,
            amount,
        ),
    )


def _enter(
    connection: sqlite3.Connection, posting_id: int | None, *, source: str, target: str, amount: int
) -> None:
    connection.execute(
        "INSERT INTO entry (posting_id, account, amount) VALUES (?, ?, ?), (?, ?, ?)",
        (posting_id, source, -amount, posting_id, target, amount),
    )


def _day(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).date().isoformat()
