"""The catalog's ConfigMap, watched at the API server: a change arrives in milliseconds."""

import asyncio
import logging
from contextlib import aclosing

from tintype_catalog.bundle import object_name, part_files
from tintype_gateway.catalog.loading import CatalogLoader
from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.configmaps import files_of, read_all
from tintype_kubernetes.errors import KubernetesError
from tintype_kubernetes.following import follow_object
from tintype_kubernetes.resources import CONFIGMAPS

log = logging.getLogger(__name__)

SOURCE = "watch"

PAUSE_SECONDS = 1.0
"""How long to wait after a failure. One gateway is one client: there is no herd to spread."""


async def follow(
    client: KubernetesClient, namespace: str, name: str, loader: CatalogLoader
) -> None:
    """Load the ConfigMap whenever it changes, however often the API server goes away."""
    while True:
        try:
            async with aclosing(follow_object(client, CONFIGMAPS, namespace, name)) as versions:
                async for index in versions:
                    if index is not None:  # a deleted one will be published anew
                        await loader.load(await _files(client, namespace, name, index), SOURCE)
        except KubernetesError as error:
            log.warning("catalog watch broken", extra={"error": str(error)})
            await asyncio.sleep(PAUSE_SECONDS)


async def _files(
    client: KubernetesClient, namespace: str, name: str, index: KubernetesObject
) -> dict[str, bytes]:
    """Return the files of a catalog, with its parts, which are ConfigMaps of their own."""
    files = await asyncio.to_thread(files_of, index)
    names = [object_name(name, file) for file in part_files(files)]
    for part in await read_all(client, namespace, names):
        files |= await asyncio.to_thread(files_of, part)
    return files
