"""Checks before any work is done for a job: may there be one, and is it a repeat?"""

from dataclasses import dataclass
from typing import Protocol

from tintype_gateway.errors import AlreadyServedError, BadRequestError, ForbiddenError
from tintype_gateway.holds import Idempotency
from tintype_gateway.ledger.errors import (
    IdempotencyReplayError,
    IdempotentJobError,
    JobQueueFullError,
    LedgerError,
)
from tintype_gateway.ledger.interface import Caller, Ledger
from tintype_gateway.ledger.jobs import Job, JobLimits
from tintype_gateway.observability.metrics import JOB_SUBMISSIONS
from tintype_gateway.pipeline.stages.hold import refusal


@dataclass(frozen=True)
class Unavailable:
    """Why a gateway takes no jobs, for clients that submit one."""

    message: str
    code: str = "jobs_unavailable"

    @property
    def error(self) -> BadRequestError:
        """The error that these clients get."""
        return BadRequestError(self.message, code=self.code, param="Prefer")


NO_STORE = Unavailable(
    "`Prefer: respond-async` needs an image store, which this gateway does not have"
    " (AWS_S3_BUCKET or TINTYPE_IMAGE_STORE_DIR)",
    "image_store_required",
)
NO_KEY = Unavailable(
    "`Prefer: respond-async` needs a key that encrypts the requests of jobs, which this gateway"
    " does not have (TINTYPE_JOBS_KEY_FILE)"
)
DISABLED = Unavailable("this gateway takes no jobs (TINTYPE_JOBS_ENABLED)")


class JobHooks(Protocol):
    """Checks and seals the webhook URLs that requests name."""

    async def accepted(self, caller: Caller, job_id: str, url: str) -> bytes:
        """Return the sealed URL that is told of the end of a job.

        Raises:
            GatewayError: The account may have no webhooks, or this URL cannot be one.
        """


async def sealed_webhook(
    hooks: JobHooks | None, caller: Caller, job_id: str, url: str | None
) -> bytes | None:
    """Return the sealed URL of a request that names one.

    Raises:
        GatewayError: As `JobHooks.accepted`.
    """
    if url is None:
        return None
    if hooks is None:
        raise ForbiddenError(
            "the account may have no webhooks", code="webhooks_not_allowed", param="webhook_url"
        )
    return await hooks.accepted(caller, job_id, url)


async def find_repeated(
    ledger: Ledger, account: str, idempotency: Idempotency | None, limits: JobLimits
) -> Job | None:
    """Return the job of an earlier request with this key; None if a new job has room.

    It is asked before the request is judged and stored: neither costs anything where the queue is
    full, and a repeat gets its job whatever has changed since.

    Raises:
        AlreadyServedError, GatewayError: As `earlier_job`.
    """
    try:
        await ledger.check_job_room(account, idempotency, limits)
    except LedgerError as error:
        return await earlier_job(ledger, account, error)
    return None


async def earlier_job(ledger: Ledger, account: str, error: LedgerError) -> Job:
    """Return the job that a refusal of the ledger names, which has the same idempotency key.

    Raises:
        AlreadyServedError: A direct request with the key was served before.
        GatewayError: The ledger refuses for another reason.
    """
    match error:
        case IdempotentJobError():
            try:
                job = await ledger.job(account, error.job_id)
            except LedgerError as failure:
                raise refusal(failure) from failure
            JOB_SUBMISSIONS.labels("repeated").inc()
            return job
        case IdempotencyReplayError():
            raise AlreadyServedError(str(error), error.request_id) from error
        case JobQueueFullError():
            JOB_SUBMISSIONS.labels("queue_full").inc()
    raise refusal(error) from error
