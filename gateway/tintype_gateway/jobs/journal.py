"""The journal of a job's calls: what another gateway must know to carry the job on.

Before the first call is sent, the job's row says that a provider may be working. The tasks that
providers accept are in the row, sealed, before they are polled. If this gateway ends, the job is
resumed only if every call that was sent has its task; what was sent otherwise is never repeated,
unless the provider has made nothing of it.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from tintype_gateway.jobs.patience import persisted
from tintype_gateway.jobs.sealing import Sealing
from tintype_gateway.ledger.errors import JobLostError
from tintype_gateway.ledger.operations.jobs import JobOperations
from tintype_gateway.values.call_journal import KnownTask
from tintype_gateway.values.routes import Route
from tintype_gateway.values.tasks import Task, TaskCancel
from tintype_gateway.values.upstream import PlannedCall

_Call = tuple[int, int]
"""The index of the first image of a call, and the number of images that it asks for."""


class JobJournal:
    """The journal of one job that this process has by a claim: a `CallJournal`."""

    def __init__(
        self,
        job_id: str,
        claim: str,
        ledger: JobOperations,
        sealing: Sealing,
        noted: bytes | None = None,
    ) -> None:
        """Begin a journal, or continue the one that another process has noted.

        Raises:
            SealError: That one cannot be opened.
        """
        self._job_id = job_id
        self._claim = claim
        self._ledger = ledger
        self._sealing = sealing
        self._lock = asyncio.Lock()
        self._sent: set[_Call] = set()
        self._tasks: dict[_Call, KnownTask] = {}
        if noted is not None:
            self._read(json.loads(sealing.open(noted, self._about)))
        self._known = dict(self._tasks)
        self._is_noted = bool(self._sent)
        self.leaves_tasks = False
        """Whether accepted tasks are left to another process, and so are not cancelled."""

    @property
    def has_sent(self) -> bool:
        """Whether a provider may be working, or may have made an image."""
        return bool(self._sent)

    @property
    def may_resume(self) -> bool:
        """Whether another process can carry on all that was sent."""
        return self.has_sent and self._sent <= self._tasks.keys()

    @property
    def routes(self) -> frozenset[tuple[str, str]]:
        """The bindings and regions of the tasks that another process has submitted."""
        return frozenset((known.binding, known.region) for known in self._known.values())

    def leave_tasks(self) -> None:
        """Leave the accepted tasks to another process, if it can carry the job on."""
        self.leaves_tasks = self.may_resume

    def fits(self, planned: Iterator[PlannedCall]) -> bool:
        """Return whether what another process has sent is among the calls of a plan."""
        return self._known.keys() <= {_key(call) for call in planned}

    def known_task(self, planned: PlannedCall) -> KnownTask | None:
        """Return the task of a call that another process has submitted."""
        return self._known.get(_key(planned))

    async def sending(self, planned: PlannedCall, route: Route) -> None:
        """Note that a call is about to be sent.

        Raises:
            JobLostError: Another process has the job.
        """
        async with self._lock:
            self._sent.add(_key(planned))
            if not self._is_noted:
                await self._noted(lambda: self._ledger.note_sent(self._job_id, self._claim))
                self._is_noted = True
            elif self._tasks:
                await self._note_tasks(self._tasks)

    async def made_nothing(self, planned: PlannedCall) -> None:
        """Note that the provider has made nothing of a call, which may be made again.

        A call that has a task keeps it: a poll tells again what became of it.

        Raises:
            JobLostError: Another process has the job.
        """
        async with self._lock:
            if _key(planned) not in self._tasks:
                self._sent.discard(_key(planned))
                self._is_noted = bool(self._tasks)  # else the next call asks who has the job
                if self._tasks:
                    await self._note_tasks(self._tasks)

    async def accepted(
        self, planned: PlannedCall, route: Route, task: Task, submitted_at: datetime
    ) -> None:
        """Note the task that a provider has accepted.

        Raises:
            JobLostError: Another process has the job.
        """
        async with self._lock:
            known = KnownTask(route.binding.name, route.region, task, submitted_at)
            tasks = {**self._tasks, _key(planned): known}
            await self._note_tasks(tasks)
            self._tasks = tasks

    async def _note_tasks(self, tasks: Mapping[_Call, KnownTask]) -> None:
        text = json.dumps(_written(self._sent, tasks)).encode()
        sealed = self._sealing.seal(text, self._about)
        await self._noted(lambda: self._ledger.note_tasks(self._job_id, self._claim, sealed))

    async def _noted(self, note: Callable[[], Awaitable[None]]) -> None:
        try:
            await persisted(self._job_id, note)
        except JobLostError:
            self.leave_tasks()
            raise

    @property
    def _about(self) -> str:
        return f"job:{self._job_id}:tasks"

    def _read(self, document: Mapping[str, Any]) -> None:
        self._sent = {(first, asked) for first, asked in document["sent"]}
        for entry in document["tasks"]:
            self._tasks[(entry["first"], entry["asked"])] = _task_of(entry)


def _key(planned: PlannedCall) -> _Call:
    return planned.first, planned.asked


def _written(sent: set[_Call], tasks: Mapping[_Call, KnownTask]) -> dict[str, object]:
    return {
        "sent": sorted(sent),
        "tasks": [_entry(call, known) for call, known in sorted(tasks.items(), key=lambda x: x[0])],
    }


def _entry(call: _Call, known: KnownTask) -> dict[str, object]:
    task = known.task
    return {
        "first": call[0],
        "asked": call[1],
        "binding": known.binding,
        "region": known.region,
        "id": task.id,
        "status_url": task.status_url,
        "cancel": None if task.cancel is None else [task.cancel.method, task.cancel.url],
        "submitted_at": known.submitted_at.isoformat(),
        "cost_usd": None if task.cost_usd is None else str(task.cost_usd),
    }


def _task_of(entry: Mapping[str, Any]) -> KnownTask:
    cancel, cost = entry["cancel"], entry["cost_usd"]
    task = Task(
        entry["id"],
        entry["status_url"],
        None if cancel is None else TaskCancel(*cancel),
        None if cost is None else Decimal(cost),
    )
    submitted_at = datetime.fromisoformat(entry["submitted_at"])
    return KnownTask(entry["binding"], entry["region"], task, submitted_at)
