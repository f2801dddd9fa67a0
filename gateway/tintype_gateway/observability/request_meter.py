"""Measures the provider time and bytes of one request, for its log line and metrics.

The calls of a request run in tasks of their own, which share its meter.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ClassVar

from tintype_gateway.observability.metrics import BYTES_IN_FLIGHT


class RequestMeter:
    """The provider time and the provider bytes of one request."""

    bytes_in_flight: ClassVar[int] = 0
    """The sum of `provider_bytes` of all requests. A metric would take a lock for every chunk."""

    def __init__(self, request_id: str = "") -> None:
        self.request_id = request_id
        """The id of the request, for the logs of its calls."""

        self.calls = 0
        """The number of calls that were started."""

        self.provider_seconds = 0.0
        """Seconds during which at least one call was in progress: concurrent calls count once."""

        self.provider_bytes = 0
        """The received bytes of provider responses that the process still holds."""

        self._running = 0
        self._since = 0.0

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Count the block as one call to a provider."""
        if not self._running:
            self._since = time.perf_counter()
        self.calls += 1
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self.provider_seconds += time.perf_counter() - self._since

    def passed_on(self, size: int) -> None:
        """Subtract bytes that were forwarded to the client."""
        self.provider_bytes -= size
        RequestMeter.bytes_in_flight -= size

    def received(self, size: int) -> None:
        """Add received bytes of a provider's response."""
        self.provider_bytes += size
        RequestMeter.bytes_in_flight += size


BYTES_IN_FLIGHT.set_function(lambda: RequestMeter.bytes_in_flight)


_CURRENT: ContextVar[RequestMeter | None] = ContextVar("request_meter", default=None)


@contextmanager
def metered(request_id: str = "") -> Iterator[RequestMeter]:
    """Create the meter of the request that the block serves."""
    meter = RequestMeter(request_id)
    token = _CURRENT.set(meter)
    try:
        yield meter
    finally:
        _CURRENT.reset(token)
        RequestMeter.bytes_in_flight -= meter.provider_bytes


def current_meter() -> RequestMeter:
    """Return the meter of the current request, or an unused one outside of requests."""
    return _CURRENT.get() or RequestMeter()
