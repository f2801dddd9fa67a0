"""The objects that the operator writes: labelled, and deleted with the operator's Deployment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.resources import LEASES, Resource

FIELD_MANAGER = "tintype-operator"
"""The field manager of server-side apply."""

LABELS = {"app.kubernetes.io/name": "tintype", "app.kubernetes.io/managed-by": FIELD_MANAGER}


@dataclass(frozen=True)
class ManagedObjects:
    """Writes objects in one namespace."""

    client: KubernetesClient
    namespace: str
    owners: Sequence[KubernetesObject] = ()
    """The owner references of what is written; the garbage collector deletes it with them."""

    async def apply(self, resource: Resource, body: KubernetesObject) -> KubernetesObject:
        """Create the object, or replace the fields that the operator wrote before.

        Raises:
            ConflictError: `body` names a resourceVersion, and the object has another one.
            KubernetesError: The object could not be written.
        """
        metadata = {**body["metadata"], "namespace": self.namespace, "labels": LABELS}
        if self.owners:
            metadata["ownerReferences"] = list(self.owners)
        written = {**body, "metadata": metadata}
        return await self.client.apply(resource, written, field_manager=FIELD_MANAGER)


def lease(
    namespace: str,
    name: str,
    metadata: Mapping[str, Any],
    spec: Mapping[str, Any] | None = None,
) -> KubernetesObject:
    """Return the body of a Lease; without `spec` applying it changes no holder."""
    return {
        "apiVersion": LEASES.api_version,
        "kind": LEASES.kind,
        "metadata": {"namespace": namespace, "name": name, **metadata},
    } | ({} if spec is None else {"spec": dict(spec)})
