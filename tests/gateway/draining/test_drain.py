"""SIGTERM: what is in flight ends as it should, and is paid as it should."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.gateway.draining.studio import Studio, running_studio
from tintype_testing.simulators import script

LONG: dict[str, object] = {"delay_seconds": 6.0}
"""Long enough for all that happens meanwhile, on a busy machine as well."""

ENDLESS: dict[str, object] = {"hang": True}


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    ledger_url = f"sqlite:///{tmp_path / 'ledger.db'}"
    async with running_studio(
        tmp_path, ledger_url, TINTYPE_STREAM_HEARTBEAT_SECONDS="0.05"
    ) as studio:
        yield studio


async def test_everything_in_flight_is_finished_and_settled(studio: Studio) -> None:
    await script(studio.simulator, *[LONG] * 6)
    in_flight = [asyncio.create_task(studio.generate()) for _ in range(6)]
    await studio.provider_has(6)

    assert await asyncio.to_thread(studio.fleet.drain, 0) == 0

    assert await asyncio.gather(*in_flight) == [200] * 6
    await studio.has_paid_for(6)


async def test_a_stream_that_has_begun_ends_with_its_image(studio: Studio) -> None:
    await script(studio.simulator, LONG)
    async with studio.asking(stream=True) as response:
        assert await response.content.readline() != b""  # a sign of life: the head is out

        studio.fleet.signal(0)
        await studio.fleet.wait_until_draining(studio.http, 0)
        rest = await response.read()

    assert b"image_generation.completed" in rest
    assert rest.endswith(b"\n\n")
    assert await asyncio.to_thread(studio.fleet.exit_code, 0) == 0
    await studio.has_paid_for(1)


async def test_while_it_drains_it_is_alive_and_not_ready(studio: Studio) -> None:
    await script(studio.simulator, LONG)
    request = asyncio.create_task(studio.generate())
    await studio.provider_has(1)

    studio.fleet.signal(0)

    await studio.fleet.wait_until_draining(studio.http, 0)
    with pytest.raises(aiohttp.ClientConnectorError):
        await studio.generate()
    assert await request == 200


async def test_a_second_signal_stops_at_once_and_nothing_stays_unsettled(studio: Studio) -> None:
    await script(studio.simulator, *[ENDLESS] * 3)
    plain = [asyncio.create_task(studio.generate()) for _ in range(2)]
    async with studio.asking(stream=True) as response:
        await response.content.readline()
        await studio.provider_has(3)

        studio.fleet.signal(0)
        await studio.fleet.wait_until_draining(studio.http, 0)
        code = await asyncio.to_thread(studio.fleet.drain, 0)

        assert b"completed" not in await what_comes(response)
    ends = await asyncio.gather(*plain, return_exceptions=True)
    assert code == 130
    assert all(end == 503 or isinstance(end, aiohttp.ClientError) for end in ends)
    assert "Traceback" not in studio.fleet.log(0)
    await studio.has_paid_for(0)


async def what_comes(response: aiohttp.ClientResponse) -> bytes:
    """Return the rest of a response, empty where it breaks off."""
    try:
        return await response.read()
    except aiohttp.ClientError:
        return b""
