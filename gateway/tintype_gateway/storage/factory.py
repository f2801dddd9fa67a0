"""Which store the settings mean."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tintype_gateway.storage.folder import FolderStore
from tintype_gateway.storage.interface import ImageStore
from tintype_gateway.storage.links import Links, read_or_make_key
from tintype_gateway.storage.s3 import Bucket, open_bucket
from tintype_gateway.storage.settings import ImageSettings

KEY_FILE = "image-urls.key"


@asynccontextmanager
async def open_store(
    settings: ImageSettings, folder: Path | None, data_dir: Path
) -> AsyncIterator[ImageStore | None]:
    """Keep the store open while the block runs: the bucket if one is named, else the folder.

    Raises:
        OSError: The folder, or the key of its links in the data folder, cannot be made.
        ValueError: The key is damaged.
    """
    if settings.s3_bucket:
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


def _bucket(settings: ImageSettings) -> Bucket:
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
