"""Finds the result of a job whose gateway stored it, and ended before the job did."""

from dataclasses import dataclass

from tintype_gateway.ledger.jobs import Job, JobEnd, JobResult
from tintype_gateway.storage.interface import ImageStore, NotStoredError
from tintype_gateway.storage.stored_responses import Bill, StoredResponse, response_name


@dataclass(frozen=True)
class StoredResults:
    """Finds the results that jobs have left before they were charged."""

    store: ImageStore
    seconds: int
    """How long the files of a result are kept after it was found."""

    async def end(self, job: Job) -> JobEnd | None:
        """Return the end of a job whose gateway has stored its result before it ended.

        Returns None if there is no result, or a file of it is gone: what cannot be delivered is not
        charged.

        Raises:
            StoreError: It is not known now.
        """
        name = response_name(job.request_id)
        try:
            bill = await self.keep(name)
        except NotStoredError:
            return None
        if bill is None:
            return None
        result = JobResult(name, bill.images)
        return JobEnd(status="completed", cost=bill.cost, images=bill.images, result=result)

    async def keep(self, record: str) -> Bill | None:
        """Keep the files of a result as if they had been stored now, and return its bill.

        Raises:
            NotStoredError: A file is gone.
            StoreError: The store is unavailable.
        """
        stored = StoredResponse.parse(await self.store.get(record))
        for name in (*stored.body.names, record):
            await self.store.keep(name, self.seconds)
        return stored.bill
