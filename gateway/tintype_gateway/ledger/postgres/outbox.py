"""Operations on the outbox of webhooks."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

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
from tintype_gateway.ledger.postgres.database import Database
from tintype_gateway.ledger.rows import delivery_of

ADD = """
INSERT INTO webhook_delivery (id, type, destination, account, payload, created_at, due_at)
SELECT id, type, destination, account, payload, moment, moment
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
    AS message (id, type, destination, account, payload),
    coalesce($1, clock_timestamp()) AS moment
ON CONFLICT (id) DO NOTHING
"""

# as in the index `webhook_of_queue`
QUEUE = (
    "CASE WHEN substr(destination, 1, 4) = 'job:' THEN 'jobs of ' || account ELSE destination END"
)

# If the response is lost and the statement runs again, what it claimed first waits for its lease.
CLAIM = """
WITH due AS MATERIALIZED (
    SELECT id FROM webhook_delivery
    WHERE state = 'pending' AND due_at <= coalesce($1, clock_timestamp())
    ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE webhook_delivery SET claim = $2, due_at = coalesce($1, clock_timestamp()) + $4
WHERE id IN (SELECT id FROM due) RETURNING *
"""

# A busy queue may have any number of due messages: beyond the oldest few of all, each other queue
# is asked for its own, by the index. There are more candidates than are claimed, for gateways that
# claim at the same time.
CLAIM_BESIDE_BUSY = f"""
WITH RECURSIVE oldest AS MATERIALIZED (
    SELECT id, due_at, {QUEUE} AS queue FROM webhook_delivery
    WHERE state = 'pending' AND due_at <= coalesce($1, clock_timestamp())
    ORDER BY due_at LIMIT {LOOKED_THROUGH}
), queue (name) AS (
    (
        SELECT {QUEUE} FROM webhook_delivery
        WHERE state = 'pending' AND (SELECT count(*) FROM oldest) = {LOOKED_THROUGH}
        ORDER BY 1 LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT {QUEUE} FROM webhook_delivery
        WHERE state = 'pending' AND {QUEUE} > name ORDER BY 1 LIMIT 1
    )
    FROM queue WHERE name IS NOT NULL
), candidate AS (
    SELECT id, due_at FROM oldest WHERE queue <> ALL ($5::text[])
    UNION
    SELECT first.id, first.due_at FROM queue CROSS JOIN LATERAL (
        SELECT id, due_at FROM webhook_delivery
        WHERE state = 'pending' AND {QUEUE} = name AND due_at <= coalesce($1, clock_timestamp())
        ORDER BY due_at LIMIT 16 * $3::bigint
    ) AS first
    WHERE name <> ALL ($5::text[])
), due AS MATERIALIZED (
    SELECT id FROM webhook_delivery
    WHERE state = 'pending' AND due_at <= coalesce($1, clock_timestamp())
        AND id = ANY (ARRAY(SELECT id FROM candidate ORDER BY due_at LIMIT 16 * $3::bigint))
    ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE webhook_delivery SET claim = $2, due_at = coalesce($1, clock_timestamp()) + $4
WHERE id IN (SELECT id FROM due) RETURNING *
"""  # noqa: S608 - our own words

END = """
UPDATE webhook_delivery SET
    state = $4, attempts = attempts + 1, attempted_at = moment, status = $5, error = $6,
    claim = NULL, due_at = moment + coalesce($7, interval '0'),
    finished_at = CASE $4 WHEN 'pending' THEN NULL ELSE moment END
FROM coalesce($1, clock_timestamp()) AS moment
WHERE id = $2 AND state = 'pending' AND (claim = $3 OR $4 = 'delivered')
"""

REDELIVER = """
UPDATE webhook_delivery
SET state = 'pending', attempts = 0, due_at = coalesce($1, clock_timestamp()), finished_at = NULL
WHERE id = $2 RETURNING *
"""

LIST = """
SELECT * FROM webhook_delivery
WHERE ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR (created_at, id) < (
    SELECT created_at, id FROM webhook_delivery WHERE id = $2
)) ORDER BY created_at DESC, id DESC LIMIT $3
"""

NAMED = "SELECT * FROM webhook_delivery WHERE id = ANY ($1::text[])"

BACKLOG = """
SELECT
    CASE WHEN substr(destination, 1, 4) = 'job:' THEN 'jobs' ELSE 'settings' END AS receiver,
    count(*) AS pending,
    extract(epoch FROM coalesce($1, clock_timestamp()) - min(created_at))::float8 AS oldest
FROM webhook_delivery WHERE state = 'pending' GROUP BY receiver
"""

FORGET = """
DELETE FROM webhook_delivery
WHERE state <> 'pending' AND finished_at < coalesce($1, clock_timestamp()) - $2::interval
RETURNING id
"""


async def add(database: Database, now: datetime | None, messages: Sequence[WebhookMessage]) -> None:
    """Add messages, but those whose id is known."""
    await database.fetch(ADD, now, *columns(messages))


def columns(messages: Sequence[WebhookMessage]) -> Sequence[Sequence[str | None]]:
    """Return the arguments of `ADD`, after the first."""
    return [
        [each.id for each in messages],
        [each.type for each in messages],
        [each.destination for each in messages],
        [each.account for each in messages],
        [each.payload for each in messages],
    ]


async def claim(
    database: Database,
    now: datetime | None,
    claim: str,
    limit: int,
    lease_seconds: float,
    busy: Collection[str],
) -> Sequence[WebhookDelivery]:
    """Claim the messages that have been due for the longest time."""
    lease = timedelta(seconds=lease_seconds)
    if busy:
        rows = await database.fetch(CLAIM_BESIDE_BUSY, now, claim, limit, lease, [*busy])
    else:
        rows = await database.fetch(CLAIM, now, claim, limit, lease)
    return [delivery_of(row) for row in rows]


async def end_attempt(
    database: Database, now: datetime | None, message_id: str, claim: str, attempt: Attempt
) -> None:
    """Record how an attempt ended."""
    retry = attempt.retry_seconds
    await database.fetch(
        END,
        now,
        message_id,
        claim,
        attempt.state,
        attempt.status,
        attempt.error,
        None if retry is None else timedelta(seconds=retry),
    )


async def redeliver(database: Database, now: datetime | None, message_id: str) -> WebhookDelivery:
    """Let a message be due now."""
    rows = await database.fetch(REDELIVER, now, message_id)
    if not rows:
        raise WebhookNotFoundError(f"no webhook has the id {message_id!r}")
    return delivery_of(rows[0])


async def read_named(database: Database, ids: Collection[str]) -> Mapping[str, WebhookDelivery]:
    """Read messages by their ids."""
    rows = await database.fetch(NAMED, [*ids])
    return {row["id"]: delivery_of(row) for row in rows}


async def read_page(
    database: Database, state: WebhookState | None, after: str | None, limit: int
) -> Sequence[WebhookDelivery]:
    """Read messages, newest first."""
    return [delivery_of(row) for row in await database.fetch(LIST, state, after, limit)]


async def backlog(database: Database, now: datetime | None) -> Mapping[Receiver, Backlog]:
    """Count the pending messages, by receiver."""
    found = {
        row["receiver"]: Backlog(row["pending"], max(0.0, row["oldest"]))
        for row in await database.fetch(BACKLOG, now)
    }
    return {receiver: found.get(receiver, Backlog()) for receiver in RECEIVERS}


async def forget(database: Database, now: datetime | None) -> int:
    """Delete messages that were finished long ago, and return their number."""
    return len(await database.fetch(FORGET, now, timedelta(seconds=KEEP_SECONDS)))
