"""The channels of a published catalog: a watch at the API server, and a mounted volume."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path

from tintype_catalog.bundle import FILES, object_name, part_files
from tintype_gateway.catalog.loading import CatalogLoader
from tintype_gateway.runtime.folder_watch import looks, read_files
from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.configmaps import files_of, read_all
from tintype_kubernetes.errors import KubernetesError
from tintype_kubernetes.following import follow_object
from tintype_kubernetes.resources import CONFIGMAPS

log = logging.getLogger(__name__)

WATCH = "watch"

PAUSE_SECONDS = 1.0
"""The pause after a failure. It needs no jitter, because few gateways watch."""


async def follow_config_map(
    client: KubernetesClient, namespace: str, name: str, loader: CatalogLoader
) -> None:
    """Load the ConfigMap after each change; reconnect after each failure of the watch."""
    while True:
        try:
            async with aclosing(follow_object(client, CONFIGMAPS, namespace, name)) as versions:
                async for index in versions:
                    if index is not None:  # the operator will publish a deleted one again
                        await loader.load(await _files(client, namespace, name, index), WATCH)
        except KubernetesError as error:
            log.warning("catalog watch broken", extra={"error": str(error)})
            await asyncio.sleep(PAUSE_SECONDS)


async def _files(
    client: KubernetesClient, namespace: str, name: str, index: KubernetesObject
) -> dict[str, bytes]:
    """Return the files of a catalog, with those of its parts in further ConfigMaps."""
    files = await asyncio.to_thread(files_of, index)
    names = [object_name(name, file) for file in part_files(files)]
    for part in await read_all(client, namespace, names):
        files |= await asyncio.to_thread(files_of, part)
    return files


MOUNT = "mount"

LOOK_SECONDS = 5.0
"""The time between two reads of the folder without a notification of a change."""


async def follow_mount(folder: Path, loader: CatalogLoader) -> None:
    """Load the mounted catalog now, and after each change of the volume."""
    seen: Mapping[str, bytes] | None = None
    async for _ in looks(folder, recursive=False, every_seconds=LOOK_SECONDS):
        try:
            files = await asyncio.to_thread(read_files, folder, FILES.__contains__)
        except OSError as error:  # the kubelet may replace the content during the read
            loader.reject(error, MOUNT)
        else:
            if files and files != seen:  # the ConfigMap of an empty volume does not exist yet
                await loader.load(files, MOUNT)
            seen = files
