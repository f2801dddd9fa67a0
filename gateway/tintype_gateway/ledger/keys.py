"""Operations on API keys. The secret passes through; only its SHA-256 stays."""

import hashlib
import hmac
import secrets
import sqlite3
from datetime import UTC, datetime

from tintype_gateway.ledger import accounts
from tintype_gateway.ledger.errors import KeyExpiredError, KeyNotFoundError, KeyRevokedError
from tintype_gateway.ledger.interface import ApiKey, Caller

SECRET_PREFIX = "sk-tintype-"  # noqa: S105 - what every secret begins with, for secret scanners
SECRET_BYTES = 32
"""256 random bits: a plain hash is enough, as there is nothing to guess."""


def create(
    connection: sqlite3.Connection, now: float, account: str, expires_at: datetime | None
) -> tuple[ApiKey, str]:
    """Issue a key."""
    if expires_at is not None and expires_at.tzinfo is None:
        raise ValueError("the end date of a key needs a time zone")
    accounts.read(connection, account)
    secret = SECRET_PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    key_id = f"key-{secrets.token_hex(8)}"
    connection.execute(
        "INSERT INTO api_key (id, account, secret_sha256, created_at, expires_at)"
        " VALUES (?, ?, ?, ?, ?)",
        (key_id, account, _digest(secret), now, expires_at and expires_at.timestamp()),
    )
    row = connection.execute("SELECT * FROM api_key WHERE id = ?", (key_id,)).fetchone()
    return _api_key(row), secret


def authenticate(connection: sqlite3.Connection, now: float, secret: str) -> Caller:
    """Find the key of a secret."""
    digest = _digest(secret)
    row = connection.execute("SELECT * FROM api_key WHERE secret_sha256 = ?", (digest,)).fetchone()
    if row is None or not hmac.compare_digest(row["secret_sha256"], digest):
        raise KeyNotFoundError("unknown API key")
    if row["revoked_at"] is not None:
        raise KeyRevokedError(f"API key {row['id']} was revoked")
    if row["expires_at"] is not None and row["expires_at"] <= now:
        raise KeyExpiredError(f"API key {row['id']} has expired")
    return Caller(account=row["account"], key_id=row["id"])


def revoke(connection: sqlite3.Connection, now: float, key_id: str) -> None:
    """End a key; the first end stays."""
    found = connection.execute(
        "UPDATE api_key SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?", (now, key_id)
    ).rowcount
    if not found:
        raise KeyNotFoundError(f"there is no API key {key_id!r}")


def _digest(secret: str) -> bytes:
    # HTTP headers arrive with undecodable bytes as surrogates: an unknown key, not a crash.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


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
