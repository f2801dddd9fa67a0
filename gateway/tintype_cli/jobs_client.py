"""Jobs of a gateway: submitted, looked at, and followed to their end."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from tintype_cli.http_client import (
    TIMEOUT_SECONDS,
    ApiError,
    Body,
    BusyError,
    Gateway,
    UnreachableError,
)
from tintype_cli.images_client import Event, FinalImage, Partial, events, image_in

Job = Mapping[str, Any]
"""A job as the API describes it."""

STATUSES = ("queued", "in_progress", "completed", "failed", "cancelled", "outcome_unknown")

PATH = "/v1/images/jobs"

AWAY_SECONDS = 60.0
"""How long no gateway may serve a client that follows a job: another one goes on with the job."""

MOST_PAUSE_SECONDS = 5.0

_WITHOUT_RESULT = {"Prefer": "return=minimal"}


class TimedOutError(Exception):
    """The job has not ended in time."""


class Submitted(NamedTuple):
    """A job that the gateway has accepted."""

    job: Job
    changes: str
    """What was adjusted to the model, from the header `Tintype-Adjusted`."""


def has_ended(job: Job) -> bool:
    """Return whether a job will not change any more."""
    return job["status"] not in ("queued", "in_progress")


def submit(gateway: Gateway, path: str, body: Body, handling: str | None) -> Submitted:
    """Submit a request as a job. `path` is that of the operation, such as `/v1/images/edits`.

    Raises:
        ApiError, UnreachableError: As `Gateway.request`.
    """
    wanted = f"respond-async, handling={handling}" if handling else "respond-async"
    with gateway.request("POST", path, body, {"Prefer": wanted}) as response:
        if response.status != 202:
            raise ApiError("the gateway does not know jobs: it served the request at once")
        return Submitted(json.load(response), response.headers.get("Tintype-Adjusted") or "")


def job_of(gateway: Gateway, job_id: str) -> Job:
    """Return a job without its result.

    Raises:
        ApiError, UnreachableError: As `Gateway.request`.
    """
    return gateway.document("GET", _path(job_id), _WITHOUT_RESULT)


def jobs_of(gateway: Gateway, limit: int, status: str | None, after: str | None) -> dict[str, Any]:
    """Return a page of the account's jobs, newest first, from the one after a job on.

    Raises:
        ApiError, UnreachableError: As `Gateway.request`.
    """
    asked = {"limit": limit, "status": status, "after": after}
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    return gateway.document("GET", f"{PATH}?{query}")


def cancel(gateway: Gateway, job_id: str) -> Job:
    """Cancel a job, and return it as it is then. One that has ended stays as it is.

    Raises:
        ApiError, UnreachableError: As `Gateway.request`.
    """
    return gateway.document("POST", f"{_path(job_id)}/cancel", _WITHOUT_RESULT)


def follow(gateway: Gateway, job: Job, seconds: float | None) -> Iterator[Partial | FinalImage]:
    """Yield the previews and images of a job until it has ended, also those from before.

    A connection that breaks off is made anew, and goes on after the last event that came. So it is
    where a gateway is overloaded or restarts.

    Raises:
        ApiError: The gateway refused a request, or was busy for a minute.
        UnreachableError: No gateway responded for a minute.
        TimedOutError: The job has not ended in `seconds`; None sets no limit.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    last, away = 0, _Away(deadline)
    while True:
        first = last
        try:
            for event in _events(gateway, job["id"], last, deadline):
                found = image_in(event.data)
                last = event.number
                away.ended()
                if found is not None:
                    yield found
            if last > first:
                continue  # a proxy can cut a stream without an error: ask whether there is more
            if has_ended(job_of(gateway, job["id"])):
                return
            away.pause(UnreachableError("the events of the job end before the job does"))
        except (UnreachableError, BusyError) as error:
            away.pause(error)


class _Away:
    """How long no gateway has responded, and the pauses before each further attempt."""

    def __init__(self, deadline: float | None) -> None:
        self._deadline = deadline
        self.ended()

    def ended(self) -> None:
        """Start anew: a gateway has responded."""
        self._since, self._pause = time.monotonic(), 0.25

    def pause(self, error: UnreachableError | BusyError) -> None:
        """Wait a moment.

        Raises:
            UnreachableError, BusyError: It is the given one, after a minute.
        """
        _check(self._deadline)
        if time.monotonic() - self._since > AWAY_SECONDS:
            raise error
        time.sleep(min(self._pause, _left(self._deadline)))
        self._pause = min(2 * self._pause, MOST_PAUSE_SECONDS)


def _events(gateway: Gateway, job_id: str, last: int, deadline: float | None) -> Iterator[Event]:
    headers = {"Last-Event-ID": str(last)} if last else {}
    timeout = max(0.1, _left(deadline))
    with gateway.request("GET", f"{_path(job_id)}/events", None, headers, timeout) as response:
        yield from events(_until(deadline, response))


def _until(deadline: float | None, lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines, the heartbeats among them, until it is too late."""
    for line in lines:
        _check(deadline)
        yield line


def _check(deadline: float | None) -> None:
    if _left(deadline) <= 0:
        raise TimedOutError


def _left(deadline: float | None) -> float:
    return TIMEOUT_SECONDS if deadline is None else deadline - time.monotonic()


def _path(job_id: str) -> str:
    return f"{PATH}/{quote(job_id, safe='')}"
