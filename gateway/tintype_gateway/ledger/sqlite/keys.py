"""Operations on API keys."""

import hmac
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime

from tintype_gateway.accounts import ApiKey, Caller
from tintype_gateway.ledger.api_keys import digest, new_id, new_secret
from tintype_gateway.ledger.errors import KeyExpiredError, KeyNotFoundError, KeyRevokedError
from tintype_gateway.ledger.sqlite import accounts
from tintype_gateway.ledger.validation import checked_end, checked_grace


def create(
    connection: sqlite3.Connection, now: float, account: str, expires_at: datetime | None
) -> tuple[ApiKey, str]:
    """Issue a key."""
    end = checked_end(expires_at)
    accounts.read(connection, account)
    key_id, secret = new_id(), new_secret()
    connection.execute(
        "INSERT INTO api_key (id, account, secret_sha256, created_at, expires_at)"
        " VALUES (?, ?, ?, ?, ?)",
        (key_id, account, digest(secret), now, end and end.timestamp()),
    )
    return _api_key(_read(connection, key_id)), secret


def read_all(connection: sqlite3.Connection, account: str) -> Sequence[ApiKey]:
    """Read the keys of an account, oldest first."""
    accounts.read(connection, account)
    rows = connection.execute(
        "SELECT * FROM api_key WHERE account = ? ORDER BY created_at, id", (account,)
    )
    return [_api_key(row) for row in rows]


def authenticate(connection: sqlite3.Connection, now: float, secret: str) -> Caller:
    """Find the key of a secret."""
    sha256 = digest(secret)
    row = connection.execute(
        "SELECT api_key.*, models, requests_per_minute, images_per_minute, response_profile,"
        " calls_per_minute"
        " FROM api_key JOIN account ON account.name = api_key.account WHERE secret_sha256 = ?",
        (sha256,),
    ).fetchone()
    if row is None or not hmac.compare_digest(row["secret_sha256"], sha256):
        raise KeyNotFoundError("unknown API key")
    _require_alive(row, now)
    return accounts.policy_of(row).caller(row["account"], row["id"])


def rotate(
    connection: sqlite3.Connection,
    now: float,
    key_id: str,
    keep_old_for_seconds: float,
    expires_at: datetime | None,
) -> tuple[ApiKey, str]:
    """Issue a key that replaces another one, which ends now or soon."""
    end = now + checked_grace(keep_old_for_seconds)
    old = _read(connection, key_id)
    _require_alive(old, now)
    made = create(connection, now, old["account"], expires_at or _time(old["expires_at"]))
    if end == now:
        revoke(connection, now, key_id)
    else:
        connection.execute(
            "UPDATE api_key SET expires_at = min(coalesce(expires_at, :end), :end) WHERE id = :id",
            {"end": end, "id": key_id},
        )
    return made


def revoke(connection: sqlite3.Connection, now: float, key_id: str) -> None:
    """Revoke a key; the first revocation counts."""
    _read(connection, key_id)
    connection.execute(
        "UPDATE api_key SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?", (now, key_id)
    )


def _read(connection: sqlite3.Connection, key_id: str) -> sqlite3.Row:
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM api_key WHERE id = ?", (key_id,)
    ).fetchone()
    if row is None:
        raise KeyNotFoundError(f"there is no API key {key_id!r}")
    return row


def _require_alive(row: sqlite3.Row, now: float) -> None:
    if row["revoked_at"] is not None:
        raise KeyRevokedError(f"API key {row['id']} was revoked")
    if row["expires_at"] is not None and row["expires_at"] <= now:
        raise KeyExpiredError(f"API key {row['id']} has expired")


def _api_key(row: sqlite3.Row) -> ApiKey:
    return ApiKey(
        id=row["id"],
        account=row["account"],
        created_at=datetime.fromtimestamp(row["created_at"], UTC),
        expires_at=_time(row["expires_at"]),
        revoked_at=_time(row["revoked_at"]),
    )


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
