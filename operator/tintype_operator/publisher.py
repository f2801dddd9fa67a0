"""The catalog in its ConfigMap: read back, and written when its content changes."""

import logging
import time
from dataclasses import dataclass

from tintype_catalog.bundle import BundleError, pack, read_manifest, unpack
from tintype_catalog.catalog import SCHEMA_VERSION, Catalog
from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.configmaps import configmap_of, files_of
from tintype_kubernetes.errors import NotFoundError
from tintype_kubernetes.resources import CONFIGMAPS
from tintype_operator.errors import NewerCatalogError
from tintype_operator.metrics import PUBLICATIONS

FIELD_MANAGER = "tintype-operator"
"""Who owns the fields that the operator applies."""

LABELS = {"app.kubernetes.io/name": "tintype", "app.kubernetes.io/managed-by": FIELD_MANAGER}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Published:
    """What stands in the ConfigMap now."""

    catalog: Catalog | None = None
    """None where there is no ConfigMap, or none that can be read."""

    sequence: int = 0
    """That of its manifest, zero where there is none."""

    resource_version: str = ""
    """That of the ConfigMap, empty where there is none."""


class Publisher:
    """Reads and writes the ConfigMap of one catalog."""

    def __init__(
        self, client: KubernetesClient, namespace: str, name: str, owners: list[KubernetesObject]
    ) -> None:
        """Name the ConfigMap, which need not exist, and what it goes away with."""
        self._client = client
        self._namespace = namespace
        self._name = name
        self._owners = owners
        self._known = Published()

    async def read(self) -> Published:
        """Return what is published now.

        Raises:
            NewerCatalogError: A newer version of the operator has written it.
            KubernetesError: It could not be read.
        """
        try:
            configmap = await self._client.get(CONFIGMAPS, self._namespace, self._name)
        except NotFoundError:
            return Published()
        if configmap["metadata"]["resourceVersion"] != self._known.resource_version:
            self._known = published_in(configmap)
        return self._known

    async def publish(self, catalog: Catalog, before: Published) -> int:
        """Replace what is published, and return its sequence; equal content is not written anew.

        Raises:
            BundleError: The catalog is too large for a ConfigMap.
            ConflictError: The ConfigMap changed since `before` was read.
            KubernetesError: It could not be written.
        """
        if before.catalog == catalog:
            return before.sequence
        sequence = next_sequence(before.sequence, time.time_ns() // 1_000_000)
        bundle = pack(catalog, sequence)
        configmap = configmap_of(self._namespace, self._name, bundle.files)
        configmap["metadata"]["labels"] = LABELS
        if self._owners:
            configmap["metadata"]["ownerReferences"] = self._owners
        if before.resource_version:
            configmap["metadata"]["resourceVersion"] = before.resource_version
        await self._client.apply(CONFIGMAPS, configmap, field_manager=FIELD_MANAGER)
        PUBLICATIONS.inc()
        logger.info("published", extra={"catalog": bundle.manifest.model_dump()})
        return sequence


def next_sequence(previous: int, milliseconds: int) -> int:
    """Return a sequence above the previous one: the time in ms since 1970, while clocks agree.

    A lost ConfigMap does not set the sequence back, and so does not look like an old catalog.
    """
    return max(previous + 1, milliseconds)


def published_in(configmap: KubernetesObject) -> Published:
    """Return what a ConfigMap holds; one that is damaged holds no catalog and is overwritten.

    Raises:
        NewerCatalogError: Its schema is newer than ours.
    """
    files, version = files_of(configmap), configmap["metadata"]["resourceVersion"]
    try:
        manifest = read_manifest(files)
    except BundleError as error:
        logger.warning("the published catalog is damaged: %s", error)
        return Published(resource_version=version)
    if manifest.schema_version > SCHEMA_VERSION:
        raise NewerCatalogError(
            f"ConfigMap/{configmap['metadata']['name']} was written by {manifest.written_by} in "
            f"schema {manifest.schema_version}, and this operator writes {SCHEMA_VERSION}: "
            "upgrade the operator, or delete the ConfigMap"
        )
    try:
        return Published(unpack(files)[1], manifest.sequence, version)
    except BundleError as error:
        logger.warning("the published catalog is damaged: %s", error)
        return Published(None, manifest.sequence, version)
