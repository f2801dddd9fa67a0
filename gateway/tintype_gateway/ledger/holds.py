"""Operations on holds: taken, renewed, and ended by settling, releasing or expiry."""

import secrets
import sqlite3
from dataclasses import dataclass

from tintype_gateway.ledger import accounts, entries, idempotency
from tintype_gateway.ledger.errors import HoldClosedError, InsufficientCreditsError
from tintype_gateway.ledger.interface import Caller, Hold, Idempotency, Settlement


@dataclass(frozen=True)
class Intent:
    """What a hold is taken for: all that the ledger keeps of a request, but its price."""

    caller: Caller
    request_id: str
    model: str
    provider: str
    lifetime_seconds: float
    idempotency: Idempotency | None


def take(connection: sqlite3.Connection, now: float, intent: Intent, amount: int) -> Hold:
    """Set credits aside, unless the idempotency key or the balance forbids it."""
    if intent.idempotency is not None:
        idempotency.claim(connection, now, intent.caller.account, intent.idempotency)
    _set_aside(connection, intent.caller.account, entries.checked(amount))
    return _insert(connection, now, intent, amount)


def renew(connection: sqlite3.Connection, now: float, hold: Hold, lifetime_seconds: float) -> None:
    """Let an open hold live so long from now."""
    renewed = connection.execute(
        "UPDATE hold SET expires_at = ? WHERE id = ? AND state = 'open'",
        (now + lifetime_seconds, hold.id),
    ).rowcount
    if not renewed:
        raise HoldClosedError(f"{hold.id} is not open")


def settle(connection: sqlite3.Connection, now: float, hold: Hold, cost: int) -> Settlement:
    """End a hold with a charge."""
    ended = _end(connection, hold)
    connection.execute(
        "UPDATE hold SET state = 'settled', closed_at = ? WHERE id = ?", (now, hold.id)
    )
    account, late = ended["account"], ended["state"] == "expired"
    charged = entries.checked(min(cost, ended["amount"]))
    entries.post_charge(connection, now, account, charged, hold_id=hold.id, late=late)
    available = accounts.read(connection, account).available
    return Settlement(charged=charged, available=available, late=late, excess=cost - charged)


def release(connection: sqlite3.Connection, now: float, hold: Hold, reason: str) -> None:
    """End a hold without a charge, which frees its idempotency key."""
    _end(connection, hold)
    connection.execute(
        "UPDATE hold SET state = 'released', closed_at = ?, release_reason = ?,"
        " idempotency_key = NULL, request_digest = NULL WHERE id = ?",
        (now, reason, hold.id),
    )


def expire(connection: sqlite3.Connection, now: float) -> int:
    """Give back what overdue holds keep. Their owners can still settle or release them."""
    overdue = connection.execute(
        "SELECT id, account, amount FROM hold WHERE state = 'open' AND expires_at <= ?", (now,)
    ).fetchall()
    for row in overdue:
        _give_back(connection, row["account"], row["amount"])
        connection.execute(
            "UPDATE hold SET state = 'expired', closed_at = ? WHERE id = ?", (now, row["id"])
        )
    return len(overdue)


def _set_aside(connection: sqlite3.Connection, account: str, amount: int) -> None:
    """Hold credits if they are there: one statement, so that no other request is in between."""
    held = connection.execute(
        "UPDATE account SET held = held + :amount"
        " WHERE name = :account AND (unlimited OR balance - held >= :amount)",
        {"amount": amount, "account": account},
    ).rowcount
    if not held:
        short = accounts.read(connection, account)
        raise InsufficientCreditsError(required=amount, available=short.balance - short.held)


def _give_back(connection: sqlite3.Connection, account: str, amount: int) -> None:
    connection.execute("UPDATE account SET held = held - ? WHERE name = ?", (amount, account))


def _insert(connection: sqlite3.Connection, now: float, intent: Intent, amount: int) -> Hold:
    key = intent.idempotency
    hold = Hold(f"hold-{secrets.token_hex(16)}", intent.caller.account, amount)
    connection.execute(
        "INSERT INTO hold (id, account, amount, key_id, request_id, model, provider,"
        " idempotency_key, request_digest, created_at, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            hold.id,
            hold.account,
            hold.amount,
            intent.caller.key_id,
            intent.request_id,
            intent.model,
            intent.provider,
            None if key is None else key.key,
            None if key is None else key.request_digest,
            now,
            now + intent.lifetime_seconds,
        ),
    )
    return hold


def _end(connection: sqlite3.Connection, hold: Hold) -> sqlite3.Row:
    """Give back what a hold still keeps, and return the hold as the database knows it."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT account, amount, state FROM hold WHERE id = ?", (hold.id,)
    ).fetchone()
    if row is None or row["state"] not in ("open", "expired"):
        raise HoldClosedError(f"{hold.id} is {row['state'] if row else 'unknown'}")
    if row["state"] == "open":
        _give_back(connection, row["account"], row["amount"])
    return row
