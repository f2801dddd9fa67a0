"""What the operator makes in its namespace: labelled as its own, and gone when it is removed."""

from collections.abc import Sequence
from dataclasses import dataclass

from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.resources import Resource

FIELD_MANAGER = "tintype-operator"
"""Who owns the fields that the operator applies."""

LABELS = {"app.kubernetes.io/name": "tintype", "app.kubernetes.io/managed-by": FIELD_MANAGER}


@dataclass(frozen=True)
class ManagedObjects:
    """Writes them."""

    client: KubernetesClient
    namespace: str
    owners: Sequence[KubernetesObject] = ()
    """What they go away with: nothing, where it is empty."""

    async def apply(self, resource: Resource, body: KubernetesObject) -> KubernetesObject:
        """Create the object, or replace what the operator wrote of it before.

        Raises:
            ConflictError: `body` names a resourceVersion, and the object has another one.
            KubernetesError: It could not be written.
        """
        metadata = {**body["metadata"], "namespace": self.namespace, "labels": LABELS}
        if self.owners:
            metadata["ownerReferences"] = list(self.owners)
        written = {**body, "metadata": metadata}
        return await self.client.apply(resource, written, field_manager=FIELD_MANAGER)
