"""Ends jobs that no worker claims in time.

Their account may have reached its limit of running jobs, or no worker may be running.
"""

import logging

from tintype_gateway.api.jobs import error_record
from tintype_gateway.jobs import failures
from tintype_gateway.jobs.chores import regularly
from tintype_gateway.jobs.payload import Payloads
from tintype_gateway.ledger.operations.jobs import JobOperations
from tintype_gateway.observability.metrics import JOBS_ENDED

LOOK_SECONDS = 15.0
"""The time between two looks for jobs that have waited for too long."""

AT_ONCE = 100
"""How many jobs end in one transaction."""

log = logging.getLogger(__name__)


async def fail_overdue_jobs(
    ledger: JobOperations, payloads: Payloads | None, most_seconds: int
) -> None:
    """Fail jobs that have been queued for more than `most_seconds`, until cancelled."""

    async def fail() -> None:
        while await fail_some(ledger, payloads, most_seconds) == AT_ONCE:
            pass

    await regularly(fail, LOOK_SECONDS, "overdue jobs not ended")


async def fail_some(ledger: JobOperations, payloads: Payloads | None, most_seconds: int) -> int:
    """Fail some of the jobs that have been queued for too long, and return how many.

    Their images are removed from the store; without `payloads` they end there by themselves.

    Raises:
        LedgerError: The ledger is unavailable.
    """
    error = error_record(failures.overdue(most_seconds))
    failed = await ledger.fail_overdue_jobs(most_seconds, AT_ONCE, error)
    for job in failed:
        JOBS_ENDED.labels(job.operation, job.status).inc()
        extra = {"job": job.id, "request_id": job.request_id, "account": job.account}
        log.warning("job was queued for too long", extra=extra)
        if payloads is not None and job.payload is not None:
            await payloads.discard(job.id, job.payload)
    return len(failed)
