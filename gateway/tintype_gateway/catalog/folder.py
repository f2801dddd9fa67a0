"""A folder of manifests, the source of the catalog without a cluster.

Overlays are folders of JSON merge patches (RFC 7386): partial manifests that change the object of
the same kind and name.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from tintype_accounts.resources import ACCOUNTS_KINDS
from tintype_catalog.catalog import Catalog
from tintype_catalog.compiler import compile_manifests
from tintype_catalog.problems import Problem
from tintype_catalog.resources import API_VERSION, Resource, parse_resource
from tintype_gateway.catalog.snapshot import Snapshot
from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.runtime.allocator import exclude_living
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
        return list(self._of_catalog())

    def read_accounts(self) -> list[Manifest]:
        """Return every Account, ApiKey and CreditGrant, patched.

        Raises:
            FolderError: A file is missing or is not YAML.
        """
        return [manifest for manifest in self._each() if is_of_accounts(manifest)]

    def is_empty(self) -> bool:
        """Return whether there is no manifest of any kind.

        Raises:
            FolderError: A file is missing or is not YAML.
        """
        return next(self._each(), None) is None

    def _of_catalog(self) -> Iterator[Manifest]:
        return (manifest for manifest in self._each() if not is_of_accounts(manifest))

    def _each(self) -> Iterator[Manifest]:
        patches = [patch for overlay in self.overlays for _, patch in read_manifests(overlay)]
        for _, manifest in _in_steps(_manifests(self.path)):
            yield self.adjust(_patched(manifest, patches))

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
        """Compile the folder, in steps between which the event loop has its turn.

        What is read and parsed is freed piece by piece, too: a list of thousands of objects that
        ends takes long, and nothing else runs meanwhile.
        """
        parsed: list[Resource | list[Problem]] = []

        def parse(manifest: Mapping[str, Any]) -> Resource | list[Problem]:
            parsed.append(parse_resource(manifest))
            return parsed[-1]

        manifests = _in_steps(self._of_catalog())
        catalog, problems = compile_manifests(manifests, store.catalog, parse=parse)
        snapshot = Snapshot.of(catalog, time.time_ns() // 1_000_000).prepared()
        while parsed:
            parsed.pop()
        return snapshot, problems


STEP_ITEMS = 100
"""How many objects of a folder are read between two calls of the garbage collector."""

Item = TypeVar("Item")


def _in_steps(items: Iterable[Item]) -> Iterator[Item]:
    """Yield items, and exclude what was made of them from garbage collection, step by step.

    A collection of all objects of a large folder would stop the event loop.
    """
    for number, item in enumerate(items, start=1):
        yield item
        del item
        if number % STEP_ITEMS == 0:
            exclude_living()


def is_of_accounts(manifest: Manifest) -> bool:
    """Return whether a manifest is for the ledger, and not for the catalog."""
    return str(manifest.get("kind")) in ACCOUNTS_KINDS


def read_manifests(folder: Path) -> list[tuple[Path, Manifest]]:
    """Return every manifest of `tintype.dev` in a folder's YAML files, with its file.

    Objects of other APIs are ignored: a folder may also contain a Secret or a kustomization.

    Raises:
        FolderError: The folder is missing, or a file is not YAML.
    """
    return list(_manifests(folder))


def _manifests(folder: Path) -> Iterator[tuple[Path, Manifest]]:
    if not folder.is_dir():
        raise FolderError(f"{folder} is not a folder")
    files = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml", ".json"))
    for path in files:
        for document in _documents(path):
            if isinstance(document, dict) and _is_ours(document):
                yield path, document


def _documents(path: Path) -> Iterator[object]:
    try:
        documents = yaml.load_all(path.read_bytes(), _Loader)  # a safe loader
    except Exception as error:
        raise FolderError(f"{path}: {error}") from error
    while True:
        try:
            document = next(documents)
        except StopIteration:
            return
        except Exception as error:  # PyYAML also raises the errors of int("abc")
            raise FolderError(f"{path}: {error}") from error
        yield document
        del document


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
