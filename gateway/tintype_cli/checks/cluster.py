"""Checks a cluster: API server, permissions, definitions, the published catalog and its objects."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tintype_catalog.bundle import BundleError, Manifest, object_name, part_files, unpack
from tintype_catalog.catalog import Catalog
from tintype_cli.checks.finding import Clock, Finding, clock_of
from tintype_cli.crds import DEFINITIONS
from tintype_kubernetes.client import KubernetesClient
from tintype_kubernetes.configmaps import files_of, read_all
from tintype_kubernetes.errors import ForbiddenError, KubernetesError, NotFoundError
from tintype_kubernetes.resources import (
    CONFIGMAPS,
    IMAGE_MODELS,
    PROVIDER_BINDINGS,
    SECRETS,
    Resource,
)
from tintype_operator.crd import crd_documents
from tintype_operator.process.preflight import Permission, allowed, required_permissions
from tintype_operator.settings import Settings as OperatorSettings

SERVER, RIGHTS, CRDS, CATALOG, OBJECTS = "api-server", "rights", "crds", "catalog", "objects"

MOST_NAMED = 5
"""How many objects with errors are named."""

FULL_PERCENT = 80
"""The share of the size of the published catalog above which it is near its limit."""

MAX_BYTES = 1024 * 1024
"""The largest object that an API server takes."""


async def check_server(client: KubernetesClient) -> tuple[Finding, Clock | None]:
    """Return the version of the API server, and its clock.

    Raises:
        KubernetesError: It cannot be reached.
    """
    found = await client.version()
    return Finding(SERVER, "ok", f"reachable, {found.version}"), clock_of(
        "the API server", found.date
    )


def gateway_permissions(catalog: str, credentials: str | None) -> Iterator[Permission]:
    """Yield what a gateway reads at the API server."""
    for verb in ("get", "list", "watch"):
        yield Permission(verb, CONFIGMAPS, name=catalog)
        if credentials is not None:
            yield Permission(verb, SECRETS, name=credentials)


async def check_rights(
    client: KubernetesClient, namespace: str, who: str, needed: Sequence[Permission]
) -> Finding:
    """Return whether the client's own user has all permissions."""
    granted = await asyncio.gather(*(allowed(client, namespace, each) for each in needed))
    missing = [str(each) for each, has in zip(needed, granted, strict=True) if not has]
    if not missing:
        return Finding(RIGHTS, "ok", f"this user has what the {who} needs in {namespace}")
    advice = (
        f"if this is the {who}'s own identity, grant it by a Role as the chart does; another user "
        f"need not have it: try `kubectl auth can-i --as=system:serviceaccount:{namespace}:NAME`"
    )
    return Finding(RIGHTS, "warning", f"the {who} needs: {', '.join(missing)}", advice)


def operator_permissions(settings: OperatorSettings) -> list[Permission]:
    """Return what the operator needs with these settings."""
    return list(required_permissions(settings))


async def check_crds(client: KubernetesClient) -> list[Finding]:
    """Return whether each definition is installed and equal to that of this version."""
    advice = "run `tintype crds apply` with the version of the operator"
    found: list[Finding] = []
    for document in crd_documents().values():
        name = document["metadata"]["name"]
        try:
            installed = await client.get(DEFINITIONS, "", name)
        except NotFoundError:
            found.append(Finding(CRDS, "problem", f"{name} is not installed", advice))
        except ForbiddenError:
            message = "this user may not read CustomResourceDefinitions: not compared"
            return [Finding(CRDS, "warning", message, "allow `get customresourcedefinitions`")]
        else:
            if not _includes(installed["spec"], document["spec"]):
                message = f"{name} differs from the definition of this version"
                found.append(Finding(CRDS, "problem", message, advice))
    return found or [Finding(CRDS, "ok", "installed, and those of this version")]


def _includes(installed: Any, own: Any) -> bool:
    """Return whether an object has all that another has; the API server adds defaults."""
    if isinstance(own, Mapping):
        return isinstance(installed, Mapping) and all(
            name in installed and _includes(installed[name], value) for name, value in own.items()
        )
    if isinstance(own, list):
        return (
            isinstance(installed, list)
            and len(installed) == len(own)
            and all(map(_includes, installed, own))
        )
    return bool(installed == own)


async def check_catalog(
    client: KubernetesClient, namespace: str, name: str
) -> tuple[list[Finding], Manifest | None, Catalog]:
    """Return what is to be said of the published catalog, its manifest and its content.

    Raises:
        KubernetesError: The API server cannot be asked.
    """
    try:
        index = await client.get(CONFIGMAPS, namespace, name)
    except NotFoundError:
        advice = f"start the operator in {namespace}, and read its log; it publishes at its start"
        message = f"the ConfigMap {name} does not exist"
        return [Finding(CATALOG, "problem", message, advice)], None, Catalog()
    files = files_of(index)
    names = {object_name(name, part): part for part in part_files(files)}
    for part in await read_all(client, namespace, names):
        files |= files_of(part)
    try:
        manifest, catalog = unpack(files)
    except BundleError as error:
        advice = "restart the operator: it publishes a whole catalog"
        return [Finding(CATALOG, "problem", f"{name}: {error}", advice)], None, Catalog()
    return list(_published(name, manifest, files)), manifest, catalog


def _published(name: str, manifest: Manifest, files: Mapping[str, bytes]) -> Iterator[Finding]:
    size = sum(map(len, files.values()))
    age = _age(manifest.published_at)
    counts = f"{manifest.models} models, {manifest.bindings} bindings, {size} bytes"
    message = f"{name}: revision {manifest.sha256[:12]}, published {age} ago, {counts}"
    yield Finding(CATALOG, "ok", f"{message}, by {manifest.written_by}")
    if not manifest.models:
        advice = "apply ImageModels and ProviderBindings, and look at their status"
        yield Finding(CATALOG, "problem", f"{name} has no model", advice)


def _age(published: datetime | None) -> str:
    if published is None:
        return "an unknown time"
    return str(timedelta(seconds=round((datetime.now(UTC) - published).total_seconds())))


async def check_objects(client: KubernetesClient, namespace: str) -> list[Finding]:
    """Return which models and bindings are refused, by their condition `Ready`."""
    found: list[Finding] = []
    for resource in (IMAGE_MODELS, PROVIDER_BINDINGS):
        try:
            objects = (await client.list(resource, namespace)).items
        except KubernetesError as error:
            advice = f"allow `list {resource.plural}`, and see `crds`"
            found.append(Finding(OBJECTS, "warning", f"{resource.kind}: {error}", advice))
            continue
        found += _refused(resource, objects)
    return found


def _refused(resource: Resource, objects: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    refused = [(each["metadata"]["name"], _refusal(each)) for each in objects]
    named = [(name, why) for name, why in refused if why is not None]
    for name, why in named[:MOST_NAMED]:
        advice = f"`kubectl describe {resource.kind.lower()} {name}`"
        yield Finding(OBJECTS, "problem", f"{resource.kind}/{name}: {why}", advice)
    if more := named[MOST_NAMED:]:
        yield Finding(OBJECTS, "problem", f"{len(more)} further objects: {resource.kind}", "")
    if not named:
        yield Finding(OBJECTS, "ok", f"{len(objects)} of {resource.kind}, none refused")


def _refusal(each: Mapping[str, Any]) -> str | None:
    for condition in each.get("status", {}).get("conditions", ()):
        if condition["type"] == "Ready" and condition["status"] == "False":
            return str(condition.get("message") or condition.get("reason"))
    return None
