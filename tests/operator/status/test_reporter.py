"""Publication never waits for statuses, and the statuses of the newest edits are written first."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import aiohttp
from typing_extensions import override

from tests.operator.test_aggregator import aggregating, create, published
from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.config import ClusterConfig, load_kubeconfig
from tintype_kubernetes.errors import UnreachableError
from tintype_kubernetes.resources import EVENTS, IMAGE_MODELS, Resource
from tintype_operator.status.writer import CONCURRENT_WRITES, LEAST_WRITES
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.manifests import changed, image_model
from tintype_testing.waiting import LIMIT_SECONDS, eventually_equal

OBJECTS = 3 * LEAST_WRITES
FREE_WRITES = 10


class HeldClient(KubernetesClient):
    """Writes to a real API server; Events and later statuses wait for `resume`."""

    def __init__(self, config: ClusterConfig, session: aiohttp.ClientSession) -> None:
        super().__init__(config, session)
        self.resume = asyncio.Event()
        self.is_holding = asyncio.Event()
        self.fails = False
        self.statuses: list[tuple[str, int]] = []
        """The name and the observed generation of each written status, in order."""

    @override
    async def apply(
        self,
        resource: Resource,
        body: KubernetesObject,
        *,
        field_manager: str,
        subresource: Literal["", "status"] = "",
    ) -> KubernetesObject:
        if subresource == "status":
            if len(self.statuses) >= FREE_WRITES:
                await self._hold()
            self.statuses.append((body["metadata"]["name"], body["status"]["observedGeneration"]))
        return await super().apply(
            resource, body, field_manager=field_manager, subresource=subresource
        )

    @override
    async def create(self, resource: Resource, body: KubernetesObject) -> KubernetesObject:
        if resource is EVENTS:
            await self._hold()
        return await super().create(resource, body)

    async def _hold(self) -> None:
        self.is_holding.set()
        await self.resume.wait()
        if self.fails:
            raise UnreachableError("statuses cannot be written")


@asynccontextmanager
async def held(cluster: ControlPlane) -> AsyncIterator[HeldClient]:
    config = load_kubeconfig(cluster.kubeconfig)
    connector = aiohttp.TCPConnector(ssl=config.ssl_context())
    async with aiohttp.ClientSession(connector=connector) as session:
        yield HeldClient(config, session)


async def edited(client: KubernetesClient, namespace: str, name: str) -> KubernetesObject:
    edit = changed(image_model(name), "spec.displayName", "The new one")
    edit["metadata"]["namespace"] = namespace
    return await client.apply(IMAGE_MODELS, edit, field_manager="author")


async def many(client: KubernetesClient, namespace: str) -> list[str]:
    names = [f"m{number:04}" for number in range(OBJECTS)]
    for name in names:
        await create(client, namespace, name)
    return names


async def test_a_catalog_is_published_while_statuses_are_being_written(
    cluster_with_crds: ControlPlane, namespace: str
) -> None:
    async with held(cluster_with_crds) as client:
        names = await many(client, namespace)
        async with aggregating(client, namespace) as aggregator:
            await published(client, namespace, *names)
            async with asyncio.timeout(LIMIT_SECONDS):
                await client.is_holding.wait()

            aggregator.handle_event("ADDED", await create(client, namespace, "z-later"))
            await published(client, namespace, *names, "z-later")

            assert len(client.statuses) == FREE_WRITES
            listed = await client.list(IMAGE_MODELS, namespace)
            assert sum("status" in item for item in listed.items) <= FREE_WRITES


async def test_statuses_of_the_newest_edits_are_written_before_waiting_ones(
    cluster_with_crds: ControlPlane, namespace: str
) -> None:
    async with held(cluster_with_crds) as client:
        names = await many(client, namespace)
        async with aggregating(client, namespace) as aggregator:
            await published(client, namespace, *names)
            async with asyncio.timeout(LIMIT_SECONDS):
                await client.is_holding.wait()
            # Without the edit, the status of the oldest object would be written last.
            aggregator.handle_event("MODIFIED", await edited(client, namespace, names[0]))
            aggregator.handle_event("ADDED", await create(client, namespace, "z-later"))
            await published(client, namespace, *names, "z-later")
            client.resume.set()

            await _reported(client, namespace, {*names, "z-later"})

    newest = [client.statuses.index(("z-later", 1)), client.statuses.index((names[0], 2))]
    assert max(newest) <= LEAST_WRITES + 2 * CONCURRENT_WRITES
    assert {name for name, _ in client.statuses} == {*names, "z-later"}


async def test_edits_are_published_although_statuses_cannot_be_written(
    cluster_with_crds: ControlPlane, namespace: str
) -> None:
    async with held(cluster_with_crds) as client:
        names = await many(client, namespace)
        client.resume.set()
        client.fails = True
        async with aggregating(client, namespace) as aggregator:
            await published(client, namespace, *names)
            aggregator.handle_event("ADDED", await create(client, namespace, "z-later"))
            await published(client, namespace, *names, "z-later")

            client.fails = False
            await _reported(client, namespace, {*names, "z-later"})


async def _reported(client: KubernetesClient, namespace: str, names: set[str]) -> None:
    async def with_status() -> set[str]:
        items = (await client.list(IMAGE_MODELS, namespace)).items
        return {item["metadata"]["name"] for item in items if "status" in item}

    await eventually_equal(with_status, names)
