"""Tasks of providers that accept a call first, and tell by polls when there is a result.

A task is worked on as soon as it is accepted. A word in the prompt changes what becomes of it:

==============  ================================================================================
`stuck-task`    it waits in the queue until it is cancelled
`endless-task`  it runs until it is cancelled
`broken-task`   it fails
`odd-task`      the first poll gets a state that nobody has heard of
`strayed-task`  its images are said to be at a host that is not the provider's
==============  ================================================================================
"""

import asyncio
import re
import time
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from functools import partial

from aiohttp import web

from tintype_simulator.dialect import SimulatedResponse
from tintype_simulator.hosted.inputs import Painting
from tintype_simulator.servers.stored_files import STORED_FILES

TASKS_KEPT = 1000
"""How many tasks are kept; the oldest is dropped first."""

ELSEWHERE = "https://images.example.com"
"""The host of images that strayed."""

_MARKER = re.compile(r"\b(stuck|endless|broken|odd|strayed)-task\b", re.IGNORECASE)


class State(Enum):
    """How far a task is."""

    QUEUED = auto()
    RUNNING = auto()
    DONE = auto()
    """It has a result, or an error of the model."""

    FAILED = auto()
    """The provider failed."""

    CANCELED = auto()
    ABORTED = auto()
    """Its time was over before it ran."""

    ODD = auto()


class BrokenTaskError(Exception):
    """The provider failed at a task."""


class HostedTask:
    """A task, and the work on it."""

    def __init__(self, prompt: str, work: Callable[[], Awaitable[Painting]]) -> None:
        match = _MARKER.search(prompt)
        self.marker = match[1].lower() if match else None
        self.id = str(uuid.uuid4())
        self.created = time.time()
        self._ended: State | None = None
        self._polls = 0
        self._work = asyncio.create_task(self._worked(work))

    async def _worked(self, work: Callable[[], Awaitable[Painting]]) -> tuple[Painting, float]:
        started = time.perf_counter()
        if self.marker in ("stuck", "endless"):
            await asyncio.Event().wait()
        if self.marker == "broken":
            raise BrokenTaskError
        return await work(), time.perf_counter() - started

    @property
    def state(self) -> State:
        """How far the task is."""
        if self._ended is not None:
            return self._ended
        if not self._work.done():
            return State.QUEUED if self.marker == "stuck" else State.RUNNING
        return State.FAILED if isinstance(self._work.exception(), BrokenTaskError) else State.DONE

    def polled(self) -> State:
        """Return what a poll gets."""
        self._polls += 1
        return State.ODD if self.marker == "odd" and self._polls == 1 else self.state

    def end(self, *, aborts: bool = False) -> State:
        """Stop the work, and return the state that the task was in.

        Args:
            aborts: Whether a task that did not run yet is aborted instead of cancelled.
        """
        state = self.state
        if state in (State.QUEUED, State.RUNNING):
            is_aborted = aborts and state is State.QUEUED
            self._ended = State.ABORTED if is_aborted else State.CANCELED
            self._work.cancel()
        return state

    def end_after(self, seconds: float) -> None:
        """Stop the work in this time, if it has not ended by then."""
        asyncio.get_running_loop().call_later(seconds, partial(self.end, aborts=True))

    async def wait(self, seconds: float) -> None:
        """Wait until the work ends, or for so long."""
        await asyncio.wait([self._work], timeout=seconds)

    def result(self) -> Painting:
        """Return the result of a task that is done.

        Raises:
            Exception: What the work raised.
        """
        return self._work.result()[0]

    @property
    def seconds(self) -> float:
        """How long the work on a task took that is done with a result."""
        return self._work.result()[1]


class Tasks:
    """The tasks of all providers: their ids are unique."""

    def __init__(self) -> None:
        self._tasks: OrderedDict[str, HostedTask] = OrderedDict()

    def put(self, task: HostedTask) -> None:
        """Keep a task."""
        self._tasks[task.id] = task
        if len(self._tasks) > TASKS_KEPT:
            self._tasks.popitem(last=False)[1].end()

    def get(self, task_id: str) -> HostedTask | None:
        """Return a task, None where there is none."""
        return self._tasks.get(task_id)

    async def close(self, app: web.Application) -> None:
        """Stop the work on all tasks."""
        for task in self._tasks.values():
            task.end()
            await task.wait(1)


TASKS = web.AppKey("tasks", Tasks)
"""The tasks of all providers."""


def stored_url(request: web.Request, task: HostedTask, base: str, content: bytes) -> str:
    """Keep a file that a task made, and return its URL below `base`, a path of the provider."""
    name = f"{uuid.uuid4().hex}.{_suffix(content)}"
    request.app[STORED_FILES].put(name, f"image/{_suffix(content)}", content)
    origin = ELSEWHERE if task.marker == "strayed" else str(request.url.origin())
    return f"{origin}{base}/{name}"


def stored_file(request: web.Request) -> SimulatedResponse | None:
    """Return the file that the path of a request names, None where there is none."""
    stored = request.app[STORED_FILES].get(request.match_info["name"])
    if stored is None:
        return None
    media_type, content = stored
    return SimulatedResponse(200, content, {"content-type": media_type})


def _suffix(content: bytes) -> str:
    if content.startswith(b"\x89PNG"):
        return "png"
    return "webp" if content[8:12] == b"WEBP" else "jpeg"
