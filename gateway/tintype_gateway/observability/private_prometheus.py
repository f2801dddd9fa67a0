"""Every private part of prometheus_client that the gateway uses, and nothing else.

Its public interface takes one observation at a time, which costs a search and two locks. Another
version may change these parts without notice, so pyproject.toml has an upper bound, and
tests/test_private_parts.py has a test.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

import prometheus_client


class Histogram(prometheus_client.Histogram):
    """A histogram that takes many observations at once."""

    def observe_all(self, amounts: Sequence[float]) -> None:
        """Observe each of these amounts; the histogram must be that of one series."""
        self._sum.inc(sum(amounts))
        bounds = self._upper_bounds
        for bucket, count in Counter(bisect_left(bounds, amount) for amount in amounts).items():
            self._buckets[bucket].inc(count)
