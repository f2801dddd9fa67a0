"""Deletes jobs whose time is over: their results and events in the image store, then themselves.

What cannot be deleted from the store ends there by itself: files in a folder by their time, objects
in a bucket by its lifecycle rule.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator

from tintype_gateway.jobs.queue_metrics import QueueMetrics
from tintype_gateway.ledger.errors import JobNotFoundError, LedgerError
from tintype_gateway.ledger.jobs import Job
from tintype_gateway.ledger.operations.jobs import JobOperations
from tintype_gateway.storage.interface import ImageStore, NotStoredError, StoreError
from tintype_gateway.storage.stored_responses import StoredBody, StoredResponse

EXPIRY_SECONDS = 60.0
"""The time between two looks for jobs whose time is over."""

COUNT_SECONDS = 15.0
"""The time between two counts of the queue."""

AT_ONCE = 100
"""How many jobs are deleted in one step."""

log = logging.getLogger(__name__)


async def forget_expired_jobs(ledger: JobOperations, store: ImageStore | None) -> None:
    """Delete jobs whose time is over, until cancelled."""
    while True:
        try:
            while await forget_some(ledger, store) == AT_ONCE:
                pass
        except LedgerError as error:
            log.warning("expired jobs not deleted", extra={"error": str(error)})
        await asyncio.sleep(EXPIRY_SECONDS)


async def forget_some(ledger: JobOperations, store: ImageStore | None) -> int:
    """Delete some jobs whose time is over, and return how many.

    Raises:
        LedgerError: The ledger is unavailable.
    """
    jobs = await ledger.expired_jobs(AT_ONCE)
    for job in jobs:
        if store is not None:
            await _delete_files(job, ledger, store)
    if jobs:
        await ledger.forget_jobs([job.id for job in jobs])
    return len(jobs)


async def count_queue(ledger: JobOperations) -> None:
    """Export the depth of the queue as metrics, until cancelled."""
    metrics = QueueMetrics()
    while True:
        try:
            metrics.export(await ledger.job_queues())
        except LedgerError as error:
            log.warning("queued jobs not counted", extra={"error": str(error)})
        await asyncio.sleep(COUNT_SECONDS)


async def _delete_files(job: Job, ledger: JobOperations, store: ImageStore) -> None:
    try:
        async for name in _files(job, ledger, store):
            await store.delete(name)
    except StoreError as error:
        extra = {"job": job.id, "error": str(error)}
        log.warning("files of an expired job not deleted", extra=extra)


async def _files(job: Job, ledger: JobOperations, store: ImageStore) -> AsyncIterator[str]:
    """Yield the names of a job's files, a record after the images that it names."""
    try:
        events = await ledger.job_events(job.account, job.id)
    except JobNotFoundError:
        return  # another gateway has just deleted it
    for event in events:
        if event.name is not None and (content := await _read(store, event.name)) is not None:
            for name in StoredBody.parse(json.loads(content)).names:
                yield name
            yield event.name
    if job.result is not None and (content := await _read(store, job.result.record)) is not None:
        for name in StoredResponse.parse(content).body.names:
            yield name
        yield job.result.record


async def _read(store: ImageStore, name: str) -> bytes | None:
    try:
        return await store.get(name)
    except NotStoredError:
        return None
