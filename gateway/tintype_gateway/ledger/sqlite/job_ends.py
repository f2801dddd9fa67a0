"""The ends of jobs, each in one transaction with its charge."""

import sqlite3
from dataclasses import replace

from tintype_gateway.holds import Hold, Settlement
from tintype_gateway.ledger.job_rows import error_text, job_of, lost_error, result_text
from tintype_gateway.ledger.jobs import Job, JobEnd
from tintype_gateway.ledger.sqlite import holds

END = """
UPDATE job SET
    status = :status, finished_at = :now, expires_at = :now + retention_seconds,
    claim = CASE status WHEN 'queued' THEN NULL ELSE claim END,
    lease_until = NULL, payload = NULL, tasks = NULL, result = :result, error = :error,
    charged = :charged, available = :available
WHERE id = :id RETURNING *
"""

COUNT_ENDED = """
UPDATE job_queue SET queued = queued - ?, running = running - ? WHERE account = ?
"""

WAS_LATE = "SELECT kind = 'late_charge' FROM posting WHERE hold_id = ?"


def end(
    connection: sqlite3.Connection, now: float, job_id: str, claim: str, ending: JobEnd
) -> tuple[Job, Settlement | None]:
    """End a running job of a claim, or return how this claim has ended it before."""
    row = connection.execute(
        "SELECT * FROM job WHERE id = ? AND claim = ?", (job_id, claim)
    ).fetchone()
    if row is None or row["status"] == "queued":
        raise lost_error(job_id)
    job = job_of(row)
    if job.is_live:
        return _end(connection, now, job, ending)
    return job, _settlement_before(connection, job, ending)


def end_queued(connection: sqlite3.Connection, now: float, job_id: str, ending: JobEnd) -> Job:
    """End a queued job, and return it with the request that it had."""
    queued = job_of(connection.execute("SELECT * FROM job WHERE id = ?", (job_id,)).fetchone())
    ended, _ = _end(connection, now, queued, ending)
    return replace(ended, payload=queued.payload)


def lose_all(connection: sqlite3.Connection, now: float, reason: str) -> int:
    """End all jobs that have not ended, with an unknown outcome; return their number."""
    live = connection.execute(
        "SELECT * FROM job WHERE status IN ('queued', 'in_progress')"
    ).fetchall()
    for job in map(job_of, live):
        holds.release(connection, now, job.hold, reason, outcome_unknown=True)
        _write(connection, now, job, JobEnd(status="outcome_unknown"), None)
    connection.execute("DELETE FROM job_queue")
    return len(live)


def _end(
    connection: sqlite3.Connection, now: float, job: Job, ending: JobEnd
) -> tuple[Job, Settlement | None]:
    settlement = _close(connection, now, job.hold, ending)
    ended = _write(connection, now, job, ending, settlement)
    was_queued = job.status == "queued"
    connection.execute(COUNT_ENDED, (was_queued, not was_queued, job.account))
    return ended, settlement


def _write(
    connection: sqlite3.Connection,
    now: float,
    job: Job,
    ending: JobEnd,
    settlement: Settlement | None,
) -> Job:
    values = {
        "id": job.id,
        "now": now,
        "status": ending.status,
        "result": result_text(ending.result),
        "error": error_text(ending.error),
        "charged": None if settlement is None else settlement.charged,
        "available": None if settlement is None else settlement.available,
    }
    return job_of(connection.execute(END, values).fetchone())


def _close(
    connection: sqlite3.Connection, now: float, hold: Hold, ending: JobEnd
) -> Settlement | None:
    if ending.is_sold:
        settlement = holds.settle(connection, now, hold, ending.cost, ending.images)
        holds.mark_delivered(connection, now, [hold])
        return settlement
    is_unknown = ending.status == "outcome_unknown"
    holds.release(connection, now, hold, f"job {ending.status}", is_unknown)
    return None


def _settlement_before(
    connection: sqlite3.Connection, job: Job, ending: JobEnd
) -> Settlement | None:
    if job.charged is None:
        return None
    late = connection.execute(WAS_LATE, (job.hold.id,)).fetchone()
    return Settlement(
        job.charged, job.available, late=bool(late and late[0]), excess=ending.cost - job.charged
    )
