"""The journal of the calls of a request that may outlive the process that makes them.

A direct request needs none: its client learns of the end of the connection. A job is carried on by
another process, which must know which calls a provider may have got, and which tasks it accepted.
"""

from datetime import datetime
from typing import Protocol

from tintype_gateway.frozen import frozen_value
from tintype_gateway.values.routes import Route
from tintype_gateway.values.tasks import Task
from tintype_gateway.values.upstream import PlannedCall


@frozen_value(frozen=True, slots=True)
class KnownTask:
    """A task that a provider accepted for a call that another process has made."""

    binding: str
    """The name of the binding that it was submitted over."""

    region: str
    task: Task
    submitted_at: datetime
    """When it was submitted, in UTC, by the clock of the process that has submitted it."""

    def is_over(self, route: Route) -> bool:
        """Return whether it was submitted over a route."""
        return (self.binding, self.region) == route.key


class CallJournal(Protocol):
    """Notes what becomes of calls, durably, before the next step is taken."""

    @property
    def leaves_tasks(self) -> bool:
        """Whether accepted tasks are left to another process, and so are not cancelled."""

    def known_task(self, planned: PlannedCall) -> KnownTask | None:
        """Return the task that is polled on in place of a call; None if the call is to be made."""

    async def sending(self, planned: PlannedCall, route: Route) -> None:
        """Note that a call is about to be sent. Nothing is sent before this returns.

        Whatever it raises ends the request, and the call is not sent.
        """

    async def made_nothing(self, planned: PlannedCall) -> None:
        """Note that the provider has made nothing of a call, which may be made again.

        Whatever it raises ends the request.
        """

    async def accepted(
        self, planned: PlannedCall, route: Route, task: Task, submitted_at: datetime
    ) -> None:
        """Note the task that a provider has accepted. It is not polled before this returns.

        Whatever it raises ends the request, and the task is cancelled.
        """


@frozen_value(frozen=True, slots=True)
class TaskJournal:
    """The part of a journal that concerns the task of one call."""

    journal: CallJournal
    planned: PlannedCall
    route: Route
    known: KnownTask | None = None
    """The task, if another process has submitted it."""

    @property
    def leaves_task(self) -> bool:
        """Whether the task is left to another process, and so is not cancelled."""
        return self.journal.leaves_tasks

    async def accepted(self, task: Task, submitted_at: datetime) -> None:
        """Note the task that the provider has accepted. See `CallJournal`."""
        await self.journal.accepted(self.planned, self.route, task, submitted_at)


class NoJournal:
    """The journal of direct requests."""

    leaves_tasks = False

    def known_task(self, planned: PlannedCall) -> KnownTask | None:
        """Return None: all calls are to be made."""
        return None

    async def sending(self, planned: PlannedCall, route: Route) -> None:
        """Note nothing."""

    async def made_nothing(self, planned: PlannedCall) -> None:
        """Note nothing."""

    async def accepted(
        self, planned: PlannedCall, route: Route, task: Task, submitted_at: datetime
    ) -> None:
        """Note nothing."""


NO_JOURNAL: CallJournal = NoJournal()
