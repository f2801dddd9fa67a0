"""Gateways to ask, and OpenAI's own client to ask them with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from tintype_gateway.storage.interface import ImageStore
from tintype_testing.gateway import Gateway
from tintype_testing.image_stores import folder_store
from tintype_testing.s3 import store_in


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
