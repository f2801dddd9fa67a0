"""Deletes jobs whose time is over: their results and events in the image store, then themselves.

What cannot be deleted from the store ends there by itself: files in a folder by their time, objects
in a bucket by its lifecycle rule.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence

from tintype_gateway.jobs.chores import regularly
from tintype_gateway.jobs.queue_metrics import QueueMetrics
from tintype_gateway.ledger.errors import JobNotFoundError
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

SIDE_BY_SIDE = 16
"""The files of how many jobs are deleted at once: a bucket takes tens of milliseconds for each."""

log = logging.getLogger(__name__)


async def forget_expired_jobs(ledger: JobOperations, store: ImageStore | None) -> None:
    """Delete jobs whose time is over, until cancelled."""

    async def forget() -> None:
        while await forget_some(ledger, store) == AT_ONCE:
            pass

    await regularly(forget, EXPIRY_SECONDS, "expired jobs not deleted")


async def forget_some(ledger: JobOperations, store: ImageStore | None) -> int:
    """Delete some jobs whose time is over, and return how many.

    Raises:
        LedgerError: The ledger is unavailable.
    """
    jobs = await ledger.expired_jobs(AT_ONCE)
    places = asyncio.Semaphore(SIDE_BY_SIDE)

    async def delete_files(job: Job, store: ImageStore) -> None:
        async with places:
            await _delete_files(job, ledger, store)

    if store is not None:
        async with asyncio.TaskGroup() as tasks:
            for job in jobs:
                tasks.create_task(delete_files(job, store))
    if jobs:
        await ledger.forget_jobs([job.id for job in jobs])
    return len(jobs)


async def count_queue(ledger: JobOperations) -> None:
    """Export the depth of the queue as metrics, until cancelled."""
    metrics = QueueMetrics()

    async def count() -> None:
        metrics.export(await ledger.job_queues())

    await regularly(count, COUNT_SECONDS, "queued jobs not counted")


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
        if event.name is not None:
            for name in await _images(store, event.name, lambda file: StoredBody.parse(file).names):
                yield name
            yield event.name
    if job.result is not None:
        record = job.result.record
        for name in await _images(
            store, record, lambda file: StoredResponse.parse(file).body.names
        ):
            yield name
        yield record


async def _images(
    store: ImageStore, record: str, read: Callable[[bytes], Sequence[str]]
) -> Sequence[str]:
    """Return the names of the images in a record; none if it is gone or damaged."""
    try:
        return read(await store.get(record))
    except NotStoredError:
        return ()
