"""Requests are turned away before the kernel ends the process, and all that it is serving.

What is used now says too little, since images come all at once, long after their requests. So
each request reserves what it may come to hold, and is let in only if there is room for it beside
what is used and what the others may still come to hold.
"""

import asyncio
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tintype_catalog.sizes import max_pixels
from tintype_gateway.errors import OverloadedError
from tintype_gateway.observability.metrics import (
    BYTES_IN_FLIGHT,
    MEMORY_BUDGET,
    MEMORY_RESERVED,
    REQUESTS_SHED,
)
from tintype_gateway.runtime.allocator import return_kept
from tintype_gateway.runtime.deadline import Deadline
from tintype_gateway.values.plan import Delivery, Plan

MOUNT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")

UNLIMITED_BYTES = 2**60
"""Version 1 writes the largest number of pages in place of no limit."""


class Memory(NamedTuple):
    """A limit in bytes, and what tells how many are used."""

    limit: int | None = None
    used: Callable[[], int] = lambda: 0


class _Version(NamedTuple):
    """The names of files and of a line, in one version of control groups (cgroups(7))."""

    controller: str
    limit: str
    used: str
    unused_files: str


_VERSIONS = (
    _Version("", "memory.max", "memory.current", "inactive_file"),
    _Version("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def memory(limit: int | None) -> Memory:
    """Return the memory of this process under a limit, by default that of its container."""
    return container_memory() if limit is None else Memory(limit, resident_bytes)


def container_memory(mount: Path = MOUNT, membership: Path = MEMBERSHIP) -> Memory:
    """Return the memory of this process's container, without a limit where it has none."""
    for version in _VERSIONS:
        for folder in _folders(version, mount, membership):
            limit = _limit(folder / version.limit)
            if limit is not None:
                return Memory(limit, partial(_used, folder, version))
    return Memory()


def resident_bytes() -> int:
    """Return what this process holds in memory (proc(5), `statm`)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _folders(version: _Version, mount: Path, membership: Path) -> list[Path]:
    """Return where the process's group may be: a container may see it as the root of the mount."""
    root = mount / version.controller
    try:
        lines = [line.split(":", 2) for line in membership.read_text().splitlines()]
    except OSError:
        return [root]
    own = [path for _, names, path in lines if version.controller in names.split(",")]
    return [*(root / path.lstrip("/") for path in own), root]


def _limit(file: Path) -> int | None:
    try:
        limit = int(file.read_text())
    except (OSError, ValueError):  # no such group, or `max`
        return None
    return limit if limit < UNLIMITED_BYTES else None


def _used(folder: Path, version: _Version) -> int:
    lines = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
    unused = next((int(size) for name, size in lines if name == version.unused_files), 0)
    return max(0, int((folder / version.used).read_text()) - unused)


SHARE = 0.85
"""Of the limit. The rest is for images that are larger than they should be."""

LOOK_SECONDS = 0.25
"""How old the knowledge of what is used may be. To look costs 50 microseconds."""

TRIM_SECONDS = 1.0
"""How often, where there is no room, what the allocator keeps for later is returned first. That
takes milliseconds, and images that come next have to fetch it again."""

PASSED_ON_BYTES = 512 * 1024
"""The buffers of an image that is passed on while it comes."""

BYTES_A_PIXEL = 8
"""Of an image that is read whole: three copies of a usual one, two of one that is all noise. One
of them is the base64 that came, the others are decoded, converted, or parts of the answer."""

UNKNOWN_PIXELS = 4096 * 4096
"""Where nothing bounds the size: the largest that any provider makes."""


GROW_SECONDS = 0.05
"""How often a reservation that has to grow looks whether there is room now."""


@dataclass
class Reservation:
    """The bytes that are kept for one request."""

    size: int


class MemoryBudget:
    """The memory of this process, and what the requests that it serves may need of it."""

    def __init__(
        self, memory: Memory | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        memory = memory or Memory()
        self._read = memory.used
        self._budget = None if memory.limit is None else int(memory.limit * SHARE)
        self._clock = clock
        self._looked_at = self._trimmed_at = float("-inf")
        self._used = self._arrived = self._reserved = 0
        MEMORY_BUDGET.set(self._budget or 0)
        MEMORY_RESERVED.set_function(lambda: self._reserved)

    @contextmanager
    def reserved(self, size: int) -> Iterator[Reservation]:
        """Keep so many bytes for the block.

        A request that would be the only one is always let in: it may fit all the same, and
        another gateway would have no more room for it.

        Raises:
            OverloadedError: There is no room for them.
        """
        if self._budget is not None and self._reserved:
            self._require(size, self._budget)
        self._reserved += size
        reservation = Reservation(size)
        try:
            yield reservation
        finally:
            self._reserved -= reservation.size

    async def grow(self, reservation: Reservation, size: int, deadline: Deadline) -> bool:
        """Keep so many bytes more, as soon as there is room; return False if there is none in time.

        The only request always gets them.
        """
        while not self._has_room(size, reservation):
            if not deadline.remaining():
                return False
            await asyncio.sleep(min(GROW_SECONDS, deadline.remaining()))
        self._reserved += size
        reservation.size += size
        return True

    def _has_room(self, size: int, reservation: Reservation) -> bool:
        alone = self._reserved == reservation.size
        return self._budget is None or alone or self._fits(size, self._budget)

    def _require(self, size: int, budget: int) -> None:
        if self._fits(size, budget):
            return
        REQUESTS_SHED.labels("used" if self._used + size > budget else "reserved").inc()
        raise OverloadedError(
            "the gateway has no free memory for this request", retry=True, retry_after_seconds=5
        )

    def _fits(self, size: int, budget: int) -> bool:
        now = self._clock()
        if now - self._looked_at >= LOOK_SECONDS:
            self._look(now)
        if self._expected() + size > budget and now - self._trimmed_at >= TRIM_SECONDS:
            self._trimmed_at = now
            return_kept()
            self._look(now)
        return self._expected() + size <= budget

    def _expected(self) -> int:
        """Return what will be used when everything has arrived that is under way."""
        return self._used + max(0, self._reserved - self._arrived)

    def _look(self, now: float) -> None:
        self._looked_at = now
        self._used, self._arrived = self._read(), _bytes_in_flight()


def _bytes_in_flight() -> int:
    (gauge,) = BYTES_IN_FLIGHT.collect()
    return int(gauge.samples[0].value)


def bytes_reserved(plan: Plan) -> int:
    """Return how many bytes a request may come to hold, as its images are delivered."""
    whole = plan.job.images - (plan.delivery is Delivery.PASS_THROUGH)
    if plan.job.partial_images:  # the last preview is being sent while its image arrives
        whole *= 2
    return PASSED_ON_BYTES + whole * _bytes_of_one(plan)


def bytes_if_read_whole(plan: Plan) -> int:
    """Return how many bytes more it may hold if an image cannot pass through after all."""
    return _bytes_of_one(plan)


def _bytes_of_one(plan: Plan) -> int:
    size = plan.job.size.size
    pixels = size.pixels if size else max_pixels(plan.model.size) or UNKNOWN_PIXELS
    return pixels * BYTES_A_PIXEL
