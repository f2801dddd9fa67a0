"""Measures where the time of one request goes, and its bytes, for its log line and metrics.

The calls of a request run in tasks of their own, which share its meter.
"""

import time
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from types import TracebackType
from typing import ClassVar, Self

from tintype_gateway.observability.metrics import BYTES_IN_FLIGHT, REQUESTS_IN_FLIGHT


class _Stopwatch:
    """Measures the time during which at least one of several blocks runs."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """The time so far, without that of blocks that still run."""

        self._running = 0
        self._since = 0.0

    def start(self, now: float) -> None:
        """Count a block that begins."""
        if not self._running:
            self._since = now
        self._running += 1

    def stop(self, now: float) -> None:
        """Count a block that has ended."""
        self._running -= 1
        if not self._running:
            self.seconds += now - self._since


class _Timed:
    """Runs stopwatches while its block runs, all from and to the same moment."""

    def __init__(self, *watches: _Stopwatch) -> None:
        self._watches = watches

    def __enter__(self) -> None:
        now = time.perf_counter()
        for watch in self._watches:
            watch.start(now)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        now = time.perf_counter()
        for watch in self._watches:
            watch.stop(now)


class RequestMeter:
    """The times and the provider bytes of the request that its block serves.

    Work that goes on after its request, such as a submission whose response names the task to
    cancel, still has the meter. What it receives counts for no request any more.
    """

    requests_in_flight: ClassVar[int] = 0
    """The number of meters in use. A metric would take a lock twice for every request."""

    bytes_in_flight: ClassVar[int] = 0
    """The sum of `provider_bytes` of the meters in use. A metric would take a lock for every chunk.
    """

    def __init__(self, request_id: str = "") -> None:
        self.request_id = request_id
        """The id of the request, for the logs of its calls."""

        self.calls = 0
        """The number of calls that were started."""

        self.queue_position: int | None = None
        """The highest position in a queue that a call of the request found; None without one."""

        self.provider_bytes = 0
        """The received bytes of provider responses that the process still holds."""

        self._is_used = False
        self._in_provider = _Stopwatch()
        self._in_queue = _Stopwatch()
        self._elsewhere = _Stopwatch()
        self._token: Token[RequestMeter | None] | None = None

    def __enter__(self) -> Self:
        self._token = _CURRENT.set(self)
        self._is_used = True
        RequestMeter.requests_in_flight += 1
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._token is not None  # noqa: S101 - the block was entered
        _CURRENT.reset(self._token)
        self._is_used = False
        RequestMeter.requests_in_flight -= 1
        RequestMeter.bytes_in_flight -= self.provider_bytes

    @property
    def provider_seconds(self) -> float:
        """Seconds during which at least one call was in progress: concurrent calls count once."""
        return self._in_provider.seconds

    @property
    def queue_seconds(self) -> float:
        """Seconds during which at least one call waited for a slot."""
        return self._in_queue.seconds

    @property
    def elsewhere_seconds(self) -> float:
        """Seconds during which at least one call was in progress, or waited for a slot.

        The rest of the request's time is the gateway's overhead.
        """
        return self._elsewhere.seconds

    def calling(self) -> AbstractContextManager[None]:
        """Return a context that counts its block as one call to a provider."""
        self.calls += 1
        return _Timed(self._in_provider, self._elsewhere)

    def queueing(self) -> AbstractContextManager[None]:
        """Return a context that counts its block as the wait of one call for a slot."""
        return _Timed(self._in_queue, self._elsewhere)

    def queued_at(self, position: int) -> None:
        """Record the position in the queue that a call of the request found."""
        self.queue_position = max(position, self.queue_position or 0)

    def passed_on(self, size: int) -> None:
        """Subtract bytes that were forwarded to the client."""
        self.received(-size)

    def received(self, size: int) -> None:
        """Add received bytes of a provider's response."""
        if self._is_used:
            self.provider_bytes += size
            RequestMeter.bytes_in_flight += size


BYTES_IN_FLIGHT.set_function(lambda: RequestMeter.bytes_in_flight)
REQUESTS_IN_FLIGHT.set_function(lambda: RequestMeter.requests_in_flight)

_CURRENT: ContextVar[RequestMeter | None] = ContextVar("request_meter", default=None)


def current_meter() -> RequestMeter:
    """Return the meter of the current request, or an unused one outside of requests."""
    return _CURRENT.get() or RequestMeter()
