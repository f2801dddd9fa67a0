"""Jobs from rows of their tables, whose columns have the same names in both engines."""

import json
from collections.abc import Mapping
from typing import Any

from tintype_gateway.holds import Hold
from tintype_gateway.ledger.errors import JobLostError
from tintype_gateway.ledger.jobs import Job, JobEvent, JobQueueDepth, JobResult
from tintype_gateway.ledger.rows import Row, moment

UNSEALED = """
id, account, hold_id, amount, key_id, request_id, operation, model, summary, status, phase,
trace_parent, webhook, created_at, started_at, finished_at, expires_at, cancel_requested_at,
attempts, handed_back, result, error, charged, available, NULL AS payload, NULL AS tasks
"""
"""The columns of a job for those who have no claim."""


def job_of(row: Row) -> Job:
    """Return a job."""
    return Job(
        id=row["id"],
        account=row["account"],
        key_id=row["key_id"],
        request_id=row["request_id"],
        operation=row["operation"],
        model=row["model"],
        status=row["status"],
        phase=row["phase"],
        summary=json.loads(row["summary"]),
        created_at=moment(row["created_at"]),
        started_at=moment(row["started_at"]),
        finished_at=moment(row["finished_at"]),
        expires_at=moment(row["expires_at"]),
        cancel_requested=row["cancel_requested_at"] is not None,
        attempts=row["attempts"],
        handed_back=row["handed_back"],
        hold=Hold(row["hold_id"], row["account"], row["amount"]),
        result=_result(row["result"]),
        error=None if row["error"] is None else json.loads(row["error"]),
        charged=row["charged"],
        available=row["available"],
        trace_parent=row["trace_parent"],
        payload=row["payload"],
        tasks=row["tasks"],
        webhook=row["webhook"],
    )


def result_text(result: JobResult | None) -> str | None:
    """Return a result as a column has it."""
    return (
        None if result is None else json.dumps({"record": result.record, "images": result.images})
    )


def error_text(error: Mapping[str, Any] | None) -> str | None:
    """Return an error as a column has it."""
    return None if error is None else json.dumps(error)


def event_of(row: Row) -> JobEvent:
    """Return an event of a job."""
    return JobEvent(
        kind=row["kind"], data=json.loads(row["data"]), name=row["name"], number=row["number"]
    )


def depth_of(row: Row) -> JobQueueDepth:
    """Return the depth of the queue of a model."""
    return JobQueueDepth(
        row["model"], row["queued"], row["running"], max(0.0, row["oldest_seconds"] or 0.0)
    )


def lost_error(job_id: str) -> JobLostError:
    """Return the error of a worker that does not have a job any more."""
    return JobLostError(f"the claim does not have {job_id} any more")


def _result(stored: str | None) -> JobResult | None:
    return None if stored is None else JobResult(**json.loads(stored))
