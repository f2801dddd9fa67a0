"""Places for images, for gateways of the tests."""

from pathlib import Path

from tintype_gateway.storage.folder import FolderStore
from tintype_gateway.storage.links import KEY_BYTES, Links


def folder_store(folder: Path) -> FolderStore:
    """Return a folder as a store, such as `tintype gateway --simulate` has one."""
    return FolderStore(folder, Links(bytes(KEY_BYTES)))
