"""The documents of jobs: requests that are stored now, run later, and asked after.

Pure: the webhooks of jobs have the same document as `GET /v1/images/jobs/{id}`, without the result.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tintype_gateway.errors import GatewayError
from tintype_gateway.ledger.jobs import Job
from tintype_gateway.values.plan import Plan

JOBS_PATH = "/v1/images/jobs"

POLL_SECONDS = 2
"""After how many seconds a client may look again, in `Retry-After` of a job that has not ended."""

Json = dict[str, Any]


def job_path(job_id: str) -> str:
    """Return the path of a job."""
    return f"{JOBS_PATH}/{job_id}"


def summary_of(plan: Plan) -> Json:
    """Return what the job document says of a request. It has no part of the prompt."""
    job = plan.job
    return {
        "operation": plan.operation.name,
        "model": plan.target.requested,
        "n": job.images,
        "size": str(job.size.size or "auto"),
        "quality": job.quality,
        "response_format": "url" if plan.as_url else "b64_json",
        "stream": plan.stream,
        "partial_images": job.partial_images,
    }


def job_document(job: Job, webhook: Mapping[str, Any] | None = None) -> Json:
    """Return a job as JSON, without its result. `webhook` is the state of its delivery."""
    return {
        "id": job.id,
        "object": "image.job",
        "status": job.status,
        "created_at": _seconds(job.created_at),
        "started_at": _seconds(job.started_at),
        "finished_at": _seconds(job.finished_at),
        "expires_at": _seconds(job.expires_at),
        "cancel_requested": job.cancel_requested,
        "request": dict(job.summary),
        "usage": _usage(job),
        "error": None if job.error is None else job.error["body"]["error"],
        "webhook": webhook,
    }


def job_list(jobs: Sequence[Json], *, has_more: bool) -> Json:
    """Return OpenAI's list object of job documents."""
    return {
        "object": "list",
        "data": list(jobs),
        "first_id": jobs[0]["id"] if jobs else None,
        "last_id": jobs[-1]["id"] if jobs else None,
        "has_more": has_more,
    }


def etag_of(document: Json, *, is_minimal: bool = False) -> str:
    """Return the ETag of a job by its document. It is weak: URLs in a result are made anew.

    Without its result, a job is another representation, for which no client has the other one.
    """
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:32]
    return f"{digest}-minimal" if is_minimal else digest


def error_record(error: GatewayError) -> Json:
    """Return the error that a job failed with, as it is stored with the job.

    It is the whole response that a direct request would have got.
    """
    return {"status": error.status, "headers": error.headers(), "body": error.body()}


def _usage(job: Job) -> Json | None:
    """Return what the job delivered and was charged for; None if that is nothing."""
    if job.charged is None:
        return None
    return {
        "images": 0 if job.result is None else job.result.images,
        "credits_used": job.charged,
        "credits_remaining": job.available,
    }


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
