"""Operations on jobs: submit, end, cancel, read and forget."""

import asyncio
import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import astuple
from datetime import datetime, timedelta
from functools import partial

from asyncpg import Record

from tintype_gateway.holds import Idempotency, Settlement
from tintype_gateway.ledger.errors import (
    AccountNotFoundError,
    IdempotentJobError,
    JobNotFoundError,
    JobQueueFullError,
    LedgerError,
)
from tintype_gateway.ledger.hold_record import HoldRecord
from tintype_gateway.ledger.job_rows import (
    UNSEALED,
    error_text,
    event_of,
    job_of,
    lost_error,
    result_text,
)
from tintype_gateway.ledger.jobs import (
    QUEUE_FULL_SECONDS,
    Job,
    JobEnd,
    JobEvent,
    JobLimits,
    JobStatus,
    NewJob,
)
from tintype_gateway.ledger.ordered_ids import ordered_hex
from tintype_gateway.ledger.postgres.batches import Batches
from tintype_gateway.ledger.postgres.database import Database
from tintype_gateway.ledger.postgres.holds import hold_row, key_refusal_of, refusal_of
from tintype_gateway.ledger.rows import moment
from tintype_gateway.ledger.validation import (
    IDEMPOTENCY_KEPT_SECONDS,
    MAXIMUM_AMOUNT,
    checked_amount,
    checked_images,
)

# The hold that has the key counts as long as `ledger_hold_batch` says.
ROOM = """
SELECT
    coalesce(job_queue.queued, 0) AS queued,
    coalesce(account.queued_jobs, $5) AS most_queued,
    first.request_id AS first_request_id,
    ledger_charged(first) AS first_charged,
    CASE WHEN first.request_digest = $4 THEN job.id END AS first_job,
    CASE
        WHEN first.id IS NULL THEN NULL
        WHEN first.request_digest <> $4 THEN 'mismatch'
        WHEN first.state = 'open' THEN 'in progress'
        WHEN first.state = 'settled' THEN 'replay'
        ELSE 'outcome unknown'
    END AS refusal
FROM account
LEFT JOIN job_queue ON job_queue.account = name
LEFT JOIN hold AS first ON first.account = name AND first.idempotency_key = $3
    AND (state = 'open' OR first.created_at > coalesce($1, clock_timestamp()) - $6::interval)
LEFT JOIN job ON job.hold_id = first.id
WHERE name = $2
"""

SUBMIT = "SELECT * FROM ledger_submit_job_batch($1, $2, $3, $4)"

END = "SELECT place, refusal, late, (ended).* FROM ledger_end_job_batch($1, $2)"

CANCEL = "SELECT * FROM ledger_cancel_job($1, $2, $3, $4, $5)"

READ = f"SELECT {UNSEALED} FROM job WHERE account = $1 AND id = $2"  # noqa: S608 - our own words

LIST = f"""
SELECT {UNSEALED} FROM job
WHERE account = $1 AND ($2::text IS NULL OR id < $2) ORDER BY id DESC LIMIT $3
"""  # noqa: S608 - our own words

LIST_STATUS = f"""
SELECT {UNSEALED} FROM job
WHERE account = $1 AND status = $4 AND ($2::text IS NULL OR id < $2) ORDER BY id DESC LIMIT $3
"""  # noqa: S608 - our own words

EVENTS = "SELECT * FROM job_event WHERE job = $1 AND number > $2 ORDER BY number"


class Jobs:
    """Submits and ends jobs, as many as are due in one transaction."""

    def __init__(self, database: Database, now: Callable[[], datetime | None]) -> None:
        self._database = database
        self._now = now
        self._submitted: dict[int, Batches] = {}
        """By the default limit of queued jobs, of which a gateway has one."""
        self._ended = Batches(database, END, lambda: (now(),))

    async def submit(self, record: HoldRecord, job: NewJob, limits: JobLimits) -> Job:
        """Take the hold of a job, and queue it.

        If the caller is cancelled or does not get the response, the job is cancelled.
        """
        account = record.caller.account
        abandon = partial(_abandon, self._database, self._now(), account, job.id)
        batches = self._submitting(limits.queued)
        submitting = batches.submit(account, hold_row(record) | _row(job), abandon=abandon)
        try:
            row = await submitting
        except asyncio.CancelledError:
            if not submitting.cancelled() and submitting.exception() is None:
                _ = abandon()  # it was queued just before
            raise
        if row["refusal"] is not None:
            raise _refusal(record, row)
        return _submitted(record, job, row)

    def _submitting(self, most_queued: int) -> Batches:
        kept = timedelta(seconds=IDEMPOTENCY_KEPT_SECONDS)
        if most_queued not in self._submitted:
            self._submitted[most_queued] = Batches(
                self._database, SUBMIT, lambda: (self._now(), kept, most_queued)
            )
        return self._submitted[most_queued]

    async def end(self, job_id: str, claim: str, end: JobEnd) -> tuple[Job, Settlement | None]:
        """End a running job of a claim, or return how this claim has ended it before."""
        row = {
            "id": job_id,
            "claim": claim,
            "call": ordered_hex(),
            "status": end.status,
            "sold": end.is_sold,
            "cost": checked_amount(min(end.cost, MAXIMUM_AMOUNT)),  # no hold is larger
            "images": checked_images(end.images),
            "result": result_text(end.result),
            "error": error_text(end.error),
        }
        ended = await self._ended.submit(claim, row)
        if ended["refusal"] is not None:
            raise lost_error(job_id)
        job = job_of(ended)
        if job.charged is None:
            return job, None
        excess = end.cost - job.charged
        return job, Settlement(job.charged, job.available, late=ended["late"], excess=excess)


async def check_room(
    database: Database,
    now: datetime | None,
    account: str,
    idempotency: Idempotency | None,
    limits: JobLimits,
) -> None:
    """Check that a job could be queued."""
    key, digest = (None, None) if idempotency is None else astuple(idempotency)
    kept = timedelta(seconds=IDEMPOTENCY_KEPT_SECONDS)
    rows = await database.fetch(ROOM, now, account, key, digest, limits.queued, kept)
    if not rows:
        raise AccountNotFoundError(f"there is no account {account!r}")
    (row,) = rows
    if row["first_job"] is not None:
        raise IdempotentJobError(row["first_job"])
    if row["refusal"] is not None:
        raise key_refusal_of(row)
    if row["queued"] >= row["most_queued"]:
        raise JobQueueFullError(row["queued"], QUEUE_FULL_SECONDS)


async def cancel(database: Database, now: datetime | None, account: str, job_id: str) -> Job:
    """Cancel a queued job, and ask a running one to end."""
    return _found(await database.fetch(CANCEL, now, ordered_hex(), account, job_id, False), job_id)


async def read(database: Database, account: str, job_id: str) -> Job:
    """Read a job of an account."""
    return _found(await database.fetch(READ, account, job_id), job_id)


async def read_page(
    database: Database, account: str, status: JobStatus | None, after: str | None, limit: int
) -> Sequence[Job]:
    """Read jobs of an account, newest first."""
    if status is None:
        rows = await database.fetch(LIST, account, after, limit)
    else:
        rows = await database.fetch(LIST_STATUS, account, after, limit, status)
    return [job_of(row) for row in rows]


async def read_events(
    database: Database, account: str, job_id: str, after: int
) -> Sequence[JobEvent]:
    """Read the events of a job after a number."""
    await read(database, account, job_id)
    return [event_of(row) for row in await database.fetch(EVENTS, job_id, after)]


def _row(job: NewJob) -> dict[str, object]:
    """Return what a row of a batch has of a job, beside what it has of its hold."""
    return {
        "job": job.id,
        "operation": job.operation,
        "job_model": job.model,
        "summary": json.dumps(job.summary),
        "payload": _text(job.payload),
        "webhook": None if job.webhook is None else _text(job.webhook),
        "trace_parent": job.trace_parent,
        "retention_seconds": job.retention_seconds,
    }


def _text(sealed: bytes) -> str:
    return base64.b64encode(sealed).decode()


def _submitted(record: HoldRecord, job: NewJob, row: Record) -> Job:
    return Job(
        id=job.id,
        account=record.caller.account,
        key_id=record.caller.key_id,
        request_id=record.request.request_id,
        operation=job.operation,
        model=job.model,
        status="queued",
        phase="ready",
        summary=job.summary,
        created_at=moment(row["submitted_at"]),
        hold=record.hold(row["budget_remaining"]),
        trace_parent=job.trace_parent,
        webhook=job.webhook,
    )


def _refusal(record: HoldRecord, row: Record) -> LedgerError:
    if row["first_job"] is not None:
        return IdempotentJobError(row["first_job"])
    if row["refusal"] == "queue full":
        return JobQueueFullError(row["queued"], QUEUE_FULL_SECONDS)
    return refusal_of(record, row)


def _abandon(
    database: Database, now: datetime | None, account: str, job_id: str
) -> "asyncio.Task[list[Record]]":
    """Cancel a job that nobody knows of, if it was queued and has not started."""
    return database.start(CANCEL, now, ordered_hex(), account, job_id, True)


def _found(rows: Sequence[Record], job_id: str) -> Job:
    if not rows:
        raise JobNotFoundError(f"the account has no job {job_id!r}")
    return job_of(rows[0])
