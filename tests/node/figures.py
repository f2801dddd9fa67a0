"""Measured values of the tests, printed at the end of the run."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Figures:
    """Measured values by what they are."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def record(self, what: str, value: float, unit: str) -> None:
        self._lines.append(f"{what}: {value:.1f} {unit}")

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Record how long the block takes."""
        begin = time.monotonic()
        yield
        self.record(what, time.monotonic() - begin, "s")

    def lines(self) -> list[str]:
        return list(self._lines)
