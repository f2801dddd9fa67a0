"""What others deliver to a running gateway: a published catalog, and the providers' credentials."""

from collections.abc import Coroutine
from contextlib import AsyncExitStack

from tintype_gateway.catalog import mount, watch
from tintype_gateway.catalog.last_good import LastGood
from tintype_gateway.catalog.loading import CatalogLoader
from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.settings import GatewaySettings
from tintype_gateway.upstream.credentials import Credentials
from tintype_kubernetes.client import connect
from tintype_kubernetes.config import load_config

Following = Coroutine[None, None, None]
"""Keeps something up to date until it is cancelled."""

LAST_GOOD_FILE = "last-good-catalog.json"
"""Where the data folder keeps the last good catalog."""


async def follow_catalog(
    settings: GatewaySettings, store: CatalogStore, stack: AsyncExitStack
) -> list[Following]:
    """Return what follows the channels of a published catalog, none where it is not published."""
    if not settings.has_published_catalog:
        return []
    loader = CatalogLoader(store, LastGood(settings.data_dir / LAST_GOOD_FILE))
    await loader.restore()
    channels: list[Following] = []
    if settings.catalog_mount is not None:
        channels.append(mount.follow(settings.catalog_mount, loader))
    if (name := settings.catalog_configmap) is not None:
        config = load_config(settings.kubeconfig)
        client = await stack.enter_async_context(connect(config))
        channels.append(watch.follow(client, settings.namespace or config.namespace, name, loader))
    return channels


async def follow_credentials(
    settings: GatewaySettings, credentials: Credentials, stack: AsyncExitStack
) -> list[Following]:
    """Return what follows the channels of the credentials. Those of the folder are there at once.

    Raises:
        OSError: The folder cannot be read.
    """
    channels: list[Following] = []
    if (folder := settings.credentials_dir) is not None:
        await credentials.load_folder(folder)
        channels.append(credentials.follow_folder(folder))
    if (name := settings.credentials_secret) is not None:
        config = load_config(settings.kubeconfig)
        client = await stack.enter_async_context(connect(config))
        namespace = settings.namespace or config.namespace
        channels.append(credentials.follow_secret(client, namespace, name))
    return channels
