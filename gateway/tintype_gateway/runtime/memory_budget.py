"""Admission by memory: rejects requests before the kernel's OOM killer ends the process.

The memory in use is not enough to decide, because images arrive long after their requests. Each
request therefore reserves the memory that it may need. The gateway admits it only if the
reservation fits beside the memory in use and the unused part of the other reservations.
"""

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

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
"""cgroup version 1 reports the largest number of pages if there is no limit."""


class Memory(NamedTuple):
    """A limit in bytes, and a function that returns the bytes in use."""

    limit: int | None = None
    used: Callable[[], int] = lambda: 0


class _Version(NamedTuple):
    """The file names and a line's name in one version of control groups (cgroups(7))."""

    controller: str
    limit: str
    used: str
    files: tuple[str, str]
    """Copies of files, such as uploads on the disk: the kernel drops them before it ends a
    process, though it counts them."""


_VERSIONS = (
    _Version("", "memory.max", "memory.current", ("inactive_file", "active_file")),
    _Version(
        "memory",
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        ("total_inactive_file", "total_active_file"),
    ),
)


def memory(limit: int | None) -> Memory:
    """Return the memory of this process with a limit, by default that of its container."""
    return container_memory() if limit is None else Memory(limit, resident_bytes)


def container_memory(mount: Path = MOUNT, membership: Path = MEMBERSHIP) -> Memory:
    """Return the memory of this process's container, which may have no limit."""
    for version in _VERSIONS:
        for folder in _folders(version, mount, membership):
            limit = _limit(folder / version.limit)
            if limit is not None:
                return Memory(limit, partial(_used, folder, version))
    return Memory()


def resident_bytes() -> int:
    """Return the resident memory of this process (proc(5), `statm`)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _folders(version: _Version, mount: Path, membership: Path) -> list[Path]:
    """Return the possible paths of the process's cgroup: a container may see it as the root."""
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
    except (OSError, ValueError):  # no such cgroup, or `max`
        return None
    return limit if limit < UNLIMITED_BYTES else None


def _used(folder: Path, version: _Version) -> int:
    lines = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
    files = sum(int(size) for name, size in lines if name in version.files)
    return max(0, int((folder / version.used).read_text()) - files)


SHARE = 0.85
"""The usable share of the limit. The rest is for images that exceed their reservation."""

PLENTY = 0.5
"""The share of the budget up to which memory is used only to save CPU time."""

LOOK_SECONDS = 0.25
"""The time for which a reading of the memory in use is cached. A reading takes 50 microseconds."""

TRIM_SECONDS = 1.0
"""The shortest interval between returns of free memory to the system when memory is short. A return
takes milliseconds, and makes the next allocations slower."""

PASSED_ON_BYTES = 512 * 1024
"""The buffers of an image that passes through, if no more is read at once than asyncio does."""

BYTES_A_PIXEL = 8
"""The reservation for an image that is read as a whole: three copies of a usual one, two of the
largest one. One is the received base64, the others are decoded, converted or in the response."""

UNKNOWN_PIXELS = 4096 * 4096
"""The size if nothing bounds it: the largest image of any provider."""


GROW_SECONDS = 0.05
"""The interval at which a reservation that waits checks for free memory."""


@dataclass
class Reservation:
    """The bytes that are reserved for one request."""

    size: int
    _release: Callable[[int], None] = lambda size: None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._release(self.size)


class MemoryBudget:
    """The memory of this process, and the reservations of its requests."""

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

    def reserved(self, size: int) -> Reservation:
        """Reserve bytes for the block that must follow at once.

        A request that is the only one is always admitted: it may fit, and another gateway would not
        have more memory for it.

        Raises:
            OverloadedError: The memory is not free.
        """
        is_alone = not self._reserved
        if self._budget is not None and not is_alone and not self._fits(size, self._budget):
            raise self._refused(size)
        self._reserved += size
        return Reservation(size, self._release)

    @asynccontextmanager
    async def reserved_soon(self, size: int, seconds: float) -> AsyncIterator[None]:
        """Reserve bytes for the block, within this time: for work that is soon done.

        A size of 0 bytes is reserved at once, even if no memory is free.

        Raises:
            OverloadedError: The memory is not free in time.
        """
        with Reservation(0, self._release) as reservation:
            if size and not await self.grow(reservation, size, Deadline(seconds)):
                raise self._refused(size)
            yield

    async def grow(self, reservation: Reservation, size: int, deadline: Deadline) -> bool:
        """Reserve more bytes as soon as they are free; return False if the deadline passes.

        The only request always gets them.
        """
        while not self._has_room(size, reservation):
            if not deadline.remaining():
                return False
            await asyncio.sleep(min(GROW_SECONDS, deadline.remaining()))
        self._reserved += size
        reservation.size += size
        return True

    def grow_if_plenty(self, reservation: Reservation, size: int) -> bool:
        """Reserve more bytes, unless other requests may soon need them; return whether it did."""
        if not self.has_plenty(size):
            return False
        self._reserved += size
        reservation.size += size
        return True

    def has_plenty(self, size: int) -> bool:
        """Return whether these bytes are free, and not likely to be needed by other requests."""
        if self._budget is None:
            return True
        self._look_now_and_then(self._clock())
        return self._expected() + size <= self._budget * PLENTY

    def _release(self, size: int) -> None:
        self._reserved -= size

    def _has_room(self, size: int, reservation: Reservation) -> bool:
        alone = self._reserved == reservation.size
        return self._budget is None or alone or self._fits(size, self._budget)

    def _refused(self, size: int) -> OverloadedError:
        is_used = self._used + size > (self._budget or 0)
        REQUESTS_SHED.labels("used" if is_used else "reserved").inc()
        return OverloadedError(
            "the gateway has no free memory for this request", retry=True, retry_after_seconds=5
        )

    def _fits(self, size: int, budget: int) -> bool:
        now = self._clock()
        self._look_now_and_then(now)
        if self._expected() + size > budget and now - self._trimmed_at >= TRIM_SECONDS:
            self._trimmed_at = now
            return_kept()
            self._look(now)
        return self._expected() + size <= budget

    def _expected(self) -> int:
        """Return the memory in use plus the unused part of all reservations."""
        return self._used + max(0, self._reserved - self._arrived)

    def _look_now_and_then(self, now: float) -> None:
        if now - self._looked_at >= LOOK_SECONDS:
            self._look(now)

    def _look(self, now: float) -> None:
        self._looked_at = now
        self._used, self._arrived = self._read(), _bytes_in_flight()


def _bytes_in_flight() -> int:
    (gauge,) = BYTES_IN_FLIGHT.collect()
    return int(gauge.samples[0].value)


def bytes_reserved(plan: Plan) -> int:
    """Return the bytes that a request may need with its delivery."""
    passing = plan.passing_images if plan.delivery is Delivery.PASS_THROUGH else 0
    whole = plan.job.images - passing
    if plan.job.partial_images:  # the last preview is sent while its image arrives
        whole *= 2
    return PASSED_ON_BYTES + whole * _bytes_of_one(plan)


def bytes_if_read_whole(plan: Plan, images: int) -> int:
    """Return the additional bytes for this number of images that cannot pass through."""
    return images * _bytes_of_one(plan)


def _bytes_of_one(plan: Plan) -> int:
    size = plan.job.size.size
    pixels = size.pixels if size else max_pixels(plan.model.size) or UNKNOWN_PIXELS
    return pixels * BYTES_A_PIXEL
