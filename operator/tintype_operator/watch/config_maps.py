"""The ConfigMaps with certificate authorities that bindings name.

They are read by name, and again from time to time: a watch would need the permission to list all
ConfigMaps of the namespace, and would report each publication of the catalog.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping

from tintype_catalog.catalog import Catalog
from tintype_catalog.connection import MAX_CA_BYTES, is_ca_key
from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.configmaps import files_of, read_all
from tintype_kubernetes.errors import KubernetesError

LOOK_SECONDS = 30.0
"""The period in which the ConfigMaps are read again."""

Bundles = Mapping[str, Mapping[str, bytes]]
"""The authorities by the name of the ConfigMap and the key. A missing ConfigMap is left out."""

logger = logging.getLogger(__name__)


class CaConfigMaps:
    """Reads the ConfigMaps, and remembers them until the next look."""

    def __init__(
        self, client: KubernetesClient, namespace: str, look_seconds: float = LOOK_SECONDS
    ) -> None:
        """Read nothing before the first `read`."""
        self._client = client
        self._namespace = namespace
        self._look_seconds = look_seconds
        self._names: frozenset[str] = frozenset()
        self._bundles: Bundles = {}

    async def read(self, names: Collection[str]) -> Bundles:
        """Return the ConfigMaps with these names, read now if other names were asked for before.

        Raises:
            KubernetesError: One of them could not be read.
        """
        wanted = frozenset(names)
        if wanted != self._names:
            self._bundles = await self._read(wanted)
            self._names = wanted
        return self._bundles

    async def follow(self, changed: Callable[[], None]) -> None:
        """Read the ConfigMaps again and again, and call `changed` when their content differs."""
        while True:
            await asyncio.sleep(self._look_seconds)
            names = self._names
            try:
                bundles = await self._read(names)
            except KubernetesError as error:
                logger.warning("ConfigMaps with authorities not read: %s", error)
                continue
            if names == self._names and bundles != self._bundles:
                self._bundles = bundles
                changed()

    async def _read(self, names: Iterable[str]) -> Bundles:
        found = await read_all(self._client, self._namespace, sorted(names))
        return {item["metadata"]["name"]: _authorities(item) for item in found}


def named_config_maps(objects: Iterable[KubernetesObject], previous: Catalog | None) -> set[str]:
    """Return the names of the ConfigMaps that bindings or their published revisions refer to."""
    bundles = (item["spec"].get("caBundle") or {} for item in objects)
    names = {(bundle.get("configMapRef") or {}).get("name", "") for bundle in bundles}
    for binding in () if previous is None else previous.bindings:
        if binding.ca_bundle is not None and binding.ca_bundle.config_map_ref is not None:
            names.add(binding.ca_bundle.config_map_ref.name)
    return names - {""}


def _authorities(configmap: KubernetesObject) -> Mapping[str, bytes]:
    return {
        key: content
        for key, content in files_of(configmap).items()
        if is_ca_key(key) and 0 < len(content) <= MAX_CA_BYTES
    }
