"""The objects of a release are served by one catalog: two would tell them different things.

A Lease is named after the selector, so that operators with the same one meet at it. It goes away
with the Deployment of the operator that made it.
"""

from collections.abc import Sequence

from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.errors import NotFoundError
from tintype_kubernetes.resources import LEASES
from tintype_operator.errors import ReleaseTakenError
from tintype_operator.publish.managed_objects import FIELD_MANAGER, LABELS
from tintype_operator.settings import Settings

MAKER = "tintype-operator-claim"
"""Who owns the Lease's existence, so that making it never takes it from a holder."""


def claim_name(release: str) -> str:
    """Return the name of the Lease for the objects of a release, empty for unlabelled ones."""
    return f"tintype-release-{release.lower().replace('_', '-')}".removesuffix("-")


async def claim(
    client: KubernetesClient,
    namespace: str,
    settings: Settings,
    owners: Sequence[KubernetesObject] = (),
) -> None:
    """Return once the objects are ours to serve.

    Raises:
        ReleaseTakenError: Another catalog has them.
        ConflictError: Another operator claims them just now.
        KubernetesError: The Lease could not be read or written.
    """
    name, catalog = claim_name(settings.release), settings.catalog_configmap
    try:
        found = await client.get(LEASES, namespace, name)
    except NotFoundError:
        made = {"labels": LABELS, "ownerReferences": list(owners)}
        found = await client.apply(LEASES, _lease(namespace, name, made), field_manager=MAKER)
    holder = (found.get("spec") or {}).get("holderIdentity", "")
    if holder not in ("", catalog):
        label = "label tintype.dev/release"
        objects = f"with the {label}={settings.release}" if settings.release else f"without {label}"
        raise ReleaseTakenError(
            f"objects {objects} in namespace {namespace} are served by ConfigMap/{holder} already, "
            f"so not by ConfigMap/{catalog}: set another release (TINTYPE_RELEASE, in the chart "
            f"operator.release), or delete Lease/{name} if the other operator is gone"
        )
    if not holder:
        unchanged = {"resourceVersion": found["metadata"]["resourceVersion"]}
        ours = _lease(namespace, name, unchanged) | {"spec": {"holderIdentity": catalog}}
        await client.apply(LEASES, ours, field_manager=FIELD_MANAGER)


def _lease(namespace: str, name: str, metadata: KubernetesObject) -> KubernetesObject:
    return {
        "apiVersion": LEASES.api_version,
        "kind": LEASES.kind,
        "metadata": {"namespace": namespace, "name": name} | metadata,
    }
