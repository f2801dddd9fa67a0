"""A folder of manifests, the source of the catalog without a cluster.

Overlays are folders of JSON merge patches (RFC 7386): partial manifests that change the object of
the same kind and name.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tintype_accounts.resources import ACCOUNTS_KINDS
from tintype_catalog.catalog import Catalog
from tintype_catalog.compiler import compile_manifests
from tintype_catalog.problems import Problem
from tintype_catalog.resources import API_VERSION
from tintype_gateway.catalog.snapshot import Snapshot
from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.runtime.folder_watch import looks

log = logging.getLogger(__name__)

SOURCE = "folder"

Manifest = dict[str, Any]

Changed = Callable[[Catalog, Catalog], None]


class FolderError(ValueError):
    """A folder or a file in it cannot be read. The message names it."""


@dataclass(frozen=True)
class ManifestFolder:
    """A folder, its overlays, and an adjustment of every manifest."""

    path: Path
    overlays: tuple[Path, ...] = ()
    adjust: Callable[[Manifest], Manifest] = lambda manifest: manifest

    def read(self) -> list[Manifest]:
        """Return every manifest of the catalog, patched and adjusted.

        Raises:
            FolderError: A file is missing or is not YAML.
        """
        return [manifest for manifest in self._read() if not is_of_accounts(manifest)]

    def read_accounts(self) -> list[Manifest]:
        """Return every Account, ApiKey and CreditGrant, patched.

        Raises:
            FolderError: A file is missing or is not YAML.
        """
        return [manifest for manifest in self._read() if is_of_accounts(manifest)]

    def _read(self) -> list[Manifest]:
        patches = [patch for overlay in self.overlays for _, patch in read_manifests(overlay)]
        manifests = [manifest for _, manifest in read_manifests(self.path)]
        return [self.adjust(_patched(manifest, patches)) for manifest in manifests]

    async def follow(self, store: CatalogStore, changed: Changed = lambda *_: None) -> None:
        """Load the folder now, and after each change of a file in it.

        `changed` is called with the last catalog and the one that replaces it.
        """
        async for _ in looks(self.path, *self.overlays):
            await self._load(store, changed)

    async def _load(self, store: CatalogStore, changed: Changed) -> None:
        before = store.catalog
        try:
            snapshot, problems = await asyncio.to_thread(self._compile, store)
        except FolderError as error:
            store.reject(error, SOURCE)
            return
        for problem in problems:
            log.warning("manifest refused", extra={"problem": str(problem)})
        if store.swap(snapshot, SOURCE) and before is not None:
            changed(before, snapshot.catalog)

    def _compile(self, store: CatalogStore) -> tuple[Snapshot, Sequence[Problem]]:
        catalog, problems = compile_manifests(self.read(), store.catalog)
        return Snapshot.of(catalog, time.time_ns() // 1_000_000).prepared(), problems


def is_of_accounts(manifest: Manifest) -> bool:
    """Return whether a manifest is for the ledger, and not for the catalog."""
    return str(manifest.get("kind")) in ACCOUNTS_KINDS


def read_manifests(folder: Path) -> list[tuple[Path, Manifest]]:
    """Return every manifest of `tintype.dev` in a folder's YAML files, with its file.

    Objects of other APIs are ignored: a folder may also contain a Secret or a kustomization.

    Raises:
        FolderError: The folder is missing, or a file is not YAML.
    """
    if not folder.is_dir():
        raise FolderError(f"{folder} is not a folder")
    files = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml", ".json"))
    return [(path, manifest) for path in files for manifest in _documents(path)]


def _documents(path: Path) -> Iterable[Manifest]:
    try:
        documents = list(yaml.load_all(path.read_bytes(), _Loader))  # a safe loader
    except Exception as error:  # PyYAML also raises the errors of int("abc")
        raise FolderError(f"{path}: {error}") from error
    return [item for item in documents if isinstance(item, dict) and _is_ours(item)]


def _is_ours(document: Manifest) -> bool:
    group = API_VERSION.partition("/")[0]
    return str(document.get("apiVersion")).partition("/")[0] == group


class _Loader(yaml.CSafeLoader):
    """Loads YAML as Kubernetes does: a date is a string."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


def _patched(manifest: Manifest, patches: Sequence[Manifest]) -> Manifest:
    for patch in patches:
        if _identity(patch) == _identity(manifest):
            manifest = merge(manifest, patch)
    return manifest


def merge(target: Any, patch: Any) -> Any:
    """Return `target` with a merge patch: null removes, objects merge, other values replace."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def _identity(manifest: Mapping[str, Any]) -> tuple[object, object]:
    metadata = manifest.get("metadata")
    return manifest.get("kind"), metadata.get("name") if isinstance(metadata, dict) else None
