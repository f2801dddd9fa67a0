"""A client has its time for a body, and only its own delays count."""

import asyncio
from collections.abc import Callable
from unittest.mock import Mock

import pytest
from aiohttp import StreamReader
from aiohttp.test_utils import make_mocked_request

from tests.gateway.http.raw import connected, request
from tintype_gateway.errors import RequestTimeoutError
from tintype_gateway.http.bodies.json import read_json_body
from tintype_gateway.http.connection_limits import BodyPace
from tintype_gateway.values.content import JsonBody
from tintype_testing.gateway import Gateway

GRACE_SECONDS = 30
PAUSE_SECONDS = 3600

STEP_SECONDS = 0.05
"""Steps of the clock that are no pause of the process."""


class Reading:
    """A body that is being read, on a clock that only the test advances."""

    def __init__(self, patch: Callable[[Callable[[], float]], None]) -> None:
        self.loop = asyncio.get_running_loop()
        self._ahead = 0.0
        begun = self.loop.time()
        patch(lambda: begun + self._ahead)
        self.payload = StreamReader(Mock(_reading_paused=False), 2**16, loop=self.loop)
        headers = {"Content-Type": "application/json"}
        made = make_mocked_request("POST", "/", headers, payload=self.payload, client_max_size=100)
        pace = BodyPace(grace_seconds=GRACE_SECONDS, bytes_per_second=1)
        self.task = asyncio.create_task(read_json_body(made, pace))

    def advance(self, seconds: float) -> None:
        """Let the clock, but not the event loop, go on."""
        self._ahead += seconds

    async def passes(self, count: int = 5) -> None:
        """Let the event loop run some passes."""
        for _ in range(count):
            await asyncio.sleep(0)

    async def elapse(self, seconds: float) -> None:
        """Let time go on, and the event loop with it."""
        for _ in range(round(seconds / STEP_SECONDS)):
            self.advance(STEP_SECONDS)
            await self.passes(3)

    def arrive(self, data: bytes = b"{}") -> None:
        """Let the rest of the body arrive."""
        self.payload.feed_data(data)
        self.payload.feed_eof()


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Reading]:
    def begun() -> Reading:
        loop = asyncio.get_running_loop()
        return Reading(lambda clock: monkeypatch.setattr(loop, "time", clock))

    return begun


async def test_a_body_that_was_read_from_the_socket_after_a_pause_is_accepted(
    begin: Callable[[], Reading],
) -> None:
    reading = begin()
    await reading.passes()

    reading.loop.call_soon(reading.arrive)
    reading.advance(PAUSE_SECONDS)

    assert await reading.task == JsonBody(b"{}")


async def test_a_body_that_is_still_in_the_socket_when_its_time_is_over_is_accepted(
    begin: Callable[[], Reading],
) -> None:
    reading = begin()
    await reading.passes()

    reading.advance(GRACE_SECONDS)
    # The pass of the timer had looked at the sockets before.
    reading.loop.call_soon(lambda: reading.loop.call_soon(reading.arrive))

    assert await reading.task == JsonBody(b"{}")


async def test_a_client_gets_the_time_again_in_which_the_process_was_paused(
    begin: Callable[[], Reading],
) -> None:
    reading = begin()
    await reading.passes()
    reading.advance(PAUSE_SECONDS)
    await reading.passes()

    reading.advance(PAUSE_SECONDS - GRACE_SECONDS - 60)
    await reading.passes()
    reading.arrive()

    assert await reading.task == JsonBody(b"{}")


async def test_a_body_that_does_not_come_is_too_slow(begin: Callable[[], Reading]) -> None:
    reading = begin()
    await reading.passes()

    await reading.elapse(GRACE_SECONDS - 5)
    assert not reading.task.done()
    await reading.elapse(10)

    with pytest.raises(RequestTimeoutError):
        await reading.task


async def test_a_body_in_drips_is_too_slow_in_the_end(begin: Callable[[], Reading]) -> None:
    reading = begin()
    await reading.passes()
    for _ in range(GRACE_SECONDS + 10):
        reading.payload.feed_data(b" ")
        await reading.elapse(2)

    with pytest.raises(RequestTimeoutError):
        await reading.task


async def test_a_body_that_comes_some_time_after_its_head_is_in_time(gateway: Gateway) -> None:
    """As from a pod without CPU requests on a full node, where seconds may pass in between."""
    body = b'{"model": "canvas", "prompt": "a fox"}'
    async with connected(gateway) as connection:
        await connection.send(request(gateway, body)[: -len(body)])
        await asyncio.sleep(0.1)
        await connection.send(body)

        assert (await connection.response()).status == 200
    assert BodyPace().seconds_for(0) == 30
