"""Watches folders for changes, and reads consistent versions of their files."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from watchfiles import awatch

CURRENT = "..data"
"""The symbolic link that the kubelet replaces to update a mounted ConfigMap or Secret."""


async def looks(
    *folders: Path, recursive: bool = True, every_seconds: float | None = None
) -> AsyncIterator[None]:
    """Yield at once, and again after each change in the folders.

    The watch starts before the first yield, so that no change is missed. With `every_seconds`, this
    also yields after that time without a change, because some file systems report no changes.
    """
    changes = awatch(
        *folders,
        recursive=recursive,
        step=20,
        debounce=400,
        rust_timeout=None if every_seconds is None else int(every_seconds * 1000),
        yield_on_timeout=every_seconds is not None,
    )
    first_change = asyncio.ensure_future(anext(changes))
    try:
        await asyncio.sleep(0)  # starts the watch
        yield
        await first_change
        yield
        async for _ in changes:
            yield
    finally:
        first_change.cancel()


def read_files(folder: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Return the files with wanted names; the files of a mounted volume are of one version.

    Raises:
        OSError: The folder does not exist, or its content is being replaced: try again.
    """
    current = folder / CURRENT
    version = current.resolve(strict=True) if current.is_symlink() else folder
    files = {
        path.name: path.read_bytes()
        for path in sorted(version.iterdir())
        if wanted(path.name) and path.is_file()
    }
    if version != folder and current.resolve() != version:  # the kubelet deletes the old version
        raise OSError(f"{folder} was swapped while it was read")
    return files
