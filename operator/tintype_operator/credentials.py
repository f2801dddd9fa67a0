"""The providers' credentials on their way to the gateways: many Secrets become one.

Values are copied as they are and never decoded, so that none can end up in a log or a message.
"""

import logging
from collections.abc import Iterable, Mapping

from tintype_catalog.catalog import Catalog
from tintype_catalog.credentials import CREDENTIAL_KEYS, file_name
from tintype_kubernetes.client import KubernetesObject
from tintype_kubernetes.errors import NotFoundError
from tintype_kubernetes.resources import SECRETS
from tintype_operator.own_objects import OwnObjects

NOT_OF_HELM = "type!=helm.sh/release.v1"
"""The field selector that leaves out what fills namespaces most: a megabyte for each release."""

logger = logging.getLogger(__name__)


def stripped(secret: KubernetesObject) -> KubernetesObject:
    """Return a Secret with nothing but what a gateway may need, whatever else it holds."""
    data = secret.get("data") or {}
    return {
        "kind": SECRETS.kind,
        "metadata": secret["metadata"],
        "data": {key: value for key, value in data.items() if key in CREDENTIAL_KEYS},
    }


def keys_of(secrets: Iterable[KubernetesObject]) -> dict[str, frozenset[str]]:
    """Return the keys of each Secret that have a value, by its name."""
    return {
        secret["metadata"]["name"]: frozenset(key for key, value in secret["data"].items() if value)
        for secret in secrets
    }


def gathered(catalog: Catalog, secrets: Iterable[KubernetesObject]) -> dict[str, str]:
    """Return the files of all credentials that the catalog names, in base64."""
    references = (binding.credentials.secret_ref for binding in catalog.bindings)
    named = {reference.name for reference in references if reference is not None}
    return {
        file_name(secret["metadata"]["name"], key): value
        for secret in secrets
        if secret["metadata"]["name"] in named
        for key, value in secret["data"].items()
    }


class CredentialsSecret:
    """The one Secret that gateways read."""

    def __init__(self, own: OwnObjects, name: str) -> None:
        """Name the Secret, which need not exist."""
        self._own = own
        self._name = name

    async def write(self, data: Mapping[str, str]) -> None:
        """Replace the content, if it differs.

        Raises:
            KubernetesError: It could not be read or written.
        """
        if await self._read() == data:
            return
        secret = {
            "apiVersion": SECRETS.api_version,
            "kind": SECRETS.kind,
            "metadata": {"name": self._name},
            "type": "Opaque",
            "data": dict(data),
        }
        await self._own.apply(SECRETS, secret)
        logger.info("credentials written", extra={"secret": self._name, "keys": sorted(data)})

    async def _read(self) -> Mapping[str, str] | None:
        try:
            found = await self._own.client.get(SECRETS, self._own.namespace, self._name)
        except NotFoundError:
            return None
        return found.get("data") or {}
