"""Operations on API keys."""

import hmac
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NoReturn

from asyncpg import Connection, Record

from tintype_accounts.api_keys import digest, new_id, new_secret
from tintype_gateway.accounts import ApiKey, Caller
from tintype_gateway.ledger.changes import Author, key_difference
from tintype_gateway.ledger.errors import (
    AccountNotFoundError,
    AccountSuspendedError,
    KeyConflictError,
    KeyExpiredError,
    KeyNotFoundError,
    KeyRevokedError,
)
from tintype_gateway.ledger.key_spec import KeySpec
from tintype_gateway.ledger.postgres import accounts, changes
from tintype_gateway.ledger.postgres.database import Database
from tintype_gateway.ledger.rows import POLICY_COLUMNS, key_of, policy_of
from tintype_gateway.ledger.validation import KEY_TAKEN, SUSPENDED, checked_end, checked_grace

# A repeated call finds the key that it has made; the update only returns it.
CREATE = """
INSERT INTO api_key (id, account, secret_sha256, created_at, expires_at)
SELECT $2, name, $4, coalesce($1, clock_timestamp()), $5 FROM account WHERE name = $3
ON CONFLICT (id) DO UPDATE SET id = excluded.id
RETURNING *
"""

AUTHENTICATE = f"""
SELECT api_key.*, {POLICY_COLUMNS}, suspended,
    expires_at <= coalesce($1, clock_timestamp()) AS expired
FROM api_key JOIN account ON account.name = api_key.account
WHERE secret_sha256 = $2
"""  # noqa: S608 - our own words

ROTATE = "SELECT refusal, (made).* FROM ledger_rotate_key($1, $2, $3, $4, $5, $6)"

PUT = """
INSERT INTO api_key (id, account, secret_sha256, created_at, expires_at, owner, name)
VALUES ($1, $2, $3, coalesce($4, clock_timestamp()), $5, $6, $7)
ON CONFLICT DO NOTHING RETURNING *
"""

LOCK = "SELECT * FROM api_key WHERE id = $1 FOR NO KEY UPDATE"

SET_EXPIRY = "UPDATE api_key SET expires_at = $2 WHERE id = $1 RETURNING *"

PAGE = """
SELECT * FROM api_key
WHERE ($1::text IS NULL OR account = $1) AND ($2::text IS NULL OR starts_with(owner, $2))
    AND ($3::text IS NULL OR (created_at, id COLLATE "C") > (
        SELECT created_at, id FROM api_key WHERE id = $3))
    AND (NOT $5::boolean OR (
        revoked_at IS NULL
        AND (expires_at IS NULL OR expires_at > coalesce($6, clock_timestamp()))))
ORDER BY created_at, id COLLATE "C" LIMIT $4
"""

REVOKE = """
UPDATE api_key SET revoked_at = coalesce(revoked_at, $1, clock_timestamp())
WHERE id = $2 RETURNING *
"""


async def create(
    database: Database,
    now: datetime | None,
    account: str,
    expires_at: datetime | None,
    author: Author,
) -> tuple[ApiKey, str]:
    """Issue a key."""
    secret = new_secret()
    call, key_id, end = str(uuid.uuid4()), new_id(), checked_end(expires_at)

    async def work(connection: "Connection[Record]") -> ApiKey:
        rows = await connection.fetch(CREATE, now, key_id, account, digest(secret), end)
        if not rows:
            raise AccountNotFoundError(f"there is no account {account!r}")
        key = key_of(rows[0])
        made = key_difference("create", None, key)
        await changes.record(connection, now, call, author, made)
        return key

    return await database.transact(work), secret


async def put(
    database: Database, now: datetime | None, spec: KeySpec, author: Author
) -> tuple[ApiKey, bool]:
    """Register a key; return it, and whether it is new."""
    call = str(uuid.uuid4())

    async def work(connection: "Connection[Record]") -> tuple[ApiKey, bool]:
        await accounts.find(connection, spec.account)
        inserted = await connection.fetch(
            PUT, spec.id, spec.account, spec.sha256, now, spec.expires_at, spec.owner, spec.name
        )
        if inserted:
            key = key_of(inserted[0])
            made = key_difference("create", None, key)
            await changes.record(connection, now, call, author, made)
            return key, True
        known = await connection.fetch(LOCK, spec.id)
        if not known or not spec.is_of(key_of(known[0]), known[0]["secret_sha256"]):
            raise KeyConflictError(KEY_TAKEN.format(spec.id))
        return key_of(known[0]), await changes.is_recorded(connection, call)

    return await database.transact(work)


async def set_expiry(
    database: Database,
    now: datetime | None,
    key_id: str,
    expires_at: datetime | None,
    author: Author,
) -> ApiKey:
    """Replace the end of a key."""
    call, end = str(uuid.uuid4()), checked_end(expires_at)

    async def work(connection: "Connection[Record]") -> ApiKey:
        before = await _locked(connection, key_id)
        (row,) = await connection.fetch(SET_EXPIRY, key_id, end)
        after = key_of(row)
        made = key_difference("update", before, after)
        await changes.record(connection, now, call, author, made)
        return after

    return await database.transact(work)


async def read_page(
    database: Database,
    now: datetime | None,
    account: str | None,
    owner: str | None,
    active: bool,
    after: str | None,
    limit: int | None,
) -> Sequence[ApiKey]:
    """Read keys, oldest first: of an account, or of owners with a prefix."""
    if account is not None:
        await accounts.read(database, account)
    if after is not None and not await database.fetch("SELECT FROM api_key WHERE id = $1", after):
        _refuse(after, "unknown")
    rows = await database.fetch(PAGE, account, owner, after, limit, active, now)
    return [key_of(row) for row in rows]


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
    if row["suspended"]:
        raise AccountSuspendedError(SUSPENDED.format(row["account"]))
    return policy_of(row).caller(row["account"], row["id"])


async def rotate(
    database: Database,
    now: datetime | None,
    key_id: str,
    keep_old_for_seconds: float,
    expires_at: datetime | None,
    author: Author,
) -> tuple[ApiKey, str]:
    """Issue a key that replaces another one, which ends now or soon."""
    secret = new_secret()
    call, made_id = str(uuid.uuid4()), new_id()
    kept, end = timedelta(seconds=checked_grace(keep_old_for_seconds)), checked_end(expires_at)

    async def work(connection: "Connection[Record]") -> ApiKey:
        before = await _locked(connection, key_id)
        (row,) = await connection.fetch(ROTATE, now, key_id, made_id, digest(secret), kept, end)
        if row["refusal"] is not None:
            _refuse(key_id, row["refusal"])
        new, after = key_of(row), await _locked(connection, key_id)
        action = "revoke" if after.revoked_at else "update"
        await changes.record(
            connection,
            now,
            call,
            author,
            key_difference("create", None, new),
            key_difference(action, before, after),
        )
        return new

    return await database.transact(work), secret


async def revoke(database: Database, now: datetime | None, key_id: str, author: Author) -> None:
    """Revoke a key; the first revocation counts."""
    call = str(uuid.uuid4())

    async def work(connection: "Connection[Record]") -> None:
        before = await _locked(connection, key_id)
        (row,) = await connection.fetch(REVOKE, now, key_id)
        revoked = key_difference("revoke", before, key_of(row))
        await changes.record(connection, now, call, author, revoked)

    await database.transact(work)


async def _locked(connection: "Connection[Record]", key_id: str) -> ApiKey:
    """Read one key in a transaction, for which it stays as it is."""
    rows = await connection.fetch(LOCK, key_id)
    if not rows:
        _refuse(key_id, "unknown")
    return key_of(rows[0])


def _refuse(key_id: str, refusal: str) -> NoReturn:
    if refusal == "revoked":
        raise KeyRevokedError(f"API key {key_id} was revoked")
    if refusal == "expired":
        raise KeyExpiredError(f"API key {key_id} has expired")
    raise KeyNotFoundError(f"there is no API key {key_id!r}")
