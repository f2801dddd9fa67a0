"""The parts of a gateway that accept jobs from clients, and show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tintype_gateway.api.jobs import job_document
from tintype_gateway.errors import NotFoundError
from tintype_gateway.jobs.admission import JobHooks
from tintype_gateway.jobs.changes import JobChanges
from tintype_gateway.jobs.payload import Payloads
from tintype_gateway.jobs.reading import Jobs
from tintype_gateway.jobs.responses import JobResponses
from tintype_gateway.jobs.submission import Submissions
from tintype_gateway.ledger.jobs import Job
from tintype_gateway.observability.metrics import JOBS_ENDED


class Webhooks(JobHooks, Protocol):
    """The webhooks of jobs. All raise `GatewayError` if the ledger cannot be used."""

    async def documents(self, jobs: Sequence[Job]) -> Mapping[str, Mapping[str, Any]]:
        """Return what is known of the webhooks of jobs, by their ids; not of those without one."""

    async def redeliver(self, job: Job) -> None:
        """Let the message of a job be sent again, whatever became of it.

        Raises:
            GatewayError: The job has no webhook, or has not ended.
        """


@dataclass(frozen=True)
class JobService:
    """Accepts, reads, shows and cancels jobs."""

    submissions: Submissions
    jobs: Jobs
    responses: JobResponses
    changes: JobChanges
    payloads: Payloads | None
    """The requests of jobs; None if there is no store or no key for them."""

    webhooks: Webhooks | None = None

    async def document(self, job: Job) -> dict[str, Any]:
        """Return a job as JSON, without its result."""
        (document,) = await self.documents([job])
        return document

    async def documents(self, jobs: Sequence[Job]) -> Sequence[dict[str, Any]]:
        """Return jobs as JSON, without their results."""
        hooked = [job for job in jobs if job.webhook is not None]
        known: Mapping[str, Mapping[str, Any]] = {}
        if self.webhooks is not None and hooked:
            known = await self.webhooks.documents(hooked)
        return [job_document(job, known.get(job.id)) for job in jobs]

    async def redeliver(self, job: Job) -> None:
        """Let the message that a job has ended be sent again; see `Webhooks.redeliver`.

        Raises:
            NotFoundError: It has no webhook.
        """
        if self.webhooks is None or job.webhook is None:
            raise NotFoundError(f"the job {job.id} has no webhook", code="webhook_not_found")
        await self.webhooks.redeliver(job)

    async def cancel(self, account: str, job_id: str) -> Job:
        """Cancel a job; see `Jobs.cancel`. The images of one that will not run are removed."""
        job = await self.jobs.cancel(account, job_id)
        if job.payload is not None:
            JOBS_ENDED.labels(job.operation, job.status).inc()
            if self.payloads is not None:
                await self.payloads.discard(job.id, job.payload)
        return job
