"""Secrets as the operator keeps them: what their owners offer to bindings, and nothing else."""

from collections.abc import Iterable

from tintype_catalog.allowed_hosts import listed
from tintype_catalog.credentials import (
    ALLOWED_HOSTS,
    CREDENTIAL_KEYS,
    OPT_IN_LABEL,
    Offer,
    Secrets,
)
from tintype_kubernetes.client import KubernetesObject
from tintype_kubernetes.resources import SECRETS

NOT_OF_HELM = "type!=helm.sh/release.v1"
"""The field selector that leaves out what fills namespaces most: a megabyte for each release."""


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
