"""Whose is an idempotency key? One key of an account belongs to at most one hold."""

import sqlite3

from tintype_gateway.ledger.errors import (
    IdempotencyInProgressError,
    IdempotencyMismatchError,
    IdempotencyReplayError,
)
from tintype_gateway.ledger.interface import Idempotency

KEPT_SECONDS = 24 * 3600
"""How long a charged request keeps its key, from its hold on."""


def claim(
    connection: sqlite3.Connection, now: float, account: str, idempotency: Idempotency
) -> None:
    """Make sure that no hold has the key, taking it from one that has no right to it any more."""
    first = connection.execute(
        "SELECT * FROM hold WHERE account = ? AND idempotency_key = ?", (account, idempotency.key)
    ).fetchone()
    if first is None:
        return
    if first["state"] == "expired":
        _supersede(connection, first["id"])
    elif first["state"] == "settled" and first["created_at"] <= now - KEPT_SECONDS:
        _forget(connection, first["id"])
    else:
        _refuse(connection, first, idempotency.request_digest)


def _supersede(connection: sqlite3.Connection, hold_id: str) -> None:
    """End an expired hold for good: its late settlement would charge the same request twice."""
    connection.execute(
        "UPDATE hold SET state = 'released', release_reason = 'idempotency key taken over'"
        " WHERE id = ?",
        (hold_id,),
    )
    _forget(connection, hold_id)


def _forget(connection: sqlite3.Connection, hold_id: str) -> None:
    connection.execute(
        "UPDATE hold SET idempotency_key = NULL, request_digest = NULL WHERE id = ?", (hold_id,)
    )


def _refuse(connection: sqlite3.Connection, first: sqlite3.Row, request_digest: str) -> None:
    if first["request_digest"] != request_digest:
        raise IdempotencyMismatchError("the idempotency key was used for another request")
    if first["state"] == "open":
        raise IdempotencyInProgressError(f"request {first['request_id']} is still running")
    (charged,) = connection.execute(
        "SELECT -amount FROM entry JOIN posting ON posting.id = entry.posting_id"
        " WHERE posting.hold_id = ? AND entry.account = ?",
        (first["id"], first["account"]),
    ).fetchone()
    raise IdempotencyReplayError(first["request_id"], charged)
