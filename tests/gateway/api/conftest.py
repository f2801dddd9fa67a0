"""Gateways to ask, and OpenAI's own client to ask them with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from tests.support.gateway import Gateway, running_gateway


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway with the starter catalog, against the simulator."""
    async with running_gateway(tmp_path) as gateway:
        yield gateway


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[AsyncOpenAI]:
    """OpenAI's client, which asks the gateway and never retries by itself."""
    async with gateway.openai() as client:
        yield client
