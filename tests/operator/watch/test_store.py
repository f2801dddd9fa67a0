"""When the store lists again after a gap of a watch."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.kubernetes.serving import serving
from tintype_operator.liveness import Liveness
from tintype_operator.settings import Settings
from tintype_operator.watch.store import PAUSES_AFTER_LIST, Store


class Clock:
    """A clock that stands still but for the lists, each of which takes the same time."""

    def __init__(self, list_seconds: float) -> None:
        self.now = 100.0
        self._list_seconds = list_seconds

    def __call__(self) -> float:
        return self.now

    async def list_nothing(self, request: web.Request) -> web.Response:
        self.now += self._list_seconds
        return web.json_response({"items": [], "metadata": {"resourceVersion": "1"}})


@asynccontextmanager
async def listed(clock: Clock) -> AsyncIterator[Store]:
    """A store that has listed both kinds once."""
    async with serving(clock.list_nothing) as client:
        store = Store(client, "ns", Settings(manage_credentials=False), Liveness(), clock=clock)
        await store.refresh()
        yield store


async def test_a_gap_of_a_watch_is_followed_by_a_list_at_once_if_lists_are_short() -> None:
    async with listed(Clock(list_seconds=0)) as store:
        assert store.seconds_left() > 0

        store.relist_after_gap()

        assert store.seconds_left() == 0


async def test_lists_that_take_long_take_a_small_share_of_the_time_after_a_gap() -> None:
    clock = Clock(list_seconds=1)
    async with listed(clock) as store:
        store.relist_after_gap()
        assert store.seconds_left() == PAUSES_AFTER_LIST * 2

        clock.now += PAUSES_AFTER_LIST * 2 - 1
        store.relist_after_gap()

        assert store.seconds_left() == 1
