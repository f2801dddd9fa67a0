"""The catalog in its ConfigMaps: read back, and written when its content changes."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tintype_catalog.bundle import (
    SLOTS,
    BundleError,
    object_name,
    pack,
    part_files,
    read_manifest,
    unpack,
)
from tintype_catalog.catalog import SCHEMA_VERSION, Catalog
from tintype_kubernetes.client import KubernetesObject
from tintype_kubernetes.configmaps import configmap_of, files_of, read_all
from tintype_kubernetes.resources import CONFIGMAPS
from tintype_operator.errors import NewerCatalogError
from tintype_operator.metrics import PUBLICATIONS
from tintype_operator.publish.managed_objects import ManagedObjects

ACCEPT_LOSS = "tintype.dev/accept-loss"
"""The ConfigMap's annotation by which a person agrees to lose most of the catalog that has this
sequence, and of no later one."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Published:
    """What stands in the ConfigMaps now."""

    catalog: Catalog | None = None
    """None where there is no ConfigMap, or none that can be read."""

    sequence: int = 0
    """That of its manifest, zero where there is none."""

    versions: tuple[str, ...] = ()
    """The resourceVersions of the ConfigMap and of those with its parts, empty without them."""

    parts: tuple[str, ...] = ()
    """The files that it is in, empty where it needs no ConfigMap but its own."""

    may_lose: bool = False
    """Whether a person agreed that most of it vanishes: see `deletion_guard.py`."""


class CatalogPublisher:
    """Reads and writes the ConfigMap of one catalog, and those with its parts."""

    def __init__(self, own: ManagedObjects, name: str) -> None:
        """Name the ConfigMap, which need not exist."""
        self._managed = own
        self._name = name
        self._known = Published()

    async def read(self) -> Published:
        """Return what is published now.

        Raises:
            NewerCatalogError: A newer version of the operator has written it.
            KubernetesError: It could not be read.
        """
        found = await read_all(self._managed.client, self._managed.namespace, [self._name])
        if not found:
            return Published()
        names = [object_name(self._name, file) for file in part_files(files_of(found[0]))]
        found += await read_all(self._managed.client, self._managed.namespace, names)
        if tuple(map(_version, found)) != self._known.versions:
            self._known = published_in(*found)
        return self._known

    def consent(self, published: Published) -> str:
        """Return the command by which a person agrees to lose what is published."""
        return (
            f"kubectl annotate --overwrite configmap {self._name} "
            f"--namespace {self._managed.namespace} {ACCEPT_LOSS}={published.sequence}"
        )

    async def stored(self) -> KubernetesObject | None:
        """Return the ConfigMap, None where there is none.

        Raises:
            KubernetesError: It could not be read.
        """
        found = await read_all(self._managed.client, self._managed.namespace, [self._name])
        return found[0] if found else None

    async def publish(self, catalog: Catalog, before: Published) -> int:
        """Replace what is published, and return its sequence; equal content is not written anew.

        Raises:
            BundleError: The catalog is larger than gateways take.
            ConflictError: The ConfigMap changed since `before` was read.
            KubernetesError: It could not be written.
        """
        if before.catalog == catalog:
            self._known = replace(before, catalog=catalog)  # one of two equal ones is enough
            return before.sequence
        sequence = next_sequence(before.sequence, time.time_ns() // 1_000_000)
        now = datetime.now(UTC)
        bundle = await asyncio.to_thread(
            pack, catalog, sequence, published_at=now, occupied=before.parts
        )
        files = dict(bundle.files)
        # The index comes last: until then gateways have the one before, and its parts.
        parts = part_files(files)
        versions = [
            await self._apply(object_name(self._name, file), {file: files.pop(file)})
            for file in parts
        ]
        version = await self._apply(self._name, files, next(iter(before.versions), ""))
        self._known = Published(catalog, sequence, (version, *versions), parts)
        PUBLICATIONS.inc()
        logger.info("published", extra={"catalog": bundle.manifest.model_dump(mode="json")})
        return sequence

    async def _apply(self, name: str, files: Mapping[str, bytes], version: str = "") -> str:
        """Write a ConfigMap, over `version` of it if given, and return its version then."""
        configmap = configmap_of(self._managed.namespace, name, files)
        if version:
            configmap["metadata"]["resourceVersion"] = version
        return _version(await self._managed.apply(CONFIGMAPS, configmap))


def configmap_names(catalog: str) -> tuple[str, ...]:
    """Return the names of all ConfigMaps that a catalog may be in."""
    return catalog, *(object_name(catalog, slot) for slot in SLOTS)


def next_sequence(previous: int, milliseconds: int) -> int:
    """Return a sequence above the previous one: the time in ms since 1970, while clocks agree.

    A lost ConfigMap does not set the sequence back, and so does not look like an old catalog.
    """
    return max(previous + 1, milliseconds)


def published_in(configmap: KubernetesObject, *parts: KubernetesObject) -> Published:
    """Return what ConfigMaps hold; those that are damaged hold no catalog and are overwritten.

    Raises:
        NewerCatalogError: The schema is newer than ours.
    """
    files = files_of(configmap)
    versions = tuple(map(_version, (configmap, *parts)))
    try:
        manifest = read_manifest(files)
    except BundleError as error:
        logger.warning("the published catalog is damaged: %s", error)
        return Published(versions=versions)
    if manifest.schema_version > SCHEMA_VERSION:
        raise NewerCatalogError(
            f"ConfigMap/{configmap['metadata']['name']} was written by {manifest.written_by} in "
            f"schema {manifest.schema_version}, and this operator writes {SCHEMA_VERSION}: "
            "upgrade the operator, or delete the ConfigMap"
        )
    for part in parts:
        files |= files_of(part)
    annotations = configmap["metadata"].get("annotations") or {}
    return Published(
        _catalog(files),
        manifest.sequence,
        versions,
        part_files(files),
        may_lose=annotations.get(ACCEPT_LOSS) == str(manifest.sequence),
    )


def _catalog(files: Mapping[str, bytes]) -> Catalog | None:
    try:
        return unpack(files)[1]
    except BundleError as error:
        logger.warning("the published catalog is damaged: %s", error)
        return None


def _version(configmap: KubernetesObject) -> str:
    return str(configmap["metadata"]["resourceVersion"])
