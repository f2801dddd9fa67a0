"""Checks the image store by a file that is stored, read and deleted."""

import secrets
from pathlib import Path

from tintype_cli.checks.finding import Finding
from tintype_gateway.settings import GatewaySettings
from tintype_gateway.storage.factory import open_store
from tintype_gateway.storage.interface import ImageStore, StoreError

CHECK = "images"

CONTENT = b"a trial of tintype doctor"
LIFETIME_SECONDS = 60


async def check_images(settings: GatewaySettings) -> list[Finding]:
    """Return what is to be said of the image store. A folder is not made."""
    folder = settings.image_folder
    if not settings.s3_bucket and folder is None:
        message = "no store: images are returned in responses only"
        return [Finding(CHECK, "ok", message)]
    if not settings.s3_bucket and folder is not None and not folder.is_dir():
        advice = "nothing, if no gateway has run yet: its first start makes it"
        return [Finding(CHECK, "warning", f"{folder} does not exist", advice)]
    name = f"the bucket {settings.s3_bucket}" if settings.s3_bucket else str(folder)
    try:
        async with open_store(settings, folder, settings.data_dir) as store:
            if store is not None:
                await _try(store)
    except (StoreError, OSError, ValueError) as error:
        return [Finding(CHECK, "problem", f"{name}: {error}", _advice(folder, settings))]
    return [Finding(CHECK, "ok", f"{name}: a file was stored, read and deleted")]


def _advice(folder: Path | None, settings: GatewaySettings) -> str:
    if settings.s3_bucket:
        return (
            "allow s3:PutObject, s3:GetObject and s3:DeleteObject below TINTYPE_S3_PREFIX, and "
            "check AWS_S3_BUCKET, AWS_REGION and AWS_ENDPOINT_URL_S3"
        )
    return f"let the user of the gateway write into {folder}, and look for free space"


async def _try(store: ImageStore) -> None:
    """Store, read and delete a file.

    Raises:
        StoreError: One of them failed, or the content differs.
    """
    name = f"checks/{secrets.token_hex(16)}"
    await store.put(name, CONTENT, "application/octet-stream", LIFETIME_SECONDS)
    try:
        if await store.get(name) != CONTENT:
            raise StoreError("a stored file has another content")
    finally:
        await store.delete(name)
