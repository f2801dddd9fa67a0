"""Operations of workers on jobs: claims, leases, and what they note."""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence

from tintype_gateway.ledger.job_rows import job_of, lost_error
from tintype_gateway.ledger.jobs import Claimed, JobEvent, JobLimits

LOST = """
SELECT id, account, claim, phase, tasks IS NOT NULL AS has_tasks FROM job
WHERE status = 'in_progress' AND lease_until <= :now ORDER BY lease_until
"""

QUEUE_AGAIN = """
UPDATE job SET
    status = 'queued', phase = 'ready', tasks = NULL, started_at = NULL, lease_until = NULL
WHERE id = ?
"""

COUNT_QUEUED_AGAIN = """
UPDATE job_queue SET queued = queued + 1, running = running - 1 WHERE account = ?
"""

TAKE_OVER = """
UPDATE job SET claim = :claim, lease_until = :until, attempts = attempts + 1
WHERE id = :id RETURNING *
"""

NEXT_ACCOUNT = """
SELECT queue.account FROM job_queue AS queue JOIN account ON account.name = queue.account
WHERE queue.queued > 0 AND queue.running < coalesce(account.running_jobs, ?)
    AND queue.account NOT IN (SELECT value FROM json_each(?))
    AND EXISTS (SELECT 1 FROM job WHERE account = name AND status = 'queued')
ORDER BY queue.turn, queue.account LIMIT 1
"""

START = """
UPDATE job SET
    status = 'in_progress', started_at = :now, claim = :claim, lease_until = :until,
    attempts = attempts + 1
WHERE id = (
    SELECT id FROM job WHERE account = :account AND status = 'queued' ORDER BY id LIMIT 1
) RETURNING *
"""

COUNT_STARTED = """
UPDATE job_queue SET
    queued = queued - 1, running = running + 1,
    turn = (SELECT max(turn) + 1 FROM job_queue)
WHERE account = ?
"""

MINE = "WHERE id = :id AND claim = :claim AND status = 'in_progress'"
"""Finds a job of which the worker still has the claim."""

RENEW = f"UPDATE job SET lease_until = :until {MINE} RETURNING cancel_requested_at"  # noqa: S608

NOTE_SENT = f"UPDATE job SET phase = 'sent' {MINE}"  # noqa: S608 - our own words

NOTE_TASKS = f"UPDATE job SET phase = 'sent', tasks = :tasks {MINE}"  # noqa: S608 - our own words

COUNT_EVENT = f"UPDATE job SET events = events + 1 {MINE} RETURNING events"  # noqa: S608

LEAVE = """
UPDATE job SET
    handed_back = handed_back + (lease_until > :now), lease_until = min(lease_until, :now)
WHERE id = :id
"""

COUNT_HANDED_BACK = "UPDATE job SET handed_back = handed_back + 1 WHERE id = ?"

HAD = """
SELECT account, status, phase FROM job WHERE id = ? AND claim = ? AND finished_at IS NULL
"""


def claim(
    connection: sqlite3.Connection,
    now: float,
    claim: str,
    known: tuple[Collection[str], Collection[str]],
    limit: int,
    lease_seconds: float,
    limits: JobLimits,
) -> Sequence[Claimed]:
    """Claim jobs that were lost, and then those whose accounts are next.

    `known` are the jobs that the worker has, and the accounts of which none is to start.
    """
    having, excluding = known
    values = {"now": now, "claim": claim, "until": now + lease_seconds}
    claimed = _recover(connection, values, having, limit)
    while len(claimed) < limit:
        chosen = limits.running, json.dumps(list(excluding))
        following = connection.execute(NEXT_ACCOUNT, chosen).fetchone()
        if following is None:
            break
        account = following["account"]
        started = connection.execute(START, values | {"account": account}).fetchone()
        connection.execute(COUNT_STARTED, (account,))
        claimed.append(Claimed(job_of(started), "run"))
    return claimed


def _recover(
    connection: sqlite3.Connection,
    values: Mapping[str, object],
    having: Collection[str],
    limit: int,
) -> list[Claimed]:
    """Queue lost jobs again of which nothing was sent, and take over some of the others."""
    taken: list[Claimed] = []
    for lost in connection.execute(LOST, values).fetchall():
        if lost["claim"] == values["claim"] and lost["id"] in having:
            continue
        if lost["phase"] == "ready":
            _queue_again(connection, lost["id"], lost["account"])
        elif len(taken) < limit:
            row = connection.execute(TAKE_OVER, {**values, "id": lost["id"]}).fetchone()
            taken.append(Claimed(job_of(row), "resume" if lost["has_tasks"] else "abandoned"))
    return taken


def _queue_again(connection: sqlite3.Connection, job_id: str, account: str) -> None:
    connection.execute(QUEUE_AGAIN, (job_id,))
    connection.execute(COUNT_QUEUED_AGAIN, (account,))


def renew(
    connection: sqlite3.Connection,
    now: float,
    claim: str,
    ids: Collection[str],
    lease_seconds: float,
) -> Mapping[str, bool]:
    """Renew leases; return the jobs that the claim still has, and which shall be cancelled."""
    values = {"claim": claim, "until": now + lease_seconds}
    rows = {each: connection.execute(RENEW, values | {"id": each}).fetchone() for each in ids}
    return {each: row[0] is not None for each, row in rows.items() if row is not None}


def note_sent(connection: sqlite3.Connection, job_id: str, claim: str) -> None:
    """Note that a provider may work for a job."""
    _require_one(connection.execute(NOTE_SENT, {"id": job_id, "claim": claim}), job_id)


def note_tasks(connection: sqlite3.Connection, job_id: str, claim: str, tasks: bytes) -> None:
    """Note the tasks of a job."""
    values = {"id": job_id, "claim": claim, "tasks": tasks}
    _require_one(connection.execute(NOTE_TASKS, values), job_id)


def add_event(connection: sqlite3.Connection, job_id: str, claim: str, event: JobEvent) -> int:
    """Add an event, and return its number."""
    row = connection.execute(COUNT_EVENT, {"id": job_id, "claim": claim}).fetchone()
    if row is None:
        raise lost_error(job_id)
    number: int = row["events"]
    connection.execute(
        "INSERT INTO job_event (job, number, kind, name, data) VALUES (?, ?, ?, ?, ?)",
        (job_id, number, event.kind, event.name, json.dumps(event.data)),
    )
    return number


def hand_back(
    connection: sqlite3.Connection, now: float, job_id: str, claim: str, *, unsent: bool
) -> None:
    """Give up a job for another worker."""
    row = connection.execute(HAD, (job_id, claim)).fetchone()
    if row is None:
        raise lost_error(job_id)
    if row["phase"] == "sent" and not unsent:
        connection.execute(LEAVE, {"now": now, "id": job_id})
    elif row["status"] != "queued":
        _queue_again(connection, job_id, row["account"])
        connection.execute(COUNT_HANDED_BACK, (job_id,))


def _require_one(changed: sqlite3.Cursor, job_id: str) -> None:
    if not changed.rowcount:
        raise lost_error(job_id)
