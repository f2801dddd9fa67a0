"""Operations on API keys."""

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NoReturn

from asyncpg import Record

from tintype_gateway.accounts import ApiKey, Caller
from tintype_gateway.ledger.api_keys import digest, new_id, new_secret
from tintype_gateway.ledger.errors import (
    AccountNotFoundError,
    KeyExpiredError,
    KeyNotFoundError,
    KeyRevokedError,
)
from tintype_gateway.ledger.postgres import accounts
from tintype_gateway.ledger.postgres.database import Database
from tintype_gateway.ledger.validation import checked_end, checked_grace

# A repeated call finds the key that it has made; the update only returns it.
CREATE = """
INSERT INTO api_key (id, account, secret_sha256, created_at, expires_at)
SELECT $2, name, $4, coalesce($1, clock_timestamp()), $5 FROM account WHERE name = $3
ON CONFLICT (id) DO UPDATE SET id = excluded.id
RETURNING *
"""

AUTHENTICATE = """
SELECT api_key.*, models, requests_per_minute, images_per_minute, response_profile,
    calls_per_minute, expires_at <= coalesce($1, clock_timestamp()) AS expired
FROM api_key JOIN account ON account.name = api_key.account
WHERE secret_sha256 = $2
"""

ROTATE = "SELECT refusal, (made).* FROM ledger_rotate_key($1, $2, $3, $4, $5, $6)"

REVOKE = """
UPDATE api_key SET revoked_at = coalesce(revoked_at, $1, clock_timestamp())
WHERE id = $2 RETURNING id
"""


async def create(
    database: Database, now: datetime | None, account: str, expires_at: datetime | None
) -> tuple[ApiKey, str]:
    """Issue a key."""
    secret = new_secret()
    rows = await database.fetch(
        CREATE, now, new_id(), account, digest(secret), checked_end(expires_at)
    )
    if not rows:
        raise AccountNotFoundError(f"there is no account {account!r}")
    return _api_key(rows[0]), secret


async def read_all(database: Database, account: str) -> Sequence[ApiKey]:
    """Read the keys of an account, oldest first."""
    await accounts.read(database, account)
    rows = await database.fetch(
        'SELECT * FROM api_key WHERE account = $1 ORDER BY created_at, id COLLATE "C"', account
    )
    return [_api_key(row) for row in rows]


async def authenticate(database: Database, now: datetime | None, secret: str) -> Caller:
    """Find the key of a secret."""
    sha256 = digest(secret)
    rows = await database.fetch(AUTHENTICATE, now, sha256)
    if not rows or not hmac.compare_digest(rows[0]["secret_sha256"], sha256):
        raise KeyNotFoundError("unknown API key")
    row = rows[0]
    if row["revoked_at"] is not None:
        _refuse(row["id"], "revoked")
    if row["expired"]:
        _refuse(row["id"], "expired")
    return accounts.policy_of(row).caller(row["account"], row["id"])


async def rotate(
    database: Database,
    now: datetime | None,
    key_id: str,
    keep_old_for_seconds: float,
    expires_at: datetime | None,
) -> tuple[ApiKey, str]:
    """Issue a key that replaces another one, which ends now or soon."""
    secret = new_secret()
    (row,) = await database.fetch(
        ROTATE,
        now,
        key_id,
        new_id(),
        digest(secret),
        timedelta(seconds=checked_grace(keep_old_for_seconds)),
        checked_end(expires_at),
    )
    if row["refusal"] is not None:
        _refuse(key_id, row["refusal"])
    return _api_key(row), secret


async def revoke(database: Database, now: datetime | None, key_id: str) -> None:
    """Revoke a key; the first revocation counts."""
    if not await database.fetch(REVOKE, now, key_id):
        _refuse(key_id, "unknown")


def _refuse(key_id: str, refusal: str) -> NoReturn:
    if refusal == "revoked":
        raise KeyRevokedError(f"API key {key_id} was revoked")
    if refusal == "expired":
        raise KeyExpiredError(f"API key {key_id} has expired")
    raise KeyNotFoundError(f"there is no API key {key_id!r}")


def _api_key(row: Record) -> ApiKey:
    return ApiKey(
        id=row["id"],
        account=row["account"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )
