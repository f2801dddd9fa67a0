"""Reads the published catalog from its ConfigMaps, and writes it when its content changes."""

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
from tintype_operator.publish.texts import EntryTexts

ACCEPT_LOSS = "tintype.dev/accept-loss"
"""The ConfigMap's annotation that allows the operator to remove most of the catalog. Its value is
the sequence of that catalog, so that it does not apply to a later one."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Published:
    """The content of the ConfigMaps."""

    catalog: Catalog | None = None
    """None if there is no ConfigMap, or if it is damaged."""

    sequence: int = 0
    """The sequence in its manifest, zero if there is none."""

    versions: tuple[str, ...] = ()
    """The resourceVersions of the ConfigMap and of those with its parts, if they exist."""

    parts: tuple[str, ...] = ()
    """The files that are in ConfigMaps of their own; empty if the catalog fits into one."""

    loss_accepted: bool = False
    """Whether a person accepted the loss of most of its models: see `deletion_guard.py`."""


class CatalogPublisher:
    """Reads and writes the ConfigMap of one catalog, and those with its parts."""

    def __init__(self, managed: ManagedObjects, name: str) -> None:
        """Name the ConfigMap, which may not exist yet."""
        self._managed = managed
        self._name = name
        self._known = Published()
        self._texts = EntryTexts()

    async def read(self) -> Published:
        """Return the published catalog.

        Raises:
            NewerCatalogError: A newer version of the operator wrote it.
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

    def accept_loss_command(self, published: Published) -> str:
        """Return the command that accepts the loss of most of the published catalog."""
        return (
            f"kubectl annotate --overwrite configmap {self._name} "
            f"--namespace {self._managed.namespace} {ACCEPT_LOSS}={published.sequence}"
        )

    async def read_configmap(self) -> KubernetesObject | None:
        """Return the ConfigMap, None if there is none.

        Raises:
            KubernetesError: It could not be read.
        """
        found = await read_all(self._managed.client, self._managed.namespace, [self._name])
        return found[0] if found else None

    async def publish(self, catalog: Catalog, before: Published) -> int:
        """Publish a catalog that differs from `before`, and return the published sequence.

        Raises:
            BundleError: The catalog is larger than gateways accept.
            ConflictError: The ConfigMap changed since `before` was read.
            KubernetesError: It could not be written.
        """
        if before.catalog == catalog:
            self._known = replace(before, catalog=catalog)  # frees the memory of the equal one
            return before.sequence
        sequence = next_sequence(before.sequence, time.time_ns() // 1_000_000)
        now = datetime.now(UTC)
        bundle = await asyncio.to_thread(
            pack,
            catalog,
            sequence,
            published_at=now,
            occupied=before.parts,
            text_of=self._texts,
        )
        self._texts.forget_others(catalog)
        files = dict(bundle.files)
        # The index is written last: until then gateways read the previous index and its parts.
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
        """Write a ConfigMap, if given only over this `version`, and return its new version."""
        configmap = configmap_of(self._managed.namespace, name, files)
        if version:
            configmap["metadata"]["resourceVersion"] = version
        return _version(await self._managed.apply(CONFIGMAPS, configmap))


def configmap_names(catalog: str) -> tuple[str, ...]:
    """Return the names of all ConfigMaps that a catalog may use."""
    return catalog, *(object_name(catalog, slot) for slot in SLOTS)


def next_sequence(previous: int, milliseconds: int) -> int:
    """Return a sequence above the previous one: the Unix time in milliseconds, if that is greater.

    So the sequence also grows when the ConfigMap was lost, and gateways do not take the new catalog
    for an old one.
    """
    return max(previous + 1, milliseconds)


def published_in(configmap: KubernetesObject, *parts: KubernetesObject) -> Published:
    """Return the content of ConfigMaps; damaged ones have no catalog and will be overwritten.

    Raises:
        NewerCatalogError: The schema is newer than this version of the operator.
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
        loss_accepted=annotations.get(ACCEPT_LOSS) == str(manifest.sequence),
    )


def _catalog(files: Mapping[str, bytes]) -> Catalog | None:
    try:
        return unpack(files)[1]
    except BundleError as error:
        logger.warning("the published catalog is damaged: %s", error)
        return None


def _version(configmap: KubernetesObject) -> str:
    return str(configmap["metadata"]["resourceVersion"])
