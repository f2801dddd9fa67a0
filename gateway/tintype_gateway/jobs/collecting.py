"""Stores what the calls of a job bring, until all have ended, or its client cancels them."""

import asyncio
from contextlib import aclosing

from tintype_gateway.jobs.journal import JobJournal
from tintype_gateway.jobs.output import JobOutput
from tintype_gateway.ledger.errors import JobLostError
from tintype_gateway.upstream.executor import Execution
from tintype_gateway.values.events import FailedCall, FinishedCall, PartialImage


class Collecting:
    """The calls of one job, on their way to its output."""

    def __init__(self, execution: Execution, output: JobOutput, journal: JobJournal) -> None:
        self._execution = execution
        self._output = output
        self._journal = journal
        self._task: asyncio.Task[None] | None = None
        self.is_cancelled = False

    @property
    def is_cut(self) -> bool:
        """Whether calls were cancelled before they have ended."""
        ended = len(self._output.calls) + len(self._output.failed)
        return self.is_cancelled and ended < len(self._execution.planned)

    def cancel(self) -> None:
        """Cancel the calls, but those of which the client may have an image or a preview."""
        self.is_cancelled = True
        if self._task is None:
            return
        if self._output.begun:
            self._execution.abandon(keep=self._output.begun)
        else:
            self._task.cancel()

    async def run(self) -> None:
        """Make the calls, and store what they bring.

        Calls that were cancelled before are not made. If another process has made them, their
        tasks are cancelled at the providers.

        Raises:
            JobLostError: Another process has the job.
        """
        if self.is_cancelled:
            self._execution.cancel_known()
            return
        self._task = asyncio.create_task(self._collect())
        try:
            await self._task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is None or current.cancelling() or not self.is_cancelled:
                raise

    async def _collect(self) -> None:
        async with aclosing(self._execution.events()) as events:
            async for event in events:
                try:
                    match event:
                        case PartialImage():
                            await self._output.preview(event)
                        case FinishedCall():
                            await self._output.finish(event)
                        case FailedCall():
                            self._output.fail(event)
                except JobLostError:
                    self._journal.leave_tasks()
                    raise
