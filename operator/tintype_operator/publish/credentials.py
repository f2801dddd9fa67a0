"""Copies the providers' credentials from the offered Secrets into the one Secret of the gateways.

Values are copied in base64 and never decoded, so that none can appear in a log or a message.
"""

import logging
from collections.abc import Collection, Iterable, Mapping

from tintype_catalog.catalog import Catalog
from tintype_catalog.credentials import (
    CREDENTIAL_KEYS,
    file_name,
)
from tintype_kubernetes.client import KubernetesObject
from tintype_kubernetes.errors import NotFoundError
from tintype_kubernetes.resources import SECRETS
from tintype_operator.publish.managed_objects import ManagedObjects

logger = logging.getLogger(__name__)


def gathered(catalog: Catalog, secrets: Iterable[KubernetesObject]) -> dict[str, str]:
    """Return the offered credentials that the catalog refers to: base64 values by file name."""
    references = (binding.credentials.secret_ref for binding in catalog.bindings)
    named = {reference.name for reference in references if reference is not None}
    return {
        file_name(secret["metadata"]["name"], key): value
        for secret in secrets
        if secret["metadata"]["name"] in named
        for key, value in secret["data"].items()
    }


class CredentialsSecret:
    """The Secret that gateways read."""

    def __init__(self, managed: ManagedObjects, name: str) -> None:
        """Name the Secret, which may not exist yet."""
        self._managed = managed
        self._name = name

    async def write(self, files: Mapping[str, str], held_back: Collection[str] = ()) -> None:
        """Replace the content, if it differs, except for the files of Secrets in `held_back`.

        Raises:
            KubernetesError: It could not be read or written.
        """
        present = await self._read()
        held = {file_name(secret, key) for secret in held_back for key in CREDENTIAL_KEYS}
        data = {name: value for name, value in files.items() if name not in held}
        data |= {
            name: value for name, value in (present or {}).items() if name in held & set(files)
        }
        if present == data:
            return
        secret = {
            "apiVersion": SECRETS.api_version,
            "kind": SECRETS.kind,
            "metadata": {"name": self._name},
            "type": "Opaque",
            "data": data,
        }
        await self._managed.apply(SECRETS, secret)
        logger.info("credentials written", extra={"secret": self._name, "keys": sorted(data)})

    async def _read(self) -> Mapping[str, str] | None:
        try:
            found = await self._managed.client.get(SECRETS, self._managed.namespace, self._name)
        except NotFoundError:
            return None
        return found.get("data") or {}
