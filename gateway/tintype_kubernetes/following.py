"""Follows the changes of one object, with permissions on that object only."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.errors import WatchExpiredError
from tintype_kubernetes.resources import Resource


async def follow_object(
    client: KubernetesClient, resource: Resource, namespace: str, name: str
) -> AsyncGenerator[KubernetesObject | None, None]:
    """Yield the current object and then each change, None while it does not exist.

    The generator does not end by itself. A caller must close it, for example with
    `contextlib.aclosing`.

    Raises:
        KubernetesError: A request failed, so changes may be missed: call again.
    """
    selector = f"metadata.name={name}"  # RBAC for one name also allows a list with this selector
    while True:
        listed = await client.list(resource, namespace, field_selector=selector)
        yield listed.items[0] if listed.items else None
        try:
            changes = _changes(client, resource, namespace, selector, listed.resource_version)
            async with aclosing(changes):
                async for found in changes:
                    yield found
        except WatchExpiredError:
            continue


async def _changes(
    client: KubernetesClient, resource: Resource, namespace: str, selector: str, version: str
) -> AsyncGenerator[KubernetesObject | None, None]:
    """Yield the changes since `version`, and continue after each server-side timeout."""
    while True:
        events = client.watch(resource, namespace, version, field_selector=selector)
        async with aclosing(events):
            async for event in events:
                version = event.resource_version
                if event.type == "DELETED":
                    yield None
                elif event.type != "BOOKMARK":
                    yield event.object
