"""`response_format: url`, in a folder and in a bucket, fetched by a plain client."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tintype_gateway.storage.image_tools import ImageTools
from tintype_gateway.storage.interface import ImageStore
from tintype_gateway.storage.s3 import Bucket
from tintype_testing.gateway import CREDITS_MICRO, Gateway, canvas, running_gateway
from tintype_testing.http import fetched, http_client
from tintype_testing.image_stores import folder_store
from tintype_testing.metrics import metric
from tintype_testing.s3 import store_in
from tintype_testing.simulators import opened
from tintype_testing.waiting import eventually

PRICE = 640_000


@pytest.fixture
async def gateway(store: ImageStore, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path, *canvas(), images=ImageTools(store=store)) as gateway:
        yield gateway


async def url_of(gateway: Gateway, **fields: Any) -> str:
    response = await gateway.generate(response_format="url", **fields)
    assert response.status_code == 200, response.text
    (entry,) = response.json()["data"]
    assert "b64_json" not in entry
    return str(entry["url"])


async def test_openais_client_gets_a_url_that_anybody_can_open(gateway: Gateway) -> None:
    async with gateway.openai() as client:
        response = await client.images.generate(
            model="canvas", prompt="a red fox", response_format="url"
        )

    (image,) = response.data or []
    assert image.b64_json is None
    assert image.url is not None
    fetched_image = await fetched(image.url)
    assert fetched_image.status_code == 200
    assert fetched_image.headers["Content-Type"] == "image/png"
    assert "inline" in fetched_image.headers["Content-Disposition"]
    assert opened(fetched_image.content).size == (256, 256)
    assert (await gateway.account()).balance == CREDITS_MICRO - PRICE


async def test_it_holds_the_converted_image(gateway: Gateway) -> None:
    fetched_image = await fetched(
        await url_of(gateway, output_format="webp", output_compression=50)
    )

    assert fetched_image.headers["Content-Type"] == "image/webp"
    assert opened(fetched_image.content).format == "WEBP"


async def test_every_image_has_a_url_of_its_own(gateway: Gateway) -> None:
    response = await gateway.generate(response_format="url", n=3)

    urls = {entry["url"] for entry in response.json()["data"]}
    assert len(urls) == 3
    assert [(await fetched(url)).status_code for url in urls] == [200] * 3


async def test_a_url_that_was_changed_opens_nothing(gateway: Gateway) -> None:
    url, _, signature = (await url_of(gateway)).rpartition("=")

    flipped = "1" if signature[0] == "0" else "0"
    assert (await fetched(f"{url}={flipped}{signature[1:]}")).status_code == 403
    assert (await fetched(url.partition("?")[0])).status_code == 403


async def test_a_url_that_has_ended_opens_nothing(store: ImageStore, tmp_path: Path) -> None:
    images = ImageTools(store=store, url_seconds=1)
    async with running_gateway(tmp_path, *canvas(), images=images) as gateway:
        url = await url_of(gateway)

        async def is_closed() -> bool:
            return (await fetched(url)).status_code == 403

        await eventually(is_closed)


async def test_urls_can_be_the_default_response_format(store: ImageStore, tmp_path: Path) -> None:
    images = ImageTools(store=store, default_response_format="url")
    async with running_gateway(tmp_path, *canvas(), images=images) as gateway:
        (entry,) = (await gateway.generate()).json()["data"]
        (other,) = (await gateway.generate(response_format="b64_json")).json()["data"]

    assert "url" in entry
    assert "b64_json" in other


async def test_a_stream_has_no_urls_even_by_default(store: ImageStore, tmp_path: Path) -> None:
    images = ImageTools(store=store, default_response_format="url")
    async with running_gateway(tmp_path, *canvas(), images=images) as gateway:
        stream = await gateway.generate(stream=True)
        refused = await gateway.generate(stream=True, response_format="url")

    assert '"b64_json": "iVBOR' in stream.text
    assert refused.status_code == 400


async def test_without_a_place_for_images_it_is_refused_by_the_setting(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, *canvas()) as gateway:
        response = await gateway.generate(response_format="url")

        error = response.json()["error"]
        assert (response.status_code, error["param"]) == (400, "response_format")
        assert "AWS_S3_BUCKET" in error["message"]
        assert await gateway.upstream_calls() == []


async def test_a_quote_is_refused_as_the_request_would_be(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, *canvas()) as gateway, gateway.http() as http:
        body = {"model": "canvas", "prompt": "a red fox", "response_format": "url"}
        response = await http.post("/v1/images/quote", json=body)

    assert response.status_code == 400


def unsettled_calls() -> float:
    """Return how many images were made that could not be stored."""
    name = "tintype_unsettled_upstream_calls_total"
    return metric(name, provider="openai", reason="store")


async def check_that_nothing_was_charged(
    folder: Path, bucket: Bucket, message: str, **changed: Any
) -> None:
    """Ask for a URL where the bucket cannot be used, and check the response, books and metrics."""
    before = unsettled_calls()
    async with (
        store_in(bucket, **changed) as store,
        running_gateway(folder, *canvas(), images=ImageTools(store=store)) as gateway,
    ):
        response = await gateway.generate(response_format="url")

        error = response.json()["error"]
        assert (response.status_code, error["code"]) == (503, "image_store_unavailable")
        assert message in error["message"]
        assert response.headers["x-should-retry"] == "false"
        assert (await gateway.account()).balance == CREDITS_MICRO
        assert unsettled_calls() == before + 1


async def test_a_missing_bucket_is_a_503(tmp_path: Path, bucket: Bucket) -> None:
    await check_that_nothing_was_charged(tmp_path, bucket, "NoSuchBucket", name="never-made")


async def test_wrong_credentials_are_a_503(
    tmp_path: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "guessed")
    await check_that_nothing_was_charged(tmp_path, bucket, "SignatureDoesNotMatch")


async def test_a_server_that_is_away_is_a_503(tmp_path: Path, bucket: Bucket) -> None:
    await check_that_nothing_was_charged(
        tmp_path, bucket, "EndpointConnectionError", endpoint="http://127.0.0.1:9"
    )


async def test_uploads_that_are_cut_again_and_again_are_a_503(
    tmp_path: Path, bucket: Bucket
) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await reader.read(1024)
        writer.transport.abort()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        await check_that_nothing_was_charged(
            tmp_path, bucket, "cannot be used", endpoint=f"http://127.0.0.1:{port}"
        )


async def test_a_folder_that_cannot_be_written_is_a_503_as_well(tmp_path: Path) -> None:
    (tmp_path / "images").write_text("a file where a folder should be")
    images = ImageTools(store=folder_store(tmp_path))
    async with running_gateway(tmp_path, *canvas(), images=images) as gateway:
        response = await gateway.generate(response_format="url")

        assert response.json()["error"]["code"] == "image_store_unavailable"
        assert (await gateway.account()).balance == CREDITS_MICRO


async def test_an_image_that_was_made_and_not_stored_is_not_made_again_with_the_same_key(
    tmp_path: Path,
) -> None:
    (tmp_path / "images").write_text("a file where a folder should be")
    images, key = ImageTools(store=folder_store(tmp_path)), {"Idempotency-Key": "order-17"}
    async with running_gateway(tmp_path, *canvas(), images=images) as gateway:
        responses = [await gateway.generate(key, response_format="url") for _ in range(2)]

        assert [
            (response.status_code, response.json()["error"]["code"]) for response in responses
        ] == [
            (503, "image_store_unavailable"),
            (409, "idempotency_outcome_unknown"),
        ]
        assert len(await gateway.upstream_calls()) == 1


@pytest.fixture
async def folder_gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    images = ImageTools(store=folder_store(tmp_path / "images"))
    async with running_gateway(tmp_path, *canvas(), images=images) as gateway:
        yield gateway


async def test_a_browser_neither_sniffs_nor_runs_a_file(
    folder_gateway: Gateway,
) -> None:
    headers = (await fetched(await url_of(folder_gateway))).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"].startswith("private, max-age=")
    assert "Last-Modified" not in headers


async def test_a_part_of_a_file_can_be_fetched(folder_gateway: Gateway) -> None:
    async with http_client() as http:
        url = await url_of(folder_gateway)
        part = await http.get(url, headers={"Range": "bytes=0-7"})

    assert (part.status_code, part.content) == (206, b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize("wanted", ["bytes=99999999-", "bytes=0-1,4-5", "bytes=9-1", "pages=1"])
async def test_a_part_that_it_does_not_have_is_refused_as_errors_are(
    folder_gateway: Gateway, tmp_path: Path, wanted: str
) -> None:
    async with http_client() as http:
        url = await url_of(folder_gateway)
        refused = await http.get(url, headers={"Range": wanted})

    (file,) = (tmp_path / "images" / "images").iterdir()
    size = file.stat().st_size
    assert (refused.status_code, refused.headers["Content-Range"]) == (416, f"bytes */{size}")
    error = refused.json()["error"]
    assert (error["code"], error["param"]) == ("range_not_satisfiable", "Range")
    assert f"{size} bytes" in error["message"]


@pytest.mark.parametrize(
    "path",
    [
        "images/../../ledger.db",
        "images/%2e%2e%2f%2e%2e%2fledger.db",
        "answers/req_0.json",
        "images/0.png",
        "images/" + "0" * 32 + ".png/..",
    ],
)
async def test_no_path_leads_to_another_file(folder_gateway: Gateway, path: str) -> None:
    query = urlsplit(await url_of(folder_gateway)).query
    response = await fetched(f"{folder_gateway.url}/v1/images/files/{path}?{query}")

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "unknown_url"


async def test_a_removed_image_is_a_404(folder_gateway: Gateway, tmp_path: Path) -> None:
    url = await url_of(folder_gateway)
    (file,) = (tmp_path / "images" / "images").iterdir()
    file.unlink()

    response = await fetched(url)

    assert (response.status_code, response.json()["error"]["code"]) == (404, "image_not_found")
