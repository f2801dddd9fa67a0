"""Operations on API keys."""

import hmac
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from tintype_accounts.api_keys import digest, new_id, new_secret
from tintype_gateway.accounts import ApiKey, Caller
from tintype_gateway.ledger.changes import Author, key_difference
from tintype_gateway.ledger.errors import (
    AccountSuspendedError,
    KeyConflictError,
    KeyExpiredError,
    KeyNotFoundError,
    KeyRevokedError,
)
from tintype_gateway.ledger.key_spec import KeySpec
from tintype_gateway.ledger.rows import POLICY_COLUMNS, key_of, moment, policy_of
from tintype_gateway.ledger.sqlite import accounts, changes
from tintype_gateway.ledger.validation import KEY_TAKEN, SUSPENDED, checked_end, checked_grace

INSERT = """
INSERT INTO api_key (id, account, secret_sha256, created_at, expires_at, owner, name)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""

AUTHENTICATE = f"""
SELECT api_key.*, {POLICY_COLUMNS}, suspended
FROM api_key JOIN account ON account.name = api_key.account WHERE secret_sha256 = ?
"""  # noqa: S608 - our own words

PAGE = """
SELECT * FROM api_key
WHERE (:account IS NULL OR account = :account)
    AND (:owner IS NULL OR substr(owner, 1, length(:owner)) = :owner)
    AND (NOT :active OR revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now))
    AND (:after IS NULL OR created_at > :created_at OR created_at = :created_at AND id > :after)
ORDER BY created_at, id LIMIT :limit
"""


def create(
    connection: sqlite3.Connection,
    now: float,
    account: str,
    expires_at: datetime | None,
    author: Author,
) -> tuple[ApiKey, str]:
    """Issue a key."""
    end = checked_end(expires_at)
    accounts.read(connection, account)
    key_id, secret = new_id(), new_secret()
    connection.execute(
        INSERT, (key_id, account, digest(secret), now, end and end.timestamp(), None, None)
    )
    key = read(connection, key_id)
    changes.record(connection, now, author, key_difference("create", None, key))
    return key, secret


def put(
    connection: sqlite3.Connection, now: float, spec: KeySpec, author: Author
) -> tuple[ApiKey, bool]:
    """Register a key; return it, and whether it is new."""
    accounts.read(connection, spec.account)
    end = spec.expires_at and spec.expires_at.timestamp()
    row = (spec.id, spec.account, spec.sha256, now, end, spec.owner, spec.name)
    if connection.execute(INSERT, row).rowcount:
        key = read(connection, spec.id)
        changes.record(connection, now, author, key_difference("create", None, key))
        return key, True
    known = connection.execute("SELECT * FROM api_key WHERE id = ?", (spec.id,)).fetchone()
    if known is None or not spec.is_of(key_of(known), known["secret_sha256"]):
        raise KeyConflictError(KEY_TAKEN.format(spec.id))
    return key_of(known), False


def set_expiry(
    connection: sqlite3.Connection,
    now: float,
    key_id: str,
    expires_at: datetime | None,
    author: Author,
) -> ApiKey:
    """Replace the end of a key."""
    end = checked_end(expires_at)
    before = read(connection, key_id)
    connection.execute(
        "UPDATE api_key SET expires_at = ? WHERE id = ?", (end and end.timestamp(), key_id)
    )
    after = read(connection, key_id)
    changes.record(connection, now, author, key_difference("update", before, after))
    return after


def read_page(
    connection: sqlite3.Connection,
    now: float,
    account: str | None,
    owner: str | None,
    active: bool,
    after: str | None,
    limit: int | None,
) -> Sequence[ApiKey]:
    """Read keys, oldest first: of an account, or of owners with a prefix."""
    if account is not None:
        accounts.read(connection, account)
    parameters = {
        "account": account,
        "owner": owner,
        "active": active,
        "now": now,
        "after": after,
        "created_at": None if after is None else _read(connection, after)["created_at"],
        "limit": -1 if limit is None else limit,
    }
    return [key_of(row) for row in connection.execute(PAGE, parameters)]


def authenticate(connection: sqlite3.Connection, now: float, secret: str) -> Caller:
    """Find the key of a secret."""
    sha256 = digest(secret)
    row = connection.execute(AUTHENTICATE, (sha256,)).fetchone()
    if row is None or not hmac.compare_digest(row["secret_sha256"], sha256):
        raise KeyNotFoundError("unknown API key")
    _require_alive(row, now)
    if row["suspended"]:
        raise AccountSuspendedError(SUSPENDED.format(row["account"]))
    return policy_of(row).caller(row["account"], row["id"])


def rotate(
    connection: sqlite3.Connection,
    now: float,
    key_id: str,
    keep_old_for_seconds: float,
    expires_at: datetime | None,
    author: Author,
) -> tuple[ApiKey, str]:
    """Issue a key that replaces another one, which ends now or soon."""
    end = now + checked_grace(keep_old_for_seconds)
    old = _read(connection, key_id)
    _require_alive(old, now)
    made = create(connection, now, old["account"], expires_at or moment(old["expires_at"]), author)
    if end == now:
        revoke(connection, now, key_id, author)
    else:
        earlier = end if old["expires_at"] is None else min(old["expires_at"], end)
        set_expiry(connection, now, key_id, moment(earlier), author)
    return made


def revoke(connection: sqlite3.Connection, now: float, key_id: str, author: Author) -> None:
    """Revoke a key; the first revocation counts."""
    before = read(connection, key_id)
    connection.execute(
        "UPDATE api_key SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?", (now, key_id)
    )
    after = read(connection, key_id)
    changes.record(connection, now, author, key_difference("revoke", before, after))


def read(connection: sqlite3.Connection, key_id: str) -> ApiKey:
    """Read one key."""
    return key_of(_read(connection, key_id))


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
