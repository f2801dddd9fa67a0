"""Operations on the secrets of webhooks."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from tintype_gateway.ledger.changes import Author, webhook_secret_difference
from tintype_gateway.ledger.errors import WebhookSecretLimitError, WebhookSecretNotFoundError
from tintype_gateway.ledger.rows import webhook_secret_of
from tintype_gateway.ledger.sqlite import accounts, changes
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

INSERT = """
INSERT INTO webhook_secret (id, account, sealed, created_at, expires_at) VALUES (?, ?, ?, ?, ?)
"""

LIST = """
SELECT * FROM webhook_secret
WHERE account = :account AND (NOT :valid OR expires_at IS NULL OR expires_at > :now)
ORDER BY created_at, id
"""

END_OTHERS = """
UPDATE webhook_secret SET expires_at = :end
WHERE account = :account AND id <> :id AND (expires_at IS NULL OR expires_at > :end)
"""


def create(
    connection: sqlite3.Connection,
    now: float,
    new: NewWebhookSecret,
    keep_others_for_seconds: float | None,
    author: Author,
) -> WebhookSecret:
    """Record a secret, and let the others end after a while if that is asked for."""
    end = checked_end(new.expires_at)
    others = read_all(connection, now, new.account, True)
    if len(others) >= MAX_VALID:
        raise WebhookSecretLimitError(WEBHOOK_SECRETS_LIMIT.format(new.account, MAX_VALID))
    connection.execute(
        "DELETE FROM webhook_secret WHERE account = ? AND expires_at < ?",
        (new.account, now - ENDED_KEPT_SECONDS),
    )
    connection.execute(INSERT, (new.id, new.account, new.sealed, now, end and end.timestamp()))
    made = _read(connection, new.account, new.id)
    changes.record(connection, now, author, webhook_secret_difference("create", None, made))
    if keep_others_for_seconds is not None:
        last = now + checked_grace(keep_others_for_seconds)
        connection.execute(END_OTHERS, {"end": last, "account": new.account, "id": new.id})
        for other in others:
            after = _read(connection, new.account, other.id)
            ended = webhook_secret_difference("update", other, after)
            changes.record(connection, now, author, ended)
    return made


def read_all(
    connection: sqlite3.Connection, now: float, account: str, valid: bool
) -> Sequence[WebhookSecret]:
    """Read the secrets of an account, oldest first."""
    accounts.read(connection, account)
    rows = connection.execute(LIST, {"account": account, "valid": valid, "now": now})
    return [webhook_secret_of(row) for row in rows]


def set_expiry(
    connection: sqlite3.Connection,
    now: float,
    account: str,
    secret_id: str,
    expires_at: datetime | None,
    author: Author,
) -> WebhookSecret:
    """Replace the end of a secret."""
    end = checked_end(expires_at)
    before = _read(connection, account, secret_id)
    connection.execute(
        "UPDATE webhook_secret SET expires_at = ? WHERE id = ?",
        (end and end.timestamp(), secret_id),
    )
    after = _read(connection, account, secret_id)
    changes.record(connection, now, author, webhook_secret_difference("update", before, after))
    return after


def delete(
    connection: sqlite3.Connection, now: float, account: str, secret_id: str, author: Author
) -> None:
    """Delete a secret."""
    before = _read(connection, account, secret_id)
    connection.execute("DELETE FROM webhook_secret WHERE id = ?", (secret_id,))
    changes.record(connection, now, author, webhook_secret_difference("delete", before, None))


def _read(connection: sqlite3.Connection, account: str, secret_id: str) -> WebhookSecret:
    row = connection.execute(
        "SELECT * FROM webhook_secret WHERE account = ? AND id = ?", (account, secret_id)
    ).fetchone()
    if row is None:
        raise WebhookSecretNotFoundError(NO_WEBHOOK_SECRET.format(account, secret_id))
    return webhook_secret_of(row)
