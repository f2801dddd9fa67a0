"""The catalog's ConfigMap, watched at the API server: a change arrives in milliseconds."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from tintype_catalog.bundle import BundleError, unpack
from tintype_gateway.catalog.store import CatalogStore
from tintype_kubernetes.client import KubernetesClient
from tintype_kubernetes.configmaps import files_of
from tintype_kubernetes.errors import KubernetesError, WatchExpiredError
from tintype_kubernetes.resources import CONFIGMAPS

log = logging.getLogger(__name__)

SOURCE = "watch"

PAUSE_SECONDS = 1.0
"""How long to wait after a failure. One gateway is one client: there is no herd to spread."""


async def follow(client: KubernetesClient, namespace: str, name: str, store: CatalogStore) -> None:
    """Load the ConfigMap whenever it changes, however often the API server goes away."""
    selector = f"metadata.name={name}"
    while True:
        try:
            listed = await client.list(CONFIGMAPS, namespace, field_selector=selector)
            for config_map in listed.items:
                await _load(config_map, store)
            await _watch(client, namespace, selector, listed.resource_version, store)
        except WatchExpiredError:
            continue
        except KubernetesError as error:
            log.warning("catalog watch broken", extra={"error": str(error)})
            await asyncio.sleep(PAUSE_SECONDS)


async def _watch(
    client: KubernetesClient, namespace: str, selector: str, version: str, store: CatalogStore
) -> None:
    """Follow the changes since `version`, from one server-side timeout to the next."""
    while True:
        events = client.watch(CONFIGMAPS, namespace, version, field_selector=selector)
        async with aclosing(events):
            async for event in events:
                version = event.resource_version
                if event.type in ("ADDED", "MODIFIED"):
                    await _load(event.object, store)


async def _load(config_map: Mapping[str, Any], store: CatalogStore) -> None:
    try:
        manifest, catalog = await asyncio.to_thread(lambda: unpack(files_of(config_map)))
    except BundleError as error:
        store.reject(error, SOURCE)
    else:
        store.offer(catalog, manifest.sequence, SOURCE)
