"""The catalog's ConfigMap as a mounted volume: there at a cold start, and without an API server.

The kubelet swaps the whole content by one symbolic link, `..data`, so the folder is watched and
never a file in it. It takes about a minute to do so; the watch at the API server is faster.
"""

import asyncio
from pathlib import Path

from tintype_catalog.bundle import CATALOG, MANIFEST, BundleError, unpack
from tintype_gateway.catalog.changes import looks
from tintype_gateway.catalog.store import CatalogStore

SOURCE = "mount"


async def follow(folder: Path, store: CatalogStore) -> None:
    """Load the mounted catalog now, and again whenever the volume changes."""
    async for _ in looks(folder, recursive=False):
        await _load(folder, store)


async def _load(folder: Path, store: CatalogStore) -> None:
    try:
        manifest, catalog = await asyncio.to_thread(lambda: unpack(_read(folder)))
    except (BundleError, OSError) as error:  # a swap may take away what is just being read
        store.reject(error, SOURCE)
    else:
        store.offer(catalog, manifest.sequence, SOURCE)


def _read(folder: Path) -> dict[str, bytes]:
    return {
        name: (folder / name).read_bytes()
        for name in (MANIFEST, CATALOG)
        if (folder / name).is_file()
    }
