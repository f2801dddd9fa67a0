"""A gateway with a place for the results of jobs, and no worker but the test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tintype_gateway.storage.folder import FolderStore
from tintype_gateway.storage.image_tools import ImageTools
from tintype_testing.gateway import Gateway, canvas, running_gateway
from tintype_testing.image_stores import folder_store


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """The place for results."""
    return folder_store(tmp_path / "images")


@pytest.fixture
async def gateway(store: FolderStore, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway that takes jobs and runs none."""
    settings = {"jobs_concurrency": 0, "jobs_max_queued": 3}
    images = ImageTools(store=store)
    running = running_gateway(
        tmp_path, *canvas(), images=images, heartbeat_seconds=0.2, job_settings=settings
    )
    async with running as gateway:
        yield gateway
        await gateway.end_jobs()
