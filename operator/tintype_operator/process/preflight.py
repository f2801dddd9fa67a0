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
    ACCOUNTS,
    API_KEYS,
    CONFIGMAPS,
    CREDIT_GRANTS,
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

CATALOG_KINDS = (IMAGE_MODELS, PROVIDER_BINDINGS)
ACCOUNT_KINDS = (ACCOUNTS, API_KEYS, CREDIT_GRANTS)


def kinds(settings: Settings) -> tuple[Resource, ...]:
    """Return the kinds that the operator serves with these settings."""
    return CATALOG_KINDS + (ACCOUNT_KINDS if settings.gateway_admin_url else ())


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
    for resource in kinds(settings):
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


def key_secret_permissions(settings: Settings) -> Iterator[Permission]:
    """Yield the permissions without which ApiKeys get no Secrets, and say so."""
    if settings.gateway_admin_url and settings.manage_key_secrets:
        for verb in ("get", "create", "patch"):
            yield Permission(verb, SECRETS)


async def check(client: KubernetesClient, namespace: str, settings: Settings) -> None:
    """Return if the operator can work with this cluster.

    Raises:
        PreflightError: Permissions or definitions are missing; the message names all of them.
        KubernetesError: A request to the API server failed.
    """
    needed = list(required_permissions(settings))
    granted = await asyncio.gather(*(allowed(client, namespace, item) for item in needed))
    if missing := [
        str(item) for item, is_granted in zip(needed, granted, strict=True) if not is_granted
    ]:
        raise PreflightError(
            f"not allowed in namespace {namespace}: {', '.join(missing)}; "
            "grant this to the operator's ServiceAccount by a Role"
        )
    if undefined := [
        each for each in kinds(settings) if not await _defined(client, namespace, each)
    ]:
        names = ", ".join(f"{each.plural}.{each.group}" for each in undefined)
        raise PreflightError(
            f"the CustomResourceDefinitions {names} are missing: "
            "`kubectl apply --server-side -f crds/` installs them"
        )


async def allowed(client: KubernetesClient, namespace: str, permission: Permission) -> bool:
    """Return whether the client's own user has a permission.

    Raises:
        KubernetesError: A request to the API server failed.
    """
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
