"""A server that works on one request at a time, and does not notice that a client left."""

import asyncio
from collections.abc import Coroutine

from aiohttp import web

from tintype_simulator.dialect import SimulatedResponse


class Worker:
    """Runs jobs in the order in which they came, one at a time, each of them to its end."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._jobs: set[asyncio.Task[SimulatedResponse]] = set()

    async def run(self, job: Coroutine[None, None, SimulatedResponse]) -> SimulatedResponse:
        """Return what the job returns, after all jobs that came before.

        A caller that is cancelled leaves its job behind: the job keeps its turn.
        """
        task = asyncio.create_task(self._in_turn(job))
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
        return await asyncio.shield(task)

    async def close(self, app: web.Application) -> None:
        """Cancel all jobs: the application that serves them stops."""
        jobs = tuple(self._jobs)
        for task in jobs:
            task.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)

    async def _in_turn(self, job: Coroutine[None, None, SimulatedResponse]) -> SimulatedResponse:
        try:
            async with self._turn:
                return await job
        finally:
            job.close()
