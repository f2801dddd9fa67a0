"""A bucket of S3, or of any server that speaks its protocol."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import aioboto3
import aiohttp
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError

from tintype_gateway.storage.interface import NotStoredError, StoreError

CONNECT_SECONDS = 5
READ_SECONDS = 20
ATTEMPTS = 3
"""How often a call is made at most: the name of a file is new, so that writing it twice is safe."""

CONNECTIONS = 64

_ABSENT = frozenset({"NoSuchKey", "404"})


@dataclass(frozen=True)
class Bucket:
    """Which bucket, and how it is used. What is empty is left to AWS's own rules."""

    name: str
    region: str = ""
    endpoint: str = ""
    path_style: bool = False
    accelerate: bool = False
    prefix: str = ""
    encryption: str = ""
    kms_key_id: str = ""


class S3Store:
    """Files in a bucket, opened by presigned URLs. When they go, the bucket's lifecycle says."""

    def __init__(self, client: Any, bucket: Bucket) -> None:
        self._client = client
        self._bucket = bucket

    async def put(
        self, name: str, content: bytes, content_type: str, lifetime_seconds: int
    ) -> None:
        """Keep a file. The bytes are sent as they are, without a copy."""
        with _told():
            await self._client.put_object(
                **self._key(name),
                Body=content,
                ContentType=content_type,
                ContentDisposition=f'inline; filename="{name.rpartition("/")[2]}"',
                CacheControl=f"private, max-age={lifetime_seconds}, immutable",
                **self._encryption(),
            )

    async def keep(self, name: str, lifetime_seconds: int) -> None:
        """Do nothing: the bucket's lifecycle counts from the day a file was written."""

    async def get(self, name: str) -> bytes:
        """Return a file.

        Raises:
            NotStoredError: There is none of this name.
        """
        with _told():
            answer = await self._client.get_object(**self._key(name))
            async with answer["Body"] as body:
                content: bytes = await body.read()
                return content

    async def url(self, name: str, lifetime_seconds: int) -> str:
        """Return the URL where anybody who has it can fetch a file, for so long.

        One that is signed with temporary credentials ends with these, if that is earlier.
        """
        with _told():
            url: str = await self._client.generate_presigned_url(
                "get_object", Params=self._key(name), ExpiresIn=lifetime_seconds
            )
            return url

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
    """Keep a client of the bucket open while the block runs.

    Credentials are found by the chain of the AWS SDKs when they are needed, and renewed by it.
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
        # The signature holds a digest of the body already, and other servers know no trailers.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=CONNECTIONS,
    )


@contextmanager
def _told() -> Iterator[None]:
    """Say what is wrong with the bucket by the name that S3 or its SDK has for it."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        if code in _ABSENT:
            raise NotStoredError("there is no such object") from error
        raise StoreError(f"the bucket refuses: {code}") from error
    except (BotoCoreError, aiohttp.ClientError, OSError, TimeoutError) as error:
        raise StoreError(f"the bucket cannot be used: {type(error).__name__}") from error
