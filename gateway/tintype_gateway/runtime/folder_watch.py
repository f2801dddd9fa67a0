"""Folders that change while we run: when to look at one, and what is in it at one moment."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from watchfiles import awatch

CURRENT = "..data"
"""The link by which a kubelet swaps the whole content of a mounted ConfigMap or Secret."""


async def looks(
    *folders: Path, recursive: bool = True, every_seconds: float | None = None
) -> AsyncIterator[None]:
    """Yield at once, and again whenever something in the folders has changed since.

    The watch begins before the first look, so that no change falls in between. With
    `every_seconds` there is also a look each time so long passed without a change: some file
    systems tell nobody of theirs.
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
        await asyncio.sleep(0)  # here the watch begins
        yield
        await first_change
        yield
        async for _ in changes:
            yield
    finally:
        first_change.cancel()


def read_files(folder: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Return the files whose names are wanted; those of a mounted volume are of one version.

    Raises:
        OSError: The folder is not there, or its content is just being swapped: look again.
    """
    current = folder / CURRENT
    version = current.resolve(strict=True) if current.is_symlink() else folder
    files = {
        path.name: path.read_bytes()
        for path in sorted(version.iterdir())
        if wanted(path.name) and path.is_file()
    }
    if version != folder and current.resolve() != version:  # which is being deleted since
        raise OSError(f"{folder} was swapped while it was read")
    return files
