"""Follow one object and its changes, with rights to that object only."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.errors import WatchExpiredError
from tintype_kubernetes.resources import Resource


async def follow_object(
    client: KubernetesClient, resource: Resource, namespace: str, name: str
) -> AsyncGenerator[KubernetesObject | None, None]:
    """Yield the object now and after each change, None where it is not there.

    Who leaves before the end closes it, by `contextlib.aclosing`; it has no end of its own.

    Raises:
        KubernetesError: The API server cannot be asked, so changes may be missed: begin anew.
    """
    selector = f"metadata.name={name}"  # rights on one name allow a list of just that object
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
    """Yield the changes since `version`, from one server-side timeout to the next."""
    while True:
        events = client.watch(resource, namespace, version, field_selector=selector)
        async with aclosing(events):
            async for event in events:
                version = event.resource_version
                if event.type == "DELETED":
                    yield None
                elif event.type != "BOOKMARK":
                    yield event.object
