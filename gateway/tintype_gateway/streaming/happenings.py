"""What the calls of one request bring, in the order in which it happens."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self

from tintype_gateway.images.container import read_header
from tintype_gateway.upstream.transport import Show
from tintype_gateway.values import FailedCall, FinishedCall, PartialImage, PlannedCall, Preview

Make = Callable[[PlannedCall, Show], Awaitable[FinishedCall | FailedCall]]
"""Makes a call, and shows its previews on the way."""

Happening = PartialImage | FinishedCall | FailedCall


class Happenings:
    """Makes calls side by side, and hands over one thing at a time.

    A call whose picture nobody has taken yet reads nothing more from its provider, so that a slow
    client slows the providers down and fills no memory.
    """

    def __init__(self, planned: Sequence[PlannedCall], make: Make, partial_images: int) -> None:
        self._planned = planned
        self._make = make
        self._partial_images = partial_images
        self._waiting: asyncio.Queue[Happening | Exception] = asyncio.Queue(1)
        self._tasks: list[asyncio.Task[None]] = []
        self.remaining = len(planned)
        """The calls whose end has not been taken yet."""

        self.untaken: list[FinishedCall] = []
        """The calls that have ended well, and that nobody has taken yet."""

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._follow(planned)) for planned in self._planned]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Give up the calls that are under way. After it `untaken` grows no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def take(self, within_seconds: float) -> Happening | None:
        """Return what happens next, or None if nothing does in that time."""
        try:
            async with asyncio.timeout(within_seconds):
                happening = await self._waiting.get()
        except TimeoutError:
            return None
        if isinstance(happening, Exception):
            raise happening
        if isinstance(happening, FinishedCall):
            self.untaken.remove(happening)
        if not isinstance(happening, PartialImage):
            self.remaining -= 1
        return happening

    async def _follow(self, planned: PlannedCall) -> None:
        previews = _Previews(planned.first, self._partial_images, self._waiting.put)
        try:
            end = await self._make(planned, previews.add)
        except Exception as error:  # a defect: whoever waits for this call must not wait for ever
            await self._waiting.put(error)
            return
        if isinstance(end, FinishedCall):
            self.untaken.append(end)
        await self._waiting.put(end)


class _Previews:
    """Numbers the previews of one picture, of which no more are wanted than were asked for."""

    def __init__(
        self, index: int, most: int, put: Callable[[PartialImage], Awaitable[None]]
    ) -> None:
        self._index = index
        self._most = most
        self._put = put
        self._count = 0

    async def add(self, preview: Preview) -> None:
        """Hand over a preview. One that is no picture is dropped: the real one is yet to come."""
        if self._count == self._most:
            return
        try:
            header = read_header(preview.base64)
        except ValueError:
            return
        partial = PartialImage(self._index, self._count, preview, header.format, header.size)
        self._count += 1
        await self._put(partial)
