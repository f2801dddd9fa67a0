"""The settings decide how large uploads may be, where they wait, and whether URLs are fetched."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tintype_gateway.composition import compose
from tintype_gateway.errors import OverloadedError
from tintype_gateway.http.app_keys import IMAGE_BODIES, PIPELINE
from tintype_gateway.http.bodies.images import ImageBodies
from tintype_gateway.settings import GatewaySettings
from tintype_gateway.upstream.image_urls import ImageFetcher

MIB = 1024**2


async def composed(folder: Path, stack: AsyncExitStack, **settings: Any) -> ImageBodies:
    gateway = await compose(GatewaySettings(data_dir=folder / "data", **settings), stack)
    return gateway.api[IMAGE_BODIES]


async def test_images_are_not_fetched_unless_a_setting_says_so(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        assert (await composed(tmp_path, stack)).fetch is None
        allowed = await composed(tmp_path, stack, allow_image_urls=True)

        assert isinstance(allowed.fetch, ImageFetcher)


async def test_the_default_takes_sixteen_of_the_largest_images_and_a_mask(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        limits = (await composed(tmp_path, stack)).limits

    assert limits.total_bytes > 17 * limits.file_bytes + limits.fields * limits.text_bytes


async def test_the_body_and_the_disk_space_are_bounded_as_the_settings_say(tmp_path: Path) -> None:
    bounds = {"max_upload_bytes": 40 * MIB, "spool_max_bytes": 30 * MIB, "spool_dir": tmp_path}
    async with AsyncExitStack() as stack:
        bodies = await composed(tmp_path, stack, **bounds)

        assert bodies.limits.total_bytes == 40 * MIB
        async with bodies.spools.opened(40 * MIB, 20 * MIB):
            with pytest.raises(OverloadedError):
                await stack.enter_async_context(bodies.spools.opened(40 * MIB, 20 * MIB))


@pytest.mark.parametrize("keep", [False, True])
async def test_metadata_of_images_are_kept_only_where_a_setting_says_so(
    tmp_path: Path, keep: bool
) -> None:
    settings = GatewaySettings(data_dir=tmp_path, keep_image_metadata=keep)
    async with AsyncExitStack() as stack:
        gateway = await compose(settings, stack)

        assert gateway.api[PIPELINE].keep_input_metadata is keep
