"""An unusable store is reported from the start until it works."""

import asyncio
from pathlib import Path

import pytest

from tintype_gateway.storage.health import StoreHealth
from tintype_gateway.storage.s3 import Bucket
from tintype_testing.image_stores import folder_store
from tintype_testing.s3 import S3Server, store_in
from tintype_testing.waiting import eventually


async def test_a_gateway_without_a_store_has_nothing_to_try() -> None:
    health = StoreHealth(None)

    await health.watch()

    assert health.error is None


async def test_a_store_that_takes_a_file_is_healthy(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    health = StoreHealth(folder_store(tmp_path))

    await health.watch()

    assert (health.error, caplog.text) == (None, "")


async def test_a_missing_bucket_is_reported_until_it_exists(
    s3: S3Server, bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", "tintype_gateway")
    name = f"{bucket.name}-to-be"
    async with store_in(bucket, name=name) as store:
        health = StoreHealth(store, pause_seconds=0.01)
        watching = asyncio.create_task(health.watch())

        async def is_told() -> bool:
            return health.error == "the bucket refuses: NoSuchBucket"

        await eventually(is_told)
        s3.client().create_bucket(Bucket=name)
        await watching

    assert health.error is None
    assert [record.message for record in caplog.records] == [
        "the image store cannot be used",
        "the image store can be used again",
    ]
