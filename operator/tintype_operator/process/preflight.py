"""Checks before the start that the CustomResourceDefinitions and the permissions exist.

Without them kopf would wait for ever and log nothing.
"""

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

from typing_extensions import override

from tintype_kubernetes.client import KubernetesClient
from tintype_kubernetes.errors import NotFoundError
from tintype_kubernetes.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    EVENTS,
    IMAGE_MODELS,
    LEASES,
    PROVIDER_BINDINGS,
    SECRETS,
    SELF_SUBJECT_ACCESS_REVIEWS,
    Resource,
)
from tintype_operator.errors import PreflightError
from tintype_operator.process.release_lock import lock_name
from tintype_operator.publish.catalog import configmap_names
from tintype_operator.settings import Settings

KINDS = (IMAGE_MODELS, PROVIDER_BINDINGS)


class Permission(NamedTuple):
    """One permission that the operator needs in its namespace."""

    verb: str
    resource: Resource
    name: str = ""
    subresource: str = ""

    @override
    def __str__(self) -> str:
        parts = [self.resource.plural, self.subresource or self.name]
        return f"{self.verb} {'/'.join(part for part in parts if part)}"


def required_permissions(settings: Settings) -> Iterator[Permission]:
    """Yield every permission that the operator's Role must grant for these settings."""
    for resource in KINDS:
        yield Permission("list", resource)
        yield Permission("watch", resource)
        yield Permission("patch", resource, subresource="status")
    for name in configmap_names(settings.catalog_configmap):
        for verb in ("get", "create", "patch"):
            yield Permission(verb, CONFIGMAPS, name=name)
    yield Permission("create", EVENTS)
    if settings.manage_credentials:
        yield Permission("get", CONFIGMAPS)
        yield Permission("list", SECRETS)
        yield Permission("watch", SECRETS)
        for verb in ("get", "create", "patch"):
            yield Permission(verb, SECRETS, name=settings.credentials_secret)
    if settings.gateway_service:
        yield Permission("list", ENDPOINT_SLICES)
    if settings.owner_deployment:
        yield Permission("get", DEPLOYMENTS, name=settings.owner_deployment)
    leases = [lock_name(settings.release)] + [settings.lease] * settings.leader_election
    for verb in ("get", "create", "patch"):
        for name in leases:
            yield Permission(verb, LEASES, name=name)


async def check(client: KubernetesClient, namespace: str, settings: Settings) -> None:
    """Return if the operator can work with this cluster.

    Raises:
        PreflightError: Permissions or definitions are missing; the message names all of them.
        KubernetesError: A request to the API server failed.
    """
    needed = list(required_permissions(settings))
    allowed = await asyncio.gather(*(_allowed(client, namespace, item) for item in needed))
    if missing := [str(item) for item, granted in zip(needed, allowed, strict=True) if not granted]:
        raise PreflightError(
            f"not allowed in namespace {namespace}: {', '.join(missing)}; "
            "grant this to the operator's ServiceAccount by a Role"
        )
    if undefined := [kind for kind in KINDS if not await _defined(client, namespace, kind)]:
        names = ", ".join(f"{kind.plural}.{kind.group}" for kind in undefined)
        raise PreflightError(
            f"the CustomResourceDefinitions {names} are missing: "
            "`kubectl apply --server-side -f crds/` installs them"
        )


async def _allowed(client: KubernetesClient, namespace: str, permission: Permission) -> bool:
    attributes = {
        "namespace": namespace,
        "verb": permission.verb,
        "group": permission.resource.group,
        "resource": permission.resource.plural,
        "subresource": permission.subresource,
        "name": permission.name,
    }
    review = await client.create(
        SELF_SUBJECT_ACCESS_REVIEWS,
        {
            "apiVersion": SELF_SUBJECT_ACCESS_REVIEWS.api_version,
            "kind": SELF_SUBJECT_ACCESS_REVIEWS.kind,
            "spec": {"resourceAttributes": attributes},
        },
    )
    return bool(review["status"]["allowed"])


async def _defined(client: KubernetesClient, namespace: str, resource: Resource) -> bool:
    try:
        await client.list(resource, namespace)
    except NotFoundError:
        return False
    return True
