"""A simulator of one's own, and OpenAI's own client to ask it with."""

from collections.abc import AsyncIterator

import pytest
from openai import AsyncOpenAI

from tintype_simulator.app import running


@pytest.fixture
async def simulator() -> AsyncIterator[str]:
    """The base URL of a running simulator."""
    async with running() as url:
        yield url


@pytest.fixture
async def client(simulator: str) -> AsyncIterator[AsyncOpenAI]:
    """OpenAI's client, which asks the simulator and never retries by itself."""
    async with AsyncOpenAI(base_url=f"{simulator}/v1", api_key="key", max_retries=0) as client:
        yield client
