"""Many uploads at once never take more memory than a gateway is given."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.targets import Target, tintype_on_sqlite, upstream
from bench.uploads import CASE, MIB, form, png, rotated_jpeg, upload_all

LIMIT = 192 * MIB
LIMIT_OF_PHOTOS = 384 * MIB
"""Less than the eight photos take that are sent at once, if all are decoded at once."""


@contextmanager
def limited(limit: int) -> Iterator[Target]:
    """A gateway with this limit of memory, in bytes."""
    with (
        upstream() as url,
        tintype_on_sqlite(url, {"TINTYPE_MEMORY_LIMIT_BYTES": str(limit)}) as target,
    ):
        yield target


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with limited(LIMIT) as target:
        yield target


@pytest.fixture
def roomy() -> Iterator[Target]:
    with limited(LIMIT_OF_PHOTOS) as target:
        yield target


async def test_uploads_without_memory_for_them_are_told_to_come_again(target: Target) -> None:
    body = form(png(4_000_000), CASE.model)
    await upload_all(target, body, 1)

    uploads = await upload_all(target, body, 60)

    assert set(uploads.statuses) == {200, 429}
    assert uploads.statuses.total() == 60
    assert uploads.without_retry_after == 0
    assert uploads.peak_bytes < LIMIT


async def test_photos_wait_for_the_memory_to_decode_them(roomy: Target) -> None:
    uploads = await upload_all(roomy, form(rotated_jpeg(3), CASE.model), 8)

    assert uploads.statuses == {200: 8}
    assert uploads.peak_bytes < LIMIT_OF_PHOTOS


async def test_sixteen_large_images_take_hardly_any_memory(target: Target) -> None:
    await upload_all(target, form(png(1_000_000), CASE.model, 16), 1)

    uploads = await upload_all(target, form(png(8_000_000), CASE.model, 16), 1)

    assert uploads.statuses == {200: 1}
    assert uploads.peak_bytes < uploads.idle_bytes + 16 * MIB
