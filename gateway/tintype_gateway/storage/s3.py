"""An S3 bucket, or a bucket of a compatible server, as the image store."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import aioboto3
import aiohttp
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError

from tintype_gateway.storage.health import TRIAL, TRIAL_SECONDS
from tintype_gateway.storage.interface import (
    PIECE_BYTES,
    NotStoredError,
    StoreError,
    disposition,
)

CONNECT_SECONDS = 5
READ_SECONDS = 20
ATTEMPTS = 3
"""The most attempts of a call. File names are unique, so that writing one twice is safe."""

CONNECTIONS = 64

_ABSENT = frozenset({"NoSuchKey", "404"})


class _ForbiddenError(StoreError):
    """The bucket does not let the gateway have a file, or it has none of this name."""


@dataclass(frozen=True)
class Bucket:
    """The bucket and its options. Empty values leave the choice to the AWS SDK."""

    name: str
    region: str = ""
    endpoint: str = ""
    path_style: bool = False
    accelerate: bool = False
    prefix: str = ""
    encryption: str = ""
    kms_key_id: str = ""


class S3Store:
    """Files in a bucket, with presigned URLs. The bucket's lifecycle rules delete them."""

    def __init__(self, client: Any, bucket: Bucket) -> None:
        self._client = client
        self._bucket = bucket

    async def put(
        self, name: str, content: bytes, content_type: str, lifetime_seconds: int
    ) -> None:
        """Store a file. The bytes are sent without a copy."""
        with _store_errors():
            await self._client.put_object(
                **self._key(name),
                Body=content,
                ContentType=content_type,
                ContentDisposition=disposition(name),
                CacheControl=f"private, max-age={lifetime_seconds}, immutable",
                **self._encryption(),
            )

    async def sync(self, name: str) -> None:
        """Do nothing: a bucket has stored a file when it says so."""

    async def keep(self, name: str, lifetime_seconds: int) -> None:
        """Do nothing: the bucket's lifecycle counts from the day of the upload."""

    async def get(self, name: str) -> bytes:
        """Return a file.

        Raises:
            NotStoredError: No file has this name.
        """
        response = await self._got(name)
        with _store_errors():
            async with response["Body"] as body:
                content: bytes = await body.read()
                return content

    async def delete(self, name: str) -> None:
        """Remove a file; nothing happens if there is none."""
        with _store_errors():
            await self._client.delete_object(**self._key(name))

    async def stream(self, name: str) -> AsyncGenerator[bytes, None]:
        """Yield a file in pieces, as they arrive.

        Raises:
            NotStoredError: No file has this name.
        """
        response = await self._got(name)
        body = response["Body"]
        async with body:
            while True:
                with _store_errors():
                    piece: bytes = await body.read(PIECE_BYTES)
                if not piece:
                    return
                yield piece

    async def url(self, name: str, lifetime_seconds: int) -> str:
        """Return a presigned URL of a file, valid for `lifetime_seconds`.

        A URL that is signed with temporary credentials expires with them, if that is earlier.
        """
        with _store_errors():
            url: str = await self._client.generate_presigned_url(
                "get_object", Params=self._key(name), ExpiresIn=lifetime_seconds
            )
            return url

    async def _got(self, name: str) -> Any:
        """Return the response that has a file.

        Raises:
            NotStoredError: No file has this name.
        """
        try:
            with _store_errors():
                return await self._client.get_object(**self._key(name))
        except _ForbiddenError as error:
            # Without s3:ListBucket, S3 says so of what is not there, too.
            await self.put(TRIAL, b"", "application/octet-stream", TRIAL_SECONDS)
            with _store_errors():
                response = await self._client.get_object(**self._key(TRIAL))
                response["Body"].close()
            raise NotStoredError("there is no such object") from error

    def _key(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket.name, "Key": self._bucket.prefix + name}

    def _encryption(self) -> dict[str, str]:
        given = {
            "ServerSideEncryption": self._bucket.encryption,
            "SSEKMSKeyId": self._bucket.kms_key_id,
        }
        return {name: value for name, value in given.items() if value}


@asynccontextmanager
async def open_bucket(bucket: Bucket) -> AsyncIterator[S3Store]:
    """Open a client of the bucket while the block runs.

    The AWS SDK's credential chain finds and renews the credentials.
    """
    client = aioboto3.Session().client(
        "s3",
        region_name=bucket.region or None,
        endpoint_url=bucket.endpoint or None,
        config=_config(bucket),
    )
    async with client as opened:
        yield S3Store(opened, bucket)


def _config(bucket: Bucket) -> AioConfig:
    return AioConfig(
        signature_version="s3v4",
        s3={
            "addressing_style": "path" if bucket.path_style else "virtual",
            "use_accelerate_endpoint": bucket.accelerate,
        },
        # The signature covers a digest of the body, and other servers do not support trailers.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=CONNECTIONS,
    )


@contextmanager
def _store_errors() -> Iterator[None]:
    """Turn errors of S3 and of its SDK into StoreError, with S3's error code."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        if code in _ABSENT:
            raise NotStoredError("there is no such object") from error
        if code == "AccessDenied":
            raise _ForbiddenError(f"the bucket refuses: {code}") from error
        raise StoreError(f"the bucket refuses: {code}") from error
    except (BotoCoreError, aiohttp.ClientError, OSError, TimeoutError) as error:
        raise StoreError(f"the bucket cannot be used: {type(error).__name__}") from error
