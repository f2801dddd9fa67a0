"""The lock of a release: only one catalog serves its objects.

Two operators with different catalogs would write contradictory statuses to the same objects. The
lock is a Lease that is named after the release, so operators of the same release find the same
Lease. It is deleted with the Deployment of the operator that created it.
"""

from collections.abc import Sequence

from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.errors import NotFoundError
from tintype_kubernetes.resources import LEASES
from tintype_operator.errors import ReleaseTakenError
from tintype_operator.publish.managed_objects import FIELD_MANAGER, LABELS, lease
from tintype_operator.settings import Settings

CREATION_FIELD_MANAGER = "tintype-operator-claim"
"""The field manager that creates the Lease. It owns no holder, so it never replaces one."""


def lock_name(release: str) -> str:
    """Return the name of the Lease of a release; an empty release is that of unlabelled objects."""
    return f"tintype-release-{release.lower().replace('_', '-')}".removesuffix("-")


async def acquire_release_lock(
    client: KubernetesClient,
    namespace: str,
    settings: Settings,
    owners: Sequence[KubernetesObject] = (),
) -> None:
    """Return once the release belongs to the catalog that the settings name.

    Raises:
        ReleaseTakenError: The release belongs to another catalog.
        ConflictError: Another operator acquires the lock at the same time; try again.
        KubernetesError: The Lease could not be read or written.
    """
    name, catalog = lock_name(settings.release), settings.catalog_configmap
    try:
        found = await client.get(LEASES, namespace, name)
    except NotFoundError:
        body = lease(namespace, name, {"labels": LABELS, "ownerReferences": list(owners)})
        found = await client.apply(LEASES, body, field_manager=CREATION_FIELD_MANAGER)
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
        body = lease(namespace, name, unchanged, {"holderIdentity": catalog})
        await client.apply(LEASES, body, field_manager=FIELD_MANAGER)
