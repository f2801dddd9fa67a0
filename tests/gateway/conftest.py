"""A gateway and a simulator for the tests of any folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tintype_simulator.app import running
from tintype_testing.gateway import Gateway, running_gateway


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway with the starter catalog, against the simulator."""
    async with running_gateway(tmp_path) as gateway:
        yield gateway


@pytest.fixture
async def simulator() -> AsyncIterator[str]:
    """The base URL of a running simulator."""
    async with running() as url:
        yield url
