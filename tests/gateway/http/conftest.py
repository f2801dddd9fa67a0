"""A gateway that receives raw bytes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tintype_testing.gateway import Gateway, canvas, running_gateway


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path, *canvas(), unlimited=True) as gateway:
        yield gateway
