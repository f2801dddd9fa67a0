"""Limits on the concurrent calls of each binding."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tintype_catalog.catalog import Binding
from tintype_gateway.values.faults import UpstreamFault


class ConcurrencyLimits:
    """The number of calls in progress in this process, by binding."""

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()

    @contextmanager
    def slot(self, binding: Binding) -> Iterator[None]:
        """Count the block as one concurrent call of the binding.

        Raises:
            UpstreamFault: The binding is at its limit. The gateway sent nothing.
        """
        limit = binding.max_concurrent_calls
        if limit is not None and self._calls[binding.name] >= limit:
            message = f"all {limit} of its concurrent calls are in use"
            raise UpstreamFault("throttled", message, retry_after_seconds=1)
        self._calls[binding.name] += 1
        try:
            yield
        finally:
            self._calls[binding.name] -= 1
            if not self._calls[binding.name]:
                del self._calls[binding.name]
