"""Operations of workers on jobs: claims, leases, and what they note."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from tintype_gateway.ledger.job_rows import job_of, lost_error
from tintype_gateway.ledger.jobs import Claimed, JobEvent, JobLimits
from tintype_gateway.ledger.ordered_ids import ordered_hex
from tintype_gateway.ledger.postgres.batches import Batches
from tintype_gateway.ledger.postgres.database import Database

CLAIM = "SELECT mode, (claimed).* FROM ledger_claim_jobs($1, $2, $3, $4, $5, $6, $7)"

# In the order of ids, as others lock them.
RENEW = """
WITH mine AS MATERIALIZED (
    SELECT id FROM job WHERE id = ANY ($3) AND claim = $2 AND status = 'in_progress'
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE job SET lease_until = coalesce($1, clock_timestamp()) + $4
WHERE id IN (SELECT id FROM mine) RETURNING id, cancel_requested_at IS NOT NULL AS is_cancelled
"""

# A statement whose response was lost may still run after a later one: its number tells.
NOTE_SENT = """
WITH asked AS MATERIALIZED (
    SELECT * FROM ROWS FROM (
        jsonb_to_recordset($1) AS (id text, claim text, number bigint)
    ) WITH ORDINALITY AS asked (id, claim, number, place)
), mine AS MATERIALIZED (
    SELECT id FROM job WHERE id = ANY (ARRAY(SELECT id FROM asked)) AND status = 'in_progress'
    ORDER BY id FOR NO KEY UPDATE
), noted AS (
    UPDATE job SET phase = 'sent', noted = asked.number FROM asked
    WHERE job.id = ANY (ARRAY(SELECT id FROM mine)) AND job.id = asked.id
        AND job.claim = asked.claim AND job.status = 'in_progress' AND job.noted <= asked.number
    RETURNING job.id
)
SELECT place, noted.id IS NOT NULL AS is_done FROM asked LEFT JOIN noted ON noted.id = asked.id
"""

NOTE_TASKS = """
UPDATE job SET phase = 'sent', noted = $3, tasks = $4
WHERE id = $1 AND claim = $2 AND status = 'in_progress' AND noted <= $3 RETURNING 1
"""

ADD_EVENT = "SELECT ledger_add_job_event($1, $2, $3, $4, $5, $6) AS number"

HAND_BACK = "SELECT ledger_hand_back_job($1, $2, $3, $4) AS is_done"


async def claim(
    database: Database,
    now: datetime | None,
    claim: str,
    known: tuple[Collection[str], Collection[str]],
    limit: int,
    lease_seconds: float,
    limits: JobLimits,
) -> Sequence[Claimed]:
    """Claim jobs that were lost, and then those whose accounts are next.

    `known` are the jobs that the worker has, and the accounts of which none is to start.
    """
    lease = timedelta(seconds=lease_seconds)
    having, excluding = map(list, known)
    rows = await database.fetch(CLAIM, now, claim, having, excluding, limit, lease, limits.running)
    return [Claimed(job_of(row), row["mode"]) for row in rows]


async def renew(
    database: Database,
    now: datetime | None,
    claim: str,
    ids: Collection[str],
    lease_seconds: float,
) -> Mapping[str, bool]:
    """Renew leases; return the jobs that the claim still has, and which shall be cancelled."""
    rows = await database.fetch(RENEW, now, claim, list(ids), timedelta(seconds=lease_seconds))
    return {row["id"]: row["is_cancelled"] for row in rows}


async def note_sent(notes: Batches, job_id: str, claim: str, number: int) -> None:
    """Note that a provider may work for a job, with others in one transaction."""
    row = await notes.submit(claim, {"id": job_id, "claim": claim, "number": number})
    if not row["is_done"]:
        raise lost_error(job_id)


async def note_tasks(
    database: Database, job_id: str, claim: str, number: int, tasks: bytes
) -> None:
    """Note the tasks of a job."""
    if not await database.fetch(NOTE_TASKS, job_id, claim, number, tasks):
        raise lost_error(job_id)


async def add_event(database: Database, job_id: str, claim: str, event: JobEvent) -> int:
    """Add an event, and return its number."""
    data = json.dumps(event.data)
    (row,) = await database.fetch(
        ADD_EVENT, ordered_hex(), job_id, claim, event.kind, event.name, data
    )
    if row["number"] is None:
        raise lost_error(job_id)
    return int(row["number"])


async def hand_back(
    database: Database, now: datetime | None, job_id: str, claim: str, *, unsent: bool
) -> None:
    """Give up a job for another worker."""
    (row,) = await database.fetch(HAND_BACK, now, job_id, claim, unsent)
    if not row["is_done"]:
        raise lost_error(job_id)
