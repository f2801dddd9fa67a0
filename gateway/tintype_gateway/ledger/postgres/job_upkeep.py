"""What gateways do for all jobs now and then: count them, fail those that wait too long, forget."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tintype_gateway.ledger.job_rows import UNSEALED, depth_of, error_text, job_of
from tintype_gateway.ledger.jobs import Job, JobQueueDepth
from tintype_gateway.ledger.postgres.database import Database

FAIL_OVERDUE = "SELECT * FROM ledger_fail_overdue_jobs($1, $2, $3, $4)"

DEPTHS = """
SELECT
    model,
    count(*) FILTER (WHERE status = 'queued') AS queued,
    count(*) FILTER (WHERE status = 'in_progress') AS running,
    extract(epoch FROM coalesce($1, clock_timestamp())
        - min(created_at) FILTER (WHERE status = 'queued'))::float8 AS oldest_seconds
FROM job WHERE status IN ('queued', 'in_progress') GROUP BY model
"""

EXPIRED = f"""
SELECT {UNSEALED} FROM job WHERE expires_at <= coalesce($1, clock_timestamp())
ORDER BY expires_at LIMIT $2
"""  # noqa: S608 - our own words

FORGET = """
WITH gone AS MATERIALIZED (
    SELECT id FROM job WHERE id = ANY ($1) AND finished_at IS NOT NULL ORDER BY id FOR UPDATE
), without_events AS (
    DELETE FROM job_event WHERE job IN (SELECT id FROM gone)
)
DELETE FROM job WHERE id IN (SELECT id FROM gone)
"""


async def fail_overdue(
    database: Database,
    now: datetime | None,
    most_seconds: float,
    limit: int,
    error: Mapping[str, Any],
) -> Sequence[Job]:
    """Fail jobs that have been queued for longer."""
    most = timedelta(seconds=most_seconds)
    rows = await database.fetch(FAIL_OVERDUE, now, most, limit, error_text(error))
    return [job_of(row) for row in rows]


async def depths(database: Database, now: datetime | None) -> Sequence[JobQueueDepth]:
    """Count the jobs of each model that have not ended."""
    return [depth_of(row) for row in await database.fetch(DEPTHS, now)]


async def expired(database: Database, now: datetime | None, limit: int) -> Sequence[Job]:
    """Read jobs that may be deleted."""
    return [job_of(row) for row in await database.fetch(EXPIRED, now, limit)]


async def forget(database: Database, ids: Collection[str]) -> None:
    """Delete jobs that have ended, with their events."""
    await database.fetch(FORGET, list(ids))
