"""A repeat with the same `Idempotency-Key` gets the first response again, where it was kept."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tintype_gateway.storage.image_tools import ImageTools
from tintype_gateway.storage.interface import ImageStore
from tintype_gateway.storage.s3 import Bucket
from tintype_testing.gateway import CREDITS_MICRO, Gateway, canvas, running_gateway
from tintype_testing.http import http_client
from tintype_testing.image_stores import folder_store
from tintype_testing.s3 import S3Server, store_in

PRICE = 640_000


@pytest.fixture
async def gateway(store: ImageStore, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path, *canvas(), images=ImageTools(store=store)) as gateway:
        yield gateway


async def send(gateway: Gateway, **fields: Any) -> httpx2.Response:
    """Ask for an image, always with the same idempotency key."""
    return await gateway.generate({"Idempotency-Key": "order-17"}, **fields)


@pytest.mark.parametrize("fields", [{}, {"n": 3}, {"output_format": "webp"}])
async def test_a_repeat_gets_the_same_response_to_the_last_byte(
    gateway: Gateway, fields: dict[str, Any]
) -> None:
    first = await send(gateway, **fields)
    calls = len(await gateway.upstream_calls())
    repeat = await send(gateway, **fields)

    assert (first.status_code, repeat.status_code) == (200, 200)
    assert repeat.content == first.content
    assert repeat.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert repeat.headers["Tintype-Route"] == first.headers["Tintype-Route"]
    assert repeat.headers["x-request-id"] != first.headers["x-request-id"]
    assert len(await gateway.upstream_calls()) == calls


async def test_it_is_charged_once(gateway: Gateway) -> None:
    for _ in range(3):
        assert (await send(gateway)).status_code == 200

    assert (await gateway.account()).balance == CREDITS_MICRO - PRICE


async def test_a_url_is_made_anew_and_opens_the_same_image(gateway: Gateway) -> None:
    responses = [(await send(gateway, response_format="url")).json() for _ in range(2)]

    urls = [response["data"][0].pop("url") for response in responses]
    async with http_client() as http:
        images = [(await http.get(url)).content for url in urls]
    assert responses[0] == responses[1]
    assert images[0] == images[1]
    assert images[0].startswith(b"\x89PNG")


async def test_the_key_of_another_request_is_refused_all_the_same(gateway: Gateway) -> None:
    await send(gateway, prompt="a red fox")
    other = await send(gateway, prompt="a blue fox")

    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_mismatch")


async def test_a_request_without_a_key_leaves_nothing_behind(
    s3: S3Server, bucket: Bucket, tmp_path: Path
) -> None:
    async with (
        store_in(bucket) as store,
        running_gateway(tmp_path, *canvas(), images=ImageTools(store=store)) as gateway,
    ):
        await gateway.generate()
        assert s3.keys(bucket) == []
        await send(gateway)

    kept = sorted(key.split("/")[1] for key in s3.keys(bucket))
    assert kept == ["answers", "images"]


async def test_without_a_stored_response_a_repeat_is_refused(tmp_path: Path) -> None:
    images = ImageTools(store=folder_store(tmp_path / "images"))
    async with running_gateway(tmp_path, *canvas(), images=images) as gateway:
        await send(gateway)
        for file in (tmp_path / "images").glob("*/*"):
            file.unlink()

        repeat = await send(gateway)

        error = repeat.json()["error"]
        assert (repeat.status_code, error["code"]) == (409, "idempotency_replay_unavailable")


async def test_an_unavailable_store_does_not_affect_the_first_response(
    tmp_path: Path, bucket: Bucket
) -> None:
    async with (
        store_in(bucket, endpoint="http://127.0.0.1:9") as store,
        running_gateway(tmp_path, *canvas(), images=ImageTools(store=store)) as gateway,
    ):
        first, repeat = await send(gateway), await send(gateway)

        assert first.status_code == 200
        error = repeat.json()["error"]
        assert (repeat.status_code, error["code"]) == (503, "image_store_unavailable")
        assert repeat.headers["x-should-retry"] == "true"  # nothing was bought
        assert (await gateway.account()).balance == CREDITS_MICRO - PRICE


async def test_a_repeat_counts_as_delivery_in_the_audit(tmp_path: Path) -> None:
    images = ImageTools(store=folder_store(tmp_path / "images"))
    async with running_gateway(tmp_path, *canvas(), images=images) as gateway:
        await send(gateway)
        await send(gateway)

        assert (await gateway.ledger.audit()).problems == ()
