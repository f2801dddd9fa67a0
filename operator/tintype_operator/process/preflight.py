"""Is the cluster prepared? Asked before the start, because kopf would wait for ever in silence."""

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
from tintype_operator.process.release_lock import claim_name
from tintype_operator.publish.catalog import configmap_names
from tintype_operator.settings import Settings

KINDS = (IMAGE_MODELS, PROVIDER_BINDINGS)


class Right(NamedTuple):
    """One thing that the operator must be allowed to do."""

    verb: str
    resource: Resource
    name: str = ""
    subresource: str = ""

    @override
    def __str__(self) -> str:
        parts = [self.resource.plural, self.subresource or self.name]
        return f"{self.verb} {'/'.join(part for part in parts if part)}"


def needed_rights(settings: Settings) -> Iterator[Right]:
    """Yield all that the operator's Role must grant for these settings."""
    for resource in KINDS:
        yield Right("list", resource)
        yield Right("watch", resource)
        yield Right("patch", resource, subresource="status")
    for name in configmap_names(settings.catalog_configmap):
        for verb in ("get", "create", "patch"):
            yield Right(verb, CONFIGMAPS, name=name)
    yield Right("create", EVENTS)
    if settings.manage_credentials:
        yield Right("list", SECRETS)
        yield Right("watch", SECRETS)
        for verb in ("get", "create", "patch"):
            yield Right(verb, SECRETS, name=settings.credentials_secret)
    if settings.gateway_service:
        yield Right("list", ENDPOINT_SLICES)
    if settings.owner_deployment:
        yield Right("get", DEPLOYMENTS, name=settings.owner_deployment)
    leases = [claim_name(settings.release)] + [settings.lease] * settings.leader_election
    for verb in ("get", "create", "patch"):
        for name in leases:
            yield Right(verb, LEASES, name=name)


async def check(client: KubernetesClient, namespace: str, settings: Settings) -> None:
    """Return if the operator can work.

    Raises:
        PreflightError: Rights or definitions are missing; the message names all of them.
        KubernetesError: The API server cannot be asked.
    """
    rights = list(needed_rights(settings))
    allowed = await asyncio.gather(*(_allowed(client, namespace, right) for right in rights))
    if missing := [
        str(right) for right, granted in zip(rights, allowed, strict=True) if not granted
    ]:
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


async def _allowed(client: KubernetesClient, namespace: str, right: Right) -> bool:
    attributes = {
        "namespace": namespace,
        "verb": right.verb,
        "group": right.resource.group,
        "resource": right.resource.plural,
        "subresource": right.subresource,
        "name": right.name,
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
