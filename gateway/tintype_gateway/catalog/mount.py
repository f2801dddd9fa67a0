"""The catalog's ConfigMap as a mounted volume: there at a cold start, and without an API server.

The kubelet swaps the whole content by one symbolic link, so the folder is watched and never a file
in it. It takes about a minute to do so; the watch at the API server is faster.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from tintype_catalog.bundle import FILES
from tintype_gateway.catalog.loading import CatalogLoader
from tintype_gateway.runtime.folder_watch import looks, read_files

SOURCE = "mount"

LOOK_SECONDS = 5.0
"""How often the folder is looked at though nothing told of a change."""


async def follow(folder: Path, loader: CatalogLoader) -> None:
    """Load the mounted catalog now, and again whenever the volume changes."""
    seen: Mapping[str, bytes] | None = None
    async for _ in looks(folder, recursive=False, every_seconds=LOOK_SECONDS):
        try:
            files = await asyncio.to_thread(read_files, folder, FILES.__contains__)
        except OSError as error:  # a swap may take away what is just being read
            loader.reject(error, SOURCE)
        else:
            if files and files != seen:  # an empty volume waits for its ConfigMap
                await loader.load(files, SOURCE)
            seen = files
