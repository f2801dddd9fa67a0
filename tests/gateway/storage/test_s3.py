"""A bucket as a store, against a real S3 server over HTTP."""

import dataclasses
import io
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tintype_gateway.storage.interface import PIECE_BYTES, NotStoredError, StoreError, new_name
from tintype_gateway.storage.s3 import Bucket, S3Store
from tintype_testing.http import fetched
from tintype_testing.s3 import S3Server, store_in
from tintype_testing.tcp_proxy import proxy_to

CONTENT = b"\x89PNG and so on" * 1000
HOUR = 3600


async def test_a_stored_file_is_found(bucket: Bucket) -> None:
    async with store_in(bucket) as store:
        await store.put("images/a.png", CONTENT, "image/png", HOUR)

        assert await store.get("images/a.png") == CONTENT


async def test_a_deleted_file_is_gone(bucket: Bucket) -> None:
    async with store_in(bucket) as store:
        await store.put("jobs/a", CONTENT, "application/octet-stream", HOUR)

        await store.delete("jobs/a")
        await store.delete("jobs/a")

        with pytest.raises(NotStoredError):
            await store.get("jobs/a")


async def test_a_file_is_read_in_pieces(bucket: Bucket) -> None:
    content = bytes(range(256)) * 2048
    async with store_in(bucket) as store:
        await store.put("images/a.png", content, "image/png", HOUR)
        pieces = [piece async for piece in store.stream("images/a.png")]

        with pytest.raises(NotStoredError):
            await anext(store.stream("images/b.png"))

    assert b"".join(pieces) == content
    assert max(map(len, pieces)) <= PIECE_BYTES


async def test_the_url_serves_the_file_with_its_type(bucket: Bucket) -> None:
    async with store_in(bucket) as store:
        await store.put("images/a.png", CONTENT, "image/png", HOUR)
        response = await fetched(await store.url("images/a.png", HOUR))

    assert (response.status_code, response.content) == (200, CONTENT)
    assert response.headers["Content-Type"] == "image/png"
    assert response.headers["Content-Disposition"] == 'inline; filename="a.png"'


async def test_a_url_that_was_changed_opens_nothing(bucket: Bucket) -> None:
    async with store_in(bucket) as store:
        await store.put("images/a.png", CONTENT, "image/png", HOUR)
        await store.put("images/b.png", b"of somebody else", "image/png", HOUR)
        url = await store.url("images/a.png", HOUR)

    assert (await fetched(url.replace("a.png", "b.png"))).status_code == 403
    assert (await fetched(url.replace("Expires=3600", "Expires=36000"))).status_code == 403
    assert (await fetched(url.partition("?")[0])).status_code == 403


class Unlisted:
    """A client of a bucket that refuses what is not there, as S3 does without `s3:ListBucket`."""

    def __init__(self, *, may_read: bool) -> None:
        self._keys: set[str] = set()
        self._may_read = may_read

    async def put_object(self, **fields: Any) -> None:
        self._keys.add(fields["Key"])

    async def get_object(self, **fields: Any) -> Any:
        if not self._may_read or fields["Key"] not in self._keys:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")
        return {"Body": io.BytesIO()}


async def test_without_the_right_to_list_what_is_not_there_is_told_from_what_is_forbidden() -> None:
    readable = S3Store(Unlisted(may_read=True), Bucket("images"))
    with pytest.raises(NotStoredError):
        await readable.get("images/a.png")
    with pytest.raises(NotStoredError):
        await anext(readable.stream("images/a.png"))

    forbidden = S3Store(Unlisted(may_read=False), Bucket("images"))
    with pytest.raises(StoreError, match="AccessDenied") as refused:
        await forbidden.get("images/a.png")
    assert not isinstance(refused.value, NotStoredError)


async def test_names_begin_with_the_prefix(s3: S3Server, bucket: Bucket) -> None:
    async with store_in(bucket, prefix="a/b/") as store:
        await store.put("images/a.png", CONTENT, "image/png", HOUR)

    assert s3.keys(bucket) == ["a/b/images/a.png"]


async def test_every_image_has_a_unique_name() -> None:
    names = {new_name("png") for _ in range(1000)}

    assert len(names) == 1000
    assert all(len(name) == len("images/.png") + 32 for name in names)


async def test_an_unknown_file_is_not_found(bucket: Bucket) -> None:
    async with store_in(bucket) as store:
        with pytest.raises(NotStoredError):
            await store.get("images/a.png")


async def test_a_missing_bucket_has_the_error_code_of_s3(bucket: Bucket) -> None:
    async with store_in(bucket, name="nobody-made-this-one") as store:
        with pytest.raises(StoreError, match="NoSuchBucket"):
            await store.put("images/a.png", CONTENT, "image/png", HOUR)


async def test_wrong_credentials_are_an_error(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "guessed")
    async with store_in(bucket) as store:
        with pytest.raises(StoreError, match="SignatureDoesNotMatch"):
            await store.put("images/a.png", CONTENT, "image/png", HOUR)


async def test_missing_credentials_are_an_error(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    async with store_in(bucket) as store:
        with pytest.raises(StoreError, match="NoCredentialsError"):
            await store.put("images/a.png", CONTENT, "image/png", HOUR)


async def test_an_unreachable_server_is_an_error(bucket: Bucket) -> None:
    async with store_in(bucket, endpoint="http://127.0.0.1:9") as store:
        with pytest.raises(StoreError, match="EndpointConnectionError"):
            await store.put("images/a.png", CONTENT, "image/png", HOUR)


async def test_an_upload_that_is_cut_once_is_made_again(s3: S3Server, bucket: Bucket) -> None:
    async with proxy_to(s3.port) as proxy:
        proxy.cut("request", 2)
        endpoint = f"http://127.0.0.1:{proxy.port}"
        async with store_in(bucket, endpoint=endpoint) as store:
            await store.put("images/a.png", CONTENT * 100, "image/png", HOUR)

        assert proxy.has_cut
    assert s3.keys(bucket) == ["tests/images/a.png"]


async def test_it_asks_for_the_encryption_of_the_settings(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    kms = dataclasses.replace(bucket, encryption="aws:kms", kms_key_id="key-7")
    sent: dict[str, bytes] = {}
    async with store_in(kms) as store:

        def note(request: object, **_: object) -> None:
            sent.update(getattr(request, "headers", {}))

        store._client.meta.events.register("before-send.s3.PutObject", note)
        await store.put("images/a.png", CONTENT, "image/png", HOUR)

    assert sent["x-amz-server-side-encryption"] == b"aws:kms"
    assert sent["x-amz-server-side-encryption-aws-kms-key-id"] == b"key-7"


async def test_the_acceleration_endpoint_serves_the_urls(aws_credentials: None) -> None:
    async with store_in(Bucket("images", "eu-west-1", accelerate=True)) as store:
        url = await store.url("images/a.png", HOUR)

    assert url.startswith("https://images.s3-accelerate.amazonaws.com/images/a.png?")
