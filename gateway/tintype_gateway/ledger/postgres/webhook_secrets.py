"""Operations on the secrets of webhooks."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from asyncpg import Connection, Record

from tintype_gateway.ledger.changes import Author, webhook_secret_difference
from tintype_gateway.ledger.errors import WebhookSecretLimitError, WebhookSecretNotFoundError
from tintype_gateway.ledger.postgres import accounts, changes
from tintype_gateway.ledger.postgres.database import Database
from tintype_gateway.ledger.rows import webhook_secret_of
from tintype_gateway.ledger.validation import (
    NO_WEBHOOK_SECRET,
    WEBHOOK_SECRETS_LIMIT,
    checked_end,
    checked_grace,
)
from tintype_gateway.ledger.webhook_secrets import (
    ENDED_KEPT_SECONDS,
    MAX_VALID,
    NewWebhookSecret,
    WebhookSecret,
)

# A repeated call finds the secret that it has made; the update only returns it.
INSERT = """
INSERT INTO webhook_secret (id, account, sealed, created_at, expires_at)
VALUES ($2, $3, $4, coalesce($1, clock_timestamp()), $5)
ON CONFLICT (id) DO UPDATE SET id = excluded.id RETURNING *
"""

LIST = """
SELECT * FROM webhook_secret
WHERE account = $2
    AND (NOT $3::boolean OR expires_at IS NULL OR expires_at > coalesce($1, clock_timestamp()))
ORDER BY created_at, id COLLATE "C"
"""

FORGET = """
DELETE FROM webhook_secret
WHERE account = $2 AND expires_at < coalesce($1, clock_timestamp()) - $3::interval
"""

END_OTHER = """
UPDATE webhook_secret
SET expires_at = least(expires_at, coalesce($1, clock_timestamp()) + $3::interval)
WHERE id = $2 RETURNING *
"""

LOCK = "SELECT * FROM webhook_secret WHERE account = $1 AND id = $2 FOR NO KEY UPDATE"

SET_EXPIRY = "UPDATE webhook_secret SET expires_at = $2 WHERE id = $1 RETURNING *"

DELETE = "DELETE FROM webhook_secret WHERE id = $1"


async def create(
    database: Database,
    now: datetime | None,
    new: NewWebhookSecret,
    keep_others_for_seconds: float | None,
    author: Author,
) -> WebhookSecret:
    """Record a secret, and let the others end after a while if that is asked for."""
    call, end, kept = str(uuid.uuid4()), checked_end(new.expires_at), None
    if keep_others_for_seconds is not None:
        kept = timedelta(seconds=checked_grace(keep_others_for_seconds))

    async def work(connection: "Connection[Record]") -> WebhookSecret:
        await accounts.require(connection, new.account)  # one change of its secrets at a time
        known = await connection.fetch(LIST, now, new.account, True)
        others = [webhook_secret_of(row) for row in known if row["id"] != new.id]
        if len(others) >= MAX_VALID:
            raise WebhookSecretLimitError(WEBHOOK_SECRETS_LIMIT.format(new.account, MAX_VALID))
        forgotten = timedelta(seconds=ENDED_KEPT_SECONDS)
        await connection.execute(FORGET, now, new.account, forgotten)
        (row,) = await connection.fetch(INSERT, now, new.id, new.account, new.sealed, end)
        made = webhook_secret_of(row)
        ended = [webhook_secret_difference("create", None, made)]
        for other in others if kept is not None else ():
            (row,) = await connection.fetch(END_OTHER, now, other.id, kept)
            ended.append(webhook_secret_difference("update", other, webhook_secret_of(row)))
        await changes.record(connection, now, call, author, *ended)
        return made

    return await database.transact(work)


async def read_all(
    database: Database, now: datetime | None, account: str, valid: bool
) -> Sequence[WebhookSecret]:
    """Read the secrets of an account, oldest first."""
    rows = await database.fetch(LIST, now, account, valid)
    if not rows:
        await accounts.read(database, account)
    return [webhook_secret_of(row) for row in rows]


async def set_expiry(
    database: Database,
    now: datetime | None,
    account: str,
    secret_id: str,
    expires_at: datetime | None,
    author: Author,
) -> WebhookSecret:
    """Replace the end of a secret."""
    call, end = str(uuid.uuid4()), checked_end(expires_at)

    async def work(connection: "Connection[Record]") -> WebhookSecret:
        before = await _locked(connection, account, secret_id)
        (row,) = await connection.fetch(SET_EXPIRY, secret_id, end)
        after = webhook_secret_of(row)
        made = webhook_secret_difference("update", before, after)
        await changes.record(connection, now, call, author, made)
        return after

    return await database.transact(work)


async def delete(
    database: Database, now: datetime | None, account: str, secret_id: str, author: Author
) -> None:
    """Delete a secret."""
    call = str(uuid.uuid4())

    async def work(connection: "Connection[Record]") -> None:
        if await changes.is_recorded(connection, call):
            return
        before = await _locked(connection, account, secret_id)
        await connection.execute(DELETE, secret_id)
        made = webhook_secret_difference("delete", before, None)
        await changes.record(connection, now, call, author, made)

    await database.transact(work)


async def _locked(connection: "Connection[Record]", account: str, secret_id: str) -> WebhookSecret:
    rows = await connection.fetch(LOCK, account, secret_id)
    if not rows:
        raise WebhookSecretNotFoundError(NO_WEBHOOK_SECRET.format(account, secret_id))
    return webhook_secret_of(rows[0])
