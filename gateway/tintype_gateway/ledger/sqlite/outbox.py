"""Operations on the outbox of webhooks."""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence

from tintype_gateway.ledger.errors import WebhookNotFoundError
from tintype_gateway.ledger.outbox import (
    KEEP_SECONDS,
    LOOKED_THROUGH,
    RECEIVERS,
    Attempt,
    Backlog,
    Receiver,
    WebhookDelivery,
    WebhookMessage,
    WebhookState,
)
from tintype_gateway.ledger.rows import delivery_of

ADD = """
INSERT INTO webhook_delivery (id, type, destination, account, payload, created_at, due_at)
VALUES (:id, :type, :destination, :account, :payload, :now, :now) ON CONFLICT (id) DO NOTHING
"""

# as in the index `webhook_of_queue`
QUEUE = (
    "CASE WHEN substr(destination, 1, 4) = 'job:' THEN 'jobs of ' || account ELSE destination END"
)

CLAIM = """
UPDATE webhook_delivery SET claim = :claim, due_at = :now + :lease WHERE id IN (
    SELECT id FROM webhook_delivery WHERE state = 'pending' AND due_at <= :now
    ORDER BY due_at LIMIT :limit
) RETURNING *
"""

# A busy queue may have any number of due messages: beyond the oldest few of all, each other queue
# is asked for its own, by the index.
CLAIM_BESIDE_BUSY = f"""
WITH RECURSIVE oldest AS MATERIALIZED (
    SELECT id, due_at, {QUEUE} AS queue FROM webhook_delivery
    WHERE state = 'pending' AND due_at <= :now ORDER BY due_at LIMIT {LOOKED_THROUGH}
), queue (name) AS (
    SELECT min({QUEUE}) FROM webhook_delivery
    WHERE state = 'pending' AND (SELECT count(*) FROM oldest) = {LOOKED_THROUGH}
    UNION ALL
    SELECT (SELECT min({QUEUE}) FROM webhook_delivery WHERE state = 'pending' AND {QUEUE} > name)
    FROM queue WHERE name IS NOT NULL
), candidate AS (
    SELECT id, due_at, queue FROM oldest
    UNION
    SELECT first.id, first.due_at, name FROM queue JOIN webhook_delivery AS first ON first.id IN (
        SELECT id FROM webhook_delivery
        WHERE state = 'pending' AND {QUEUE} = name AND due_at <= :now
        ORDER BY due_at LIMIT :limit
    )
)
UPDATE webhook_delivery SET claim = :claim, due_at = :now + :lease WHERE id IN (
    SELECT id FROM candidate WHERE queue NOT IN (SELECT value FROM json_each(:busy))
    ORDER BY due_at LIMIT :limit
) RETURNING *
"""  # noqa: S608 - our own words

END = """
UPDATE webhook_delivery SET
    state = :state, attempts = attempts + 1, attempted_at = :now, status = :status,
    error = :error, claim = NULL, due_at = :now + coalesce(:retry, 0),
    finished_at = CASE :state WHEN 'pending' THEN NULL ELSE :now END
WHERE id = :id AND state = 'pending' AND (claim = :claim OR :state = 'delivered')
"""

REDELIVER = """
UPDATE webhook_delivery SET state = 'pending', attempts = 0, due_at = ?, finished_at = NULL
WHERE id = ? RETURNING *
"""

BACKLOG = """
SELECT
    CASE WHEN substr(destination, 1, 4) = 'job:' THEN 'jobs' ELSE 'settings' END AS receiver,
    count(*) AS pending, min(created_at) AS oldest
FROM webhook_delivery WHERE state = 'pending' GROUP BY receiver
"""

LIST = """
SELECT * FROM webhook_delivery
WHERE (:state IS NULL OR state = :state) AND (:after IS NULL OR (created_at, id) < (
    SELECT created_at, id FROM webhook_delivery WHERE id = :after
)) ORDER BY created_at DESC, id DESC LIMIT :limit
"""


def add(connection: sqlite3.Connection, now: float, messages: Sequence[WebhookMessage]) -> None:
    """Add messages, but those whose id is known."""
    connection.executemany(ADD, [vars(each) | {"now": now} for each in messages])


def claim(
    connection: sqlite3.Connection,
    now: float,
    claim: str,
    limit: int,
    lease_seconds: float,
    busy: Collection[str],
) -> Sequence[WebhookDelivery]:
    """Claim the messages that have been due for the longest time."""
    values = {
        "claim": claim,
        "now": now,
        "lease": lease_seconds,
        "limit": limit,
        "busy": json.dumps([*busy]),
    }
    statement = CLAIM_BESIDE_BUSY if busy else CLAIM
    return [delivery_of(row) for row in connection.execute(statement, values)]


def end_attempt(
    connection: sqlite3.Connection, now: float, message_id: str, claim: str, attempt: Attempt
) -> None:
    """Record how an attempt ended."""
    connection.execute(
        END,
        {
            "id": message_id,
            "claim": claim,
            "now": now,
            "state": attempt.state,
            "status": attempt.status,
            "error": attempt.error,
            "retry": attempt.retry_seconds,
        },
    )


def redeliver(connection: sqlite3.Connection, now: float, message_id: str) -> WebhookDelivery:
    """Let a message be due now."""
    row = connection.execute(REDELIVER, (now, message_id)).fetchone()
    if row is None:
        raise WebhookNotFoundError(f"no webhook has the id {message_id!r}")
    return delivery_of(row)


def read_named(
    connection: sqlite3.Connection, ids: Collection[str]
) -> Mapping[str, WebhookDelivery]:
    """Read messages by their ids."""
    rows = connection.execute(
        "SELECT * FROM webhook_delivery WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps([*ids]),),
    )
    return {row["id"]: delivery_of(row) for row in rows}


def read_page(
    connection: sqlite3.Connection, state: WebhookState | None, after: str | None, limit: int
) -> Sequence[WebhookDelivery]:
    """Read messages, newest first."""
    rows = connection.execute(LIST, {"state": state, "after": after, "limit": limit})
    return [delivery_of(row) for row in rows]


def backlog(connection: sqlite3.Connection, now: float) -> Mapping[Receiver, Backlog]:
    """Count the pending messages, by receiver."""
    found = {
        row["receiver"]: Backlog(row["pending"], max(0.0, now - row["oldest"]))
        for row in connection.execute(BACKLOG)
    }
    return {receiver: found.get(receiver, Backlog()) for receiver in RECEIVERS}


def forget(connection: sqlite3.Connection, now: float) -> int:
    """Delete messages that were finished long ago, and return their number."""
    return connection.execute(
        "DELETE FROM webhook_delivery WHERE state <> 'pending' AND finished_at < ?",
        (now - KEEP_SECONDS,),
    ).rowcount
