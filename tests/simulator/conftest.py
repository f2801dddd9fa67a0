"""A simulator of one's own, and OpenAI's own client to ask it with."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from openai import AsyncOpenAI

from tests.simulator.servers import calling
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


@pytest.fixture
async def server(
    simulator: str, request: pytest.FixtureRequest
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the server of open models that the test's module names."""
    async with calling(simulator, request.module.SERVER) as client:
        yield client
