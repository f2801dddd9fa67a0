"""A gateway for the tests of each hosted provider."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.gateway.api.hosted.requests import served
from tintype_testing.gateway import Gateway, running_gateway


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """A gateway that serves the models of the module's `DIALECT`, by the simulated provider."""
    manifests = served(request.module.DIALECT)
    async with running_gateway(tmp_path_factory.mktemp("gateway"), *manifests) as gateway:
        yield gateway


@pytest_asyncio.fixture(loop_scope="module")
async def gateway(shared: Gateway) -> Gateway:
    """The shared gateway, whose provider has forgotten the calls of earlier tests."""
    await shared.forget_calls()
    return shared
