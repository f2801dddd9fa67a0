"""Opens the image store that the settings name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tintype_gateway.images.converter import default_workers
from tintype_gateway.storage.folder import DEFAULT_MAX_BYTES, FolderStore
from tintype_gateway.storage.interface import ImageStore
from tintype_gateway.storage.links import Links, read_or_make_key

if TYPE_CHECKING:
    from tintype_gateway.storage.s3 import Bucket

MAX_URL_SECONDS = 7 * 24 * 3600
"""The longest validity of a URL that AWS signs."""

MIN_STORE_BYTES = 64 * 2**20
"""Room for a few of the largest images."""


class ImageSettings(BaseSettings):
    """The settings of the image store, a part of the gateway's settings."""

    model_config = SettingsConfigDict(use_attribute_docstrings=True)

    image_workers: Annotated[int, Field(ge=1, le=64, default_factory=default_workers)]
    """The number of images that are converted at once, each of which takes up to 8 bytes a pixel.
    By default one for each CPU, up to 4."""

    default_response_format: Literal["b64_json", "url"] = "b64_json"
    """The `response_format` of requests that name none."""

    image_store_dir: Path | None = None
    """The folder for images that are returned as URLs, if there is no bucket. By default `images`
    in the data folder; none with PostgreSQL, or with the catalog of an operator."""

    image_store_max_bytes: Annotated[int, Field(ge=MIN_STORE_BYTES)] = DEFAULT_MAX_BYTES
    """The largest size of that folder. Above it, the images that expire first are removed."""

    public_url: Annotated[str, Field(pattern=r"^(https?://[\w.:/@%~\[\]-]+)?$")] = ""
    """The base of the URLs of that folder, at which clients reach the gateway. By default the
    gateway's own address."""

    image_url_seconds: Annotated[int, Field(ge=1, le=MAX_URL_SECONDS)] = 3600
    """How long the URL of an image is valid."""

    s3_bucket: Annotated[str, Field(validation_alias="AWS_S3_BUCKET")] = ""
    """The bucket for images that are returned as URLs."""

    s3_accelerate: Annotated[bool, Field(validation_alias="AWS_S3_ACCELERATE")] = False
    """Whether uploads and downloads use S3 Transfer Acceleration."""

    s3_region: Annotated[str, Field(validation_alias="AWS_REGION")] = ""
    """The bucket's region. By default the AWS SDK finds it."""

    s3_endpoint: Annotated[
        str,
        Field(
            validation_alias="AWS_ENDPOINT_URL_S3",
            pattern=r"^(https?://[\w.-]+(:\d{1,5})?|https?://\[[\da-fA-F:.]+\](:\d{1,5})?)?(/[^\s@?#]*)?$",
        ),
    ] = ""
    """The URL of the S3 server, if it is not AWS. Clients must reach it, too: it is in the URLs of
    images."""

    s3_path_style: bool = False
    """Whether URLs contain the bucket in the path instead of the host name."""

    s3_prefix: Annotated[str, Field(pattern=r"^([\w.!-]+/)*$", max_length=512)] = "tintype/"
    """The prefix of all object names: empty, or a path that ends with a slash."""

    s3_encryption: Literal["", "AES256", "aws:kms", "aws:kms:dsse"] = ""
    """The server-side encryption to ask for. By default the bucket's own."""

    s3_kms_key_id: str = ""
    """The KMS key to encrypt with. By default that of the account."""

    @model_validator(mode="after")
    def _one_way_to_the_bucket(self) -> Self:
        if self.s3_accelerate and (self.s3_endpoint or self.s3_path_style):
            raise ValueError(
                "AWS_S3_ACCELERATE does not go with AWS_ENDPOINT_URL_S3 or TINTYPE_S3_PATH_STYLE: "
                "the acceleration endpoint is AWS's own, and has the bucket in its name"
            )
        if self.s3_accelerate and "." in self.s3_bucket:
            raise ValueError("AWS_S3_ACCELERATE needs a bucket without dots in its name")
        if self.s3_kms_key_id and not self.s3_encryption.startswith("aws:kms"):
            raise ValueError("TINTYPE_S3_KMS_KEY_ID goes with TINTYPE_S3_ENCRYPTION=aws:kms")
        return self


KEY_FILE = "image-urls.key"


@asynccontextmanager
async def open_store(
    settings: ImageSettings, folder: Path | None, data_dir: Path
) -> AsyncIterator[ImageStore | None]:
    """Keep the store open while the block runs: the bucket if one is named, else the folder.

    Raises:
        OSError: The folder, or the signing key in the data folder, cannot be created.
        ValueError: The signing key is damaged.
    """
    if settings.s3_bucket:
        # The AWS SDK takes 14 MiB, which only a gateway with a bucket needs.
        from tintype_gateway.storage.s3 import open_bucket

        async with open_bucket(_bucket(settings)) as store:
            yield store
    elif folder is not None:
        yield _open_folder(folder, data_dir / KEY_FILE, settings)
    else:
        yield None


def _open_folder(folder: Path, key_file: Path, settings: ImageSettings) -> FolderStore:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    links = Links(read_or_make_key(key_file))
    return FolderStore(folder, links, settings.public_url, settings.image_store_max_bytes)


def _bucket(settings: ImageSettings) -> "Bucket":
    from tintype_gateway.storage.s3 import Bucket

    return Bucket(
        name=settings.s3_bucket,
        region=settings.s3_region,
        endpoint=settings.s3_endpoint,
        path_style=settings.s3_path_style,
        accelerate=settings.s3_accelerate,
        prefix=settings.s3_prefix,
        encryption=settings.s3_encryption,
        kms_key_id=settings.s3_kms_key_id,
    )
