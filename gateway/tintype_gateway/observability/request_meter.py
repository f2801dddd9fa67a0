"""What one request took of its providers: noted by its calls, read when the request has ended.

The calls of a request run in tasks of their own, which share its meter.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ClassVar

from tintype_gateway.observability.metrics import BYTES_IN_FLIGHT


class RequestMeter:
    """The time and the bytes that one request took of its providers."""

    bytes_in_flight: ClassVar[int] = 0
    """The `provider_bytes` of all requests. A metric would take its lock for every chunk."""

    def __init__(self, request_id: str = "") -> None:
        self.request_id = request_id
        """The id of the request, for the logs of its calls."""

        self.calls = 0
        """How many calls were begun."""

        self.provider_seconds = 0.0
        """How long at least one call was under way: calls side by side count once."""

        self.provider_bytes = 0
        """The bytes of the answers that have arrived, and were not passed on before they ended."""

        self._running = 0
        self._since = 0.0

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Note that the block is one call to a provider."""
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
        """Note that so many of the bytes that have arrived are the client's, and held no more."""
        self.provider_bytes -= size
        RequestMeter.bytes_in_flight -= size

    def received(self, size: int) -> None:
        """Note that so many bytes of an answer have arrived."""
        self.provider_bytes += size
        RequestMeter.bytes_in_flight += size


BYTES_IN_FLIGHT.set_function(lambda: RequestMeter.bytes_in_flight)


_CURRENT: ContextVar[RequestMeter | None] = ContextVar("request_meter", default=None)


@contextmanager
def metered(request_id: str = "") -> Iterator[RequestMeter]:
    """Return the meter of the request that the block serves."""
    meter = RequestMeter(request_id)
    token = _CURRENT.set(meter)
    try:
        yield meter
    finally:
        _CURRENT.reset(token)
        RequestMeter.bytes_in_flight -= meter.provider_bytes


def current_meter() -> RequestMeter:
    """Return the meter of the request that is being served, or one that nobody reads."""
    return _CURRENT.get() or RequestMeter()
