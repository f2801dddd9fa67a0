"""Whose is an idempotency key? One key of an account belongs to at most one hold."""

import sqlite3
from typing import NoReturn

from tintype_gateway.accounts import Idempotency
from tintype_gateway.ledger.errors import (
    IdempotencyInProgressError,
    IdempotencyMismatchError,
    IdempotencyOutcomeUnknownError,
    IdempotencyReplayError,
)
from tintype_gateway.ledger.validation import IDEMPOTENCY_KEPT_SECONDS, MISMATCH


def claim(
    connection: sqlite3.Connection, now: float, account: str, idempotency: Idempotency
) -> None:
    """Make sure that no hold has the key, taking it from one that has no right to it any more."""
    first = connection.execute(
        "SELECT * FROM hold WHERE account = ? AND idempotency_key = ?", (account, idempotency.key)
    ).fetchone()
    if first is None:
        return
    if first["state"] == "open" or first["created_at"] > now - IDEMPOTENCY_KEPT_SECONDS:
        _refuse(connection, first, idempotency.request_digest)
    free(connection, first["id"])


def free(connection: sqlite3.Connection, hold_id: str) -> None:
    """Let another request have the key of a hold."""
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
