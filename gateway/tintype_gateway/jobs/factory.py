"""Builds the parts of a gateway that accept, show and run jobs."""

from dataclasses import replace

from tintype_gateway.jobs.admission import DISABLED, NO_KEY, NO_STORE
from tintype_gateway.jobs.changes import JobChanges
from tintype_gateway.jobs.patient_store import PatientStore
from tintype_gateway.jobs.payload import Payloads
from tintype_gateway.jobs.reading import Jobs
from tintype_gateway.jobs.responses import JobResponses
from tintype_gateway.jobs.run import JobTools
from tintype_gateway.jobs.sealing import Sealing
from tintype_gateway.jobs.service import JobService, Webhooks
from tintype_gateway.jobs.settings import DAY_SECONDS, JobSettings
from tintype_gateway.jobs.submission import Submissions
from tintype_gateway.jobs.worker import Worker
from tintype_gateway.ledger.jobs import JobLimits
from tintype_gateway.pipeline.pipeline import Pipeline
from tintype_gateway.runtime.spool import Spools

RUNNING_SECONDS = 2 * 3600
"""How long before the end of a job its first output may be stored: longer than any call takes."""


def create_service(
    pipeline: Pipeline,
    settings: JobSettings,
    sealing: Sealing | None,
    spools: Spools,
    max_upload_bytes: int,
    webhooks: Webhooks | None = None,
) -> JobService:
    """Return the jobs of a gateway; without a sealing it takes none."""
    store = pipeline.images.store
    payloads = None
    if store is not None and sealing is not None:
        payloads = Payloads(
            sealing,
            store,
            spools,
            max_upload_bytes,
            settings.jobs_max_queued_seconds + DAY_SECONDS,
            pipeline.memory,
        )
    intake = payloads or (NO_STORE if store is None else NO_KEY)
    changes = JobChanges(pipeline.ledger)
    return JobService(
        submissions=Submissions(
            pipeline,
            intake if settings.jobs_enabled else DISABLED,
            webhooks,
            JobLimits(settings.jobs_max_queued, settings.jobs_max_running),
            settings.jobs_retention_seconds,
            settings.jobs_max_upload_bytes,
        ),
        jobs=Jobs(pipeline.ledger, changes),
        responses=JobResponses(store, pipeline.images.url_seconds, pipeline.memory),
        changes=changes,
        payloads=payloads,
        webhooks=webhooks,
    )


def create_worker(pipeline: Pipeline, settings: JobSettings, service: JobService) -> Worker | None:
    """Return what runs the jobs of a gateway; None if it runs none."""
    store, payloads = pipeline.images.store, service.payloads
    if store is None or payloads is None or not settings.jobs_concurrency:
        return None
    seconds = settings.jobs_retention_seconds + pipeline.images.url_seconds + RUNNING_SECONDS
    patient = PatientStore(store, seconds)
    images = replace(pipeline.executor.images, store=patient)
    tools = JobTools(
        pipeline,
        replace(pipeline.executor, images=images),
        payloads,
        patient,
        seconds,
        settings.jobs_max_queued_seconds,
    )
    limits = JobLimits(settings.jobs_max_queued, settings.jobs_max_running)
    worker = Worker(
        tools,
        limits,
        settings.jobs_concurrency,
        drain_seconds=settings.jobs_drain_seconds,
        lease_seconds=settings.jobs_lease_seconds,
    )
    service.changes.listen(worker.hear)
    return worker
