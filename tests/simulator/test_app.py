import asyncio
import threading
from contextlib import AsyncExitStack

import pytest
from openai import APIConnectionError, APITimeoutError, AsyncOpenAI
from PIL import Image

from tintype_simulator.app import running
from tintype_simulator.painting.renderer import ImageSpec, paint
from tintype_testing.simulators import fault, has_received
from tintype_testing.waiting import eventually


async def test_images_are_painted_on_threads_of_their_own(
    client: AsyncOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    def spied_paint(image: ImageSpec) -> Image.Image:
        threads.append(threading.current_thread().name)
        return paint(image)

    monkeypatch.setattr("tintype_simulator.openai.images.paint", spied_paint)

    await client.images.generate(model="gpt-image-2", prompt="a red fox", n=3)

    assert len(threads) == 3
    assert all(name.startswith("painter") for name in threads)


async def test_a_port_that_is_taken_is_an_error(simulator: str) -> None:
    port = int(simulator.rsplit(":", 1)[1])

    with pytest.raises(OSError, match="in use"):
        async with running(port=port):
            pass


async def test_the_simulator_stops_while_a_request_hangs() -> None:
    async with AsyncExitStack() as still_open:
        async with running() as url:
            client = await still_open.enter_async_context(
                AsyncOpenAI(base_url=f"{url}/v1", api_key="key", max_retries=0)
            )
            hanging = asyncio.create_task(hang(client))
            await eventually(lambda: has_received(url))

        with pytest.raises(APIConnectionError):
            await hanging


async def test_a_hanging_request_ends_when_its_client_leaves(simulator: str) -> None:
    before = asyncio.all_tasks()

    async with AsyncOpenAI(
        base_url=f"{simulator}/v1", api_key="key", max_retries=0, timeout=0.2
    ) as client:
        with pytest.raises(APITimeoutError):
            await hang(client)

    await eventually(lambda: only_tasks(before))


async def hang(client: AsyncOpenAI) -> None:
    """Ask for a model and get no response."""
    await client.models.retrieve("gpt-image-2", extra_headers=fault(hang=True))


async def only_tasks(expected: set[asyncio.Task[object]]) -> bool:
    """Return whether no task runs beside the expected ones."""
    return asyncio.all_tasks() <= expected
