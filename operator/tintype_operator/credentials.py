"""The providers' credentials on their way to the gateways: the offered Secrets become one.

Values are copied as they are and never decoded, so that none can end up in a log or a message.
"""

import logging
from collections.abc import Collection, Iterable, Mapping

from tintype_catalog.allowed_hosts import listed
from tintype_catalog.catalog import Catalog
from tintype_catalog.credentials import (
    ALLOWED_HOSTS,
    CREDENTIAL_KEYS,
    OPT_IN_LABEL,
    Offer,
    Secrets,
    file_name,
)
from tintype_kubernetes.client import KubernetesObject
from tintype_kubernetes.errors import NotFoundError
from tintype_kubernetes.resources import SECRETS
from tintype_operator.own_objects import OwnObjects

NOT_OF_HELM = "type!=helm.sh/release.v1"
"""The field selector that leaves out what fills namespaces most: a megabyte for each release."""

logger = logging.getLogger(__name__)


def stripped(secret: KubernetesObject, *, require_opt_in: bool) -> KubernetesObject:
    """Return a Secret with nothing but what a gateway may need, whatever else it holds.

    Of one that is not offered nothing is kept but that it is there, so that a label that comes
    later counts as a change. Without `require_opt_in` every Secret is offered, to any host.
    """
    metadata = secret["metadata"]
    is_offered = (metadata.get("labels") or {}).get(OPT_IN_LABEL) == "true" or not require_opt_in
    hosts = (metadata.get("annotations") or {}).get(ALLOWED_HOSTS, "")
    data = (secret.get("data") or {}) if is_offered else {}
    return {
        "kind": SECRETS.kind,
        "metadata": {name: metadata[name] for name in ("name", "uid", "resourceVersion")},
        "isOffered": is_offered,
        "hosts": listed(hosts) if require_opt_in else None,
        "data": {key: value for key, value in data.items() if key in CREDENTIAL_KEYS},
    }


def offers_of(secrets: Iterable[KubernetesObject]) -> Secrets:
    """Return what the owners of Secrets offer, by the names of the Secrets."""
    return {
        secret["metadata"]["name"]: Offer(
            frozenset(key for key, value in secret["data"].items() if value), secret["hosts"]
        )
        for secret in secrets
        if secret["isOffered"]
    }


def gathered(catalog: Catalog, secrets: Iterable[KubernetesObject]) -> dict[str, str]:
    """Return the files of the offered credentials that the catalog names, in base64."""
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

    async def write(self, files: Mapping[str, str], held_back: Collection[str] = ()) -> None:
        """Replace the content, if it differs; of the Secrets that are held back nothing changes.

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
        await self._own.apply(SECRETS, secret)
        logger.info("credentials written", extra={"secret": self._name, "keys": sorted(data)})

    async def _read(self) -> Mapping[str, str] | None:
        try:
            found = await self._own.client.get(SECRETS, self._own.namespace, self._name)
        except NotFoundError:
            return None
        return found.get("data") or {}
