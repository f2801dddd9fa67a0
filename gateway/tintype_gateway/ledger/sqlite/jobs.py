"""Operations on jobs: submit, cancel, read and forget."""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tintype_gateway.holds import Idempotency
from tintype_gateway.ledger.errors import (
    IdempotentJobError,
    JobNotFoundError,
    JobQueueFullError,
)
from tintype_gateway.ledger.hold_record import HoldRecord
from tintype_gateway.ledger.job_rows import UNSEALED, depth_of, event_of, job_of
from tintype_gateway.ledger.jobs import (
    QUEUE_FULL_SECONDS,
    Job,
    JobEnd,
    JobEvent,
    JobLimits,
    JobQueueDepth,
    JobStatus,
    NewJob,
)
from tintype_gateway.ledger.sqlite import accounts, holds, job_ends
from tintype_gateway.ledger.validation import IDEMPOTENCY_KEPT_SECONDS

FIRST = """
SELECT job.id FROM hold JOIN job ON job.hold_id = hold.id
WHERE hold.account = ? AND idempotency_key = ? AND request_digest = ?
    AND (state = 'open' OR hold.created_at > ?)
"""

INSERT = """
INSERT INTO job (
    id, account, hold_id, amount, key_id, request_id, operation, model, summary, payload, webhook,
    trace_parent, retention_seconds, created_at
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

ENQUEUE = """
INSERT INTO job_queue (account, queued) VALUES (?, 1)
ON CONFLICT (account) DO UPDATE SET queued = queued + 1
"""

READ = f"SELECT {UNSEALED} FROM job WHERE account = ? AND id = ?"  # noqa: S608 - our own words

LIST = f"SELECT {UNSEALED} FROM job WHERE account = :account"  # noqa: S608 - our own words

# Without a status it reads another index than with one.
PAGE = " AND (:after IS NULL OR id < :after) ORDER BY id DESC LIMIT :limit"

# The first condition is that of the index.
DEPTHS = """
SELECT
    model, sum(status = 'queued') AS queued, sum(status = 'in_progress') AS running,
    ? - min(CASE status WHEN 'queued' THEN created_at END) AS oldest_seconds
FROM job WHERE status IN ('queued', 'in_progress') GROUP BY model
"""

# The first condition is that of the index.
OVERDUE = """
SELECT id FROM job
WHERE status IN ('queued', 'in_progress') AND status = 'queued' AND created_at <= ? LIMIT ?
"""

EXPIRED = f"""
SELECT {UNSEALED} FROM job WHERE expires_at IS NOT NULL AND expires_at <= ?
ORDER BY expires_at LIMIT ?
"""  # noqa: S608 - our own words


def check_room(
    connection: sqlite3.Connection,
    now: float,
    account: str,
    idempotency: Idempotency | None,
    limits: JobLimits,
) -> None:
    """Check that a job could be queued."""
    if idempotency is not None:
        _refuse_repeat(connection, now, account, idempotency)
        holds.require_unused(connection, now, account, idempotency)
    _require_room(connection, account, limits)


def submit(
    connection: sqlite3.Connection, now: float, record: HoldRecord, job: NewJob, limits: JobLimits
) -> Job:
    """Take the hold of a job, and queue it."""
    account = record.caller.account
    if record.request.idempotency is not None:
        _refuse_repeat(connection, now, account, record.request.idempotency)
        holds.claim(connection, now, account, record.request.idempotency)
    _require_room(connection, account, limits)
    hold = holds.take(connection, now, record)
    connection.execute(
        INSERT,
        (
            job.id,
            account,
            hold.id,
            hold.amount,
            record.caller.key_id,
            record.request.request_id,
            job.operation,
            job.model,
            json.dumps(job.summary),
            job.payload,
            job.webhook,
            job.trace_parent,
            job.retention_seconds,
            now,
        ),
    )
    connection.execute(ENQUEUE, (account,))
    return replace(read(connection, account, job.id), hold=hold)


def _refuse_repeat(
    connection: sqlite3.Connection, now: float, account: str, idempotency: Idempotency
) -> None:
    """Refuse a request that is a job already."""
    first = connection.execute(
        FIRST,
        (account, idempotency.key, idempotency.request_digest, now - IDEMPOTENCY_KEPT_SECONDS),
    ).fetchone()
    if first is not None:
        raise IdempotentJobError(first["id"])


def _require_room(connection: sqlite3.Connection, account: str, limits: JobLimits) -> None:
    own = accounts.find(connection, account)["queued_jobs"]
    most = limits.queued if own is None else own
    row = connection.execute(
        "SELECT queued FROM job_queue WHERE account = ?", (account,)
    ).fetchone()
    if row is not None and row["queued"] >= most:
        raise JobQueueFullError(row["queued"], QUEUE_FULL_SECONDS)


def cancel(connection: sqlite3.Connection, now: float, account: str, job_id: str) -> Job:
    """Cancel a queued job, and ask a running one to end."""
    found = read(connection, account, job_id)
    if found.status == "queued":
        return job_ends.end_queued(connection, now, job_id, JobEnd(status="cancelled"))
    if found.status == "in_progress":
        connection.execute(
            "UPDATE job SET cancel_requested_at = coalesce(cancel_requested_at, ?) WHERE id = ?",
            (now, job_id),
        )
    return read(connection, account, job_id)


def cancel_queued(connection: sqlite3.Connection, now: float, job_id: str) -> None:
    """Cancel a job, unless it has started."""
    if connection.execute(
        "SELECT 1 FROM job WHERE id = ? AND status = 'queued'", (job_id,)
    ).fetchone():
        job_ends.end_queued(connection, now, job_id, JobEnd(status="cancelled"))


def fail_overdue(
    connection: sqlite3.Connection,
    now: float,
    most_seconds: float,
    limit: int,
    error: Mapping[str, Any],
) -> Sequence[Job]:
    """Fail jobs that have been queued for longer."""
    overdue = connection.execute(OVERDUE, (now - most_seconds, limit)).fetchall()
    ending = JobEnd(status="failed", error=error)
    return [job_ends.end_queued(connection, now, row["id"], ending) for row in overdue]


def read(connection: sqlite3.Connection, account: str, job_id: str) -> Job:
    """Read a job of an account."""
    row = connection.execute(READ, (account, job_id)).fetchone()
    if row is None:
        raise JobNotFoundError(f"the account has no job {job_id!r}")
    return job_of(row)


def read_page(
    connection: sqlite3.Connection,
    account: str,
    status: JobStatus | None,
    after: str | None,
    limit: int,
) -> Sequence[Job]:
    """Read jobs of an account, newest first."""
    statement = LIST + ("" if status is None else " AND status = :status") + PAGE
    values = {"account": account, "status": status, "after": after, "limit": limit}
    return [job_of(row) for row in connection.execute(statement, values)]


def read_events(
    connection: sqlite3.Connection, account: str, job_id: str, after: int
) -> Sequence[JobEvent]:
    """Read the events of a job after a number."""
    read(connection, account, job_id)
    rows = connection.execute(
        "SELECT * FROM job_event WHERE job = ? AND number > ? ORDER BY number", (job_id, after)
    )
    return [event_of(row) for row in rows]


def depths(connection: sqlite3.Connection, now: float) -> Sequence[JobQueueDepth]:
    """Count the jobs of each model that have not ended."""
    return [depth_of(row) for row in connection.execute(DEPTHS, (now,))]


def expired(connection: sqlite3.Connection, now: float, limit: int) -> Sequence[Job]:
    """Read jobs that may be deleted."""
    return [job_of(row) for row in connection.execute(EXPIRED, (now, limit))]


def forget(connection: sqlite3.Connection, ids: Collection[str]) -> None:
    """Delete jobs that have ended, with their events."""
    ended = [
        (each,)
        for each in ids
        if connection.execute(
            "SELECT 1 FROM job WHERE id = ? AND finished_at IS NOT NULL", (each,)
        ).fetchone()
    ]
    connection.executemany("DELETE FROM job_event WHERE job = ?", ended)
    connection.executemany("DELETE FROM job WHERE id = ?", ended)
