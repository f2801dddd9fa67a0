"""Cancels tasks at providers that nobody waits for any more, after their calls have ended."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp

from tintype_catalog.catalog import Binding
from tintype_gateway.dialects.base import PollingDialect
from tintype_gateway.observability.metrics import TASK_CANCELS
from tintype_gateway.observability.request_meter import current_meter
from tintype_gateway.observability.spans import propagated
from tintype_gateway.upstream.provider_urls import headers_at, listed_url
from tintype_gateway.upstream.sessions import Sessions
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.tasks import Task, TaskCancel
from tintype_gateway.values.upstream import UpstreamRequest, UpstreamResponse

log = logging.getLogger(__name__)

CANCEL_SECONDS = 5.0
"""How long it may take to cancel a task, and to learn the id of one that was just submitted."""


@dataclass(frozen=True)
class PolledCall:
    """A call that submits a task."""

    request: UpstreamRequest
    dialect: PollingDialect = field(repr=False)
    binding: Binding


class TaskCancels:
    """Makes the calls that cancel tasks, one for each task, in tasks of their own.

    The request of a client may have ended before, and its credits are released.
    """

    def __init__(self, sessions: Sessions, seconds: float = CANCEL_SECONDS) -> None:
        self._sessions = sessions
        self._seconds = seconds
        self._running: set[asyncio.Task[None]] = set()

    def cancel(self, call: PolledCall, task: Task) -> None:
        """Cancel a task, if its provider can."""
        if task.cancel is not None:
            self._start(self._cancel(call, task.id, task.cancel))

    def cancel_submitted(
        self, call: PolledCall, submission: "asyncio.Task[UpstreamResponse]"
    ) -> None:
        """Cancel the task of a call that is still being submitted, if it is soon accepted."""
        self._start(self._cancel_submitted(call, submission))

    async def finish(self) -> None:
        """Wait for the calls in progress, which is bounded by their time limits."""
        await asyncio.gather(*self._running)

    def _start(self, cancelling: Coroutine[None, None, None]) -> None:
        running = asyncio.create_task(cancelling)
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    async def _cancel_submitted(
        self, call: PolledCall, submission: "asyncio.Task[UpstreamResponse]"
    ) -> None:
        with suppress(UpstreamFault, TimeoutError):  # there is no task, or none that is known
            async with asyncio.timeout(self._seconds):
                task = call.dialect.accepted(await submission)
            if task.cancel is not None:
                await self._cancel(call, task.id, task.cancel)

    async def _cancel(self, call: PolledCall, task: str, cancel: TaskCancel) -> None:
        fields = {"request_id": current_meter().request_id, "binding": call.binding.name}
        try:
            status = await self._send(call, cancel)
        except (ValueError, UpstreamFault, aiohttp.ClientError, TimeoutError, OSError) as error:
            status, fields["error"] = 0, str(error) or type(error).__name__
        is_done = 200 <= status < 300
        TASK_CANCELS.labels(call.binding.provider, "success" if is_done else "failure").inc()
        extra = {**fields, "upstream_request_id": task, "upstream_status": status}
        log.info("task at the provider cancelled" if is_done else "task not cancelled", extra=extra)

    async def _send(self, call: PolledCall, cancel: TaskCancel) -> int:
        """Return the status of the response to one call that cancels a task.

        Raises:
            ValueError: The URL is at another host than the provider's.
            UpstreamFault: There is no session to the provider.
        """
        url = listed_url(cancel.url, call.request.url, call.dialect.API_HOSTS)
        async with (
            asyncio.timeout(self._seconds),
            self._sessions.to(call.binding) as session,
            session.request(
                cancel.method,
                url,
                headers=propagated(headers_at(url, call.request)),
                allow_redirects=False,
            ) as response,
        ):
            return response.status
