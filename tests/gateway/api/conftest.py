"""Gateways to ask, and OpenAI's own client to ask them with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from openai import AsyncOpenAI

from tintype_gateway.storage.interface import ImageStore
from tintype_testing.gateway import Gateway, running_gateway
from tintype_testing.image_stores import folder_store
from tintype_testing.s3 import store_in


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A gateway for all tests of a module that runs them on one event loop.

    It is for tests that change nothing of it and take no look at the state that others left.
    """
    async with running_gateway(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[AsyncOpenAI]:
    """OpenAI's client, which asks the gateway and never retries by itself."""
    async with gateway.openai() as client:
        yield client


@pytest.fixture(params=["folder", "bucket"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ImageStore]:
    """A folder, and a bucket of a real S3 server."""
    if request.param == "folder":
        yield folder_store(tmp_path / "images")
        return
    async with store_in(request.getfixturevalue("bucket")) as opened_bucket:
        yield opened_bucket
