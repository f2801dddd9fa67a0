"""The Secrets of ApiKeys: the only place where a key can be read.

A Secret belongs to an ApiKey by its owner reference, whose uid is that of the object: Kubernetes
deletes it with the ApiKey, and an ApiKey that is created again does not take it over.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.errors import NotFoundError
from tintype_kubernetes.resources import API_KEYS, SECRETS
from tintype_operator.publish.managed_objects import FIELD_MANAGER, LABELS

OWNER_KIND: Final = API_KEYS.kind


class KeySecrets:
    """Reads and writes the Secrets of ApiKeys in one namespace."""

    def __init__(self, client: KubernetesClient, namespace: str) -> None:
        """Read and write nothing yet."""
        self._client = client
        self._namespace = namespace

    async def read(self, name: str) -> KubernetesObject | None:
        """Return a Secret, None if there is none.

        Raises:
            ForbiddenError: The operator may not read Secrets.
            KubernetesError: It could not be read.
        """
        try:
            return await self._client.get(SECRETS, self._namespace, name)
        except NotFoundError:
            return None

    async def write(
        self,
        api_key: KubernetesObject,
        name: str,
        values: Mapping[str, str],
        before: KubernetesObject | None,
    ) -> KubernetesObject:
        """Create a Secret, or replace the values of the one that was read.

        Raises:
            ForbiddenError: The operator may not write Secrets.
            ConflictError: Somebody else created or changed it meanwhile; nothing was written.
            KubernetesError: It could not be written.
        """
        secret = secret_of(api_key, name, values)
        if before is None:
            return await self._client.create(SECRETS, secret)
        version = {key: before["metadata"][key] for key in ("uid", "resourceVersion")}
        secret["metadata"] |= version
        return await self._client.apply(SECRETS, secret, field_manager=FIELD_MANAGER)


def secret_of(api_key: KubernetesObject, name: str, values: Mapping[str, str]) -> KubernetesObject:
    """Return the Secret of an ApiKey with these values."""
    metadata = api_key["metadata"]
    return {
        "apiVersion": SECRETS.api_version,
        "kind": SECRETS.kind,
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": dict(LABELS),
            "ownerReferences": [
                {
                    "apiVersion": api_key["apiVersion"],
                    "kind": api_key["kind"],
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                    "controller": True,
                }
            ],
        },
        "type": "Opaque",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
    }


def belongs_to(secret: KubernetesObject, api_key: KubernetesObject) -> bool:
    """Return whether a Secret was made for an ApiKey, and not for one of the same name before."""
    references = secret["metadata"].get("ownerReferences") or []
    return any(each.get("uid") == api_key["metadata"]["uid"] for each in references)


def api_key_of(secret: KubernetesObject) -> str | None:
    """Return the name of the ApiKey that a Secret was made for, None if it was not."""
    for reference in secret["metadata"].get("ownerReferences") or []:
        if reference.get("kind") == OWNER_KIND and reference["apiVersion"] == API_KEYS.api_version:
            return str(reference["name"])
    return None


def secret_name_of(api_key: KubernetesObject) -> str:
    """Return the name of the Secret that an ApiKey says, also if its spec is not valid."""
    secret = api_key["spec"].get("secret") or {}
    return str(secret.get("name") or api_key["metadata"]["name"])


def value_of(secret: KubernetesObject, key: str) -> str | None:
    """Return the text under a key of a Secret, None if there is none or it is no text."""
    encoded = (secret.get("data") or {}).get(key)
    if encoded is None:
        return None
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
